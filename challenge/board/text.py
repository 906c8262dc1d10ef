"""The leaderboard, as text in four formats; `challenge.board.page` draws the fifth.

Every one of them escapes what users typed. The numbers come as they may be shown from
`challenge.board.standings`, and are only written down here.
"""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from challenge.board.axes import Scale
from challenge.board.page import as_html
from challenge.board.standings import Standing, Standings
from challenge.board.wording import headline, notes, subtitle
from challenge.scoring import auc_text
from challenge.store import Phase
from challenge.words import iso_text, printable
from course_utils.files import no_formula
from course_utils.metrics import Rejection

__all__ = ["FORMATS", "as_csv", "as_json", "as_markdown", "as_table"]

_SIZE_WITHOUT_TERMINAL: Final = (120, 50)
_BAR: Final = 19  # characters of an error bar's column
_WIDE_ENOUGH_FOR_BARS: Final = 110


def as_table(standings: Standings) -> str:
    """For a terminal: one line per network, a rule between tied groups, error bars drawn."""
    width = shutil.get_terminal_size(_SIZE_WITHOUT_TERMINAL).columns
    text = io.StringIO()
    console = Console(file=text, width=width)
    console.print(Text(headline(standings), style="bold"))
    console.print(Text(subtitle(standings)))
    console.print(_table(standings, with_bars=width >= _WIDE_ENOUGH_FOR_BARS))
    for note in notes(standings):
        console.print(Text(note))
    for line in _published_lines(standings):
        console.print(Text(line, style="dim"))
    return text.getvalue().rstrip("\n")


def as_markdown(standings: Standings) -> str:
    """For a web page or a README."""
    moved = ["moved"] if standings.phase is Phase.REVEALED else []
    headings = ["", *moved, "team", "network", "AUC", "R50", "R30", "tries", "received (UTC)"]
    headings.append("tied group")
    lines = [f"# {_markdown(headline(standings))}", "", _markdown(subtitle(standings)), ""]
    lines.append("| " + " | ".join(headings) + " |")
    lines.append("|" + "|".join("--:" if each in _NUMERIC else ":--" for each in headings) + "|")
    for line in standings.lines:
        cells = [*_cells(line, line.climbed is not None), str(line.group)]
        lines.append("| " + " | ".join(map(_markdown, cells)) + " |")
    return "\n".join([*lines, *_published(standings), "", *map(_markdown, notes(standings))])


def as_json(standings: Standings) -> str:
    """For programs: numbers as numbers, times in UTC."""
    shown = asdict(standings) | {"entries": [_row(each) for each in standings.lines]}
    del shown["lines"]
    return json.dumps(shown, indent=2, allow_nan=False, default=iso_text)


def as_csv(standings: Standings) -> str:
    """For a spreadsheet: a name that it would run as a formula gets a leading quote."""
    text = io.StringIO()
    rows = [_flat(each) for each in standings.lines]
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: no_formula(value) for name, value in row.items()} for row in rows)
    return text.getvalue().rstrip("\n")


FORMATS: Final = MappingProxyType[str, Callable[[Standings], str]](
    {"table": as_table, "json": as_json, "csv": as_csv, "md": as_markdown, "html": as_html}
)


_NUMERIC: Final = frozenset({"", "AUC", "R50", "R30", "tries", "moved", "tied group"})


def _cells(line: Standing, has_moved: bool) -> list[str]:
    moved = [_moved(line.climbed or 0)] if has_moved else []
    return [
        str(line.rank),
        *moved,
        printable(line.team),
        printable(line.network),
        auc_text(line.card.auc),
        str(line.card.r50),
        str(line.card.r30),
        str(line.tries),
        f"{line.received_at:%m-%d %H:%M}",
    ]


def _published_lines(standings: Standings) -> list[str]:
    """The same for a terminal."""
    rows = [
        f"  {each.tagger}: AUC {each.auc}, R50 {each.r50}, R30 {each.r30}"
        for each in standings.references
    ]
    return [f"Published, not ranked ({standings.references[0].source}):", *rows] if rows else []


def _published(standings: Standings) -> list[str]:
    """The reference table, for comparison only."""
    if not standings.references:
        return []
    rows = [(each.tagger, each.auc, each.r50, each.r30) for each in standings.references]
    heading = f"Published, not ranked ({standings.references[0].source}):"
    lines = ["", _markdown(heading), "", "| tagger | AUC | R50 | R30 |", "|:--|--:|--:|--:|"]
    return lines + ["| " + " | ".join(map(_markdown, row)) + " |" for row in rows]


def _moved(places: int) -> str:
    return "=" if places == 0 else f"{'▲' if places > 0 else '▼'}{abs(places)}"


def _table(standings: Standings, *, with_bars: bool) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption=None if standings.lines else "no entries yet",
    )
    scale = Scale.of([line.card.auc for line in standings.lines])
    moved = standings.phase is Phase.REVEALED
    for heading in ("", "moved", "team, network", "AUC", "bar", "R50", "R30", "tries"):
        if heading == "bar" and with_bars:
            table.add_column(Text(scale.span), width=_BAR, no_wrap=True)
        elif heading != "bar" and (moved or heading != "moved"):
            left = heading == "team, network"
            table.add_column(
                heading,
                justify="left" if left else "right",
                overflow="fold",
                no_wrap=with_bars and not left,
            )
    lines = standings.lines
    for line, below in zip_longest(lines, lines[1:]):
        ends = below is not None and below.group != line.group
        table.add_row(*_terminal_cells(line, scale if with_bars else None), end_section=ends)
    return table


def _terminal_cells(line: Standing, scale: Scale | None) -> list[Text]:
    style = "dim" if line.is_baseline else ""
    rank, *moved, team, network, auc, r50, r30, tries, _ = (
        Text(each, style=style) for each in _cells(line, line.climbed is not None)
    )
    entry = Text.assemble(team, "  ", (network.plain, "dim"))
    bar = [] if scale is None else [Text(scale.bar(line.card.auc, _BAR), style=style)]
    return [rank, *moved, entry, auc, *bar, r50, r30, tries]


_COLUMNS: Final = (
    *("rank", "group", "climbed", "team", "network", "auc", "auc_error"),
    *("r50", "r50_low", "r50_high", "r50_is_limit"),
    *("r30", "r30_low", "r30_high", "r30_is_limit"),
    *("tries", "is_baseline", "received_at"),
)


def _flat(line: Standing) -> dict[str, Any]:
    card = line.card
    return {
        **{"rank": line.rank, "group": line.group, "climbed": line.climbed},
        **{"team": line.team, "network": line.network},
        **{"auc": card.auc.value, "auc_error": card.auc.error},
        **_rejection("r50", card.r50),
        **_rejection("r30", card.r30),
        **{"tries": line.tries, "is_baseline": line.is_baseline},
        "received_at": iso_text(line.received_at),
    }


def _row(line: Standing) -> dict[str, Any]:
    details = asdict(line)
    kept = ("submission", "working_points", "public", "diagnostics")
    return _flat(line) | {name: details[name] for name in kept}


def _rejection(name: str, rejection: Rejection) -> dict[str, Any]:
    # More digits than this say nothing, and a spreadsheet would show them all.
    value, low, high = (
        float(f"{each:.4g}") for each in (rejection.value, rejection.low, rejection.high)
    )
    limit = {f"{name}_is_limit": rejection.is_limit}
    return {name: value, f"{name}_low": low, f"{name}_high": high} | limit


def _markdown(text: str) -> str:
    """Markdown that shows this text and nothing else, on one line."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", re.sub(" +", " ", printable(text).strip()))
