"""The class's marks as a table that does not call missing marks nought.

nbgrader's own export writes 0.0 for a submission that could not be graded, as if everything were
wrong. :class:`ExportMarks` leaves such a mark blank and says why in the column ``note``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student, SubmittedNotebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExportPlugin

from course_utils.files import no_formula, replacing
from course_utils.grading.batch.fingerprints import submission_fingerprint
from course_utils.grading.batch.journal import journal_path, read_journal
from course_utils.grading.collecting import late_arrival
from course_utils.grading.handed_in.notes import notes_in, quoted
from course_utils.grading.handed_in.reading import NotebookError, read_notebook

__all__ = ["ExportMarks", "mark_of"]

_UNMARKED = "points are not marked yet"
_MARKS = ("raw_score", "late_submission_penalty", "score")
_PERSON = ("last_name", "first_name", "email")
_COLUMNS = ("assignment", "duedate", "timestamp", "student_id", *_PERSON, *_MARKS, "max_score")


@dataclass(frozen=True)
class _Stranger:
    """Someone who handed in and is not in the gradebook."""

    id: str
    last_name: None = None
    first_name: None = None
    email: None = None


_Student = Student | _Stranger


class ExportMarks(ExportPlugin):
    """``nbgrader export`` with nbgrader's columns, and ``note`` behind them."""

    def export(self, gradebook: Gradebook) -> None:
        """Write one row for each student and lesson, those who were never graded included."""
        path = Path(self.to or "grades.csv")
        rows = [row for lesson in self._lessons(gradebook) for row in self._rows(gradebook, lesson)]
        with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, (*_COLUMNS, "note"), restval="", lineterminator="\n")
            table.writeheader()
            table.writerows({name: no_formula(cell) for name, cell in row.items()} for row in rows)
        self._report(rows, path)

    def _report(self, rows: list[dict[str, Any]], path: Path) -> None:
        """Say how many marks were written, and why the others are missing."""
        blank = [row for row in rows if row["score"] == ""]
        self.log.info("Exported %d marks to %s", len(rows) - len(blank), path)
        for row in blank:
            self.log.warning(
                "No mark for %s in %s: %s", row["student_id"], row["assignment"], row["note"]
            )
        if unfinished := [row for row in rows if row["score"] != "" and _UNMARKED in row["note"]]:
            self.log.warning(
                "%d marks will rise: mark the written answers in the formgrader, and export again",
                len(unfinished),
            )

    def _lessons(self, gradebook: Gradebook) -> list[Assignment]:
        wanted = [str(name) for name in self.assignment]
        return [each for each in gradebook.assignments if not wanted or each.name in wanted]

    def _rows(self, gradebook: Gradebook, lesson: Assignment) -> list[dict[str, Any]]:
        """The rows of everyone in the gradebook or in the folder of submissions."""
        course = self.parent.coursedir
        known = {student.id for student in gradebook.students}
        handed_in = Path(course.format_path(course.submitted_directory, ".", "."))
        folders = handed_in.glob(f"*/{lesson.name}") if handed_in.is_dir() else ()
        everyone = known | {folder.parent.name for folder in folders}
        wanted = [str(name) for name in self.student]
        return [
            mark_of(gradebook, course, lesson, name)
            for name in sorted(everyone)
            if not wanted or name in wanted
        ]


def mark_of(
    gradebook: Gradebook, course: CourseDirectory, lesson: Assignment, student_id: str
) -> dict[str, Any]:
    """Return a student's row of the table; ``score`` is "" if a notebook was not graded.

    Parameters
    ----------
    student_id : str
        Someone of the gradebook or of the folder of submissions.
    """
    try:
        student: _Student = gradebook.find_student(student_id)
    except MissingEntry:
        student = _Stranger(student_id)
    row = {"assignment": lesson.name, "duedate": lesson.duedate, "student_id": student.id}
    row |= {name: getattr(student, name) for name in _PERSON}
    row |= {"max_score": lesson.max_score, "score": ""}
    submitted, graded = (
        Path(course.format_path(step, student.id, lesson.name))
        for step in (course.submitted_directory, course.autograded_directory)
    )
    why = _last_reason(course, lesson.name, student.id)
    try:
        submission = gradebook.find_submission(lesson.name, student.id)
    except MissingEntry:
        notes = [_not_graded(nb.name, submitted, why) for nb in lesson.notebooks]
        return row | {"note": "; ".join(notes) if submitted.is_dir() else "nothing was collected"}
    states = [_state(notebook, submitted, graded, why) for notebook in submission.notebooks]
    notes = [note for told, _ in states for note in told]
    if all(is_graded for _, is_graded in states):
        penalty = submission.late_submission_penalty or 0.0
        marks = (submission.score, penalty, max(0.0, submission.score - penalty))
        row |= dict(zip(_MARKS, marks, strict=True))
        if _time(graded) and _time(submitted) > _time(graded):
            notes.append("a newer version was collected and is not graded: run nbgrader autograde")
    if late := late_arrival(submitted):
        notes.append(late)
    return row | {"timestamp": submission.timestamp, "note": "; ".join(notes)}


def _time(folder: Path) -> str:
    """When a submission was handed in, as its folder tells; "" if it does not."""
    path = folder / "timestamp.txt"
    return path.read_text(errors="replace").strip() if path.is_file() else ""


def _state(
    notebook: SubmittedNotebook, submitted: Path, graded: Path, why: str
) -> tuple[list[str], bool]:
    """Return what is to be said of a student's notebook, and whether it was graded."""
    written = {cell.name for cell in notebook.notebook.solution_cells}
    unmarked = [g for g in notebook.grades if g.auto_score is None and g.manual_score is None]
    by_a_person = [g for g in unmarked if g.cell_type != "code" or g.name in written]
    result = graded / f"{notebook.name}.ipynb"
    # Marks of an earlier version stay in the gradebook when the grading of a newer one fails.
    gone = submitted.is_dir() and not result.is_file() and not _marked_by_hand(notebook)
    if gone or len(by_a_person) < len(unmarked):
        return [_not_graded(notebook.name, submitted, why)], False
    notes = [f"{notebook.name}: {note}" for note in notes_in(result)]
    if by_a_person:
        points = sum(grade.max_score for grade in by_a_person)
        notes.append(f"{notebook.name}: {points:g} {_UNMARKED}")
    return notes, True


def _marked_by_hand(notebook: SubmittedNotebook) -> bool:
    return all(grade.manual_score is not None for grade in notebook.grades)


def _last_reason(course: CourseDirectory, lesson: str, student: str) -> str:
    """Return why the class's grading gave this submission no mark; "" if it did, or has not run."""
    entry = read_journal(journal_path(course.root, lesson)).get(student)
    if not (entry and entry.reason):
        return ""
    submitted = Path(course.format_path(course.submitted_directory, student, lesson))
    is_same = entry.submission.startswith(submission_fingerprint(submitted))
    return entry.reason if is_same else ""


def _not_graded(name: str, submitted: Path, reason: str) -> str:
    """Say that a notebook was not graded, and why, as far as the file or the journal tells."""
    if reason:  # without reading a file that may fill the memory
        return f"{name}: not graded: {reason}"
    path = submitted / f"{name}.ipynb"
    why = "autograde failed or did not run, see its log"
    if path.is_file():
        try:
            read_notebook(path.read_bytes())
        except NotebookError as error:
            why = str(error)
    else:
        others = [str(other.relative_to(submitted)) for other in submitted.rglob("*.ipynb")]
        why = f"expected {path.name}, got {', '.join(map(quoted, sorted(others))) or 'no notebook'}"
    return f"{name}: not graded: {why}"
