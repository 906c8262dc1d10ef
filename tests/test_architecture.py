"""The rooms and their doors, and the one environment.

Which room may import which is held by import-linter: the contracts are in pyproject.toml, and
``make lint`` checks them.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
MOST_ENTRIES = {"course_utils": 15, "challenge": 10}
PACKAGES = tuple(MOST_ENTRIES)


def entries(package: str) -> list[Path]:
    """What a stranger sees who opens a package: rooms and modules."""
    found = (ROOT / package).iterdir()
    return [e for e in found if e.suffix == ".py" or (e.is_dir() and any(e.glob("*.py")))]


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


ROOMS = [
    f"{package}.{entry.name}"
    for package in PACKAGES
    for entry in sorted(entries(package))
    if entry.is_dir()
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_shows_few_entries(package):
    shown = [entry.name for entry in entries(package) if not entry.name.startswith("__")]
    assert len(shown) <= MOST_ENTRIES[package], sorted(shown)


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_says_what_is_behind_it(room):
    door = importlib.import_module(room)
    assert door.__doc__
    assert door.__all__ == sorted(door.__all__, key=lambda name: (_kind(name), name))
    for name in door.__all__:
        assert hasattr(door, name), f"{room}.{name}"


def _kind(name: str) -> int:
    """Constants, then classes, then functions, as ruff sorts them."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_absolute_and_no_module_holds_a_function_of_its_own_name(path):
    tree = ast.parse(path.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 0 for node in imports)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert path.stem not in functions


@pytest.mark.parametrize("package", PACKAGES)
def test_students_see_public_names_in_tracebacks(package):
    """An exception's name leads to a door, never to a module behind it."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "NotFound")):
                parts = path.relative_to(ROOT).with_suffix("").parts
                defined = getattr(importlib.import_module(".".join(parts)), node.name)
                if not node.name.startswith("_") and issubclass(defined, Exception):
                    assert defined.__module__.count(".") <= 1, defined


FRAMEWORKS = {"torch", "tensorflow", "keras", "nbgrader"}
HEAVY = FRAMEWORKS | {"numpy", "pandas", "matplotlib", "sqlalchemy"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("course_utils", HEAVY),
        ("challenge", HEAVY),
        ("course_utils.training", FRAMEWORKS),
        ("course_utils.prepared", FRAMEWORKS),
        ("course_utils.grading", FRAMEWORKS),
    ],
)
def test_importing_a_door_imports_nothing_heavy(module, heavy):
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


# One environment: pyproject.toml names what is needed, constraints.txt the versions that were
# tested together, environment.yml gives conda and a hub the same.


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def required() -> dict[str, Requirement]:
    extras = project()["optional-dependencies"].values()
    listed = [*project()["dependencies"], *(line for extra in extras for line in extra)]
    requirements = map(Requirement, listed)
    return {canonicalize_name(r.name): r for r in requirements if r.name != project()["name"]}


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.!]+", line) for line in pinned)
    return {canonicalize_name(name): version for name, version in (p.split("==") for p in pinned)}


def test_every_dependency_is_pinned_inside_its_allowed_range():
    for name, requirement in required().items():
        assert name in constraints(), f"{name} is not in constraints.txt"
        assert requirement.specifier.contains(constraints()[name]), f"{name} is pinned outside"


def test_conda_environment_installs_every_extra_at_the_pinned_versions():
    lines = [line.strip("- ") for line in (ROOT / "environment.yml").read_text().splitlines()]
    assert "c constraints.txt" in lines
    assert "e .[course,test]" in lines
    python = next(line for line in lines if line.startswith("python="))
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(python[7:])


def test_packages_of_the_course_are_in_its_environment():
    asked_for = "jupyterlab tensorflow torch pandas tables matplotlib nbgrader papermill"
    assert {*asked_for.split(), "scikit-learn"} <= required().keys()


def test_scoring_installs_without_a_deep_learning_framework():
    base = {Requirement(line).name for line in project()["dependencies"]}
    assert base.isdisjoint({"tensorflow", "keras", "torch"})
