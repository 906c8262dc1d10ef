"""Who has been graded: one line of JSON for each student and run, written to the disk at once.

The last line of a student counts. A line that a crash has cut short is passed over.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["FOLDER", "GRADED", "TIME_LIMIT", "Entry", "append", "journal_path", "read_journal"]

FOLDER = "grading"  # in the course folder
GRADED = "graded"
TIME_LIMIT = "time limit"


@dataclass(frozen=True)
class Entry:
    """How the grading of one submission ended.

    Attributes
    ----------
    student : str
    state : {"graded", "failed", "time limit", "died"}
    submission : str
        Fingerprint of what was graded: the student's files and the lesson's cells.
    minutes : float
        How long it took, by the clock.
    limit : float
        Minutes allowed.
    megabytes : float or None
        Memory of the grading process afterwards.
    points : float or None
        As exported; None if there is no mark.
    reason : str
        Why there is no mark; "" if there is one.
    finished : str
        ISO 8601, UTC.
    """

    student: str
    state: str
    submission: str
    minutes: float
    limit: float
    megabytes: float | None = None
    points: float | None = None
    reason: str = ""
    finished: str = ""


def journal_path(course: str | Path, lesson: str) -> Path:
    """Return the journal of a lesson; beside it, a folder of the lesson's name holds the logs."""
    return Path(course, FOLDER, f"{lesson}.jsonl")


def read_journal(path: Path) -> dict[str, Entry]:
    """Return the last entry of each student; none if there is no journal.

    Raises
    ------
    OSError
        If the journal is there and cannot be read.
    """
    if not path.is_file():
        return {}
    entries = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):  # cut short, or of another version of the course
            continue
        entries[entry.student] = entry
    return entries


def append(path: Path, entry: Entry) -> None:
    """Add an entry; when this returns, a loss of power cannot take it back."""
    line = json.dumps(asdict(entry)).encode() + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":  # a crash cut the last line short
            line = b"\n" + line
        os.write(handle, line)  # in one piece, also if Ctrl-C comes now
        os.fsync(handle)
    finally:
        os.close(handle)
