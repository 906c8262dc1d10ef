"""The settings file of a challenge, which people edit: read whole, or refused key by key.

A key that is misspelt, or stands in a section, would silently leave a rule as it usually is; so
every key must be known.
"""

import re
import tomllib
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from challenge.errors import ChallengeError
from challenge.store.folder import Rules
from challenge.words import decoded, nearest, printable, time_of, time_text

__all__ = ["Settings", "read_settings"]

_TEXT: Final = 'a text in quotes, like "Tops"'
_NUMBER: Final = "a whole number of at least 1"
_TIME: Final = "a time like 2026-04-01T12:00:00Z, or a date like 2026-04-01"
_TIMES: Final = ("opens", "closes")
_EXPECTED: Final = {"name": _TEXT, "n_jets": _NUMBER, "created": _TIME} | {
    rule.name: _TIME if rule.name in _TIMES else _NUMBER for rule in fields(Rules)
}


@dataclass(frozen=True)
class Settings:
    """What the settings file says."""

    name: str
    n_jets: int
    rules: Rules


def read_settings(path: Path) -> Settings:
    """Read a settings file in UTF-8 or UTF-16; a date without a time means its whole day.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is none.
    ChallengeError
        If it cannot be read, a key is unknown, missing or of the wrong kind, or it closes before
        it opens.
    """
    try:
        text = decoded(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise ChallengeError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise ChallengeError(f"{path} is not in UTF-8: save it again as UTF-8.") from None
    try:
        given = tomllib.loads(text)
        _require_known(given)
        name, n_jets = (_value(given, key) for key in ("name", "n_jets"))
        keys = {each.name for each in fields(Rules)} & given.keys()
        rules = Rules(**{key: _value(given, key) for key in keys})
        _require_order(rules)
        return Settings(name, n_jets, rules)
    except tomllib.TOMLDecodeError as error:
        raise ChallengeError(f"{path}, {_place(text, str(error))}") from None
    except ValueError as error:
        end = "" if str(error).endswith("?") else "."
        raise ChallengeError(f"{path}, {error}{end}") from None


def _require_known(given: dict[str, Any]) -> None:
    for key in given:
        if key in _EXPECTED:
            continue
        if isinstance(given[key], dict):
            inside = ", ".join(map(printable, given[key])) or "nothing"
            raise ValueError(
                f"section {printable(key)!r}: expected no sections; write its keys ({inside}) "
                "without it, at the top"
            )
        alike = nearest(key, _EXPECTED, most=1)
        advice = f"is it {alike[0]}?" if alike else f"known are {', '.join(_EXPECTED)}"
        raise ValueError(f"key {printable(key)!r}: expected no such key; {advice}")


def _require_order(rules: Rules) -> None:
    if rules.opens is not None and rules.closes is not None and rules.closes <= rules.opens:
        raise ValueError(
            f"keys 'opens' and 'closes': expected it to close after it opens, at "
            f"{time_text(rules.opens)}; got {time_text(rules.closes)}"
        )


def _value(given: dict[str, Any], key: str) -> Any:
    """The value of a key in the kind that is expected."""
    if key not in given:
        raise ValueError(f"key {key!r} is missing: expected {_EXPECTED[key]}")
    read = {_TEXT: _text, _NUMBER: _number, _TIME: _end if key == "closes" else _start}
    try:
        return read[_EXPECTED[key]](given[key])
    except (ValueError, TypeError, OverflowError):
        came = printable(str(given[key]))
        raise ValueError(f"key {key!r}: expected {_EXPECTED[key]}; got {came}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _number(value: Any) -> int:
    """Quotes and a decimal point are no harm; a fraction, or yes and no, is."""
    if isinstance(value, bool) or int(value) < 1 or (isinstance(value, float) and value % 1):
        raise ValueError
    return int(value)


def _start(value: Any, *, ends: bool = False) -> datetime:
    if not isinstance(value, str | date):
        raise TypeError
    return time_of(value, ends=ends)


def _end(value: Any) -> datetime:
    return _start(value, ends=True)


def _place(text: str, complaint: str) -> str:
    """Which line cannot be read, and what its key expects."""
    at = re.search(r"at line (\d+)", complaint)
    lines = text.splitlines() or [""]
    number = int(at[1]) if at else len(lines)
    line = lines[min(number, len(lines)) - 1].strip()
    key = line.split("=")[0].strip()
    what = re.sub(r" \(at .*", "", complaint)
    if what == "Cannot overwrite a value":
        what = f"the key {printable(key)!r} stands there twice: keep one line"
    elif key in _EXPECTED:
        what = f"expected {_EXPECTED[key]}"
    return f"line {number}, {printable(line)[:60]}: {what}."
