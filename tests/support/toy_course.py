"""A course of one small lesson, from its release to the table of marks, through nbgrader itself.

The steps are those of ``docs/instructors.md`` with the settings of ``nbgrader_config.py``, in this
process because each command takes seconds to start.
"""

from __future__ import annotations

import csv
import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import nbgrader.api
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "nbgrader_config.py"
LESSON = "toy"
RUN = "result = last(ten) / ten"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# What each graded cell is worth; the answers in words are marked by a person.
POINTS = {"twice-check": 1, "thrice-check": 2, "why-answer": 3, "last-check": 4, "end-answer": 5}
AUTOMATIC = {name: points for name, points in POINTS.items() if name.endswith("-check")}


def graded(name: str, source: str, *, kind: str = "code", **roles: object) -> NotebookNode:
    """A cell of the lesson that nbgrader knows."""
    meta = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    new = new_code_cell if kind == "code" else new_markdown_cell
    return new(source, id=name, metadata={"nbgrader": meta | {"grade_id": name} | roles})


def text(name: str, source: str) -> NotebookNode:
    return new_markdown_cell(source, id=name)


def function(name: str, factor: int) -> list[NotebookNode]:
    """An exercise: a function to fill in, and its check with a hidden part."""
    answer = (
        f"def {name}(x):\n    ### BEGIN SOLUTION\n    return {factor} * x\n    ### END SOLUTION"
    )
    check = f"# Check: {name}.\nassert {name}(1) == {factor}\n### BEGIN HIDDEN TESTS\n"
    check += f"assert {name}(7) == {7 * factor}, 'SECRET'\n### END HIDDEN TESTS"
    return [
        text(f"about-{name}", f"### Exercise: {name}"),
        graded(name, answer, solution=True),
        graded(f"{name}-check", check, grade=True, locked=True, points=POINTS[f"{name}-check"]),
    ]


def question(name: str) -> list[NotebookNode]:
    answer = "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    roles = {"grade": True, "solution": True, "points": POINTS[f"{name}-answer"]}
    return [
        text(f"ask-{name}", f"### Question {name}"),
        graded(f"{name}-answer", answer, kind="markdown", **roles),
    ]


