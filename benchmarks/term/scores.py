"""The steps of the challenge: hand in, deadline, extension, close, reveal, marks."""

from __future__ import annotations

import hashlib
import io
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import coursework
import numpy as np
from browser import CHALLENGE, GRADER, TermError
from hub_demo import Demo
from lesson import LESSON
from numpy.typing import NDArray
from people import Student, Term

EXTENDED: Final = "red"  # the team that gets more time
HASTY: Final = "blue"  # the team that spends its quota at once
_PER_DAY: Final = 5
_RUN_UP: Final = 15.0  # seconds from the notice of the deadline until it passes
_NOISE: Final = 0.15  # of an excellent network: it ranks nearly every top jet above every other


def labels_of(demo: Demo) -> NDArray[np.int8]:
    """The truth, which only this program and the challenge read."""
    with np.load(demo.challenge.path / "labels.npz") as archive:
        return archive["labels"]


def is_excellent(team: str, teams: list[str]) -> bool:
    """Whether a team beats all baselines: every other one, and who was given more time."""
    return teams.index(team) % 2 == 1 or team == EXTENDED


def hand_in(term: Term) -> None:
    """Hand in a good file and the same again, bad ones, and more than the quota allows."""

    def one(student: Student) -> None:
        student.browser.make_token()
        good = _file(term, student, 0)
        _accepted(term, student, good)
        again = _accepted(term, student, good, count=False)
        if not again["again"]:
            raise TermError(f"{student.name} sent a file twice, and it was taken for two.")
        _refused(student, _bad_file(term, student.number), 422)
        if student.team == HASTY:
            for turn in range(1, _PER_DAY):
                _accepted(term, student, _file(term, student, turn))
            _refused(student, _file(term, student, _PER_DAY), 429, "quota")
        text = student.browser.page(f"{CHALLENGE}/team")
        if _network(student) not in text:
            raise TermError(f"The page of team {student.team} does not show {student.name}'s file.")
        student.browser.page(f"{CHALLENGE}/")

    term.each(term.students, one)


def pass_the_deadline(term: Term) -> None:
    """Set both deadlines, and let one team after the other hand in, before and after them."""
    closes = (datetime.now(UTC) + timedelta(seconds=_RUN_UP)).replace(microsecond=0)
    settings = term.demo.challenge.path / "challenge.toml"
    with settings.open("a") as file:
        file.write(f"closes = {closes:%Y-%m-%dT%H:%M:%SZ}\n")
    coursework.set_due_date(term, closes)
    seen: Counter[str] = Counter()
    racing = [student for student in term.firsts if student.team != HASTY]

    def one(student: Student) -> None:
        time.sleep(2 * _RUN_UP * (racing.index(student) + 0.5) / len(racing))
        status, answer = student.browser.hand_in(_network(student), _file(term, student, 8))
        now = datetime.now(UTC)
        if status == 201:
            _count(term, student, answer)
            in_time = datetime.fromisoformat(answer["received_at"]) < closes
        else:
            in_time = now >= closes and answer["reason"] == "closed"
        seen["accepted" if status == 201 else "refused"] += 1
        if not in_time:
            raise TermError(f"{student.name} got {status} at {now}, and it closed at {closes}.")

    term.each(racing, one, at_once=len(racing))
    time.sleep(max(0.0, (closes - datetime.now(UTC)).total_seconds() + 1))
    term.notes.append(
        f"around the deadline: {seen['accepted']} files accepted, {seen['refused']} refused"
    )


def come_too_late(term: Term) -> None:
    """Hand in after the deadline: notebooks are late, scores are refused."""
    coursework.hand_in_late(term)
    before = len(term.faults)
    term.each(term.students, lambda one: _refused(one, _file(term, one, 9), 409, "closed"))
    refused = len(term.students) - (len(term.faults) - before)
    term.notes.append(f"after the deadline: {refused} of {len(term.students)} files refused")


