"""What an option may hold: numbers and times, and what is said of any other text."""

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Final

from challenge.words import time_of

__all__ = ["MOMENT", "end", "from_", "instant", "seconds"]

MOMENT: Final = "2026-04-01T12:00"
_DAY: Final = 86_400


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


def seconds(text: str) -> float:
    """A length of time, at most a day."""
    value = float(text)
    if not 0 < value <= _DAY:
        raise argparse.ArgumentTypeError(
            f"expected more than 0 seconds and at most a day; got {text}"
        )
    return value


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
