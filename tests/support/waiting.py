"""Wait for what another thread or process does."""

import time
from collections.abc import Callable


def wait_until(fact: Callable[[], object], seconds: float = 30) -> None:
    """Return once a fact holds; fail if it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
