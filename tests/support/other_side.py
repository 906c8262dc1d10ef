"""A student's side of a check in a thread, for tests of what crosses to the judge."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from course_utils.grading.judging.caller import Caller
from course_utils.grading.judging.frames import Connection
from course_utils.grading.judging.kernel_side import Serving


@contextlib.contextmanager
def caller_of(names: dict, seconds: float = 30) -> Iterator[Caller]:
    """The judge's way to call what a notebook with these names defines."""
    here, there = socket.socketpair()
    thread = threading.Thread(target=Serving(Connection(there), names).until_the_end, daemon=True)
    with here, there:
        thread.start()
        caller = Caller(Connection(here, time.monotonic() + seconds))
        try:
            yield caller
        finally:
            caller.end()
            here.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def notebook(source: str) -> dict:
    """The names that a notebook of one cell has."""
    names = {"__name__": "__main__"}
    exec(source, names)
    return names
