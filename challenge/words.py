"""Words: names of teams and networks, times, what a terminal may show, text that others wrote.

Names appear on the leaderboard and others type them, so two of them should not look alike:
`clean_name` brings them to Unicode's NFKC form, allows letters, digits, space, ``-``, ``_`` and
``.`` only, and refuses a word that mixes scripts; `name_key` makes names that differ only in case
equal. Words of other scripts that look alike letter by letter are left to the instructor's eyes. No
path is ever made from a name.
"""

import codecs
import difflib
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from challenge.errors import SubmissionError

__all__ = [
    "BASELINE_TEAM",
    "LONGEST_NAME",
    "clean_name",
    "decoded",
    "iso_text",
    "name_key",
    "nearest",
    "printable",
    "require_typable",
    "team_key",
    "time_of",
    "time_text",
]

BASELINE_TEAM: Final = "baseline"  # reserved for entries the challenge makes itself
LONGEST_NAME: Final = 64
_FIRST_YEAR: Final = 2000  # an earlier one is a slip
_WRITTEN_TOGETHER: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
# Letters to Unicode, but drawn as nothing.
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0")


def clean_name(text: str, *, what: str) -> str:
    """The name as it is stored and shown.

    Parameters
    ----------
    text : str
        What the user typed.
    what : str
        ``team``, ``network`` or ``challenge``, for the message and the reason code.

    Raises
    ------
    SubmissionError
        With reason ``<what>-name``.

    Examples
    --------
    >>> clean_name("  The  Ｔｏｐ Quarks ", what="team")
    'The Top Quarks'
    """
    words = unicodedata.normalize("NFKC", text).split(" ")
    name = " ".join(word for word in words if word)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise SubmissionError(
            f"{what}-name",
            f"Expected a {what} name of 1 to {LONGEST_NAME} characters; got {len(name)}.",
        )
    strange = next((each for each in name if not _is_allowed(each)), None)
    if strange is not None:
        raise SubmissionError(
            f"{what}-name",
            f"Expected letters, digits, space, '-', '_' and '.' in a {what} name; got "
            f"{strange!r} (U+{ord(strange):04X}): leave it out.",
        )
    if not any(map(str.isalnum, name)):
        raise SubmissionError(
            f"{what}-name", f"Expected a {what} name with a letter or a digit; got {name!r}."
        )
    for word in re.findall(r"[^\W\d_]+", name):
        if len(scripts := sorted({_script(each) for each in word})) > 1:
            raise SubmissionError(
                f"{what}-name",
                f"Expected each word of a {what} name in one script; one mixes "
                f"{' and '.join(scripts)}: write it in one, or part them with '-'.",
            )
    return name


def name_key(name: str) -> str:
    """What two names must not share: the name without its case.

    Examples
    --------
    >>> name_key("Straße") == name_key("STRASSE")
    True
    """
    return unicodedata.normalize("NFKC", name.casefold())


def team_key(text: str) -> str:
    """The key of a team's name as somebody typed it, with whatever spaces.

    Examples
    --------
    >>> team_key("  Top   Quarks ")
    'top quarks'
    """
    try:
        return name_key(clean_name(text, what="team"))
    except SubmissionError:  # no new name could be like this, and no database holds every one
        return name_key(printable(text))


def require_typable(team: str) -> str:
    """The name of a new team, unless a command or a file system would take it for something else.

    Raises
    ------
    SubmissionError
        With reason ``team-name``.
    """
    if team.startswith(("-", ".")):
        raise SubmissionError(
            "team-name",
            f"Expected the name of a new team to begin with anything but '-' or '.'; got {team}.",
        )
    return team


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Known names that are spelt like another, the most alike first.

    Examples
    --------
    >>> nearest("top-qarks", ["Bottoms", "Top Quarks"])
    ['Top Quarks']
    """
    by_key = {name_key(each).replace(" ", "_"): each for each in known}
    typed = re.sub("[ -]", "_", name_key(printable(name)))
    return [by_key[key] for key in difflib.get_close_matches(typed, by_key, most)]


def time_text(at: datetime) -> str:
    """An instant as people read it, rounded up to the second: a promise must hold.

    Examples
    --------
    >>> from datetime import UTC
    >>> time_text(datetime(2026, 4, 1, 12, 30, 59, tzinfo=UTC))
    '2026-04-01 12:30:59 UTC'
    """
    second = at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)
    return f"{second:%Y-%m-%d %H:%M:%S} UTC"


def iso_text(at: datetime) -> str:
    """An instant for programs and settings: ISO 8601 in UTC, to the second.

    Examples
    --------
    >>> from datetime import UTC
    >>> iso_text(datetime(2026, 4, 1, 12, 30, 59, tzinfo=UTC))
    '2026-04-01T12:30:59Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_of(value: str | date, *, ends: bool = False) -> datetime:
    """The instant that somebody wrote, in UTC; UTC too if it names no zone.

    Parameters
    ----------
    value : str or date or datetime
        Text is ISO 8601.
    ends : bool
        A date alone means its last second instead of its first.

    Raises
    ------
    ValueError
        If it is no time, or one before the year 2000.

    Examples
    --------
    >>> time_text(time_of("2026-04-01T14:00+02:00"))
    '2026-04-01 12:00:00 UTC'
    >>> time_text(time_of("2026-04-01", ends=True))
    '2026-04-01 23:59:59 UTC'
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(23, 59, 59) if ends else time())
    try:
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value} is out of range") from None
    if at.year < _FIRST_YEAR:
        raise ValueError(f"{value} is before the year {_FIRST_YEAR}")
    return at


def decoded(data: bytes) -> str:
    """Text as editors and PowerShell write it: UTF-8 or UTF-16, with or without a byte order mark.

    Raises
    ------
    UnicodeDecodeError
        If it is in another encoding.

    Examples
    --------
    >>> decoded("Jörg".encode("utf-16"))
    'Jörg'
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    if b"\0" in data[:2]:  # text holds no NUL: half of a character in two bytes
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le")
    return data.decode("utf-8-sig")


def printable(text: str) -> str:
    """Text from outside for a terminal: control and bidi characters as question marks.

    Spaces of every width stay, as the one that keeps a number and its % on one line.

    Examples
    --------
    >>> printable("red\\x1b[31m.npy")
    'red?[31m.npy'
    """
    return "".join(
        each if each.isprintable() or unicodedata.category(each) == "Zs" else "?" for each in text
    )


def _script(letter: str) -> str:
    """The first word of a letter's Unicode name; those that are written together count as one."""
    script = re.split("[ -]", unicodedata.name(letter, "unnamed"))[0]
    return "CJK" if script in _WRITTEN_TOGETHER else script


def _is_allowed(character: str) -> bool:
    if character in " -_.":
        return True
    category = unicodedata.category(character)
    return (category[0] == "L" or category == "Nd") and character not in _INVISIBLE_LETTERS
