"""What a rebuilt house must not change: jets, images, boards, the log, what can be typed.

The files in `tests/golden` were written before the rooms were built, but for the simulated jets.
Numbers are compared to a few parts in a million, so that another processor's last bit is no fault;
everything else exactly. To accept a change that is meant, remove the file and run::

    COURSE_GOLDEN=write python -m pytest tests/test_golden.py

and say in the commit why it changed.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from challenges import NOON, Clock, ladder, new_challenge, send
from recipes import with_units

from challenge.board.current import current_standings
from challenge.board.text import FORMATS
from challenge.cli import main as challenge_command
from challenge.store import lifecycle
from challenge.store.audit import audit_log
from course_utils.__main__ import main as data_command
from course_utils.jetfile import JetFile, JetTable, write_jets
from course_utils.prepared import Constituents, Images, prepare
from course_utils.samples import SAMPLES

GOLDEN = Path(__file__).with_name("golden")
WRITES = os.environ.get("COURSE_GOLDEN") == "write"
# Small ones: a unit is the least that is made.
UNITS = {
    "top_tagging": (10, 10),
    "hbb": (5, 15),
    "w_tagging": (10, 10),
    "w_top_qcd": (2,) * 12,
    "events": (4, 3, 2, 1),
}
PREPARED = ("hbb", "top_tagging")
NUMBER = re.compile(r"(?<![\w#])-?\d+\.\d+(?:e[-+]?\d+)?")
# A page's style and script are files of their own, in challenge/board/templates.
STYLE_OR_SCRIPT = re.compile(
    r"(?<=<style>).*?(?=</style>)|(?<=<script>).*?(?=</script>)|(?<=sha256-)[^&]+", re.DOTALL
)
CHANGES_BY_ITSELF = {"created", "course", "generator", "clustering"}


def same_text(name: str, text: str) -> None:
    """A text is that of a golden file, but for rounding in its numbers."""
    path = GOLDEN / name
    if WRITES and not path.exists():
        path.write_text(text)
    golden = path.read_text()
    assert NUMBER.sub("#", text) == NUMBER.sub("#", golden)
    numbers, expected = (list(map(float, NUMBER.findall(each))) for each in (text, golden))
    np.testing.assert_allclose(numbers, expected, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------- jets


def golden_jets(sample: str) -> Path:
    """Jets of an older simulation: what is made of them does not depend on how they were made."""
    return GOLDEN / f"{sample}_40.h5"


@pytest.mark.parametrize("sample", sorted(UNITS))
def test_simulation_makes_the_same_jets(sample, tmp_path, monkeypatch):
    pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
    pytest.importorskip("fastjet", reason="needs the extra 'simulation'")
    from course_utils.simulation import production

    monkeypatch.setitem(SAMPLES, sample, with_units(sample, *UNITS[sample]))
    made = production.produce(
        sample,
        tmp_path / "train.h5",
        n_jets=2 * sum(UNITS[sample]),
        seed=12,
        progress=False,
        executor=ThreadPoolExecutor(1),
    )
    with JetFile(made, sample=sample) as file:
        table, provenance = file.read(), file.provenance
    path = GOLDEN / f"{sample}_simulated.h5"
    if WRITES and not path.exists():
        write_jets(path, [table], provenance=provenance)
    with JetFile(path, sample=sample) as file:
        golden, origin = file.read(), file.provenance
    _same_jets(table, golden)
    assert provenance.keys() == origin.keys()
    for key in provenance.keys() - CHANGES_BY_ITSELF:
        assert provenance[key] == origin[key], key


def _same_jets(table: JetTable, golden: JetTable) -> None:
    for name in ("y_true", "ttv"):
        np.testing.assert_array_equal(getattr(table, name), getattr(golden, name), err_msg=name)
    for name in ("jets", "truth"):
        a, b = getattr(table, name), getattr(golden, name)
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-5, err_msg=name)
    assert list(table.columns) == list(golden.columns)
    for name, values in table.columns.items():
        np.testing.assert_allclose(values, golden.columns[name], rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("sample", PREPARED)
def test_prepared_forms_give_the_same_arrays(sample, tmp_path, monkeypatch):
    monkeypatch.setenv("JET_DATA", str(tmp_path))
    with JetFile(golden_jets(sample), sample=sample) as file:
        golden = file.read()
        write_jets(tmp_path / sample / "train.h5", [golden], provenance=file.provenance)
    used = np.ones(len(golden), bool)
    if labels := [name for name in golden.columns if name.startswith("label_")]:
        used = sum(golden.columns[name] for name in labels) == 1
    constituents = prepare(sample, "train", Constituents(), progress=False)
    np.testing.assert_array_equal(constituents[:], golden.jets[used])
    np.testing.assert_array_equal(constituents.y_true, golden.y_true[used])
    images = prepare(sample, "train", Images(n_pixels=20), progress=False)
    path = GOLDEN / f"{sample}_images.json"
    filled = np.argwhere(images[:])
    if WRITES and not path.exists():
        values = [float(f"{v:.7g}") for v in images[:][tuple(filled.T)]]
        path.write_text(json.dumps({"pixels": filled.tolist(), "values": values}))
    expected = np.zeros_like(images[:])
    stored = json.loads(path.read_text())
    expected[tuple(np.array(stored["pixels"]).T)] = stored["values"]
    np.testing.assert_allclose(images[:], expected, atol=1e-6)


# ---------------------------------------------------------------- the challenge


@pytest.fixture(scope="module")
def challenges(tmp_path_factory):
    """The same class, while the board is live and after the reveal."""
    made = {}
    for name in ("live", "revealed"):
        clock = Clock()
        challenge = new_challenge(tmp_path_factory.mktemp(name) / "class", clock=clock, per_day=9)
        for step in range(3):
            for team, network in (("us", "cnn"), ("Jörg Söhne", "-1"), ("them", "dnn")):
                clock.passes(hours=7)
                send(challenge, ladder(step + (team == "them")), team=team, network=network)
        if name == "revealed":
            clock.at = NOON.replace(month=5)
            lifecycle.close(challenge)
            lifecycle.reveal(challenge)
        made[name] = challenge
    return made


@pytest.mark.parametrize("phase", ["live", "revealed"])
@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_board_says_the_same(challenges, phase, kind, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    board = FORMATS[kind](current_standings(challenges[phase]))
    same_text(f"board_{phase}.{kind}", STYLE_OR_SCRIPT.sub("", board))


def test_audit_finds_the_same_chain(challenges):
    found = [audit_log(challenges[phase].store) for phase in ("live", "revealed")]
    lines = [f"{each.n_events} {each.head} {list(each.faults)}\n" for each in found]
    assert "".join(lines) == _golden("audit.txt", "".join(lines))


# ---------------------------------------------------------------- what people type


def _golden(name: str, text: str) -> str:
    path = GOLDEN / name
    if WRITES and not path.exists():
        path.write_text(text)
    return path.read_text()


COMMANDS = ["audit", "backup", "baselines", "board", "check", "close", "create", "export", "extend"]
COMMANDS += [
    "invite",
    "merge",
    "pause",
    "pick",
    "rename",
    "rescore",
    "resume",
    "reveal",
    "score",
    "show",
]
COMMANDS += ["serve", "teams", "withdraw"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse words its help differently")
def test_help_of_every_command_says_the_same(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "1000")  # so wide that no line is folded
    text = _help(data_command, [], capsys)
    text += "".join(_help(challenge_command, each, capsys) for each in ([], *zip(COMMANDS)))
    assert text == _golden("help.txt", text)


def _help(main, command, capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    return "".join(f"{' '.join(line.split())}\n" for line in lines)


def test_names_that_notebooks_import_are_there():
    for module, names in json.loads((GOLDEN / "names_of_notebooks.json").read_text()).items():
        for name in names:
            assert hasattr(importlib.import_module(module), name), f"{module}.{name}"
