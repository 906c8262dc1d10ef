"""A lesson, taken apart and run: what the tests need to hold every notebook honest.

A lesson is ``notebooks/NN_topic/NN_topic.ipynb`` with ``wrong_answers.toml`` beside it::

    [claims]                             # a row of the cell tagged "results" -> range of its number
    "improved" = [0.9, 1.0]

    [prose]                              # words of the text -> true after the last cell
    "top jets are heavier" = "mass[is_top].mean() > mass[~is_top].mean()"

    [jet-mass]                           # the cell that a student fills in
    "forgets pz" = '''
    def jet_mass(jets):
        ...
    '''

    [right.jet-mass]                     # unusual, but right: keeps every point
    "in single precision" = '''
    def jet_mass(jets):
        ...
    '''

Cells are run in this process, in one namespace that can be put back to the state before any cell.
So dozens of answers cost seconds, where a kernel for each would cost minutes.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import socket
import textwrap
import threading
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
from nbformat.v4 import new_notebook, new_output
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from nbgrader.utils import determine_grade, is_grade, is_solution

from course_utils.grading.judging.frames import Connection
from course_utils.grading.judging.judge import Judge
from course_utils.grading.judging.kernel_side import Serving
from course_utils.grading.judging.reference import Solved
from course_utils.grading.judging.theirs import Caller

ROOT = Path(__file__).resolve().parents[2]
# What continuous integration sets; every lesson has to know these names.
SMALL_RUN = {"N_JETS": 1200, "N_EPOCHS": 3, "SEED": 7}
SECTION = re.compile(r"^## .+", re.M)
HEADING = re.compile(r"^### Exercise (\d+\.\d+): .+ \(([\d.]+) points?, (\d+) min\)$", re.M)
FOLDED = re.compile(r"<details>.*?</details>", re.S)
WORDS_PER_MINUTE = 130  # of someone who looks up at the figure, and reads formulas
PICTURE = re.compile(
    r"<details><summary>Yours should look like this</summary>\n\n"
    r"!\[\]\(figures/([a-z0-9-]+)\.png\)\n</details>"
)
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)^### END HIDDEN TESTS$", re.M | re.S)
SOLUTION = re.compile(r"^ *### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION", re.M | re.S)
NO_ANSWERS = ("claims", "prose", "right")  # not wrong answers


@dataclass(frozen=True)
class Exercise:
    """An autograded exercise: the cell that a student fills in and the cell that checks it."""

    answer: int  # positions in the notebook
    check: int


@dataclass(frozen=True)
class Lesson:
    """One notebook and what lies beside it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @property
    def cells(self) -> list[nbformat.NotebookNode]:
        return self.notebook.cells

    @property
    def markdown(self) -> list[str]:
        return [cell.source for cell in self.cells if cell.cell_type == "markdown"]

    @property
    def graded(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.cells if is_grade(cell)]

    @property
    def points(self) -> float:
        return sum(cell.metadata.nbgrader.points for cell in self.graded)

    @property
    def is_core(self) -> list[bool]:
        """Whether each cell is on the core path: all but the sections for a second sitting."""
        core, answer = True, []
        for cell in self.cells:
            if cell.cell_type == "markdown" and (headings := SECTION.findall(cell.source)):
                core = "(second sitting" not in headings[-1]
            answer.append(core)
        return answer

    def _text(self, core: bool) -> list[nbformat.NotebookNode]:
        return [cell for cell, on_path in zip(self.cells, self.is_core, strict=True)
                if cell.cell_type == "markdown" and on_path == core]  # fmt: skip

    def minutes(self, *, core: bool) -> int:
        """The minutes that the exercises of the core path take, or those of the other sections."""
        text = "\n".join(cell.source for cell in self._text(core))
        return sum(int(minutes) for _, _, minutes in HEADING.findall(text))

    def reading_minutes(self, *, core: bool) -> float:
        """The minutes to read what is neither folded nor an exercise, which has its own minutes."""
        text = [cell.source for cell in self._text(core)
                if not is_solution(cell) and not HEADING.search(cell.source)]  # fmt: skip
        return len(FOLDED.sub("", "\n".join(text)).split()) / WORDS_PER_MINUTE

    @property
    def pictures(self) -> dict[str, int]:
        """The code cells whose figure has a small picture, and where its link stands."""
        return {name: position for position, cell in enumerate(self.cells)
                for name in PICTURE.findall(cell.source)}  # fmt: skip

    @property
    def words(self) -> dict[str, str]:
        """The words that are new in this lesson, and the line that explains each."""
        lists = re.findall(r"<summary>Words that are new here</summary>(.*?)</details>",
                           "\n".join(self.markdown), re.S)  # fmt: skip
        lines = [line for text in lists for line in text.splitlines() if line]
        names = {line: re.match(r"- \*\*(.+?)\*\*: ", line) for line in lines}
        return {word: line for line, found in names.items() for word in found[1].split(", ")}

    @cached_property
    def exercises(self) -> list[Exercise]:
        """Every check with the answer cell that comes last before it."""
        answers, found = [], []
        for position, cell in enumerate(self.cells):
            if cell.cell_type == "code" and is_solution(cell):
                answers.append(position)
            elif cell.cell_type == "code" and is_grade(cell):
                found.append(Exercise(answers[-1], position))
        return found

    @cached_property
    def released(self) -> list[nbformat.NotebookNode]:
        """The cells as a student gets them, by nbgrader's own two steps."""
        notebook = nbformat.from_dict(self.notebook)
        for step in (ClearSolutions(), ClearHiddenTests()):
            notebook, _ = step.preprocess(notebook, {})
        return notebook.cells

    @cached_property
    def secrets(self) -> set[str]:
        """Every line of a solution, a model answer, a mark scheme or a hidden test.

        Short lines and lines that a student reads elsewhere give nothing away.
        """
        source = "\n".join(cell.source for cell in self.cells)
        regions = SOLUTION.findall(source) + HIDDEN.findall(source)
        shown = "\n".join(cell.source for cell in self.released)
        lines = {line.strip() for region in regions for line in region.splitlines()}
        return {line for line in lines if len(line) > 15 and line not in shown}

    @cached_property
    def beside(self) -> dict[str, dict]:
        return tomllib.loads((self.path.parent / "wrong_answers.toml").read_text())

    @property
    def claims(self) -> dict[str, tuple[float, float]]:
        return self.beside["claims"]

    @property
    def prose(self) -> dict[str, str]:
        """What the text says of the jets, and the code that is true if it is right."""
        return self.beside.get("prose", {})

    @property
    def wrong_answers(self) -> dict[str, dict[str, str]]:
        return {name: table for name, table in self.beside.items() if name not in NO_ANSWERS}

    @property
    def right_answers(self) -> dict[str, dict[str, str]]:
        """Unusual right answers by the cell that they stand in; empty if the lesson lists none."""
        return self.beside.get("right", {})


LESSONS = [Lesson(path) for path in sorted(ROOT.glob("notebooks/*/*.ipynb"))]


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


def visible_part(check: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A check cell without its hidden tests, as a student has it."""
    cell = nbformat.from_dict(check)
    cell.source = HIDDEN.sub("", cell.source).rstrip("\n")
    return cell


def filled_in(lesson: Lesson, released: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A released notebook with every answer of the source, as a perfect student hands it in."""
    answers = {cell.id: cell.source for cell in lesson.cells if is_solution(cell)}
    notebook = nbformat.from_dict(released)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook
