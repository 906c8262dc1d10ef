"""What grading mended in a submission, where the instructor sees it.

A note is logged with the student's and the notebook's name, stands in the first cell of the graded
notebook (the formgrader and the feedback show it), and in its metadata, from which the export of
marks reads it.
"""

from __future__ import annotations

import json
import re
from logging import Logger
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

__all__ = ["MENDED", "UNSANDBOXED", "add_notes", "notes_in", "quoted"]

MENDED = "mended"  # in the metadata of the notebook and of its first cell
UNSANDBOXED = "unsandboxed"  # in the metadata of the notebook; a student is not told
_UNSAFE = re.compile(r"[^\w .,:=()/+-]")


def add_notes(
    notebook: NotebookNode, resources: dict[str, Any], notes: list[str], log: Logger
) -> None:
    """Put notes into the notebook, changed in place, and into the log.

    Parameters
    ----------
    resources : dict
        As nbgrader passes it: it names the student and the notebook.
    notes : list of str
        Sentences without a full stop; none for nothing.
    """
    if not notes:
        return
    about = resources["nbgrader"]
    for note in notes:
        log.warning("%s, %s: %s", about["student"], about["notebook"], note)
    every = [*notebook.metadata.get(MENDED, []), *notes]
    notebook.metadata[MENDED] = every
    lines = ["**Found and mended while grading:**", "", *(f"- {note}." for note in every)]
    cell = new_markdown_cell("\n".join(lines), metadata={MENDED: True}, id="mended-while-grading")
    told_before = bool(notebook.cells) and MENDED in notebook.cells[0].metadata
    notebook.cells[: int(told_before)] = [cell]


def notes_in(path: Path) -> list[str]:
    """Return the notes of a graded notebook, none if there is no such file."""
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    except (OSError, ValueError, KeyError):
        return []
    unsandboxed = [UNSANDBOXED] if metadata.get(UNSANDBOXED) else []
    return [*metadata.get(MENDED, []), *unsandboxed]


def quoted(text: str) -> str:
    """Return a student's words so that they are only words in a log, in Markdown and in a table."""
    return "`" + _UNSAFE.sub("?", text.strip())[:60] + "`"
