"""The cells of a lesson, run in this process and marked as the judge marks them.

They share one namespace that can be put back to the state before any cell. So dozens of answers
cost seconds, where a kernel for each would cost minutes.
"""

from __future__ import annotations

import ast
import contextlib
import io
import socket
import textwrap
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
from lesson import HIDDEN, Exercise, Lesson, visible_part
from nbformat.v4 import new_notebook, new_output
from nbgrader.utils import determine_grade, is_grade

from course_utils.grading.judging.caller import Caller
from course_utils.grading.judging.frames import Connection
from course_utils.grading.judging.judge import Judge
from course_utils.grading.judging.kernel_side import Serving
from course_utils.grading.judging.reference import Solved


class Session:
    """The cells of a lesson run in one namespace, which remembers its state before each of them.

    Every check runs twice: its visible part, as a student runs it, and all of it, as the judge of
    `course_utils.grading` does, who calls the answers over a socket. Later cells see what the
    visible part has left behind, and nothing of the hidden tests.

    Attributes
    ----------
    marks : dict
        The points of each check, by its position in the notebook.
    seen_by_student : list of str
        Every code cell, the checks without their hidden tests.
    validated : dict
        The cell of each check without its hidden tests, with the outputs of its visible part.
    drew : list of str
        The cells that drew a figure, the checks aside.
    """

    def __init__(self, cells: list[nbformat.NotebookNode], folder: Path) -> None:
        self.folder = folder
        self.judge = Judge(_Snapshots(new_notebook(cells=cells), self))
        # A notebook kernel has it; what it shows is looked at elsewhere.
        self.namespace: dict = {"__name__": "__main__", "display": lambda *objects: None}
        self.before: list[dict] = []
        self.marks: dict[int, float] = {}
        self.validated: dict[int, nbformat.NotebookNode] = {}
        self.seen_by_student: list[str] = []
        self.drew: list[str] = []
        for position, cell in enumerate(cells):
            self.before.append(dict(self.namespace))
            if cell.cell_type == "code" and is_grade(cell):
                self._check(position, cell)
            elif cell.cell_type == "code":
                self.run(cell.source)
                self.seen_by_student.append(cell.source)
                if self._drew:
                    self.drew.append(cell.id)
        self.before.append(dict(self.namespace))

    def _check(self, position: int, cell: nbformat.NotebookNode) -> None:
        visible = visible_part(cell)
        self.validated[position] = self.executed(visible)
        self.seen_by_student.append(visible.source)
        self.marks[position] = self.judged(cell)

    def back_to(self, position: int) -> None:
        """Forget all that the cell at this position and those after it have defined.

        The position behind the last cell brings back the end of the run.
        """
        self._set(self.before[position])

    def _set(self, names: dict) -> None:
        # The same dictionary, because the functions that cells have defined look names up in it.
        self.namespace.clear()
        self.namespace.update(names)

    def run(self, source: str) -> object:
        """Run a cell, and return what a notebook would show as its result."""
        tree = ast.parse(source)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)
        with (
            contextlib.chdir(self.folder),
            warnings.catch_warnings(action="ignore"),
            self._figures_closed(),
        ):
            exec(compile(tree, "<cell>", "exec"), self.namespace)
            return last and eval(compile(last, "<cell>", "eval"), self.namespace)

    @contextlib.contextmanager
    def _figures_closed(self) -> Iterator[None]:
        """Close what a cell draws, as a notebook does after showing it."""
        try:
            yield
        finally:
            self._drew = bool(plt.get_fignums())
            plt.close("all")

    def untrue(self, claims: dict[str, str]) -> list[str]:
        """The claims, words by code, that are false after the last cell."""
        self.back_to(len(self.before) - 1)
        return [words for words, code in claims.items() if not self.run(code.strip())]

    def mark(self, cell: nbformat.NotebookNode) -> float:
        """The points that nbgrader gives for a check cell in this state."""
        return determine_grade(self.executed(cell))[0]

    def judged(self, cell: nbformat.NotebookNode) -> float:
        """The points that a check gives when it is judged outside, for the names of this state."""
        here, there = socket.socketpair()
        serving = Serving(Connection(there), self.namespace)
        thread = threading.Thread(target=serving.until_the_end, daemon=True)
        with here, there, contextlib.chdir(self.folder):
            thread.start()
            caller = Caller(Connection(here))
            name = cell.metadata.nbgrader.grade_id
            verdict = self.judge.verdict(name, cell.source, caller, self.folder)
            caller.end()
            thread.join()
        cell = nbformat.from_dict(cell)
        cell.outputs = []
        if not verdict.passed:
            return 0
        if verdict.result is not None:
            cell.outputs = [new_output("execute_result", {"text/plain": repr(verdict.result)})]
        return determine_grade(cell)[0]

    def executed(self, cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """The cell with the outputs that nbgrader reads: result or error."""
        cell = nbformat.from_dict(cell)
        cell.outputs = []
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # a warning costs nothing
                result = self.run(cell.source)
            if result is not None:
                cell.outputs.append(new_output("execute_result", {"text/plain": repr(result)}))
        except Exception as error:
            cell.outputs.append(new_output("error", ename=type(error).__name__, evalue=str(error)))
        return cell

    def marks_for(
        self,
        lesson: Lesson,
        exercise: Exercise,
        answer: str,
        *,
        parts: Sequence[str] = ("whole", "visible", "hidden"),
    ) -> dict[str, float]:
        """The points of an exercise with another answer in place of the solution.

        Parameters
        ----------
        answer : str
            The cell that a student would hand in.
        parts : sequence of {"whole", "visible", "hidden"}
            ``"whole"`` is what counts, ``"visible"`` what the student's own check says, and
            ``"hidden"`` what the hidden tests say, whatever the visible ones did.

        Returns
        -------
        dict
            The points by part.
        """
        self.back_to(exercise.answer)
        between = lesson.cells[exercise.answer + 1 : exercise.check]
        for source in [answer, *(cell.source for cell in between if cell.cell_type == "code")]:
            with contextlib.suppress(Exception):
                self.run(source)
        check = nbformat.from_dict(lesson.cells[exercise.check])
        visible = visible_part(check)
        marks = {"visible": self.mark(visible)}  # a kernel runs it before the judge comes
        if "whole" in parts:
            marks["whole"] = self.judged(check)
        if "hidden" in parts:
            hidden = "\n".join(HIDDEN.findall(check.source))
            check.source = f"{_each_statement(visible.source)}\n{hidden}"
            marks["hidden"] = self.judged(check)
        return {part: marks[part] for part in parts}

    def answered_with(self, exercise: Exercise, value: str, *, first: str) -> str:
        """An answer cell that gives each name of the solution this value, after some code."""
        right, behind = self.before[exercise.answer : exercise.answer + 2]
        return "\n".join([first, *(f"{name} = {value}" for name in _changed(right, behind))])

    def checks_lost_after(self, lesson: Lesson, exercise: Exercise, answer: str) -> set[int]:
        """The checks, by position, that lose points when one exercise has another answer.

        Trainings between the checks are not repeated: what a check meets is the state of the
        solved lesson, with the names that the answer defines exchanged.
        """
        right, behind = self.before[exercise.answer : exercise.answer + 2]
        self.back_to(exercise.answer)
        with contextlib.suppress(Exception):
            self.run(answer)
        given = {name: self.namespace[name] for name in _changed(right, self.namespace)}
        exchanged, lost = _changed(right, behind) | given.keys(), set()
        for position in (each.check for each in lesson.exercises):
            if position < exercise.check:
                continue
            self.back_to(position)
            for name in exchanged:
                if self.namespace.get(name) is behind.get(name):  # no later cell has its own
                    self.namespace.pop(name, None)
                    self.namespace.update({name: given[name]} if name in given else {})
            check = lesson.cells[position]
            if self.judged(check) < check.metadata.nbgrader.points:
                lost.add(position)
        return lost


class _Snapshots(Solved):
    """The solved lesson as a session has run it."""

    def __init__(self, notebook: nbformat.NotebookNode, session: Session) -> None:
        super().__init__(notebook)
        self.session = session

    def names_before(self, check: str) -> dict:
        return dict(self.session.before[self._checks[check]])


def _each_statement(source: str) -> str:
    """What can be run of a check: a failing statement does not keep the next one from running."""
    parts = [ast.unparse(statement) for statement in ast.parse(source).body]
    lines = [f"with _suppress(Exception):\n{textwrap.indent(part, '    ')}" for part in parts]
    return "\n".join(["from contextlib import suppress as _suppress", *lines])


def _changed(before: dict, after: dict) -> set[str]:
    """The names that a cell has defined, or given another value."""
    return {name for name, value in after.items() if before.get(name, before) is not value}
