"""The pages tell the truth: commands run, links lead somewhere, no lesson is missing."""

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
from lesson import Lesson

from course_utils.grading.batch.arguments import parser
from course_utils.jetfile import JetFile, write_jets
from course_utils.samples import small_sample

ROOT = Path(__file__).resolve().parents[1]
# In the order in which their commands are run: the procedures, then what the README quotes of them.
PATHS = [
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("deploy/**/*.md")),
    *sorted(ROOT.glob("benchmarks/*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "README.md",
]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in PATHS}
README = PAGES["README.md"]
COMMANDS = [
    line.split("#")[0].strip()
    for page in PAGES.values()
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
INLINE = [
    command
    for page in PAGES.values()
    for command in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
]


def commands(prefix: str, *, inline: bool = False) -> list[str]:
    """The commands of all pages that start so, after any variables they set."""
    pattern = re.compile(rf"(?:[A-Z_]+=\S+ )*({re.escape(prefix)}.*)")
    matches = map(pattern.fullmatch, [*COMMANDS, *(INLINE if inline else [])])
    found = [match[1] for match in matches if match]
    assert found, f"No page has a command that starts with {prefix!r}."
    return found


def test_every_make_target_of_the_pages_is_in_the_makefile():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands("make ", inline=True):
        assert command.split()[1] in targets


@pytest.mark.parametrize("page", PAGES)
def test_every_local_link_leads_to_a_file_and_its_heading(page):
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", PAGES[page]):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.is_file(), f"{page}: {target} is not there."
        assert not heading or heading in headings(path.read_text()), f"{page}: no #{heading}."


def headings(page: str) -> set[str]:
    """The anchors that GitHub and GitLab give to the headings of a page."""
    found = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_run_or_named_is_there(page):
    named = r"\b((?:benchmarks|tests|course_utils|challenge)/[\w/]+\.\w+)"
    for path in re.findall(named, PAGES[page]):
        assert (ROOT / path).exists(), f"{page}: {path} is not there."


def test_every_lesson_is_in_the_table_with_the_minutes_it_states():
    lessons = [Lesson(path) for path in sorted((ROOT / "notebooks").glob("*/*.ipynb"))]
    assert lessons
    for lesson in lessons:
        minutes = re.findall(
            r"^\*\*(?:Time|Second sitting):\*\* (\d+)", lesson.cells[0].source, re.M
        )
        row = rf"\]\({re.escape(lesson.path.relative_to(ROOT).as_posix())}\) \| .+ \| (.+) \|"
        assert re.search(row, README)[1] == " + ".join(minutes)


def test_the_glossary_has_the_words_of_all_lessons_and_no_other_in_order():
    lines = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.startswith("- ")]
    explained = [
        line
        for path in (ROOT / "notebooks").glob("*/*.ipynb")
        for line in dict.fromkeys(Lesson(path).words.values())
    ]
    assert sorted(explained) == sorted(lines)
    assert lines == sorted(lines, key=str.lower)


