"""The table of marks and what comes back: nobody is nought or forgotten because a step failed."""

import shutil
from collections.abc import Iterator

import nbformat
import pytest
from nbgrader.api import Gradebook
from toy_course import AUTOMATIC, LESSON, ToyCourse, lesson, new_course, quiet_machine

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

FULL = sum(AUTOMATIC.values())


def by_hand(course: ToyCourse, student: str, content: bytes) -> None:
    """Put a submission into the folder, as an instructor does with one that came by mail."""
    path = course.folder / "submitted" / student / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    patch = quiet_machine()
    course = new_course(tmp_path_factory.mktemp("course"))
    course.release(lesson())
    solved = nbformat.writes(course.solved()).encode()
    by_hand(course, "by-mail", solved)
    by_hand(course, "broken", b"{}")
    by_hand(course, "nested", solved)
    folder = course.folder / "submitted" / "nested" / LESSON
    (folder / LESSON).mkdir()
    (folder / f"{LESSON}.ipynb").rename(folder / LESSON / f"{LESSON}.ipynb")
    for student in ("anna", "zoe"):
        (course.home(student) / f"{LESSON}.ipynb").write_bytes(solved)
        course.submit(student)
    course.grade()
    by_hand(course, "too-late", solved)
    yield course
    patch.undo()


def test_a_submission_put_in_by_hand_keeps_no_one_from_the_feedback(course):
    assert course.scores("by-mail") == course.scores("zoe")
    assert course.feedback("by-mail")
    for student in ("anna", "zoe"):
        (page,) = course.fetch_feedback(student)
        assert page.read_text() == course.feedback(student)


def test_marks_that_do_not_exist_are_blank_and_named(course):
    table = course.table()
    assert {s: row["score"] for s, row in table.items() if row["score"]} == dict.fromkeys(
        ("anna", "by-mail", "zoe"), str(float(FULL))
    )
    assert "not graded: Expected a notebook" in table["broken"]["note"]
    assert "autograde failed or did not run" in table["too-late"]["note"]
    assert f"expected {LESSON}.ipynb, got `{LESSON}/{LESSON}.ipynb`" in table["nested"]["note"]
    for name in ("broken", "too-late", "nested"):
        row = table[name]
        assert row["raw_score"] == row["late_submission_penalty"] == row["score"] == ""


def test_what_a_person_has_to_mark_is_told_until_it_is_marked(course, caplog):
    assert course.table()["anna"]["note"] == (
        f"{LESSON}: unsandboxed; {LESSON}: 14 points are not marked yet"
    )
    assert "3 marks will rise: mark the written answers" in caplog.text
    with Gradebook(course.api.coursedir.db_url) as gradebook:
        for name in ("why-answer", "end-answer", "task"):
            grade = gradebook.find_grade(name, LESSON, LESSON, "anna")
            grade.manual_score, grade.needs_manual_grade = 1, False
        gradebook.db.commit()
    row = course.table()["anna"]
    assert (row["note"], float(row["score"])) == (f"{LESSON}: unsandboxed", FULL + 3)


def test_a_student_who_handed_in_nothing_is_blank(course):
    with Gradebook(course.api.coursedir.db_url) as gradebook:
        gradebook.update_or_create_student("absent", last_name="Doe, Jr.", first_name="=1+1")
    row = course.table()["absent"]
    assert (row["score"], row["note"]) == ("", "nothing was collected")
    assert (row["last_name"], row["first_name"]) == ("Doe, Jr.", "'=1+1")  # no formula


def test_the_marks_of_an_older_version_are_not_those_of_one_that_failed(course):
    shutil.rmtree(course.folder / "autograded" / "zoe")
    row = course.table()["zoe"]
    assert row["score"] == ""
    assert "autograde failed or did not run" in row["note"]


def test_a_newer_version_that_was_only_collected_is_named(course):
    for step, time in {"submitted": "2031-01-02 00:00:00 UTC", "autograded": "2030-01-01"}.items():
        path = course.folder / step / "anna" / LESSON / "timestamp.txt"
        path.chmod(0o644)
        path.write_text(time)
    row = course.table()["anna"]
    assert row["score"]
    assert row["note"].endswith(
        "a newer version was collected and is not graded: run nbgrader autograde"
    )


def test_what_was_put_in_by_hand_is_not_replaced_by_an_older_one(course):
    """And a folder of the exchange that is no submission keeps nobody's from being collected."""
    own = course.folder / "submitted" / "too-late" / LESSON / f"{LESSON}.ipynb"
    corrected = own.read_bytes() + b"\n"
    own.write_bytes(corrected)
    (course.home("too-late") / f"{LESSON}.ipynb").write_bytes(b"{}")
    course.submit("too-late")
    (course.home("new") / f"{LESSON}.ipynb").write_bytes(corrected)
    course.submit("new")
    (course.folder / "exchange" / "jet-tagging" / "inbound" / f"x+{LESSON}+yesterday").mkdir()
    course.collect(update=True)
    assert own.read_bytes() == corrected
    assert (course.folder / "submitted" / "new" / LESSON / f"{LESSON}.ipynb").is_file()


def test_a_submission_that_arrived_later_than_it_claims_is_named(course):
    folder = course.folder / "submitted" / "anna" / LESSON
    (folder / "timestamp.txt").write_text("2031-01-02 00:00:00 UTC")
    (folder / "arrived.txt").write_text("2031-01-02 00:09:00 UTC\n")
    assert "arrived" not in course.table()["anna"]["note"]
    (folder / "arrived.txt").write_text("2031-01-03 00:00:00 UTC\n")
    note = course.table()["anna"]["note"]
    assert "claims the time 2031-01-02 00:00 UTC and arrived at 2031-01-03 00:00" in note
