"""A class with every kind of trouble, graded by two processes: each costs itself, nobody is 0."""

import csv
from collections.abc import Iterator

import pytest
from grading_class import (
    DETACH,
    Done,
    course_with,
    grading_processes,
    hand_in,
    is_graded,
    journal,
    left_behind,
    run,
    times_graded,
)
from nbgrader.api import Gradebook
from toy_course import AUTOMATIC, LESSON, ToyCourse, cell, quiet_machine

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

FULL = float(sum(AUTOMATIC.values()))
LIMIT = 0.6  # minutes; an honest submission takes a few seconds, on a busy machine 20
HANDED_IN = {
    "broken": b"{}",
    "fatal": "import os\nos.kill(os.getppid(), 9)",
    "hanging": DETACH.format(name="hanging") + "\nimport time\ntime.sleep(1000)",
    "killer": "import os\nos.kill(os.getpid(), 9)",
    "leaver": DETACH.format(name="leaver"),
    "right": "x = 1",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    patch = quiet_machine()
    course = course_with(tmp_path_factory.mktemp("course"), HANDED_IN)
    hand_in(course, "renamed", course.solved(), name=f"Copy of {LESSON} (1)")
    with Gradebook(course.api.coursedir.db_url, "jet-tagging") as gradebook:
        who = {"first_name": "=Ann", "last_name": "Doe", "email": "a@x.org", "lms_user_id": "7"}
        gradebook.update_or_create_student("right", **who)
    yield course
    patch.undo()


@pytest.fixture(scope="module")
def first(course) -> Done:
    return run(course, "grade", LESSON, "--workers", "2", "--limit", str(LIMIT))


def test_everyone_else_is_graded_and_the_exit_status_says_that_some_are_not(course, first):
    assert first.status == 1, first.err
    states = {entry["student"]: entry["state"] for entry in journal(course)}
    assert states == {
        "broken": "failed",
        "fatal": "died",
        "hanging": "time limit",
        "killer": "graded",
        "leaver": "graded",
        "renamed": "graded",
        "right": "graded",
    }
    assert set(times_graded(course).values()) == {1}
    for entry in journal(course):
        assert entry["points"] == (FULL if entry["state"] == "graded" else None)
        assert is_graded(course, entry["student"]) == (entry["state"] == "graded")


def test_a_hanging_notebook_costs_its_limit_only(course, first):
    (entry,) = [entry for entry in journal(course) if entry["student"] == "hanging"]
    assert entry["minutes"] >= LIMIT
    assert entry["reason"] == f"took longer than {LIMIT} minutes"


def test_nothing_that_a_student_started_outlives_the_grading(course, first):
    assert left_behind() == []
    assert grading_processes(course) == []


def rows(table: str) -> dict[str, str]:
    """What the printed table says of each student."""
    said: dict[str, list[str]] = {}
    student = ""
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        if len(cells) == 5:
            student = cells[0] or student  # a long row goes on in the next line
            said.setdefault(student, []).extend(filter(None, cells[1:]))
    return {student: " ".join(words) for student, words in said.items()}


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("right", f"graded {FULL:g} of 21"),
        ("right", "14 points are not marked yet"),
        ("broken", "Expected a notebook; the file is JSON without a list of cells."),
        ("fatal", "the grading process ended with SIGKILL"),
        ("hanging", f"took longer than {LIMIT} minutes"),
        ("killer", "ended the kernel; it counts as failed"),
    ],
)
def test_the_table_says_what_needs_attention(first, student, words):
    assert words in rows(first.out)[student]


def test_the_table_counts_and_says_how_to_go_on(first):
    assert "4 of 7 graded. Who was not has a blank mark in the export, not 0." in first.out
    assert "python -m course_utils.grading grade LESSON STUDENT" in first.out


def test_each_student_has_a_log(course, first):
    logs = {path.stem: path.read_text() for path in (course.folder / "grading").glob("*/*.log")}
    assert logs.keys() == {*HANDED_IN, "renamed"}
    assert "NotebookError" in logs["broken"]
    assert "Autograding" in logs["right"]


def exported(course: ToyCourse, platform: str) -> list[list[str]]:
    done = run(course, "export", "--for", platform, "--to", f"{platform}.csv")
    assert done.status == 0, done.err
    with (course.folder / f"{platform}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_moodle_finds_students_and_a_column_for_each_lesson(course, first):
    header, *rows = exported(course, "moodle")
    assert header == ["First name", "Last name", "Username", "ID number", "Email address", LESSON]
    assert rows[-1] == ["'=Ann", "Doe", "right", "7", "a@x.org", str(FULL)]  # no formula
    marks = {row[2]: row[-1] for row in rows}
    assert {name for name, mark in marks.items() if not mark} == {"broken", "fatal", "hanging"}
    assert "0.0" not in marks.values()


def test_canvas_finds_its_columns_and_the_points_possible(course, first):
    header, possible, *rows = exported(course, "canvas")
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", LESSON]
    assert possible == ["    Points Possible", "", "", "", "", "21.0"]
    assert rows[-1] == ["Doe, =Ann", "7", "", "right", "", str(FULL)]
    marks = {row[3]: row[-1] for row in rows}
    assert {name for name, mark in marks.items() if not mark} == {"broken", "fatal", "hanging"}


def test_the_table_of_marks_knows_why_a_mark_is_missing(course, first):
    table = course.table()
    assert "took longer than" in table["hanging"]["note"]
    assert "SIGKILL" in table["fatal"]["note"]
    assert {
        name: row["score"] for name, row in table.items() if row["note"].count("not graded")
    } == {
        "broken": "",
        "fatal": "",
        "hanging": "",
    }


def test_only_what_changed_or_failed_is_graded_again(course, first):
    changed = course.solved()
    cell(changed, "thrice").source = "def thrice(x):\n    return 4 * x"
    hand_in(course, "right", changed)
    hand_in(course, "fatal", course.solved())
    before = times_graded(course)
    again = run(course, "grade", LESSON, "--limit", str(LIMIT))
    more = {name: n - before[name] for name, n in times_graded(course).items()}
    assert {name for name, n in more.items() if n} == {"right", "broken", "fatal"}
    points = {entry["student"]: entry["points"] for entry in journal(course)}
    assert points["right"] == FULL - AUTOMATIC["thrice-check"]
    assert points["fatal"] == FULL
    assert again.status == 1
    assert "5 of 7 graded" in again.out