def test_every_option_of_data_download_on_the_pages_is_known():
    shown = subprocess.run(
        [ROOT / "data_download.sh", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in re.findall(r"--[a-z]+", " ".join(commands("./data_download.sh", inline=True))):
        assert option in shown


def test_every_extra_on_the_pages_exists():
    pyproject = (ROOT / "pyproject.toml").read_text()
    extras = re.findall(r"'\.\[([\w,]+)\]'", "".join(PAGES.values()))
    assert extras
    for extra in ",".join(extras).split(","):
        assert re.search(rf"^{extra} = ", pyproject, re.MULTILINE)


def example(page: str) -> str:
    (block,) = re.findall(r"```python\n(.*?)```", PAGES[page], re.DOTALL)
    return block


def test_every_example_in_python_is_run_by_some_test():
    with_python = {page for page, text in PAGES.items() if "```python" in text}
    assert with_python == {"README.md", "docs/large_samples.md", "deploy/cluster.md"}


def run_on_the_small_sample(code: str, folder: Path) -> str:
    """Standard output of Python code that finds no jets but the package's, with its own cache."""
    environment = os.environ | {"JET_DATA": str(folder / "none"), "XDG_CACHE_HOME": str(folder)}
    code = (
        "import course_utils.samples.places as places, pathlib\n"
        f"places._CHECKOUT = pathlib.Path({str(folder)!r})\n{code}"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_example_prints_what_it_says(tmp_path):
    pytest.importorskip("numba", reason="needs the extra 'images'")
    block = example("README.md")
    printed = run_on_the_small_sample(block, tmp_path).strip()
    assert f"# {printed} on the small sample" in block


def test_the_training_on_all_jets_runs_on_the_small_sample(tmp_path):
    pytest.importorskip("keras")
    block = example("docs/large_samples.md").replace("n_epochs=5", "n_epochs=1")
    printed = run_on_the_small_sample(block + "\nprint(network.count_params())\n", tmp_path)
    assert printed.splitlines()[-1] == str(32 * 26 + 2 * (18 * 18 * 32 + 1))
    assert sorted(path.name[:5] for path in tmp_path.rglob("prepared/[tv]*-images-*")) == [
        "train",
        "val-i",
    ]


@pytest.fixture
def classroom(tmp_path):
    """A folder with what the challenge commands of the pages start from."""
    fresh = tmp_path / "fresh" / "top_tagging" / "test.h5"
    fresh.parent.mkdir(parents=True)
    with JetFile(small_sample("top_tagging")) as file:
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


def challenge_commands() -> list[str]:
    """Those of the pages, `create` first: students' commands stand before the instructor's."""
    found = commands("python -m challenge ")
    return sorted(found, key=lambda command: command.split()[3] != "create")


def test_challenge_commands_of_the_pages_run_in_their_order(classroom):
    output = {}
    for command in challenge_commands():
        words = [sys.executable, *shlex.split(command)[1:]]
        if words[3] == "serve":
            assert_serves(words, classroom)
            continue
        done = subprocess.run(words, cwd=classroom, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        output[words[3]] = done.stdout
    assert output["board"].count("Group A") == 2
    assert "baseline" in output["board"]


def assert_serves(words: list[str], folder: Path) -> None:
    """The service starts and ends, at another port: that of the page may be taken."""
    words = [*words[: words.index("--port")], "--port", "0"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True) as service:
        seen = iter(service.stderr.readline, "")
        assert any("Application startup complete" in line for line in seen)
        service.terminate()


def test_every_command_of_the_challenge_is_on_its_page_and_known():
    command = [sys.executable, "-m", "challenge", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    known = set(re.findall(r"^    (\w+)(?:  |$)", done.stdout, re.MULTILINE))
    typed = commands("python -m challenge ", inline=True)
    assert {command.split()[3] for command in typed} <= known
    for name in known:
        assert re.search(rf"`{name}\b|-m challenge {name}\b", PAGES["docs/challenge.md"]), name


def test_nbgrader_commands_of_the_pages_are_known():
    nbgrader = shutil.which("nbgrader", path=Path(sys.executable).parent)
    if nbgrader is None:
        pytest.skip("needs the extra 'jupyter'")
    known = subprocess.run([nbgrader, "--help"], capture_output=True, text=True, check=True).stdout
    for command in commands("nbgrader "):
        _, subcommand, lesson, *_ = command.split()
        assert re.search(rf"^{subcommand}$", known, re.MULTILINE)
        assert (ROOT / "notebooks" / lesson).is_dir()


def test_grading_commands_of_the_pages_are_known():
    for command in commands("python -m course_utils.grading "):
        words = shlex.split(command.removesuffix("..."))[3:]
        _, settings = parser().parse_known_args(words)
        assert all(re.fullmatch(r"--\w+\.\w+=\S+", setting) for setting in settings), command
        named = {word for word in words if re.fullmatch(r"\d\d_\w+", word)}
        assert all((ROOT / "notebooks" / lesson).is_dir() for lesson in named), command
    named = {each.split()[3] for each in commands("python -m course_utils.grading ", inline=True)}
    assert named == {"grade", "solution", "enter", "export"}
