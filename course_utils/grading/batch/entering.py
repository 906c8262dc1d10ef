"""Marks that were given elsewhere, such as those of the challenge, in nbgrader's gradebook.

They come as a table in the columns of nbgrader's export. Each assignment of the table becomes one
of the gradebook with a single cell, marked by hand, so that every export shows it beside the
lessons.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from nbgrader.api import Gradebook, MissingEntry

from course_utils.grading.batch.course import Course, nearest
from course_utils.grading.batch.errors import BatchError, printable

__all__ = ["enter_marks"]

_CELL: Final = "mark"
_NEEDED: Final = ("assignment", "student_id", "score", "max_score")


@dataclass(frozen=True)
class _Mark:
    assignment: str
    student: str
    score: float
    most: float
    at: datetime | None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.most) and 0 <= self.score <= self.most):
            raise ValueError(f"expected a score from 0 to {self.most:g}; got {self.score:g}")


def enter_marks(course: Course, path: Path) -> dict[str, int]:
    """Write a table of marks into the gradebook: all of it, or nothing if it has a fault.

    Entered again, a corrected table replaces the marks of the students it names. A blank score is
    no mark, and is left out.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``assignment``, ``student_id``, ``score`` and ``max_score``;
        ``timestamp`` is when it was handed in, UTC. Other columns are not read.

    Returns
    -------
    dict of str to int
        How many marks were entered for each assignment.

    Raises
    ------
    BatchError
        If the table cannot be read or contradicts itself, an assignment is a lesson, or a student
        is not in the gradebook.
    """
    marks = _marks_in(path)
    most = {mark.assignment: mark.most for mark in marks}
    with course.gradebook() as gradebook:
        for assignment in most:
            _require_no_lesson(course, gradebook, assignment)
        known = [student.id for student in gradebook.students]
        for mark in marks:
            if mark.student not in known:
                name = printable(mark.student)
                raise BatchError(
                    f"{path} names {name!r}, who is not in the gradebook: correct the table, or run"
                    f" nbgrader db student add {name}{nearest(mark.student, known)}"
                )
        for assignment, points in most.items():
            gradebook.update_or_create_assignment(assignment)
            gradebook.update_or_create_notebook(assignment, assignment)
            cell = {"max_score": points, "cell_type": "markdown"}
            gradebook.update_or_create_grade_cell(_CELL, assignment, assignment, **cell)
        for mark in marks:
            _enter(gradebook, mark)
    return dict(Counter(mark.assignment for mark in marks))


def _enter(gradebook: Gradebook, mark: _Mark) -> None:
    at = {} if mark.at is None else {"timestamp": mark.at}
    gradebook.update_or_create_submission(mark.assignment, mark.student, **at)
    grade = gradebook.find_grade(_CELL, mark.assignment, mark.assignment, mark.student)
    grade.manual_score, grade.needs_manual_grade = mark.score, False
    gradebook.db.commit()


def _require_no_lesson(course: Course, gradebook: Gradebook, name: str) -> None:
    """Refuse an assignment whose marks come from notebooks."""
    try:
        notebooks = gradebook.find_assignment(name).notebooks
    except MissingEntry:
        notebooks = []
    ours = all([cell.name for cell in each.grade_cells] == [_CELL] for each in notebooks)
    if not ours or course.path("source", ".", name).is_dir():
        raise BatchError(
            f"{printable(name)} is a lesson of this course, and its marks come from its notebooks:"
            " give the assignment of the table another name."
        )


def _marks_in(path: Path) -> list[_Mark]:
    """Read a table of marks, and make sure that it says one thing of each student."""
    marks: dict[tuple[str, str], _Mark] = {}
    most: dict[str, float] = {}
    for number, row in enumerate(_rows(path), start=2):
        if not (row["score"] or "").strip():
            continue
        try:
            mark = _mark(row)
            if (mark.assignment, mark.student) in marks:
                raise ValueError(f"{printable(mark.student)} stands there twice: keep one line")
            if most.setdefault(mark.assignment, mark.most) != mark.most:
                raise ValueError(f"expected max_score {most[mark.assignment]:g}, as above")
        except (ValueError, TypeError) as error:
            raise BatchError(f"{path}, line {number}: {error}.") from None
        marks[mark.assignment, mark.student] = mark
    if not marks:
        raise BatchError(f"{path} has no mark: expected a line for each student.")
    return list(marks.values())


def _mark(row: Mapping[str, str]) -> _Mark:
    assignment, student = row["assignment"].strip(), row["student_id"].strip()
    if not (assignment and student):
        raise ValueError("expected an assignment and a student_id")
    at = (row.get("timestamp") or "").strip()
    moment = datetime.fromisoformat(at) if at else None
    return _Mark(assignment, student, float(row["score"]), float(row["max_score"]), moment)


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except OSError as error:
        raise BatchError(f"{path} cannot be read ({error.strerror}).") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BatchError(f"{path} is no CSV file in UTF-8 ({error}).") from None
    columns = rows[0].keys() if rows else ()
    if missing := [name for name in _NEEDED if name not in columns]:
        raise BatchError(f"{path} lacks the column {missing[0]}: expected {', '.join(_NEEDED)}.")
    return rows
