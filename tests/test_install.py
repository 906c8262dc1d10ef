"""What a newcomer installs: a wheel, an environment of make; and on which machines."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


# ---------------------------------------------------------------- a wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what a wheel installs, and no checkout around it."""
    pytest.importorskip("setuptools", minversion="77")
    source, site = (tmp_path_factory.mktemp(name) for name in ("source", "site"))
    for name in ("course_utils", "challenge", "notebooks", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools.build_meta import build_wheel; import sys; build_wheel(sys.argv[1])"
    command = [sys.executable, "-W", "ignore", "-c", build, str(site)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = site.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    return site


def run(wheel: Path, *arguments: str, cwd: Path, **own: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(wheel), "XDG_CACHE_HOME": str(cwd)} | own
    environment.pop("JET_DATA", None)
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_a_wheel_holds_the_packages_and_no_solved_lesson(wheel: Path) -> None:
    top = {path.name for path in wheel.iterdir() if path.suffix not in {".whl", ".dist-info"}}
    assert top == {"course_utils", "challenge"}
    assert not list(wheel.rglob("*.ipynb"))


def test_a_wheel_names_only_commands_that_are_there(wheel: Path, tmp_path: Path) -> None:
    code = "from course_utils.samples import load_jets; print(len(load_jets(stop=2000)))"
    loaded = run(wheel, "-c", code, cwd=tmp_path)
    assert loaded.stdout == "1200\n"
    listed = run(wheel, "-m", "course_utils", cwd=tmp_path)
    helped = run(wheel, "-m", "course_utils", "--help", cwd=tmp_path)
    mirror = {"JET_DATA_MIRROR": "http://127.0.0.1:1"}
    offline = run(wheel, "-m", "course_utils", "top_tagging", cwd=tmp_path, **mirror)
    for done, what in (
        (loaded, "python -m course_utils --generate top_tagging --jets"),
        (listed, "python -m course_utils --help"),
        (helped, "python -m course_utils --prepare images"),
        (offline, "python -m course_utils --generate top_tagging"),
    ):
        assert what in done.stdout + done.stderr
        assert "data_download" not in done.stdout + done.stderr
        assert "constraints.txt" not in done.stdout + done.stderr


def test_a_wheel_names_the_packages_of_an_extra_one_by_one(wheel: Path, tmp_path: Path) -> None:
    code = "from course_utils.jetfile import install_command; print(install_command('cms'))"
    done = run(wheel, "-c", code, cwd=tmp_path)
    assert re.fullmatch(r"pip install '(awkward|uproot)>=.*' '(awkward|uproot)>=.*'\n", done.stdout)


# ---------------------------------------------------------------- make


def make(*arguments: str, **own: str) -> subprocess.CompletedProcess[str]:
    if (program := shutil.which("make")) is None:
        pytest.skip("needs make")
    return subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("version", "works"),
    [
        ("2.7.18", False),
        ("3.10.13", False),
        ("3.11.4", False),
        ("3.11.5", True),
        ("3.13.9", True),
        ("3.14.0", False),
    ],
)
def test_make_refuses_an_unsupported_python_in_one_sentence(
    tmp_path: Path, version: str, works: bool
) -> None:
    python = tmp_path / "python"
    numbers = tuple(map(int, version.split(".")))
    script = (
        f"import sys; sys.version_info = (*{numbers}, 'final', 0); sys.argv = ['-c']; exec(CODE)"
    )
    quoted = script.replace("CODE", "sys.stdin.read()")
    python.write_text(f'#!/bin/sh\nprintf "%s" "$2" | "{sys.executable}" -c "{quoted}"\n')
    python.chmod(0o755)
    done = make("python", f"PYTHON={python}")
    assert (done.returncode == 0) is works
    first = done.stderr.splitlines()[:1]
    assert works or f"needs Python 3.11.5 to 3.13, and {python} is {version}: make" in first[0]


def test_what_make_runs_keeps_what_it_compiles() -> None:
    """An image of a container may forbid it; then every start of Python would compile all again."""
    probe = "probe: ; @echo keeps=$$PYTHONDONTWRITEBYTECODE."
    done = make("--no-print-directory", "--eval", probe, "probe", PYTHONDONTWRITEBYTECODE="1")
    assert done.stdout == "keeps=.\n"


def test_the_demo_installs_its_own_extra_with_uv_or_pip(tmp_path: Path) -> None:
    venv = f"VENV={tmp_path / 'venv'}"
    with_pip = make("-n", "demo", venv, "UV=").stdout
    assert f"{tmp_path}/venv/bin/pip install" in with_pip
    assert "-c constraints.txt -e '.[demo]'" in with_pip
    with_uv = make("-n", "demo", venv, "UV=/opt/uv").stdout
    assert f"/opt/uv pip install --python {tmp_path}/venv/bin/python" in with_uv
    assert "-e '.[course,test]'" in make("-n", "test", venv).stdout


# ---------------------------------------------------------------- which machines

MACHINES = {
    "Linux, x86-64": ("linux", "x86_64"),
    "Linux, ARM": ("linux", "aarch64"),
    "macOS 14 or newer, Apple silicon": ("darwin", "arm64"),
    "Windows, x86-64": ("win32", "AMD64"),
    "macOS, Intel": ("darwin", "x86_64"),
}
SAID = {
    "everything": {"pythia8mc", "tensorflow", "torch"},
    "everything but generating jets": {"tensorflow", "torch"},
    "everything but generating jets and grading": {"tensorflow", "torch"},
    "lessons 03 to 08, the challenge": {"torch"},
    "reading jets, the challenge": set(),
}


def installed(machine: str, python: str) -> set[str]:
    """Which of the three the markers in pyproject.toml leave on a machine."""
    platform, processor = MACHINES[machine]
    where = {"sys_platform": platform, "platform_machine": processor, "python_version": python}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line for extra in extras["optional-dependencies"].values() for line in extra]
    found = set()
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate(where):
            found.add(requirement.name)
    return found & {"pythia8mc", "tensorflow", "torch"}


