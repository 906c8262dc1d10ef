"""What every command needs to speak: two streams, the exit statuses."""

import sys
from collections.abc import Sequence
from typing import Final

from challenge.words import printable

__all__ = ["ACCEPTED", "READER_GONE", "REFUSED", "UNUSABLE", "reported", "say", "say_on_stderr"]

ACCEPTED: Final = 0
REFUSED: Final = 1
UNUSABLE: Final = 2
READER_GONE: Final = 141  # 128 and the number of SIGPIPE, as a shell says it


def say(text: str, *, escape: bool = True) -> None:
    """Print text on standard output; control characters only without `escape`."""
    print(printable(text) if escape else text, flush=True)


def say_on_stderr(text: str) -> None:
    """Print a line on standard error."""
    print(printable(text), file=sys.stderr)


def reported(done: str, faults: Sequence[str]) -> int:
    """Print what was done and what is wrong; the exit status says whether anything is."""
    for fault in faults:
        say_on_stderr(fault)
    say(done)
    return REFUSED if faults else ACCEPTED
