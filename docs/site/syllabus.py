"""The table of all lessons, read from their first cells."""

from __future__ import annotations

import re

import nbformat
from lessons import LESSONS
from nbgrader.utils import is_grade, is_solution

_GOAL = re.compile(r"^\d\. \*\*(.+?)\*\* (.+)$", re.M)


def syllabus_table() -> str:
    """Return a table in Markdown: goals, minutes, points, needs and answers to mark by lesson."""
    rows = [
        "| lesson | goals | minutes | points | needs | by hand |",
        "|---|---|---|---|---|---|",
    ]
    for path in LESSONS.values():
        cells = nbformat.read(path, as_version=4).cells
        first = "\n".join(cell.source for cell in cells[:2] if cell.cell_type == "markdown")
        title = re.search(r"^# (.+)", first, re.M)[1]
        goals = " ".join(f"**{verb}** {rest}" for verb, rest in _GOAL.findall(first))
        minutes = re.findall(r"^\*\*(?:Time|Second sitting):\*\* (\d+) minutes", first, re.M)
        points = sum(cell.metadata.nbgrader.points for cell in cells if is_grade(cell))
        by_hand = [
            cell.metadata.nbgrader.points for cell in cells if is_grade(cell) and is_solution(cell)
        ]
        marked = f"{len(by_hand)} answer{'s' * (len(by_hand) != 1)}, {sum(by_hand):g} points"
        needs = re.search(r"^\*\*You need:\*\* (.+)", first, re.M)[1]
        link = f"[{title}](../{path.relative_to(LESSONS_ROOT).as_posix()})"
        rows.append(
            f"| {link} | {goals} | {' + '.join(minutes)} | {points:g} | {needs} | {marked} |"
        )
    return "\n".join(rows)


LESSONS_ROOT = next(iter(LESSONS.values())).parents[2]
