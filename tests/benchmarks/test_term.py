"""The lesson of the rehearsal gives each student the points that its books expect."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

TERM = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks/term/lesson.py"))
ROLES = TERM["ROLES"] | {"corrected": TERM["CORRECTED"]}


def automatic_points(sources: list[tuple[str, int]]) -> float:
    """Points of the checks that pass, when all code is run from the top, hidden tests included."""
    names: dict[str, Any] = {}
    points = 0
    for source, worth in sources:
        try:
            exec(source, names)
        except (AssertionError, AttributeError, NotImplementedError):
            continue
        points += worth
    return points


def code_of(notebook: dict[str, Any]) -> list[tuple[str, int]]:
    return [
        (cell["source"], cell["metadata"].get("nbgrader", {}).get("points", 0))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def released() -> dict[str, Any]:
    """The lesson as a student gets it, with the hidden tests, which the judge adds again."""
    notebook = TERM["lesson"]()
    pattern = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
    for cell in notebook["cells"]:
        cell["source"] = pattern.sub("raise NotImplementedError", cell["source"])
    return notebook


@pytest.mark.parametrize("name", ROLES)
def test_a_role_earns_what_the_books_expect(name):
    role, notebook = ROLES[name], released()
    TERM["fill_in"](notebook, role)
    lost = TERM["SLIP_COSTS"] if role is TERM["CORRECTED"] else 0
    assert automatic_points(code_of(notebook)) == role.automatic - lost
    if lost:
        for cell in notebook["cells"]:
            cell["source"] = TERM["mend"](cell["source"])
        assert automatic_points(code_of(notebook)) == role.automatic
    assert bool(role.by_hand) == ("why" in role.cells)


def test_the_lessons_own_solution_earns_everything():
    notebook = TERM["lesson"]()
    words = [c["metadata"]["nbgrader"]["points"] for c in notebook["cells"] if c["id"] == "why"]
    assert automatic_points(code_of(notebook)) + sum(words) == TERM["FULL"]
