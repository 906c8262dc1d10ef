"""Short texts that change when what is graded changes: a student's files, a lesson's cells."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbgrader.api import Assignment

__all__ = ["cells_fingerprint", "submission_fingerprint"]


def cells_fingerprint(lesson: Assignment) -> str:
    """Return a short text that changes when a cell of the lesson, or its points, change."""
    parts: list[Any] = []
    for notebook in lesson.notebooks:
        parts += [(notebook.name, cell.name, cell.source) for cell in notebook.source_cells]
        for cell in [*notebook.grade_cells, *notebook.task_cells]:
            parts.append((notebook.name, cell.name, repr(cell.max_score)))
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:16]


def submission_fingerprint(submission: Path) -> str:
    """Return a short text that changes when a student's files change.

    Grading copies the only notebook of a submission to the lesson's name, which changes nothing.
    """
    files = {}
    for path in submission.rglob("*"):
        inside = path.relative_to(submission)
        if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in inside.parts:
            files[inside.as_posix()] = _digest(path)
    notebooks = {name for name in files if name.endswith(".ipynb")}
    if len({files[name] for name in notebooks}) == 1:
        files["the notebook"] = files[next(iter(notebooks))]
        files = {name: digest for name, digest in files.items() if name not in notebooks}
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:  # grading will meet the file, too, and say what is wrong with it
        return "unreadable"
