"""The worked solution shows every answer with its output, and nothing of a hidden test."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from grading_class import run
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from toy_course import LESSON, ROOT, ToyCourse, cell, lesson, new_course, place, quiet_machine

from course_utils.grading.batch.worked import solution_page, without_secrets

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

LESSONS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)


def toy_lesson() -> nbformat.NotebookNode:
    """The toy lesson with a cell that shows a number, and a question with a mark scheme."""
    notebook = lesson()
    shows = new_code_cell("print(twice(1000) + 345)", id="shows")
    notebook.cells.insert(place(notebook, "thrice"), shows)
    why = cell(notebook, "why-answer")
    why.source = (
        "### BEGIN SOLUTION\n**Model answer.**\nBecause it is.\n\n**Mark scheme.**\n"
        "1 point for honesty.\n### END SOLUTION"
    )
    task = cell(notebook, "task")
    task.source += "\n=== BEGIN MARK SCHEME ===\n2 points for axes.\n=== END MARK SCHEME ==="
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    patch = quiet_machine()
    course = new_course(tmp_path_factory.mktemp("course"))
    course.release(toy_lesson())
    yield course
    patch.undo()


def text_of(page: str) -> str:
    """What a browser shows of a page."""
    body = page[page.index("<body") :]
    return html.unescape(re.sub(r"<[^>]*>", "", body))


def solution(course: ToyCourse, *options: str) -> str:
    done = run(course, "solution", LESSON, "--to", "page.html", *options)
    assert done.status == 0, done
    return (course.folder / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(course) -> str:
    return solution(course)


def test_answers_and_outputs_are_shown(page):
    text = text_of(page)
    assert "return 2 * x" in text
    assert "2345" in text
    assert "Because it is." in text
    assert "SOLUTION" not in text


def test_no_hidden_test_and_no_mark_scheme_is_shown(page):
    assert "SECRET" not in page
    text = text_of(page)
    assert "twice(1) == 2" in text
    for secret in ("twice(7)", "HIDDEN", "honesty", "axes", "MARK SCHEME", "Mark scheme"):
        assert secret not in text


def test_mark_schemes_are_shown_if_wanted(course):
    path = course.folder / "executed.ipynb"
    nbformat.write(run_copy(course), path)
    text = text_of(solution(course, "--mark-schemes", "--executed", str(path)))
    assert "honesty" in text
    assert "axes" in text
    assert "twice(7)" not in text


def run_copy(course: ToyCourse) -> nbformat.NotebookNode:
    """A copy with outputs as if it had been run, one of which shows a hidden line."""
    source = course.folder / "notebooks" / LESSON / f"{LESSON}.ipynb"
    notebook = nbformat.read(source, as_version=4)
    hidden = "assert twice(7) == 14, 'SECRET'"
    cell(notebook, "shows").outputs = [new_output("stream", text="2345\n")]
    cell(notebook, "setup").outputs = [new_output("stream", text=f"In[3]: {hidden!r}\n")]
    cell(notebook, "twice-check").outputs = [new_output("stream", text="14 of the hidden part")]
    return notebook


def test_outputs_of_a_copy_that_was_run_are_taken_unless_they_show_a_hidden_line(course):
    path = course.folder / "executed.ipynb"
    nbformat.write(run_copy(course), path)
    page = solution(course, "--executed", str(path))
    assert "2345" in text_of(page)
    assert "SECRET" not in page
    assert "of the hidden part" not in page


def test_a_copy_of_another_version_is_refused(course):
    notebook = run_copy(course)
    cell(notebook, "twice").source = "def twice(x):\n    return x + x"
    path = course.folder / "executed.ipynb"
    nbformat.write(notebook, path)
    done = run(course, "solution", LESSON, "--executed", str(path))
    assert done.status == 2
    assert "is not this version of the lesson: run the notebook again" in done.err


def test_a_lesson_that_fails_gives_no_page(course):
    source = course.folder / "notebooks" / LESSON / f"{LESSON}.ipynb"
    kept = source.read_bytes()
    notebook = toy_lesson()
    cell(notebook, "setup").source = "1 / 0"
    nbformat.write(notebook, source)
    done = run(course, "solution", LESSON, "--to", "failed.html")
    source.write_bytes(kept)
    assert done.status == 2
    assert "A cell of the lesson fails (ZeroDivisionError: division by zero)" in done.err
    assert not (course.folder / "failed.html").exists()


@pytest.mark.parametrize(("days", "status"), [(1, 2), (-1, 0)])
def test_before_the_due_date_the_instructor_must_insist(course, days, status):
    path = course.folder / "executed.ipynb"
    nbformat.write(run_copy(course), path)
    due = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=days)
    with Gradebook(course.api.coursedir.db_url, "jet-tagging") as gradebook:
        gradebook.find_assignment(LESSON).duedate = due
        gradebook.db.commit()
    done = run(course, "solution", LESSON, "--executed", str(path))
    assert done.status == status
    assert ("add --now" in done.err) == (status == 2)
    assert run(course, "solution", LESSON, "--executed", str(path), "--now").status == 0


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_line_of_a_hidden_test_is_in_the_solution_of_a_lesson(path: Path):
    notebook = nbformat.read(path, as_version=4)
    text = text_of(solution_page(without_secrets(notebook, mark_schemes=False)))
    sources = [each.source for each in notebook.cells]
    hidden = {line for source in sources for part in HIDDEN.findall(source) for line in lines(part)}
    visible = {line for source in sources for line in lines(HIDDEN.sub("", source))}
    assert hidden - visible
    assert not (hidden - visible) & lines(text)
    assert "Mark scheme" not in text
    assert "Model answer" in text


def lines(text: str) -> set[str]:
    """The lines that say something."""
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 15}
