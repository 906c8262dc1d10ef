"""The leaderboard, as text in four formats. Every one of them escapes what users typed."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from challenge.ranking import Entry, best_of_each_network
from challenge.scoring import auc_text
from course_utils.metrics import Rejection

__all__ = ["FORMATS", "as_csv", "as_json", "as_markdown", "as_table", "printable"]

_HEADINGS: Final = ("", "team", "network", "AUC", "R50", "R30", "received (UTC)")
_SIZE_WITHOUT_TERMINAL: Final = (120, 50)


def as_table(title: str, entries: Sequence[Entry]) -> str:
    """For a terminal: one line per network, the best entry of each."""
    width = shutil.get_terminal_size(_SIZE_WITHOUT_TERMINAL).columns
    text = io.StringIO()
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, caption=None if entries else "no entries")
    for heading in _HEADINGS:
        numeric = heading in ("", "AUC", "R50", "R30")
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for cells in _cells(entries):
        table.add_row(*map(Text, cells))
    Console(file=text, width=width).print(table)
    return text.getvalue().rstrip("\n")


def as_markdown(title: str, entries: Sequence[Entry]) -> str:
    """For a web page or a README."""
    lines = [f"# {_markdown(title)}", "", "| | " + " | ".join(_HEADINGS[1:]) + " |"]
    lines.append("|--:|:--|:--|--:|--:|--:|:--|")
    lines += ["| " + " | ".join(map(_markdown, cells)) + " |" for cells in _cells(entries)]
    return "\n".join(lines)


def as_json(title: str, entries: Sequence[Entry]) -> str:
    """For programs: numbers as numbers."""
    return json.dumps({"challenge": title, "entries": _rows(entries)}, indent=2, allow_nan=False)


def as_csv(title: str, entries: Sequence[Entry]) -> str:
    """For a spreadsheet: a name that it would run as a formula gets a leading quote."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_no_formula(value) for value in row.values()] for row in _rows(entries))
    return text.getvalue().rstrip("\n")


FORMATS: Final = MappingProxyType[str, Callable[[str, Sequence[Entry]], str]](
    {"table": as_table, "json": as_json, "csv": as_csv, "md": as_markdown}
)


def printable(text: str) -> str:
    """Text from outside for a terminal: control and bidi characters as question marks.

    Examples
    --------
    >>> printable("red\\x1b[31m.npy")
    'red?[31m.npy'
    """
    return "".join(each if each.isprintable() else "?" for each in text)


def _cells(entries: Sequence[Entry]) -> list[list[str]]:
    return [
        [
            str(rank),
            printable(entry.team),
            printable(entry.network),
            auc_text(entry.card.auc),
            str(entry.card.r50),
            str(entry.card.r30),
            f"{entry.received_at:%Y-%m-%d %H:%M:%S}",
        ]
        for rank, entry in enumerate(best_of_each_network(entries), start=1)
    ]


_COLUMNS: Final = (
    *("rank", "team", "network", "auc", "auc_error"),
    *("r50", "r50_low", "r50_high", "r50_is_limit"),
    *("r30", "r30_low", "r30_high", "r30_is_limit"),
    "received_at",
)


def _rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Numbers as coarse as they are shown: digits beyond the error only tell about labels."""
    return [
        dict(
            zip(
                _COLUMNS,
                (
                    *(rank, entry.team, entry.network),
                    *(round(entry.card.auc.value, 4), round(entry.card.auc.error, 4)),
                    *_coarse(entry.card.r50),
                    *_coarse(entry.card.r30),
                    f"{entry.received_at:%Y-%m-%dT%H:%M:%SZ}",
                ),
                strict=True,
            )
        )
        for rank, entry in enumerate(best_of_each_network(entries), start=1)
    ]


def _coarse(rejection: Rejection) -> tuple[float, float, float, bool]:
    value, low, high = (
        float(f"{number:.3g}") for number in (rejection.value, rejection.low, rejection.high)
    )
    return value, low, high, rejection.is_limit


def _no_formula(value: Any) -> Any:
    return (
        f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
    )


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text)
