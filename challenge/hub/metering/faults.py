"""What the log says of an unforeseen fault: kind and place, for its message may hold a value."""

import traceback

__all__ = ["place_of"]


def place_of(error: Exception) -> str:
    """Kind and place of a fault, the innermost first, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{each.filename}:{each.lineno}" for each in reversed(frames[-4:]))
    return f"{type(error).__name__} at {where}"
