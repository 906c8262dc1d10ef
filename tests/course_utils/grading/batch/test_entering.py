"""Marks from elsewhere come into the gradebook once, completely, and never over a lesson's."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from grading_class import course_with, run
from nbgrader.api import Gradebook
from toy_course import LESSON, ToyCourse, quiet_machine

from course_utils.grading.batch.course import Course, open_course
from course_utils.grading.batch.entering import enter_marks
from course_utils.grading.batch.errors import BatchError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings
COLUMNS = "assignment,duedate,timestamp,student_id,score,max_score"
ANNA = "Jets,,2026-04-01 12:00:00,anna,3.0,4.0"
BEN = "Jets,,,ben,1.0,4.0"


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    patch = quiet_machine()
    course = course_with(tmp_path_factory.mktemp("course"), {})
    with Gradebook(course.api.coursedir.db_url) as gradebook:
        for name in ("anna", "ben"):
            gradebook.add_student(name)
    yield course
    patch.undo()


@pytest.fixture(scope="module")
def opened(course) -> Course:
    with chdir(course.folder):
        return open_course()


def table(course: ToyCourse, *lines: str) -> Path:
    path = course.folder / "marks.csv"
    path.write_text("\n".join([COLUMNS, *lines]) + "\n", encoding="utf-8")
    return path


def entered(course: ToyCourse) -> list[tuple[str, str, float]]:
    """Every mark in the gradebook: of which assignment, whose, and how much."""
    with Gradebook(course.api.coursedir.db_url) as gradebook:
        return sorted(
            (lesson.name, each.student_id, each.score)
            for lesson in gradebook.assignments
            for each in lesson.submissions
        )


def exported(course: ToyCourse) -> dict[str, dict[str, str]]:
    """The rows of the challenge's marks by student."""
    done = run(course, "export", "--to", "out.csv")
    assert done.status == 0, done
    with Path(course.folder / "out.csv").open(newline="") as file:
        return {
            row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] != LESSON
        }


def test_marks_that_are_entered_are_exported_and_a_corrected_table_replaces_them(course):
    done = run(course, "enter", str(table(course, ANNA, BEN)))
    assert (done.status, done.out) == (0, "2 marks of Jets are in the gradebook.\n")
    rows = exported(course)
    assert {name: float(row["score"]) for name, row in rows.items()} == {"anna": 3, "ben": 1}
    assert {float(row["max_score"]) for row in rows.values()} == {4}
    assert rows["anna"]["timestamp"] == "2026-04-01 12:00:00"
    assert {row["note"] for row in rows.values()} == {""}
    # A blank is no mark, so the one that was there stays.
    run(course, "enter", str(table(course, ANNA.replace("3.0", "2.5"), BEN.replace("1.0", ""))))
    assert entered(course) == [("Jets", "anna", 2.5), ("Jets", "ben", 1.0)]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([ANNA, BEN.replace("1.0", "4.5")], "line 3: expected a score from 0 to 4; got 4.5."),
        ([ANNA, BEN.replace("1.0", "nan")], "line 3: expected a score from 0 to 4; got nan."),
        ([ANNA, BEN.replace("1.0", "one")], "line 3: could not convert string to float: 'one'."),
        ([ANNA, ANNA], "line 3: anna stands there twice: keep one line."),
        ([ANNA, BEN.replace("4.0", "5.0")], "line 3: expected max_score 4, as above."),
        ([BEN, ANNA.replace("anna", "ana")], "db student add ana. Perhaps you mean: anna"),
        ([BEN, ANNA.replace("Jets", LESSON)], f"{LESSON} is a lesson of this course"),
        ([], "lacks the column assignment"),
        ([ANNA.replace("3.0", "")], "has no mark"),
    ],
)
def test_a_table_with_one_fault_changes_nothing(course, opened, lines, sentence):
    before = entered(course)
    path = table(course, *[line.replace("3.0", "0.5") for line in lines])
    with pytest.raises(BatchError, match=re.escape(sentence)):
        enter_marks(opened, path)
    assert entered(course) == before


def test_a_file_that_is_no_table_is_refused_with_a_sentence(course, opened):
    done = run(course, "enter", "nowhere.csv")
    assert (done.status, done.err) == (
        2,
        "error: nowhere.csv cannot be read (No such file or directory).\n",
    )
    latin = course.folder / "latin.csv"
    latin.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BatchError, match="is no CSV file in UTF-8"):
        enter_marks(opened, latin)
