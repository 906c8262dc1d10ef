"""The class as a table: who was graded, with how many points, and what needs attention."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from course_utils.grading.batch.course import Course
from course_utils.grading.batch.errors import printable
from course_utils.grading.batch.journal import FOLDER, GRADED, Entry
from course_utils.grading.returned.export import mark_of

__all__ = ["show_class"]

_WIDTH = 140  # of a pipe or a file, which has none
_COLOURS = {GRADED: "green"}


def show_class(course: Course, lesson: str, entries: Mapping[str, Entry]) -> None:
    """Print one row for each student; the points are those that the export writes.

    Parameters
    ----------
    entries : dict
        The last entry of each student, from `grade_class`.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    table = Table(title=printable(lesson), title_justify="left", caption_justify="left")
    table.add_column("student", overflow="fold")
    table.add_column("state")
    table.add_column("points", justify="right")
    table.add_column("minutes", justify="right")
    table.add_column("needs attention", overflow="fold")
    with course.gradebook() as gradebook:
        about = course.lesson(gradebook, lesson)
        for student, entry in entries.items():
            mark = mark_of(gradebook, course.coursedir, about, student)
            points = f"{mark['score']:g} of {mark['max_score']:g}" if mark["score"] != "" else ""
            note = (
                mark["note"].replace(f"{lesson}: ", "") if entry.state == GRADED else entry.reason
            )
            table.add_row(
                Text(printable(student)),
                Text(entry.state, style=_COLOURS.get(entry.state, "red")),
                points,
                f"{entry.minutes:.1f}",
                Text(printable(note)),
            )
    table.caption = _caption(lesson, entries)
    console.print(table)


def _caption(lesson: str, entries: Mapping[str, Entry]) -> Text:
    """Say where the logs are, and how many have no mark."""
    missing = sum(entry.state != GRADED for entry in entries.values())
    lines = [f"{len(entries) - missing} of {len(entries)} graded."]
    if missing:
        lines[0] += " Who was not has a blank mark in the export, not 0."
        lines.append("To try again: python -m course_utils.grading grade LESSON STUDENT ...")
    lines.append(f"Logs: {Path(FOLDER, printable(lesson), 'STUDENT.log')}")
    return Text("\n".join(lines))
