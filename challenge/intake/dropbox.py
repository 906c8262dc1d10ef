"""A folder in which files appear: the drop box of a shared file system.

::

    dropbox/The Top Quarks/cnn.npy            put there by the team: its folder, its network
    dropbox/The Top Quarks/cnn.receipt.txt    the answer
    dropbox/The Top Quarks/cnn.csv.reason.txt the answer to another file, why it cannot be scored

The instructor makes the folder of each team, writable for its team alone. In the drop box itself
nobody else may write: every new folder there would be a new team with a fresh quota.

Students may put anything into the folder of their team. So links are never followed (they could
lead to another team's file), and an answer replaces a name, never what the name points to. A file
is read once it has not changed between two looks, since somebody may still be copying it. What
systems and editors leave behind, like ``._cnn.npy`` or a folder ``.snapshot``, is passed over.
Everything else in a team's folder gets an answer, also what is no ``.npy`` file: whoever put it
there waits for one. What nobody can be answered about is in `DropBox.strays`, for the instructor.
"""

import errno
import os
import secrets
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from challenge.errors import ChallengeError, SubmissionError
from challenge.scoring import read_open_file, read_scores
from challenge.words import printable

__all__ = ["DropBox", "Found", "is_left_behind"]

ANSWER: Final = ".receipt.txt"
REASON: Final = ".reason.txt"  # a name of its own: the file cnn must not take the place of cnn.npy
_LEFT_BEHIND: Final = (".", "~")  # how names begin that no person gave
_NO_TEAM: Final = (*_LEFT_BEHIND, "$", "@", "#")  # waste bins and snapshots of file servers
_UNFINISHED: Final = ("~", ".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp")
_OF_SYSTEMS: Final = ("thumbs.db", "desktop.ini", "icon\r")
# Reasons that time mends, or the instructor: the team is told so of the first ones.
_PASSING: Final = frozenset({"not-open", "paused", "quota", "refusals", "closed"})
_MENDABLE: Final = _PASSING | {"networks", "withdrawn", "unreadable"}
_SCORES: Final = ".npy"
_NO_FILE: Final = "Expected a file; this is a link or a folder: put a copy of the file itself here."
_TOO_LONG: Final = "name-too-long"  # a receipt for names that leave no room for the ending
_LONGEST_WAIT: Final = 256  # looks


def is_left_behind(name: str) -> bool:
    """Whether a file is hidden, temporary or half copied: nobody handed it in.

    Examples
    --------
    >>> is_left_behind("._cnn.npy"), is_left_behind("cnn.npy")
    (True, False)
    """
    low = name.lower()
    endings = (*_UNFINISHED, ".swp", ".swo")
    return low.startswith(_LEFT_BEHIND) or low.endswith(endings) or low in _OF_SYSTEMS


@dataclass(frozen=True)
class Found:
    """A file in the drop box, at one look.

    Attributes
    ----------
    team, file : str
        The names of its folder and of the file, not checked yet.
    state : tuple of int
        Device, inode, size and time of change: another state is another file.
    """

    team: str
    file: str
    state: tuple[int, ...]

    @property
    def network(self) -> str:
        """The name of the file, without its ending if that is ``.npy`` or ``.NPY``."""
        return self.file[: -len(_SCORES)] if self.is_scores else self.file

    @property
    def is_scores(self) -> bool:
        return self.file.lower().endswith(_SCORES)


