"""Submissions graded in containers of their own come back, and bring no more than that."""

import importlib.util
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from toy_course import AUTOMATIC, LESSON, ROOT, lesson, new_course, quiet_machine

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

spec = importlib.util.spec_from_file_location("one_by_one", ROOT / "deploy/sandbox/one_by_one.py")
one_by_one = importlib.util.module_from_spec(spec)
spec.loader.exec_module(one_by_one)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A course whose submissions were graded one by one; two of them cheated, one failed."""
    folder = tmp_path_factory.mktemp("one_by_one")
    patch = quiet_machine()
    course = new_course(folder / "course")
    course.release(lesson())
    for student in ("anna", "ben", "eve", "zoe"):
        nbformat.write(course.solved(), course.home(student) / f"{LESSON}.ipynb")
        course.submit(student)
    course.collect(update=False)
    shutil.copy(ROOT / "nbgrader_config.py", course.folder)
    jobs = one_by_one.prepare(course.folder, LESSON, folder / "jobs")
    for job in jobs[:3]:  # what the container does, without its walls
        new_course(job).autograde()
    with closing(sqlite3.connect(jobs[1] / "gradebook.db")) as gradebook:
        gradebook.execute("update grade set auto_score = 50")
        gradebook.commit()
    executed = jobs[2] / "autograded" / "eve" / LESSON / f"{LESSON}.ipynb"
    executed.unlink()
    executed.symlink_to("/etc/passwd")
    failed = one_by_one.take(course.folder, LESSON, folder / "jobs")
    yield folder, course, failed
    patch.undo()


def test_marks_and_notebook_come_back(folder):
    _, course, _ = folder
    scores = course.scores("anna")
    assert {name: scores[name] for name in AUTOMATIC} == AUTOMATIC
    assert course.executed("anna").cells
    row = course.table()["anna"]
    assert float(row["score"]) == sum(AUTOMATIC.values())
    assert "unsandboxed" in row["note"]


def test_no_cell_gets_more_than_it_is_worth(folder):
    _, course, _ = folder
    scores = course.scores("ben")
    assert {name: scores[name] for name in AUTOMATIC} == AUTOMATIC


def test_a_link_in_place_of_the_notebook_and_a_missing_result_leave_the_mark_blank(folder):
    _, course, failed = folder
    assert failed == ["eve", "zoe"]
    table = course.table()
    assert table["eve"]["score"] == table["zoe"]["score"] == ""
    assert not Path(course.folder, "autograded", "eve").exists()


def test_a_container_sees_no_other_student(folder):
    root, course, _ = folder
    content = (root / "jobs" / "zoe" / "gradebook.db").read_bytes()
    assert b"twice-check" in content  # it knows the lesson
    one_by_one.prepare(course.folder, LESSON, root / "again")
    with closing(sqlite3.connect(root / "again" / "zoe" / "gradebook.db")) as gradebook:
        assert gradebook.execute("select count(*) from student").fetchone() == (0,)
    again = (root / "again" / "zoe" / "gradebook.db").read_bytes()
    assert b"anna" in (course.folder / "gradebook.db").read_bytes()
    assert b"anna" not in again
    assert [path.name for path in (root / "again" / "zoe" / "submitted").iterdir()] == ["zoe"]