def lesson() -> NotebookNode:
    """Three functions, two questions, a task, and locked cells that the last function needs."""
    cells = [
        text("title", "# A toy lesson"),
        new_code_cell("import math", id="setup"),
        *function("twice", 2),
        *function("thrice", 3),
        *question("why"),
        graded("given", "ten = 10", locked=True),
        *function("last", 10),
        graded("frame", "### The end", kind="markdown", locked=True),
        *question("end"),
        graded("task", "### Draw it", kind="markdown", locked=True, task=True, points=6),
    ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    check = cell(notebook, "last-check")
    check.source = check.source.replace("last(1) == 10", "result == 10")
    notebook.cells.insert(place(notebook, "last-check"), graded("run", RUN, locked=True))
    return notebook


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(each for each in notebook.cells if each.id == name)


def place(notebook: NotebookNode, name: str) -> int:
    return [each.id for each in notebook.cells].index(name)


@dataclass
class ToyCourse:
    """A course folder with its exchange, and whether autograde has failed for anyone."""

    folder: Path
    api: NbGraderAPI
    failed: bool = False

    def release(self, notebook: NotebookNode) -> None:
        path = self.folder / "notebooks" / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        _done(self.api.generate_assignment(LESSON))
        _done(self.api.release_assignment(LESSON))

    def solved(self) -> NotebookNode:
        """The released notebook with every answer."""
        path = self.folder / "release" / LESSON / f"{LESSON}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for name, factor in {"twice": 2, "thrice": 3, "last": 10}.items():
            cell(notebook, name).source = f"def {name}(x):\n    return {factor} * x"
        for name in ("why", "end"):
            cell(notebook, f"{name}-answer").source = f"The student's words: {name}."
        return notebook

    def home(self, student: str) -> Path:
        folder = self.folder / "home" / student / LESSON
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def submit(self, student: str) -> None:
        """Hand in the student's folder, as JupyterLab does."""
        step = self._exchange("Submit", student)
        step.start()

    def fetch_feedback(self, student: str) -> list[Path]:
        self._exchange("FetchFeedback", student).start()
        return sorted((self.home(student) / "feedback").rglob("*.html"))

    def _exchange(self, name: str, student: str):
        course = CourseDirectory(parent=self.api)
        course.assignment_id, course.student_id = LESSON, student
        step = getattr(self.api.exchange, name)(
            coursedir=course, authenticator=self.api.authenticator, parent=self.api
        )
        step.assignment_dir = str(self.home(student).parent)
        step.cache = str(self.folder / "home" / student / "cache")
        return step

    def grade(self) -> None:
        """Collect, autograde, and make, release and tabulate what comes back."""
        self.collect(update=False)
        self.autograde()
        self.give_back()

    def collect(self, *, update: bool) -> None:
        _done(self.api.collect(LESSON, update=update))

    def autograde(self) -> None:
        course = self.api.coursedir
        course.assignment_id = LESSON
        try:
            Autograde(coursedir=course, parent=self.api).start()
        except NbGraderException:
            self.failed = True

    def give_back(self) -> None:
        _done(self.api.generate_feedback(LESSON))
        _done(self.api.release_feedback(LESSON))

    def table(self) -> dict[str, dict[str, str]]:
        """The rows of ``grades.csv`` by student."""
        path = self.folder / "grades.csv"
        export = self.api.config.ExportApp.plugin_class(parent=self.api)
        export.to = str(path)
        with Gradebook(self.api.coursedir.db_url, self.api.coursedir.course_id) as gradebook:
            export.export(gradebook)
        with path.open(encoding="utf-8", newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}

    def scores(self, student: str) -> dict[str, float | None]:
        """The automatic score of every graded cell."""
        with Gradebook(self.api.coursedir.db_url) as gradebook:
            handed_in = gradebook.find_submission_notebook(LESSON, LESSON, student)
            return {grade.name: grade.auto_score for grade in handed_in.grades}

    def executed(self, student: str) -> NotebookNode:
        path = self.folder / "autograded" / student / LESSON / f"{LESSON}.ipynb"
        return nbformat.read(path, as_version=4)

    def feedback(self, student: str) -> str:
        path = self.folder / "feedback" / student / LESSON / f"{LESSON}.html"
        return path.read_text(encoding="utf-8")


def _done(result: dict) -> None:
    assert result["success"], f"{result.get('log')}\n{result.get('error')}"


def new_course(
    folder: Path, *, cell_limit: int = 20, sandbox: dict[str, object] | None = None
) -> ToyCourse:
    """An empty course with the settings of this repository, and fewer seconds for each cell.

    Its notebooks are run without a sandbox, which root's account could not make, unless there are
    settings of one.
    """
    (folder / "exchange").mkdir(parents=True)
    config = PyFileConfigLoader(CONFIG, path=str(ROOT)).load_config()
    own = Config(
        CourseDirectory={"root": str(folder), "db_url": f"sqlite:///{folder / 'gradebook.db'}"},
        Exchange={"root": str(folder / "exchange")},
        ExecutePreprocessor={"timeout": cell_limit},
        RunCells={"sandbox": "none"} if sandbox is None else sandbox,
        ExchangeCollect={"check_owner": False},  # all of this class share one account
    )
    config.merge(own)
    _write_config(folder, own)
    return ToyCourse(folder, NbGraderAPI(config=config))


def _write_config(folder: Path, own: Config) -> None:
    """Write the same settings for commands that are run in the folder."""
    lines = [
        f"c.{name}.{trait} = {value!r}"
        for name, traits in own.items()
        for trait, value in traits.items()
    ]
    text = (ROOT / CONFIG).read_text(encoding="utf-8")
    (folder / CONFIG).write_text("\n".join([text, *lines, ""]), encoding="utf-8")


HandIn = Callable[[NotebookNode], object]


def graded_class(
    folder: Path,
    handed_in: dict[str, HandIn],
    *,
    before_collecting: Callable[[Path], None] = lambda folder: None,
    before_grading: Callable[[Path], None] = lambda folder: None,
    cell_limit: int = 20,
    sandbox: dict[str, object] | None = None,
) -> ToyCourse:
    """A course in which every student has changed the solved notebook in one way.

    A change works on the notebook in place, or returns the bytes to hand in.
    """
    course = new_course(folder, cell_limit=cell_limit, sandbox=sandbox)
    course.release(lesson())
    for student, change in handed_in.items():
        notebook = course.solved()
        content = change(notebook)
        path = course.home(student) / f"{LESSON}.ipynb"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(nbformat.writes(notebook), encoding="utf-8")
        course.submit(student)
    before_collecting(folder)
    course.collect(update=False)
    before_grading(folder)
    course.autograde()
    course.give_back()
    return course


# A process of its own says which version a new gradebook has; once is enough.
_gradebook_version = functools.cache(nbgrader.api.get_alembic_version)


def alembic_found(patch: pytest.MonkeyPatch) -> None:
    """nbgrader calls the alembic of this environment by its bare name."""
    patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    patch.setattr("nbgrader.api.get_alembic_version", _gradebook_version)


def quiet_machine() -> pytest.MonkeyPatch:
    """Find this environment's alembic, and nothing of the user's."""
    patch = pytest.MonkeyPatch()
    alembic_found(patch)
    patch.delenv("NBGRADER_EXECUTION", raising=False)
    patch.delenv("COURSE_EXCHANGE", raising=False)
    return patch
