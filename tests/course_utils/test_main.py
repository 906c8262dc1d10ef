"""The data command: generates what is not there yet, replaces nothing unasked, says what it did."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from course_utils.__main__ import main, split_sizes
from course_utils.jetfile import TTV, DataError, write_jets
from course_utils.samples import SAMPLES, load_jets

if TYPE_CHECKING:
    from conftest import Places, Site, SomeJets

CHECKOUT = Path(__file__).resolve().parents[2]
GENERATE = "./data_download.sh --generate top_tagging"

pytestmark = pytest.mark.usefixtures("places")


# ---------------------------------------------------------------- generating


Produced = list[dict[str, object]]


def origin(sample: str, split: str, seed: int) -> dict[str, str | int]:
    """What decides the jets of a file, under the names that the simulation gives it."""
    return {
        "sample": sample,
        "split": split,
        "seed": seed,
        "signal": "top quarks",
        "background": "light quarks and gluons",
        "settings": "none",
        "cuts": "leading jet",
        "detector": "perfect",
        "generator": "none 1.0",
        "clustering": "none 1.0",
        "course": "0.1",
    }


@pytest.fixture
def produced(monkeypatch: pytest.MonkeyPatch, places: Places, some_jets: SomeJets) -> Produced:
    """A simulation that takes no time; what it was asked for."""
    calls: Produced = []
    module = ModuleType("course_utils.simulation.production")

    def produce(sample: str, path: Path, **asked: object) -> Path:
        calls.append({"sample": sample, "path": path, **asked})
        jets = some_jets(asked["n_jets"], ttv=TTV[str(asked["split"])])
        provenance = module.origin(sample, asked["split"], asked["seed"])
        write_jets(path, [jets], provenance=provenance)
        return path

    module.produce, module.origin = produce, origin  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("course_utils.__main__.find_spec", lambda name: name)
    monkeypatch.setenv("JET_DATA", str(places.environment))
    return calls


def test_jets_are_generated_in_the_proportions_of_the_public_files(
    produced: Produced, folder: Path
) -> None:
    arguments = ["--generate", "top_tagging", "--jets", "50", "--seed", "3", "--workers", "2"]
    assert main(arguments) == 0
    assert [(c["split"], c["n_jets"], c["seed"], c["workers"]) for c in produced] == [
        ("train", 30, 3, 2),
        ("val", 10, 3, 2),
        ("test", 10, 3, 2),
    ]
    assert {c["path"] for c in produced} == {folder / f"{s}.h5" for s in ("train", "val", "test")}
    assert len(load_jets("top_tagging", "val")) == 10


def test_hbb_is_generated_in_multiples_of_four(produced: Produced, places: Places) -> None:
    assert main(["--generate", "hbb", "--jets", "50"]) == 0
    assert [(c["sample"], c["split"], c["n_jets"]) for c in produced] == [
        ("hbb", "train", 32),
        ("hbb", "val", 8),
        ("hbb", "test", 8),
    ]
    assert {c["path"].parent for c in produced} == {places.environment / "hbb"}


@pytest.mark.parametrize("n_jets", [10, 11, 12, 34, 999, 80_000, 2_018_000])
def test_every_split_gets_an_even_number_of_jets_and_none_is_lost(n_jets: int) -> None:
    sizes = split_sizes(n_jets)
    assert sum(sizes.values()) == n_jets - n_jets % 2
    assert all(size >= 2 and size % 2 == 0 for size in sizes.values())
    assert sizes["train"] == pytest.approx(0.6 * n_jets, abs=5)


def test_the_same_jets_are_not_made_twice(
    produced: Produced, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--generate", "top_tagging", "--jets", "20"]
    main([*arguments, "--split", "val"])
    main(arguments)
    assert [call["split"] for call in produced] == ["val", "train", "test"]
    capsys.readouterr()
    assert main(arguments) == 0
    assert capsys.readouterr().out.count("already there") == 3
    assert len(produced) == 3


@pytest.mark.parametrize("change", [["--seed", "2"], ["--jets", "40"]])
def test_other_jets_are_not_overwritten_unless_forced(
    produced: Produced, capsys: pytest.CaptureFixture[str], change: list[str]
) -> None:
    main(["--generate", "top_tagging", "--jets", "20"])
    produced.clear()
    again = ["--generate", "top_tagging", "--jets", "20", *change]
    assert main(again) == 1
    assert "holds other jets (12 jets, generated with seed 1); add --force" in (
        capsys.readouterr().err
    )
    assert produced == []
    assert main([*again, "--force"]) == 0
    assert len(produced) == 3


def test_jets_from_before_a_change_of_the_simulation_are_not_taken_for_those_of_now(
    produced: Produced,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--generate", "top_tagging", "--jets", "20"]
    main(arguments)
    produced.clear()
    before = (folder / "train.h5").read_bytes()
    module = sys.modules["course_utils.simulation.production"]
    for key in ("signal", "background", "cuts", "detector"):
        monkeypatch.setattr(module, "origin", lambda *of, key=key: origin(*of) | {key: "another"})
        assert main(arguments) == 1
        assert "train.h5 holds other jets (12 jets, generated with seed 1); add --force" in (
            capsys.readouterr().err
        )
        assert produced == []
        assert (folder / "train.h5").read_bytes() == before
    assert main([*arguments, "--force"]) == 0
    assert len(produced) == 3
    assert main(arguments) == 0  # now they are those asked for
    assert len(produced) == 3


@pytest.mark.parametrize("content", [b"", b"<html>", None])
def test_a_public_or_damaged_file_is_not_overwritten_either(
    produced: Produced,
    folder: Path,
    some_jets: SomeJets,
    content: bytes | None,
) -> None:
    write_jets(folder / "test.h5", [some_jets(4)], provenance={})
    if content is not None:
        (folder / "test.h5").write_bytes(content)
    before = (folder / "test.h5").read_bytes()
    assert main(["--generate", "top_tagging", "--jets", "20"]) == 1
    assert produced == []  # told before the first minute is spent
    assert (folder / "test.h5").read_bytes() == before


@pytest.mark.usefixtures("produced")
def test_a_file_that_another_process_writes_is_neither_replaced_nor_called_damaged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--generate", "top_tagging", "--jets", "20", "--seed", "1"])
    program = (
        "import sys, tables; tables.open_file(sys.argv[1], 'a'); print(1, flush=True); input()"
    )
    path = folder / "train.h5"
    before = path.read_bytes()
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"1\n"
        capsys.readouterr()
        assert main(["--generate", "top_tagging", "--jets", "20", "--seed", "1"]) == 1
        assert "train.h5 is locked" in (told := capsys.readouterr().err)
        assert "--force" not in told
        assert main([]) == 0
        assert "cannot be read now" in capsys.readouterr().out.replace("\n", " ")
    assert path.read_bytes() == before


def test_a_machine_without_pythia_is_told_how_to_install_it(
    produced: Produced, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("course_utils.__main__.find_spec", lambda name: None)
    assert main(["--generate", "top_tagging"]) == 1
    error = capsys.readouterr().err
    assert "pip install -c constraints.txt -e '.[simulation]'" in error
    assert error.count("\n") == 1


def broken(error: BaseException) -> Callable[..., Path]:
    def produce(*args: object, **kwargs: object) -> Path:
        raise error

    return produce


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (KeyboardInterrupt(), 130, "Running the same command again continues"),
        (DataError("x.parts holds something else."), 1, "x.parts holds something else."),
        (PermissionError(13, "Permission denied", "/data"), 1, "set JET_DATA to"),
    ],
)
def test_a_generation_that_ends_early_says_why_without_a_traceback(
    produced: Produced,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    sentence: str,
) -> None:
    module = sys.modules["course_utils.simulation.production"]
    monkeypatch.setattr(module, "produce", broken(error))
    assert main(["--generate", "top_tagging"]) == status
    assert sentence in capsys.readouterr().err


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--generate"], "name a sample: top_tagging"),
        (["--split", "train"], "name a sample: top_tagging"),
        (["top_tagging", "--jets", "100"], "--jets goes with --generate"),
        (["top_tagging", "--seed", "0"], "--seed goes with --generate"),
        (["--generate", "top_tagging", "--jets", "9"], "expected at least 10, got 9"),
        (["--generate", "hbb", "--jets", "19"], "expected at least 20, got 19"),
        (["--generate", "top_tagging", "--seed", "-1"], "expected 0 or more, got -1"),
        (["--generate", "top_tagging", "--workers", "0"], "expected 1 or more, got 0"),
        (["bottom_tagging"], "invalid choice"),
        (["top_tagging", "--split", "training"], "invalid choice"),
    ],
)
def test_wrong_usage_ends_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as info:
        main(arguments)
    assert info.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("sample", ["w_tagging", "w_tagging_window", "w_top_qcd", "events"])
def test_a_sample_without_public_files_is_made_here(
    sample: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([sample]) == 1
    sentence = f"Make its jets here with: ./data_download.sh --generate {sample}"
    assert sentence in capsys.readouterr().err
    assert main([]) == 0
    assert f"{sample}: made here" in capsys.readouterr().out


def test_without_arguments_the_samples_are_listed_with_their_state(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    listing = capsys.readouterr().out
    for fact in ("top_tagging", "1 211 000", "1.6 GB", "CC-BY-4.0", "10.5281/zenodo.2603256"):
        assert fact in listing
    for fact in ("hbb", "245 GB", "CC0-1.0", "10.7483/OPENDATA.CMS.JGJX.MS7Q"):
        assert fact in listing
    assert listing.count("nothing") == 3 * len(SAMPLES)  # three splits of each
    places.put_small()
    main([])
    assert capsys.readouterr().out.count("only the small sample") == 3
    path = places.put(places.cache, "val", 4)
    places.put(places.cache, "test", 4).write_bytes(b"")
    main([])
    listing = capsys.readouterr().out
    # train: splits never come from two places; and those of the other samples
    assert listing.count("nothing") == 1 + 3 * (len(SAMPLES) - 1)
    assert "4 jets, generated with seed 4" in listing
    assert str(path)[:40] in listing
    assert "not a sound jet file" in listing


def run_script(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    bin_folder = Path(sys.executable).parent  # for a checkout without .venv
    return subprocess.run(
        [CHECKOUT / "data_download.sh", *arguments],
        cwd=cwd,
        env={**os.environ, **environment, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_works_from_any_folder(tmp_path: Path) -> None:
    done = run_script("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "examples:" in done.stdout
    assert done.stderr == ""


def test_the_script_fetches_and_says_what_it_did(site: Site, places: Places, folder: Path) -> None:
    done = run_script("top_tagging", "--split", "val", cwd=places.checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{folder / 'val.h5'}: 0.00 GB, verified." in done.stdout


def test_the_script_without_network_is_one_sentence_and_status_1(
    site: Site, places: Places
) -> None:
    done = run_script("top_tagging", cwd=places.checkout, JET_DATA_MIRROR="http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "python -m course_utils --generate top_tagging" in done.stderr  # not in this folder


# ---------------------------------------------------------------- preparing


def test_prepared_forms_are_made_once_and_listed(
    places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JET_DATA", str(places.environment))
    for split in ("train", "val"):
        places.put(places.environment, split, 12)
    command = ["--prepare", "images", "--prepare", "constituents", "top_tagging"]
    command += ["--split", "train", "val"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split(", ")[0] for line in lines] == [
        "12 jets as images",
        "12 jets as constituents",
    ] * 2
    monkeypatch.setattr(
        "course_utils.prepared.preparation._make", lambda *of, **options: pytest.fail("again")
    )
    assert main(command) == 0
    capsys.readouterr()
    assert main([]) == 0
    listed = capsys.readouterr()
    assert "constituents 0.0 MB, images 0.0 MB" in listed.out
    assert "outdated" not in listed.out
    os.utime(places.environment / "top_tagging" / "train.h5", ns=(0, 0))
    assert main([]) == 0
    assert capsys.readouterr().out.count("(outdated)") == 2  # of four


def test_listing_says_nothing_of_the_small_sample_in_the_log(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    places.put_small()
    assert main([]) == 0
    assert not caplog.records


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prepare", "images"],
        ["--prepare", "pictures", "top_tagging"],
        ["--prepare", "images", "--generate", "top_tagging"],
        ["--prepare", "images", "--force", "top_tagging"],
        ["--prepare", "images", "--jets", "50", "top_tagging"],
    ],
)
def test_preparing_takes_jets_that_are_here_and_nothing_else(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_preparing_without_jets_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--prepare", "images", "top_tagging"]) == 1
    assert GENERATE in capsys.readouterr().err
