"""Check the books: every point is what it must be, and nothing was lost, doubled or changed."""

from __future__ import annotations

import csv
from collections import Counter

from browser import COURSE
from lesson import FULL, LESSON
from people import Student, Term
from scores import is_excellent

_BASELINES = 3  # jet mass, tau32, boosted trees


def check_books(term: Term) -> None:
    """Note everything that is wrong after the term."""
    _check_gradebook(term)
    _check_exchange(term)
    _check_challenge(term)
    term.require(
        term.traffic.errors == 0,
        f"{term.traffic.lost} requests got no answer, and the others got {term.traffic.statuses}.",
    )


def _check_gradebook(term: Term) -> None:
    """Compare the exported marks of the lesson and of the challenge with what they must be."""
    path = term.demo.course.path / "grades.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    teams = [student.team for student in term.firsts]
    found = {
        (row["student_id"], row["assignment"] == LESSON): (row["score"], row["max_score"])
        for row in rows
    }
    expected = {}
    for student in term.students:
        marks = 1 + _BASELINES * is_excellent(student.team, teams)
        expected[student.name, True] = (student.role.points, FULL)
        expected[student.name, False] = (marks, 1 + _BASELINES)
    numbers = {key: tuple(float(each or "nan") for each in row) for key, row in found.items()}
    for key in expected.keys() | numbers.keys():
        what = "the lesson" if key[1] else "the challenge"
        wanted, came = expected.get(key), numbers.get(key)
        term.require(came == wanted, f"{key[0]} has {came} for {what}, not {wanted}.")
    term.require(len(rows) == len(found), "The gradebook's export has a student twice.")
    _check_notes(term, [row for row in rows if row["assignment"] == LESSON])


def _check_notes(term: Term, rows: list[dict[str, str]]) -> None:
    """Who was late is late and nobody else, and everything was graded in the sandbox."""
    late = {row["student_id"] for row in rows if row["timestamp"] > row["duedate"]}
    expected = {student.name for student in term.students if student.role.is_late}
    term.require(late == expected, f"Late are {sorted(late)}, not {sorted(expected)}.")
    for row in rows:
        for word in ("unsandboxed", "not marked", "not graded"):
            term.require(word not in row["note"], f"{row['student_id']}: {row['note']}")


def _check_exchange(term: Term) -> None:
    """Every submission lies in the exchange once, and the last one was collected."""
    inbound = Counter(path.name.partition(f"+{LESSON}+")[0] for path in term.demo.inbound.iterdir())
    expected = {student.name: student.role.times for student in term.students}
    term.require(dict(inbound) == expected, f"{COURSE}'s exchange has {inbound}, not {expected}.")
    for student in term.students:
        folder = term.demo.course.path / "submitted" / student.name / LESSON
        collected = (folder / "timestamp.txt").read_text()
        last = max(
            (path / "timestamp.txt").read_text()
            for path in term.demo.inbound.glob(f"{student.name}+{LESSON}+*")
        )
        term.require(collected == last, f"Not the last version of {student.name} was collected.")


def _check_challenge(term: Term) -> None:
    """The challenge has what the receipts say, and its own checks find no fault."""

    def of_team(student: Student) -> None:
        files = sorted(student.browser.handed_in())
        receipts = sorted(sha256 for team, sha256 in term.receipts if team == student.team)
        term.require(files == receipts, f"Team {student.team}: receipts and files differ.")

    term.each(term.firsts, of_team)
    place = term.demo.challenge
    for command in (("audit", str(place.path)), ("rescore", str(place.path), "--verify")):
        term.notes.append(term.demo.run(place, "challenge", *command).strip().splitlines()[-1])
