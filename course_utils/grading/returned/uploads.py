"""The marks as a learning platform imports them: one row a student, one column a lesson.

Moodle maps columns to its fields in the browser, so only their names must be plain; students are
found by their e-mail address, ID number or user name (docs.moodle.org/en/Grade_import). Canvas
wants its own five columns first and a row of points possible, and finds students by ID, SIS User ID
or SIS Login ID; a lesson's column is joined to an assignment of the same name.

nbgrader's student id is the user name or login, its ``lms_user_id`` the platform's own number. A
mark that does not exist is blank.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook

from course_utils.files import no_formula, replacing
from course_utils.grading.returned.export import ExportMarks

__all__ = ["CanvasMarks", "MoodleMarks"]

_Row = dict[str, Any]
_POINTS_POSSIBLE = "    Points Possible"  # with the blanks that Canvas itself writes


class _Upload(ExportMarks):
    """An export with one row for each student."""

    columns: tuple[str, ...] = ()

    def export(self, gradebook: Gradebook) -> None:
        """Write the table, and report every mark that is missing."""
        path = Path(self.to or "grades.csv")
        lessons = self._lessons(gradebook)
        marks = {lesson.name: self._rows(gradebook, lesson) for lesson in lessons}
        lms_ids = {student.id: student.lms_user_id or "" for student in gradebook.students}
        students: dict[str, _Row] = {}
        for lesson, rows in marks.items():
            for row in rows:
                person = self._person(row, lms_ids.get(row["student_id"], ""))
                students.setdefault(row["student_id"], person)[lesson] = row["score"]
        table = [*self._first_rows(lessons), *(students[name] for name in sorted(students))]
        columns = [*self.columns, *marks]
        with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([no_formula(column) for column in columns])
            writer.writerows([no_formula(row.get(name, "")) for name in columns] for row in table)
        self._report([row for rows in marks.values() for row in rows], path)

    def _person(self, row: _Row, lms_id: str) -> _Row:
        raise NotImplementedError

    def _first_rows(self, lessons: list[Assignment]) -> Iterator[_Row]:
        yield from ()


class MoodleMarks(_Upload):
    """``nbgrader export`` for *Grades > Import > CSV file* of Moodle."""

    columns = ("First name", "Last name", "Username", "ID number", "Email address")

    def _person(self, row: _Row, lms_id: str) -> _Row:
        values = (row["first_name"], row["last_name"], row["student_id"], lms_id, row["email"])
        return dict(zip(self.columns, values, strict=True))


class CanvasMarks(_Upload):
    """``nbgrader export`` for *Grades > Import* of Canvas."""

    columns = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

    def _person(self, row: _Row, lms_id: str) -> _Row:
        names = [row["last_name"], row["first_name"]]
        name = ", ".join(filter(None, names)) or row["student_id"]
        return {"Student": name, "ID": lms_id, "SIS Login ID": row["student_id"]}

    def _first_rows(self, lessons: list[Assignment]) -> Iterator[_Row]:
        yield {"Student": _POINTS_POSSIBLE} | {each.name: each.max_score for each in lessons}
