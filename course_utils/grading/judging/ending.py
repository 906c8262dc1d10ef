"""A check ends, whatever a student's answer makes it wait for."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

__all__ = ["ended_at"]

_AGAIN = 5.0  # seconds: a check may have caught the first exception


@contextlib.contextmanager
def ended_at(moment: float) -> Iterator[None]:
    """End the body of a ``with`` statement, also while it reads a file that has no end.

    Only the main thread can be ended; in any other, nothing happens.

    Parameters
    ----------
    moment : float
        Of ``time.monotonic``; infinite for no end.

    Raises
    ------
    TimeoutError
        At that moment, and again every five seconds until the body ends.
    """
    if threading.current_thread() is not threading.main_thread() or math.isinf(moment):
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, max(moment - time.monotonic(), 0.001), _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _raise(number: int, frame: FrameType | None) -> None:
    raise TimeoutError("the time for this check is over")
