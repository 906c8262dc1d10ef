"""What a check finds beside the student's answer: the lesson's own names.

A check of exercise 5 uses jets, helper functions and what earlier exercises define. It gets them
from the lesson with its solutions, run here, so that nothing counts that a student has exchanged
or got wrong elsewhere. Only cells that a check needs are run: most trainings are not among them.
"""

from __future__ import annotations

import ast
import contextlib
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import matplotlib.pyplot as plt
from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution

from course_utils.grading.judging.kernel_side import quiet
from course_utils.grading.judging.names import CellNames, cell_names

__all__ = ["LessonError", "Solved", "is_check", "run_cell"]


class LessonError(RuntimeError):
    """A lesson whose own solution cannot be run; the message names the cell."""

    __module__ = "course_utils.grading"


@dataclass
class Solved:
    """A lesson with its solutions, run as far as its checks need it.

    Attributes
    ----------
    notebook : NotebookNode
        The source, as an instructor keeps it.
    """

    notebook: NotebookNode
    _before: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def _names(self) -> list[CellNames]:
        return [cell_names(cell.source if cell.cell_type == "code" else "")
                for cell in self.notebook.cells]  # fmt: skip

    @cached_property
    def _checks(self) -> dict[str, int]:
        """The position of each check by its name."""
        cells = enumerate(self.notebook.cells)
        return {c.metadata.nbgrader.grade_id: at for at, c in cells if is_check(c)}

    def students_names(self, check: str) -> frozenset[str]:
        """Return the names that a check must take from the student.

        They are what the exercise's answer binds, and the given cells between answer and check.
        """
        end = self._checks[check]
        cells = self.notebook.cells
        answers = [i for i in range(end) if cells[i].cell_type == "code" and is_solution(cells[i])]
        first = answers[-1] if answers else end
        bound = [self._names[i].changed for i in range(first, end) if not is_check(cells[i])]
        return frozenset().union(*bound) & self._names[end].used

    def names_before(self, check: str) -> dict[str, Any]:
        """Return the lesson's own names as they are before a check.

        Raises
        ------
        LessonError
            If the lesson does not have this check, or one of its cells fails.
        """
        self.source_of(check)
        if not self._before:
            self._run()
        return dict(self._before[check])

    def source_of(self, check: str) -> str:
        """Return the text of a check, hidden tests included; the lesson's, no submission's.

        Raises
        ------
        LessonError
            If the lesson does not have this check.
        """
        if check not in self._checks:
            raise LessonError(f"The lesson in the source folder has no check {check!r}.")
        return self.notebook.cells[self._checks[check]].source

    def _needed(self) -> set[int]:
        """Return the positions of the cells that bind what some check uses, directly or not."""
        needed: set[int] = set()
        for check, end in self._checks.items():
            used = self._names[end].used - self.students_names(check)
            for position in reversed(range(end)):
                names = self._names[position]
                if names.changed & used and not is_check(self.notebook.cells[position]):
                    needed.add(position)
                    used = (used - names.bound) | names.used
        return needed

    def _run(self) -> None:
        """Run the needed cells, and remember the names before each check."""
        needed = self._needed()
        names: dict[str, Any] = {"__name__": "__main__", "display": lambda *objects: None}
        names["get_ipython"] = lambda: None
        checks = {position: check for check, position in self._checks.items()}
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for position, cell in enumerate(self.notebook.cells):
                if position in checks:
                    self._before[checks[position]] = dict(names)
                elif position in needed:
                    self._run_cell(cell, names)

    def _run_cell(self, cell: NotebookNode, names: dict[str, Any]) -> None:
        try:
            run_cell(cell.source, names)
        except Exception as error:
            self._before.clear()
            first_line = cell.source.strip().partition("\n")[0]
            raise LessonError(
                f"The lesson's own cell {first_line!r} fails: {type(error).__name__}: {error}"
            ) from error


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell in a namespace, and return what a notebook would show as its result.

    Nothing is printed, and figures are closed.
    """
    tree = ast.parse(source)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    with quiet():
        try:
            exec(compile(tree, "<check>", "exec"), names)
            return last and eval(compile(last, "<check>", "eval"), names)
        finally:
            plt.close("all")


def is_check(cell: NotebookNode) -> bool:
    """Whether a cell is a check that gives points."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)