def extend(term: Term) -> None:
    """Give one team more time; it uses it, and nobody else can."""
    until = datetime.now(UTC) + timedelta(hours=1)
    term.prof.confirm("extend", team=EXTENDED, until=f"{until:%Y-%m-%dT%H:%M}")
    lucky, hasty = term.of_team(EXTENDED), term.of_team(HASTY)
    _accepted(term, lucky, _npy(_excellent(term, [lucky.number, 10])))
    _refused(hasty, _file(term, hasty, 10), 409, "closed")


def close_and_reveal(term: Term) -> None:
    """End the challenge on the instructor's pages; everybody looks at the private ranks."""
    lucky = term.of_team(EXTENDED)
    for action, reason in (("close", "closed"), ("reveal", "revealed")):
        term.prof.confirm(action)
        _refused(lucky, _file(term, lucky, 11), 409, reason)

    def one(student: Student) -> None:
        if "private" not in student.browser.page(f"{CHALLENGE}/"):
            raise TermError(f"{student.name} does not see the private ranks.")

    term.each(term.students, one)


def enter_marks(term: Term) -> None:
    """Export the marks by student, and enter them in the gradebook beside the lesson's."""
    demo = term.demo
    lines = ["student_id,team", *(f"{each.name},{each.team}" for each in term.students)]
    table = demo.folder / "public" / "students.csv"
    table.write_text("\n".join(lines) + "\n")
    export = ("challenge", "export", str(demo.challenge.path), "--students", str(table))
    marks = demo.folder / "public" / "challenge-marks.csv"
    marks.write_text(demo.run(demo.challenge, *export))
    demo.run(demo.course, "course_utils.grading", "enter", str(marks))
    demo.run(demo.course, "course_utils.grading", "export")
    assignments = term.prof.ask("GET", GRADER, "formgrader/api/assignments")
    if [each["num_submissions"] for each in assignments if each["name"] == LESSON] != [
        len(term.students)
    ]:
        raise TermError(f"The formgrader shows other submissions than those: {assignments}.")


# --- files, and what must become of them ---------------------------------------------------------


def _accepted(term: Term, student: Student, data: bytes, *, count: bool = True) -> dict[str, Any]:
    status, answer = student.browser.hand_in(_network(student), data)
    if status != 201:
        raise TermError(f"A good file of {student.name} was refused: {status} {answer}.")
    if answer["sha256"] != hashlib.sha256(data).hexdigest() or answer["team"] != student.team:
        raise TermError(f"The receipt of {student.name} is for something else: {answer}.")
    if count:
        _count(term, student, answer)
    return answer


def _count(term: Term, student: Student, answer: dict[str, Any]) -> None:
    term.receipts.append((student.team, answer["sha256"]))


def _refused(student: Student, data: bytes, status: int, reason: str | None = None) -> None:
    came, answer = student.browser.hand_in(_network(student), data)
    if came != status or reason not in (None, answer.get("reason")):
        raise TermError(
            f"A file of {student.name}: expected {status} {reason or ''}, got {came} {answer}."
        )


def _network(student: Student) -> str:
    return f"cnn of {student.name}"


def _file(term: Term, student: Student, turn: int) -> bytes:
    """A file of a student's network: excellent, or no better than random."""
    seed = [student.number, turn]
    teams = [each.team for each in term.firsts]
    if is_excellent(student.team, teams) and student.team != EXTENDED:
        return _npy(_excellent(term, seed))
    return _npy(np.random.default_rng(seed).normal(size=len(term.labels)))


def _excellent(term: Term, seed: list[int]) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(scale=_NOISE, size=len(term.labels))
    return term.labels + noise


def _bad_file(term: Term, number: int) -> bytes:
    """One of the accidents of a first week."""
    scores = np.random.default_rng(number).normal(size=len(term.labels))
    with_nan = np.where(np.arange(len(scores)) == number, np.nan, scores)
    return [_npy(with_nan), _npy(scores[:-1]), _npy(scores[:, None]), b"not an array"][number % 4]


def _npy(scores: NDArray[np.float64]) -> bytes:
    file = io.BytesIO()
    np.save(file, scores.astype(np.float32))
    return file.getvalue()
