"""The README tells the truth: its commands run, its links lead somewhere, no lesson is missing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.jetfile import JetFile, write_jets

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def commands(prefix: str) -> list[str]:
    found = [command for command in COMMANDS if command.startswith(prefix)]
    assert found, f"The README has no command that starts with {prefix!r}."
    return found


def test_every_make_target_in_the_readme_is_in_the_makefile():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands("make "):
        assert command.split()[1] in targets


def test_every_local_link_leads_to_a_file():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), f"{target} is not there."


def test_every_lesson_is_in_the_table():
    lessons = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
    assert lessons
    for lesson in lessons:
        assert lesson.relative_to(ROOT).as_posix() in README


def test_every_option_of_data_download_in_the_readme_is_known():
    shown = subprocess.run(
        [ROOT / "data_download.sh", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in re.findall(r"--[a-z]+", " ".join(commands("./data_download.sh"))):
        assert option in shown


def test_every_extra_in_the_readme_exists():
    pyproject = (ROOT / "pyproject.toml").read_text()
    for extra in re.findall(r"'\.\[(\w+)\]'", README):
        assert re.search(rf"^{extra} = ", pyproject, re.MULTILINE)


def test_the_training_on_all_jets_runs_on_the_small_sample(tmp_path):
    pytest.importorskip("keras")
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    block = block.replace("n_epochs=5", "n_epochs=1") + "\nprint(network.count_params())\n"
    # No samples but the one of the package, and a cache of its own.
    environment = os.environ | {"JET_DATA": str(tmp_path / "none"), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", f"import course_utils.samples as d, pathlib\n"
               f"d._CHECKOUT = pathlib.Path({str(tmp_path)!r})\n{block}"]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(32 * 26 + 2 * (18 * 18 * 32 + 1))
    assert sorted(path.name[:5] for path in tmp_path.rglob("prepared/[tv]*-images-*")) == [
        "train",
        "val-i",
    ]


@pytest.fixture
def classroom(tmp_path):
    """A folder with what the README's challenge commands start from."""
    fresh = tmp_path / "fresh" / "top_tagging" / "test.h5"
    fresh.parent.mkdir(parents=True)
    with JetFile(ROOT / "course_utils" / "samples" / "data" / "top_tagging_small.h5") as file:
        table = file.read()
    fresh_jets = table[:200]
    # As if new: every jet looks into another azimuth, and no copy of a known one is left.
    turn = np.exp(2j * np.pi * np.random.default_rng(1).random((200, 1)))
    turned = turn * (fresh_jets.jets[..., 1] + 1j * fresh_jets.jets[..., 2])
    fresh_jets.jets[..., 1], fresh_jets.jets[..., 2] = turned.real, turned.imag
    write_jets(fresh, [fresh_jets], provenance={"seed": 2**62})
    fresh.chmod(0o600)
    for name in ("group_a_cnn", "group_a_dnn"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(1).random(200))
    return tmp_path


def test_challenge_commands_of_the_readme_run_in_their_order(classroom):
    output = {}
    for command in commands("python -m challenge"):
        words = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=classroom, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        output[words[3]] = done.stdout
    assert output["board"].count("Group A") == 2
    assert "baseline" in output["board"]


def test_nbgrader_commands_of_the_readme_are_known():
    nbgrader = shutil.which("nbgrader", path=Path(sys.executable).parent)
    if nbgrader is None:
        pytest.skip("needs the extra 'jupyter'")
    known = subprocess.run([nbgrader, "--help"], capture_output=True, text=True, check=True).stdout
    for command in commands("nbgrader "):
        _, subcommand, lesson, *_ = command.split()
        assert re.search(rf"^{subcommand}$", known, re.MULTILINE)
        assert (ROOT / "notebooks" / lesson).is_dir()