@dataclass
class DropBox:
    """The files of a drop box that were not answered yet.

    Parameters
    ----------
    folder : Path
        Holds a folder for each team.
    strays : dict of str
        What lay in it at the last look and cannot be answered, by name, with the reason.
    """

    folder: Path
    strays: dict[str, str] = field(default_factory=dict)
    _seen: set[Found] = field(default_factory=set)
    _answered: set[Found] = field(default_factory=set)
    _put_off: dict[Found, int] = field(default_factory=dict)  # until this look
    _failures: Counter[Found] = field(default_factory=Counter)
    _looks: int = 0

    def look(self) -> list[Found]:
        """Files that are new since the last answer and unchanged since the last look.

        Raises
        ------
        ChallengeError
            If the drop box is not there, or others may make folders in it.
        """
        try:
            mode = stat.S_IMODE(self.folder.stat().st_mode)
            if mode & 0o022:
                raise ChallengeError(
                    f"Expected a drop box in which only you can make folders; others can write to "
                    f"{self.folder} (mode {mode:o}), and each new folder is a team with a quota "
                    f"of its own: chmod go-w {self.folder}, and make one folder for each team."
                )
            names = sorted(entry.name for entry in os.scandir(self.folder))
        except OSError as error:
            raise ChallengeError(f"{self.folder} cannot be read ({error.strerror}).") from error
        self.strays = {}
        teams = (n for n in names if not n.startswith(_NO_TEAM) and not is_left_behind(n))
        found = {each for name in teams for each in self._of_team(name)}
        self._looks += 1
        waiting = {each for each, until in self._put_off.items() if self._looks < until}
        ready = (found & self._seen) - self._answered - waiting
        self._seen, self._answered = found, self._answered & found
        for gone in self._put_off.keys() - found:
            del self._put_off[gone], self._failures[gone]
        return sorted(ready, key=lambda each: (each.team, each.network))

    def answer(self, found: Found, respond: Callable[[bytes], str], *, n_jets: int) -> str:
        """Read a file, let `respond` handle it, and put what that says beside the file.

        A file that comes too early, too late or too often is looked at again later.

        Parameters
        ----------
        found : Found
        respond : callable
            Turns the content of the file into the text of the answer; may raise SubmissionError.
        n_jets : int
            Bounds the size of the file.

        Raises
        ------
        OSError
            If the answer cannot be written; the file will be found again.
        """
        with self._team(found.team) as team:
            name, reason = f"{found.network}{ANSWER if found.is_scores else REASON}", ""
            try:
                if len(os.fsencode(name)) > os.fpathconf(team, "PC_NAME_MAX"):
                    name = f"{_TOO_LONG}{ANSWER}"
                    raise SubmissionError(
                        "network-name",
                        "The name of a file here is too long for a receipt beside it: shorten it.",
                    )
                data = _content(team, found.file, n_jets)
                if not found.is_scores:
                    raise _no_scores(data, found.file, n_jets)
                text = respond(data)
            except SubmissionError as refusal:
                reason = refusal.reason
                text = f"refused [{reason}] {refusal.sentence}"
            if reason in _PASSING:
                text += " Leave the file here: it will be looked at again."
            _put(team, name, f"{text}\n".encode())
        if reason in _MENDABLE and found.is_scores:
            self.put_off(found)
        else:
            self._answered.add(found)
        return text

    def put_off(self, found: Found) -> None:
        """Leave a file that could not be answered for a later look: after 1, 2, 4, ... others."""
        self._failures[found] += 1
        self._put_off[found] = self._looks + min(2 ** self._failures[found], _LONGEST_WAIT)

    def _of_team(self, name: str) -> Iterator[Found]:
        try:
            with self._team(name) as team:
                for entry in os.scandir(team):
                    is_ours = entry.name.endswith((ANSWER, REASON))
                    if is_ours or is_left_behind(entry.name) or entry.name.startswith(_NO_TEAM):
                        continue
                    with suppress(FileNotFoundError):  # just removed
                        info = entry.stat(follow_symlinks=False)
                        state = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)
                        yield Found(name, entry.name, state)
        except FileNotFoundError:
            return
        except OSError as error:
            is_folder = error.errno not in (errno.ENOTDIR, errno.ELOOP)
            why = f"cannot be read ({error.strerror})" if is_folder else "is no folder of a team"
            self.strays[name] = f"{why}: only files in such a folder, TEAM/NETWORK.npy, are scored."

    @contextmanager
    def _team(self, name: str) -> Iterator[int]:
        handle = os.open(self.folder / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield handle
        finally:
            os.close(handle)


def _no_scores(data: bytes, file: str, n_jets: int) -> SubmissionError:
    """What to do with a file whose name does not end as it should."""
    try:
        read_scores(data, n_jets)
    except SubmissionError as refusal:
        if refusal.reason in ("npz", "not-npy", "empty"):  # whatever it is, it must be saved again
            return refusal
    return SubmissionError(
        "ending", f"Expected a name like NETWORK.npy; got {printable(file)}: give it that ending."
    )


def _content(team: int, name: str, n_jets: int) -> bytes:
    # O_NONBLOCK: opening a pipe would wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        if not stat.S_ISREG(os.lstat(name, dir_fd=team).st_mode):
            raise SubmissionError("unreadable", _NO_FILE)
        handle = os.open(name, flags, dir_fd=team)
    except OSError as error:
        raise SubmissionError(
            "unreadable", f"The file cannot be read ({error.strerror}): put it here again."
        ) from error
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
            raise SubmissionError("unreadable", _NO_FILE)
        return read_open_file(file, n_jets)


def _put(team: int, name: str, data: bytes) -> None:
    part = f".{secrets.token_hex(8)}.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=team)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.rename(part, name, src_dir_fd=team, dst_dir_fd=team)
    except BaseException:
        os.unlink(part, dir_fd=team)
        raise
