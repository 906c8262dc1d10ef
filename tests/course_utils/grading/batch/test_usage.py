"""What cannot be done is refused at once, with one sentence that says what to do."""

import os
import re
import shlex
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
from grading_class import course_with, hand_in, run
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute
from toy_course import LESSON, ROOT, ToyCourse, new_course, quiet_machine

from course_utils.files import locked
from course_utils.grading.batch.arguments import main, parser
from course_utils.grading.batch.course import nbgrader_app

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    patch = quiet_machine()
    course = course_with(tmp_path_factory.mktemp("course"), {})
    yield course
    patch.undo()


def refused(course, *arguments: str) -> str:
    """The one line that the command prints."""
    done = run(course, *arguments)
    assert done.status == 2, done
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    return line


def test_a_folder_that_is_no_course(tmp_path):
    assert "repeat the command in the course folder" in refused(tmp_path, "grade", LESSON)


def test_settings_that_cannot_be_read(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.Autograde.x = missing\n")
    assert "nbgrader_config.py could not be read (NameError" in refused(tmp_path, "grade", LESSON)


def test_lessons_that_are_unknown_or_not_generated(course, tmp_path):
    assert "There is no lesson 'tox'. Perhaps you mean: toy" in refused(course, "grade", "tox")
    assert "There is no lesson '../toy'" in refused(course, "grade", "../toy")
    (course.folder / "notebooks" / "new").mkdir(exist_ok=True)
    assert "run nbgrader generate_assignment new" in refused(course, "grade", "new")
    empty = new_course(tmp_path / "empty")
    assert "There is no gradebook yet" in refused(empty, "grade", LESSON)
    assert not (empty.folder / "gradebook.db").exists()


def test_nobody_or_somebody_who_has_not_handed_in(course):
    assert f"Collect first: nbgrader collect {LESSON}" in refused(course, "grade", LESSON)
    hand_in(course, "anna", course.solved())
    line = refused(course, "grade", LESSON, "ana\x1b[2J")
    assert "There is no submission of 'ana?[2J' (submitted/STUDENT/toy)" in line
    assert "Perhaps you mean: anna" in line


def test_two_who_grade_one_lesson_at_once(course):
    hand_in(course, "anna", course.solved())
    folder = course.folder / "grading"
    folder.mkdir(exist_ok=True)
    with locked(folder / f"{LESSON}.jsonl", busy=pytest.fail):
        assert "is being graded by another process" in refused(course, "grade", LESSON)


def test_a_folder_that_cannot_be_written(course):
    hand_in(course, "anna", course.solved())
    setting = "--CourseDirectory.autograded_directory=gradebook.db"  # a file
    assert "The course folder cannot be written" in refused(course, "grade", LESSON, setting)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", LESSON, "--workers", "0"], "expected a whole number of at least 1; got 0"),
        (["grade", LESSON, "--limit", "0"], "expected a number above 0; got 0"),
        (["grade", LESSON, "--limt=3"], "unknown: --limt=3"),
        (["export", "--for", "blackboard"], "invalid choice: 'blackboard'"),
    ],
)
def test_options_that_are_wrong(arguments, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert words in capsys.readouterr().err


def test_the_commands_of_the_instructors_page_can_be_typed():
    page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    typed = re.findall(r"python -m course_utils\.grading ([^`\n#]+)", page)
    assert {line.split()[0] for line in typed} == {"grade", "solution", "export", "enter"}
    for line in typed:
        _, rest = parser().parse_known_args(shlex.split(line))
        assert all(re.fullmatch(r"--[A-Z]\w+\.\w+=.+", word) for word in rest), line


def test_settings_after_the_command_reach_nbgrader(course, monkeypatch):
    monkeypatch.chdir(course.folder)
    app = nbgrader_app(["--ExecutePreprocessor.timeout=7"])
    assert Execute(parent=app).timeout == 7
    assert app.config.CourseDirectory.course_id == "jet-tagging"


def test_a_writer_waits_longer_for_another_than_sqlite_does(course, monkeypatch):
    monkeypatch.chdir(course.folder)
    other = sqlite3.connect(course.folder / "gradebook.db", check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    release = threading.Timer(7, other.rollback)
    release.start()
    with Gradebook(nbgrader_app().coursedir.db_url, "jet-tagging") as gradebook:
        gradebook.update_or_create_student("new")
    assert time.monotonic() - began > 5  # so it did wait
    release.join()
    other.close()


def test_without_a_sandbox_nobody_is_graded(course, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said = refused(course, "grade", LESSON, "--RunCells.sandbox=bubblewrap")
    assert "ordinary account, not as root: nothing was graded" in said
    assert not (course.folder / "grading" / f"{LESSON}.jsonl").exists()
