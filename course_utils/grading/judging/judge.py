"""A check is judged outside the student's kernel.

The judge runs the whole check, hidden tests included, in its own process. Only the names of the
exercise come from the student's kernel, as :class:`~course_utils.grading.judging.theirs.Theirs`;
everything else is the lesson's own (:mod:`~course_utils.grading.judging.reference`). So nothing
that a notebook does to its interpreter decides about points, and no hidden test enters it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from course_utils.grading.judging.caller import Caller
from course_utils.grading.judging.ending import ended_at
from course_utils.grading.judging.frames import Connection
from course_utils.grading.judging.reference import Solved, run_cell

__all__ = ["Judge", "NoAnswerError", "Start", "Verdict", "kernel_called"]

_SERVE = (
    "import course_utils.grading.judging.kernel_side as _side; _side.serve({path!r}, globals())"
)


@dataclass(frozen=True)
class Verdict:
    """What a check says.

    Attributes
    ----------
    result : Any
        The value of its last line: partial credit, or None.
    error : BaseException or None
        Why it failed.
    line : int
        The line of the check that failed, from 1; 0 if the check did not begin.
    """

    result: Any = None
    error: BaseException | None = None
    line: int = 0

    @property
    def passed(self) -> bool:
        return self.error is None


class Judge:
    """Judges the checks of one lesson, for one student after the other.

    Parameters
    ----------
    solved : Solved
        The lesson with its solutions.
    """

    def __init__(self, solved: Solved) -> None:
        self.solved = solved

    def verdict(self, name: str, check: str, caller: Caller, folder: Path) -> Verdict:
        """Run a check against what a student's kernel has.

        Parameters
        ----------
        name : str
            nbgrader's id of the check.
        check : str
            Its source, hidden tests included.
        caller : Caller
            Connected to the kernel.
        folder : Path
            Seen by both sides; here the check makes its temporary files.

        Raises
        ------
        LessonError
            If the lesson itself fails; that is no fault of the student's.
        """
        names = self.solved.names_before(name)
        try:
            with ended_at(caller.connection.deadline + _GRACE), _temporary_files_in(folder):
                return self._run(name, check, names, caller)
        except TimeoutError as error:  # it came when the check had just ended
            return Verdict(error=error)

    def _run(self, name: str, check: str, names: dict[str, Any], caller: Caller) -> Verdict:
        try:
            for wanted in sorted(self.solved.students_names(name)):
                names.pop(wanted, None)
                with contextlib.suppress(NameError):  # the check itself fails where it uses it
                    names[wanted] = caller.name(wanted)
            return Verdict(run_cell(check, names))
        except (Exception, SystemExit) as error:
            return Verdict(error=error, line=_line_of_check(error))


_GRACE = 10.0  # seconds behind those of the kernel, for a check's own work

# Sends code to a kernel; what it returns says whether the kernel has run it.
Start = Callable[[str], Callable[[], bool]]


class NoAnswerError(RuntimeError):
    """A kernel that did not call back; the notebook has changed how its kernel works."""

    __module__ = "course_utils.grading"


@contextlib.contextmanager
def kernel_called(folder: Path, start: Start, seconds: float) -> Iterator[Caller]:
    """Connect to a kernel for the time of a check.

    Parameters
    ----------
    folder : Path
        A folder that both sides see, for a socket.
    start : callable
        Gets code, and sends it to the kernel without waiting for its end. It returns a function
        that says whether the kernel has finished.
    seconds : float
        After which the kernel is no longer waited for.

    Raises
    ------
    NoAnswerError
        If the kernel says that it has run the code, and it has not.
    TimeoutError
        If it does not come to it.
    """
    path = folder / f"judge-{uuid.uuid4().hex[:8]}.sock"
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as listener:
        # A path of that folder must not be changed: the kernel may put a link in its place.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(str(path))
        try:
            listener.listen(1)
            listener.settimeout(0.5)
            finished = start(_SERVE.format(path=str(path)))
            sock = _accepted(listener, finished, deadline)
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
    with sock:
        caller = Caller(Connection(sock, deadline))
        yield caller
        caller.end()


def _accepted(
    listener: socket.socket, finished: Callable[[], bool], deadline: float
) -> socket.socket:
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            return listener.accept()[0]
        if finished():
            raise NoAnswerError("the notebook's kernel did not answer the judge")
    raise TimeoutError("the notebook's kernel is busy")


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    with (
        patch.object(tempfile, "tempdir", str(folder)),
        patch.object(tempfile, "TemporaryDirectory", _TemporaryFolder),
    ):
        yield


class _TemporaryFolder(tempfile.TemporaryDirectory):
    """A temporary folder in which a student's kernel may be at work, too.

    Python's own follows a link that it cannot remove, and changes the mode of what is behind it.
    """

    def cleanup(self) -> None:
        self._finalizer.detach()
        shutil.rmtree(self.name, ignore_errors=True)


def _line_of_check(error: BaseException) -> int:
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == "<check>"]  # fmt: skip
    return lines[0] if lines else 0
