"""A lesson of two functions and a question, and what each kind of student hands in for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

LESSON: Final = "term"
HIDDEN: Final = "HIDDEN_JET"  # a name of the hidden tests, which no student may see
FULL: Final = 10.0
BY_HAND: Final = 4.0  # of 5 points, for every written answer
_KERNEL: Final = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

_PT: Final = "_, px, py, _ = np.sum(jet, axis=0)\n    return np.hypot(px, py)"
_MASS: Final = (
    "energy, *momentum = np.sum(jet, axis=0)\n"
    "    return np.sqrt(max(energy**2 - np.dot(momentum, momentum), 0.0))"
)
_WORDS: Final = "Gluons are massless, but two of them at an angle have an invariant mass."
_SLIP: Final = ("np.sqrt", "np.sqr")  # the right word, and the one that was typed
SLIP_COSTS: Final = 3.0  # points


@dataclass(frozen=True)
class Role:
    """What a student writes into the lesson's cells, and what it is worth.

    Attributes
    ----------
    cells : mapping of str to str
        By the name of the cell; the others stay as they were released.
    automatic, by_hand : float
        Points, once everything is graded.
    times : int
        How often the student hands in; before the last time nothing is right.
    is_late : bool
        Whether that is after the due date.
    """

    cells: Mapping[str, str] = field(default_factory=dict)
    automatic: float = 0.0
    by_hand: float = 0.0
    times: int = 1
    is_late: bool = False

    @property
    def points(self) -> float:
        """Everything that the student gets."""
        return self.automatic + self.by_hand


def _function(name: str, body: str) -> str:
    return f"def {name}(jet):\n    {body}"


_RIGHT_PT: Final = _function("jet_pt", _PT)
_RIGHT_MASS: Final = _function("jet_mass", _MASS)
_ALL: Final = {"jet_pt": _RIGHT_PT, "jet_mass": _RIGHT_MASS, "why": _WORDS}
_WRONG: Final = {
    "jet_pt": _function("jet_pt", "return np.sum(jet, axis=0)[1]"),
    "jet_mass": _function("jet_mass", "return np.sum(jet, axis=0)[0]"),
}
WRONG: Final = Role(_WRONG)
ROLES: Final = {
    "solved": Role(_ALL, 5, BY_HAND),
    "twice": Role(_ALL, 5, BY_HAND, times=2),
    "half solved": Role({"jet_pt": _RIGHT_PT}, 2),
    "late": Role(_ALL, 5, BY_HAND, is_late=True),
    "wrong": WRONG,
}
# Of one student: the instructor mends the slip in what was handed in, and grades it again.
CORRECTED: Final = Role(_ALL | {"jet_mass": _RIGHT_MASS.replace(*_SLIP)}, 5, BY_HAND)


def lesson() -> NotebookNode:
    """The lesson with its solutions."""
    cells = [
        new_markdown_cell("# Jets\n\nA jet has rows of (E, px, py, pz) in GeV.", id="top"),
        new_code_cell("import numpy as np", id="setup"),
        *_exercise("jet_pt", _PT, 2, "[[50.0, 30.0, 40.0, 0.0]]", "50.0", "0.0"),
        *_exercise("jet_mass", _MASS, 3, "[[50.0, 30.0, 40.0, 0.0]]", "0.0", "100.0"),
        new_markdown_cell("### Question\n\nWhy does a jet of gluons have a mass?", id="question"),
        _graded("why", f"### BEGIN SOLUTION\n{_WORDS}\n### END SOLUTION", 5, "markdown"),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": _KERNEL})


def _exercise(
    name: str, body: str, points: int, jet: str, visible: str, hidden: str
) -> list[NotebookNode]:
    """A function to write, a visible check, and a hidden one of two back-to-back constituents."""
    answer = f"### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"
    check = (
        f"# Check: {name}.\n"
        f"assert abs({name}(np.array({jet})) - {visible}) < 1e-9\n"
        "### BEGIN HIDDEN TESTS\n"
        f"{HIDDEN} = np.array([[50.0, 30.0, 40.0, 0.0], [50.0, -30.0, -40.0, 0.0]])\n"
        f"assert abs({name}({HIDDEN}) - {hidden}) < 1e-9, 'Think of two constituents.'\n"
        "### END HIDDEN TESTS"
    )
    return [
        new_markdown_cell(f"### Exercise: `{name}`", id=f"about-{name}"),
        _graded(name, _function(name, answer)),
        _graded(f"{name}-check", check, points),
    ]


def _graded(name: str, source: str, points: int = 0, kind: str = "code") -> NotebookNode:
    """A cell that nbgrader knows: an answer, a check with points, or an answer in words."""
    is_check = bool(points) and kind == "code"
    meta: dict[str, Any] = {"grade_id": name, "schema_version": 3, "task": False}
    meta |= {"grade": bool(points), "solution": not is_check, "locked": is_check}
    if points:
        meta["points"] = points
    new = new_code_cell if kind == "code" else new_markdown_cell
    return new(source, id=name, metadata={"nbgrader": meta})


def fill_in(notebook: dict[str, Any], role: Role) -> None:
    """Write a student's answers into the released notebook, in place."""
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in role.cells:
            cell["source"] = role.cells[name]


def mend(text: str) -> str:
    """Correct the slip in the text of a notebook file."""
    right, typed = _SLIP
    return text.replace(f"{typed}(", f"{right}(")
