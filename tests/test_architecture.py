"""The import arrows, the packages each module may use, and the one environment."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("course_utils", "challenge")

# module -> what it may import of this project, then of others. A new arrow is a decision: make it
# here, where a reviewer sees it. Imports inside functions count too.
ARROWS = {
    "course_utils": ("", ""),
    "course_utils.files": ("", ""),
    "course_utils.kinematics": ("", "numpy"),
    "course_utils.measurement": ("", ""),
    "course_utils.intervals": ("course_utils.measurement", "numpy scipy"),
    "course_utils.metrics": ("course_utils.intervals course_utils.measurement", "numpy scipy"),
    "course_utils.plotting": ("", "numpy matplotlib"),
    "course_utils.submissions": ("", "numpy"),
    "course_utils.grading": ("", ""),
    "course_utils.feedback": ("", "nbformat nbgrader"),
    "course_utils.images": ("course_utils._image_kernel course_utils.kinematics", "numpy"),
    "course_utils._image_kernel": ("", "numpy numba"),
    "course_utils.image_plots": ("course_utils.plotting", "numpy matplotlib"),
    "course_utils.training": ("", "numpy tqdm keras tensorflow IPython"),
    "course_utils.networks": ("", "torch"),
    "course_utils.torch_training": ("course_utils.training", "numpy torch"),
    "course_utils._workers": ("", ""),
    "course_utils.parallel": ("course_utils._workers", "numpy tqdm"),
    "course_utils.substructure": ("", "numpy awkward fastjet"),
    "course_utils.lund": ("course_utils.substructure", "numpy awkward"),
    "course_utils._jetfile_checks": ("", "numpy pandas"),
    "course_utils._jettable": ("course_utils._jetfile_checks", "numpy pandas tables"),
    "course_utils.jetfile": (
        "course_utils._jetfile_checks course_utils._jettable",
        "numpy pandas tables",
    ),
    "course_utils.datasets": (
        "course_utils._jetfile_checks course_utils.jetfile"
        " course_utils._data_command",  # only as a command
        "numpy pandas platformdirs",
    ),
    "course_utils._packed": ("", "numpy"),
    "course_utils._forms": ("course_utils.images course_utils.jetfile", "numpy"),
    "course_utils.prepared": (
        "course_utils._forms course_utils._jetfile_checks course_utils._packed"
        " course_utils.datasets course_utils.jetfile",
        "numpy filelock tqdm",
    ),
    "course_utils.streaming": ("course_utils.prepared", "numpy tensorflow torch"),
    "course_utils._download": (
        "course_utils.datasets course_utils.jetfile",
        "pooch requests tqdm",
    ),
    "course_utils.cms_ntuples": (
        "course_utils.jetfile course_utils.kinematics",
        "numpy awkward tables uproot",
    ),
    "course_utils.cms_open_data": (
        "course_utils.datasets course_utils.jetfile course_utils._download"
        " course_utils.cms_ntuples",
        "requests",
    ),
    "course_utils._data_command": (
        "course_utils.datasets course_utils.jetfile course_utils._download"
        " course_utils.cms_open_data course_utils.prepared"
        " course_utils.simulation.production",
        "rich",
    ),
    "course_utils.simulation": ("", ""),
    "course_utils.simulation.processes": ("", "numpy awkward pythia8mc"),
    "course_utils.simulation.card": ("", "numpy"),
    "course_utils.simulation.detector": (
        "course_utils.simulation.processes course_utils.simulation.card",
        "numpy",
    ),
    "course_utils.simulation.clustering": (
        "course_utils.simulation.detector course_utils.simulation.processes"
        " course_utils.jetfile course_utils.substructure",
        "numpy awkward fastjet",
    ),
    "course_utils.simulation.truth": (
        "course_utils.simulation.clustering course_utils.simulation.detector"
        " course_utils.simulation.processes course_utils.jetfile",
        "numpy awkward",
    ),
    "course_utils.simulation.production": (
        "course_utils.simulation.processes course_utils.simulation.card"
        " course_utils.simulation.detector course_utils.simulation.clustering"
        " course_utils.simulation.truth course_utils.jetfile course_utils._workers",
        "numpy tqdm",
    ),
    "course_utils.simulation.small_sample": (
        "course_utils.simulation.processes course_utils.simulation.production course_utils.jetfile",
        "numpy",
    ),
    "challenge": ("", ""),
    "challenge.submission": ("", "numpy"),
    "challenge.names": ("challenge.submission", ""),
    "challenge.scoring": ("course_utils.metrics", "numpy"),
    "challenge.ranking": ("challenge.scoring course_utils.metrics", "numpy scipy"),
    "challenge.standings": ("challenge.scoring course_utils.metrics", ""),
    "challenge.comparisons": ("challenge.folder course_utils.metrics", "numpy"),
    "challenge.leaks": ("course_utils.metrics", "numpy"),
    "challenge.hints": ("", "numpy scipy"),
    "challenge.collusion": ("challenge.ranking", "numpy scipy"),
    "challenge.diagnostics": ("challenge.standings course_utils.metrics", "numpy"),
    "challenge.budget": (
        "challenge.scoring challenge.standings course_utils.intervals course_utils.metrics",
        "numpy",
    ),
    "challenge.leaderboard": (
        "challenge.budget challenge.comparisons challenge.diagnostics challenge.ranking"
        " challenge.scoring challenge.standings",
        "numpy",
    ),
    "challenge.folder": ("challenge.submission", "numpy"),
    "challenge.records": ("challenge.scoring", ""),
    "challenge.quota": ("challenge.records", ""),
    "challenge.tables": ("challenge.records course_utils.metrics", "sqlalchemy"),
    "challenge.migrations": ("", ""),
    "challenge.migrations.env": ("challenge.tables", "alembic"),
    "challenge.migrations.versions": ("", ""),
    "challenge.migrations.versions.v0001_scores": ("", "sqlalchemy alembic"),
    "challenge.migrations.versions.v0002_splits": ("", "sqlalchemy alembic"),
    "challenge.database": ("challenge.folder", "sqlalchemy alembic"),
    "challenge.ledger": ("challenge.tables", "sqlalchemy"),
    "challenge.rows": (
        "challenge.folder challenge.records challenge.scoring challenge.submission"
        " challenge.tables",
        "sqlalchemy",
    ),
    "challenge.store": (
        "challenge.database challenge.folder challenge.ledger challenge.names challenge.records"
        " challenge.rows challenge.submission challenge.tables",
        "sqlalchemy",
    ),
    "challenge.contest": ("challenge.folder challenge.store", ""),
    "challenge.reception": (
        "challenge.folder challenge.ledger challenge.names challenge.quota challenge.records"
        " challenge.store challenge.submission challenge.tables",
        "sqlalchemy",
    ),
    "challenge.shown": (
        "challenge.comparisons challenge.contest challenge.names challenge.ranking"
        " challenge.records challenge.submission",
        "numpy scipy",
    ),
    "challenge.receipts": (
        "challenge.budget challenge.contest challenge.folder challenge.hints"
        " challenge.quota challenge.ranking challenge.reception challenge.records"
        " challenge.scoring challenge.shown challenge.store challenge.submission"
        " challenge.tables",
        "numpy",
    ),
    "challenge.intake": (
        "challenge.comparisons challenge.contest challenge.folder challenge.names"
        " challenge.ranking challenge.receipts challenge.reception challenge.records"
        " challenge.scoring challenge.submission",
        "numpy",
    ),
    "challenge.lifecycle": (
        "challenge.folder challenge.ledger challenge.quota challenge.reception challenge.records"
        " challenge.standings challenge.store challenge.tables",
        "sqlalchemy",
    ),
    "challenge.audit": (
        "challenge.contest challenge.folder challenge.intake challenge.ledger challenge.records"
        " challenge.rows challenge.store challenge.submission challenge.tables",
        "sqlalchemy",
    ),
    "challenge.entries": (
        "challenge.names challenge.ranking challenge.records challenge.store challenge.tables",
        "",
    ),
    "challenge.view": (
        "challenge.collusion challenge.comparisons challenge.contest challenge.entries"
        " challenge.folder challenge.leaderboard challenge.lifecycle challenge.ranking"
        " challenge.records challenge.shown challenge.standings challenge.submission"
        " challenge.tables",
        "numpy",
    ),
    "challenge.gradebook": (
        "challenge.board challenge.contest challenge.entries challenge.folder challenge.names"
        " challenge.ranking challenge.store challenge.submission course_utils.metrics",
        "numpy",
    ),
    "challenge.watch": (
        "challenge.contest challenge.dropbox challenge.folder challenge.intake challenge.receipts",
        "sqlalchemy",
    ),
    "challenge.dropbox": ("challenge.folder challenge.submission", ""),
    "challenge.plan": ("challenge.folder challenge.names challenge.submission", "numpy"),
    "challenge.creation": (
        "challenge.database challenge.folder challenge.leaks challenge.plan challenge.store"
        " challenge.submission course_utils.datasets course_utils.jetfile"  # to read jets,
        " course_utils.kinematics",
        "numpy",
    ),
    "challenge.baselines": (
        "challenge.folder course_utils.datasets course_utils.jetfile"  # and where a baseline is
        " course_utils.kinematics course_utils.substructure",
        "numpy sklearn",
    ),
    "challenge.wording": ("challenge.standings", ""),
    "challenge.geometry": ("course_utils.metrics", ""),
    "challenge.drawing": ("challenge.geometry challenge.standings course_utils.metrics", ""),
    "challenge.page": (
        "challenge.drawing challenge.geometry challenge.scoring challenge.standings"
        " challenge.wording course_utils.metrics",
        "jinja2 markupsafe",
    ),
    "challenge.board": (
        "challenge.geometry challenge.page challenge.scoring challenge.standings"
        " challenge.wording course_utils.metrics",
        "rich",
    ),
    "challenge.commands": (
        "challenge.audit challenge.baselines challenge.board challenge.contest challenge.creation"
        " challenge.dropbox challenge.entries challenge.folder challenge.gradebook"
        " challenge.hints challenge.intake challenge.lifecycle challenge.names challenge.quota"
        " challenge.receipts challenge.reception challenge.standings challenge.store"
        " challenge.submission challenge.view challenge.watch",
        "rich",
    ),
    "challenge.arguments": ("challenge.board challenge.commands challenge.names", ""),
    "challenge.cli": (
        "challenge.arguments challenge.commands challenge.folder challenge.submission",
        "sqlalchemy",
    ),
    "challenge.__main__": ("challenge.cli", ""),
}


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imported(path: Path) -> set[str]:
    """Dotted names a file imports anywhere, those of this project down to the module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (whole & MODULES.keys()) or {node.module}
    return {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_module_imports_only_along_its_arrows(module):
    ours, others = (set(names.split()) for names in ARROWS[module])
    for name in imported(MODULES[module]):
        if name.split(".")[0] in PACKAGES:
            assert name in ours, f"{module} -> {name} is a new arrow"
        else:
            assert name.split(".")[0] in others, f"{module} uses {name}, a new dependency"


def test_no_arrow_outlives_its_module():
    assert set(ARROWS) == set(MODULES)


def test_arrows_have_no_cycle():
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle: {' -> '.join((*trail, module))}"
        if module in done:
            return
        for name in ARROWS[module][0].split():
            if (module, name) != ("course_utils.datasets", "course_utils._data_command"):
                visit(name, (*trail, module))
        done.add(module)

    for module in ARROWS:
        visit(module, ())


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_nothing_heavy(package):
    code = (
        f"import sys, {package}; "
        "heavy = {'numpy', 'pandas', 'matplotlib', 'torch', 'tensorflow', 'sqlalchemy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
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
