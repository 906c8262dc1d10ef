"""Collect from the exchange what is the student's own, and nothing else.

Everyone in the class can write into the exchange: a folder under another's name, a link to a file
that only the instructor may read, a time that has passed. :class:`Collect` refuses the first,
leaves out the second, and reports the third.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import ignore_patterns, parse_utc
from traitlets import Integer

from course_utils.grading.handed_in.notes import quoted

__all__ = ["Collect", "late_arrival"]

_ARRIVAL = "arrived.txt"  # beside nbgrader's timestamp.txt: when the folder was written
_TOLERANCE = timedelta(minutes=10)  # to copy a submission, and between two clocks
_LONGEST_NAME = 200  # bytes; a path made of such names still fits every file system


class Collect(ExchangeCollect):
    """``nbgrader collect`` that takes only what a student owns.

    It also keeps what was put into the folder by hand: with ``--update`` nbgrader replaces such a
    submission, for it has no time, by an older one of the exchange. And it passes over folders
    whose name it cannot read, where nbgrader collects nobody's.
    """

    most_files = Integer(500, help="files of one submission").tag(config=True)
    most_megabytes = Integer(200, help="of one submission").tag(config=True)

    def init_src(self) -> None:
        """Find the submissions, and pass over folders that are none."""
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        refused = {"username": "", "filename": "", "timestamp": parse_utc("1970-01-01")}
        try:
            record = super()._path_to_record(path)
        except (ExchangeError, ValueError, OverflowError):
            self.log.warning("Not collected, its name is not that of a submission: %s", path)
            return refused
        # Here, before the latest of a student is chosen: a stranger's folder must not hide hers.
        if reason := self._not_theirs(Path(path), record["username"]):
            self.log.error("Not collected: %s %s", quoted(path), reason)
            return refused
        return record

    def _not_theirs(self, folder: Path, student: str) -> str:
        """Say why a folder is not a student's own; "" if it is."""
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return "is a link or a file, not a folder"
        if not self.check_owner or os.name == "nt":
            return ""
        import pwd  # not on Windows

        try:
            owner = pwd.getpwuid(status.st_uid).pw_name
        except KeyError:
            owner = f"account {status.st_uid}"
        if owner == student:
            return ""
        return (
            f"claims to be from {quoted(student)} and belongs to {quoted(owner)}. Where all"
            " students share one account, set c.ExchangeCollect.check_owner = False"
        )

    def copy_files(self) -> None:
        """Collect everything but what would replace a submission put in by hand."""
        by_hand = [record for record in self.src_records if self._is_by_hand(record["username"])]
        for record in by_hand:
            self.log.warning(
                "The submission of %s was put into the folder by hand and stays. To replace it by"
                " the one in the exchange, remove it and collect again.",
                record["username"],
            )
        self.src_records = [record for record in self.src_records if record not in by_hand]
        # nbgrader's own check only warns, and follows links.
        checks, self.check_owner = self.check_owner, False
        try:
            super().copy_files()
        finally:
            self.check_owner = checks

    def _is_by_hand(self, student: str) -> bool:
        course = self.coursedir
        folder = course.format_path(course.submitted_directory, student, course.assignment_id)
        return Path(folder).is_dir() and not Path(folder, "submission_secret.txt").is_file()

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        """Copy the regular files of a submission, and note when it arrived."""
        source, target = Path(src), Path(dest)
        ignored = ignore_patterns(
            exclude=self.coursedir.ignore,
            include=self.coursedir.include,
            max_file_size=self.coursedir.max_file_size,
            log=self.log,
        )
        target.mkdir(parents=True)
        room, owner = self.most_megabytes * 2**20, source.lstat().st_uid
        for number, path in enumerate(_files(source, ignored)):
            copy = target / path.relative_to(source)
            size = _copied(path, copy, owner=owner, room=room) if number < self.most_files else None
            if size is None:
                self.log.warning("Left out: no file of the student's own, or too much: %s", path)
            else:
                room -= size
        self._note_arrival(source, target)

    def _note_arrival(self, source: Path, target: Path) -> None:
        # A student can set the time of modification, but not this one.
        arrived = datetime.fromtimestamp(source.lstat().st_ctime, UTC)
        (target / _ARRIVAL).write_text(f"{arrived:%Y-%m-%d %H:%M:%S} UTC\n")
        if late := late_arrival(target):
            self.log.warning("%s %s", target, late)


def late_arrival(submission: Path) -> str:
    """Say that a collected submission arrived later than it claims; "" if it did not."""
    times = {}
    for name in ("timestamp.txt", _ARRIVAL):
        try:
            times[name] = parse_utc((submission / name).read_text(errors="replace").strip())
        except (OSError, ValueError, OverflowError):
            return ""
    claimed, arrived = times.values()
    if arrived - claimed < _TOLERANCE:
        return ""
    return f"claims the time {claimed:%Y-%m-%d %H:%M} UTC and arrived at {arrived:%Y-%m-%d %H:%M}"


def _files(source: Path, ignored: Any) -> Iterator[Path]:
    """Yield the paths of a submission, notebooks first; no link to a folder is followed."""
    found = []
    for folder, folders, names in os.walk(source, followlinks=False):
        out = ignored(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in out]
        found += [Path(folder, name) for name in names if name not in out]
        found += [Path(folder, name) for name in folders if Path(folder, name).is_symlink()]
    yield from sorted(found, key=lambda path: (path.suffix != ".ipynb", len(path.parts), path))


def _copied(path: Path, target: Path, *, owner: int, room: int) -> int | None:
    """Copy one regular file that belongs to a submission; None if it is anything else.

    The file is looked at after it was opened, so that nobody can exchange it in between.
    """
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in target.parts[-3:]):
        return None
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(file, "rb") as content:
        status = os.fstat(file)
        # Someone else's: a second name of a file, or a folder exchanged for a link meanwhile.
        theirs = stat.S_ISREG(status.st_mode) and status.st_uid == owner
        if not theirs or status.st_size > room:
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.read(room + 1)[: status.st_size])
    return status.st_size
