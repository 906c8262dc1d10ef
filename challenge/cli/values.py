"""What an option may hold: numbers and times, and what is said of any other text."""

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Final

from challenge.words import time_of

__all__ = ["MOMENT", "end", "from_", "instant", "is_left_behind"]

MOMENT: Final = "2026-04-01T12:00"
_UNFINISHED: Final = ("~", ".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp")


def from_(least: int) -> Callable[[str], int]:
    """Reads whole numbers of at least so much."""

    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}; got {value}"
            )
        return value

    return number


def is_left_behind(name: str) -> bool:
    """Whether a file is hidden, temporary or half copied: nobody means to hand it in.

    Examples
    --------
    >>> is_left_behind("._cnn.npy"), is_left_behind("cnn.npy")
    (True, False)
    """
    return name.startswith((".", "~")) or name.lower().endswith(_UNFINISHED)


def instant(text: str) -> datetime:
    """An ISO 8601 time; UTC if it names no other zone."""
    return _time(text, ends=False)


def end(text: str) -> datetime:
    """As `instant`, but a date alone means its last second."""
    return _time(text, ends=True)


def _time(text: str, *, ends: bool) -> datetime:
    try:
        return time_of(text, ends=ends)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a time like {MOMENT}; got {text}") from None
