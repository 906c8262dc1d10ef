"""The steps of the lesson: lab, fetch, hand in, collect, grade, mark, regrade, feedback."""

from __future__ import annotations

import json
import re
from datetime import datetime

from browser import GRADER, TermError
from lesson import BY_HAND, CORRECTED, FULL, HIDDEN, LESSON, SLIP_COSTS, WRONG, Role, fill_in, mend
from people import Student, Term

_NOTEBOOK = f"{LESSON}/{LESSON}.ipynb"


def log_in(term: Term) -> None:
    term.each(term.students, lambda student: student.browser.log_in())
    term.prof.log_in()
    term.prof.page(f"{GRADER}/formgrader")


def start_labs(term: Term) -> None:
    term.each(term.students, lambda one: one.browser.start_lab(), at_once=term.labs_at_once)


def fetch(term: Term) -> None:
    """Fetch the lesson with nbgrader's server extension, as the assignment list does."""

    def one(student: Student) -> None:
        rows = student.browser.exchange("fetch", LESSON)
        if [row["status"] for row in rows] != ["fetched"]:
            raise TermError(f"{student.name} fetched {LESSON} and the list says {rows}.")

    term.each(term.students, one)


def hand_in_on_time(term: Term) -> None:
    term.each((each for each in term.students if not each.role.is_late), _hand_in)


def hand_in_late(term: Term) -> None:
    term.each((each for each in term.students if each.role.is_late), _hand_in)


def _hand_in(student: Student) -> None:
    """Hand in as often as the role says; only the last time is it what is to be graded."""
    for role in [WRONG] * (student.role.times - 1) + [student.role]:
        _write(student, role)
        rows = student.browser.exchange("submit", LESSON)
    handed_in = [
        each for row in rows if row["status"] == "submitted" for each in row["submissions"]
    ]
    if len(handed_in) != student.role.times:
        raise TermError(
            f"{student.name} handed in {student.role.times} times; the list shows {len(handed_in)}."
        )


def _write(student: Student, role: Role) -> None:
    notebook = student.browser.read(_NOTEBOOK)
    fill_in(notebook, role)
    student.browser.write_notebook(_NOTEBOOK, notebook)


def set_due_date(term: Term, due: datetime) -> None:
    """Set the due date in the formgrader."""
    body = {"duedate_notimezone": f"{due:%Y-%m-%dT%H:%M:%S}", "duedate_timezone": "+0000"}
    term.prof.ask("PUT", GRADER, f"formgrader/api/assignment/{LESSON}", json=body)


def collect(term: Term) -> None:
    term.demo.run(term.demo.course, "nbgrader", "collect", LESSON)
    collected = {path.parent.name for path in term.demo.course.path.glob(f"submitted/*/{LESSON}")}
    missing = {student.name for student in term.students} - collected
    term.require(not missing, f"nbgrader collect left out {sorted(missing)}.")


def grade(term: Term) -> None:
    _grade(term)
    for student in term.students:
        lost = SLIP_COSTS if student.role is CORRECTED else 0.0
        _require_points(term, student, student.role.automatic - lost)


def mark(term: Term) -> None:
    """Mark every written answer in the formgrader."""
    place = f"formgrader/api/submitted_notebooks/{LESSON}/{LESSON}"
    rows = {row["student"]: row["id"] for row in term.prof.ask("GET", GRADER, place)}

    def one(student: Student) -> None:
        place = f"formgrader/api/grades?submission_id={rows[student.name]}"
        grades = term.prof.ask("GET", GRADER, place)
        (written,) = [each for each in grades if each["name"] == "why"]
        if written["needs_manual_grade"] != bool(student.role.by_hand):
            raise TermError(f"The formgrader is wrong about what {student.name} wrote: {written}.")
        if written["needs_manual_grade"]:
            place = f"formgrader/api/grade/{written['id']}"
            term.prof.ask("PUT", GRADER, place, json=written | {"manual_score": BY_HAND})

    term.each(term.students, one, at_once=2)


def regrade(term: Term) -> None:
    """Mend a slip in what one student handed in, and grade that student alone."""
    for student in (each for each in term.students if each.role is CORRECTED):
        path = term.demo.course.path / "submitted" / student.name / _NOTEBOOK
        mended = mend(path.read_text(encoding="utf-8"))
        json.loads(mended)
        path.write_text(mended, encoding="utf-8")
        _grade(term, student.name)
        _require_points(term, student, CORRECTED.points)


def give_back(term: Term) -> None:
    """Release the feedback, and let everyone fetch it and find the own points in it."""
    for step in (("generate_feedback", LESSON, "--force"), ("release_feedback", LESSON)):
        term.demo.run(term.demo.course, "nbgrader", *step)
    term.each(term.students, _read_feedback, at_once=3)


def _read_feedback(student: Student) -> None:
    rows = student.browser.exchange("fetch_feedback", LESSON)
    handed_in = [each for row in rows for each in row.get("submissions", ())]
    folders = [each["local_feedback_path"] for each in handed_in if each["has_local_feedback"]]
    pages = [
        student.browser.read(file["path"])
        for folder in folders
        for file in student.browser.read(folder)
        if file["path"].endswith(".html")
    ]
    if len(pages) != 1:
        raise TermError(f"{student.name} has {len(pages)} pages of feedback, not one.")
    points = re.search(r"Score: ([\d.]+) / ([\d.]+)", pages[0])
    expected = (student.role.points, FULL)
    if points is None or (float(points[1]), float(points[2])) != expected:
        raise TermError(f"The feedback of {student.name} says {points and points[0]}: {expected}.")
    if HIDDEN in pages[0]:
        raise TermError(f"The feedback of {student.name} shows a hidden test.")


def _grade(term: Term, *students: str) -> None:
    """Grade in the sandbox, on the course's account."""
    command = ("course_utils.grading", "grade", LESSON, *students, "--workers", "2")
    term.demo.run(term.demo.course, *command)


def _require_points(term: Term, student: Student, expected: float) -> None:
    """Compare with the last line of the grading's journal about a student."""
    journal = term.demo.course.path / "grading" / f"{LESSON}.jsonl"
    entries = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    points = [entry["points"] for entry in entries if entry["student"] == student.name]
    if not points or points[-1] != expected:
        term.faults.append(f"{student.name} was graded with {points[-1:]}, not {expected}.")
