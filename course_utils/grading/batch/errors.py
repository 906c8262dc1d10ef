"""Why a command of the grading cannot be carried out, and what a terminal may show."""

__all__ = ["BatchError", "printable"]


class BatchError(Exception):
    """A command that cannot be carried out as given; the message says what to do."""

    __module__ = "course_utils.grading"


def printable(text: str) -> str:
    """Return a text on one line, without what could move the cursor of a terminal.

    Examples
    --------
    >>> printable("Zo\\u00eb\\x1b[2J\\nDoe")
    'Zoë?[2J?Doe'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