def test_the_table_of_machines_says_what_the_markers_do() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "README.md").read_text(), re.M)
    table = {machine: (old, new) for machine, old, new in rows if machine in MACHINES}
    assert table.keys() == MACHINES.keys()
    for machine, (old, new) in table.items():
        for python, said in (("3.11", old), ("3.13", old), ("3.14", new)):
            assert installed(machine, python) == SAID[said], (machine, python)
        lessons_run, sandbox_runs = bool(installed(machine, "3.11")), "Linux" in machine
        assert ("and grading" in old) is (lessons_run and not sandbox_runs), machine


def test_the_lessons_from_03_on_do_without_tensorflow() -> None:
    """All that they import is there when TensorFlow, Keras and Pythia are not."""
    imports = []
    for path in sorted((ROOT / "notebooks").glob("0[3-8]*/*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                nodes = ast.walk(ast.parse(cell.source))
                imports += [
                    ast.unparse(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)
                ]
    assert len(set(imports)) > 30
    missing = "import sys; sys.modules |= dict.fromkeys(('tensorflow', 'keras', 'pythia8'))"
    code = "\n".join([missing, *dict.fromkeys(imports)])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("machine", MACHINES)
def test_who_cannot_generate_is_told_what_serves_instead(
    machine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import course_utils.__main__ as command

    platform, processor = MACHINES[machine]
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    monkeypatch.setattr(command.sys, "platform", platform)
    monkeypatch.setattr(command.platform, "machine", lambda: processor)
    with pytest.raises(command.DataError) as told:
        command._require_simulation()
    has_wheel = "pythia8mc" in installed(machine, "3.11")
    assert ("no package for this machine" in str(told.value)) is not has_wheel
    assert ("pip install" in str(told.value)) is has_wheel
    assert has_wheel or "The lessons run on the small samples" in str(told.value)
