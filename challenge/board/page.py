"""The leaderboard as HTML: a page that needs nothing else, and the part of it that changes.

The template escapes every value. Should a name slip through all the same, the page's own security
policy lets no script run but the one whose hash it names, and loads nothing from anywhere.
`as_fragment` is for a page around it that renews itself (`challenge.hub`).
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from challenge.board.axes import Scale
from challenge.board.plots import Bar, bar_of, bin_panel, curve_panel, grid_of
from challenge.board.standings import Standing, Standings
from challenge.board.wording import notes, subtitle
from challenge.scoring import auc_text
from challenge.store import Phase
from challenge.words import time_text
from course_utils.metrics import Rejection

__all__ = ["as_fragment", "as_html", "source_of_page", "templates_of"]

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; script-src 'sha256-{}'"
)


def as_html(standings: Standings) -> str:
    """The complete page: a table with error bars and tied groups, curves, and how to read them."""
    script = source_of_page("board.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("board.html")
        .render(
            policy=_POLICY.format(digest),
            script=Markup(script),  # our own file, not a user's text
            style=Markup(source_of_page("board.css")),
            **_shown(standings, timed=True),
        )
    )


def as_fragment(standings: Standings) -> str:
    """The header and the main part of the page, without the time at which it was drawn.

    Two boards that show the same are the same text.
    """
    return _environment().get_template("fragment.html").render(**_shown(standings, timed=False))


@cache
def source_of_page(name: str) -> str:
    """The text of ``board.css`` or ``board.js``."""
    environment = _environment()
    return environment.loader.get_source(environment, name)[0]


def templates_of(package: str) -> Environment:
    """The templates of a package; every value is escaped, and a missing one is an error."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    environment = templates_of("challenge.board")
    environment.filters |= {"interval": _interval, "when": time_text}
    return environment


def _shown(standings: Standings, *, timed: bool) -> dict[str, Any]:
    """What the templates need; `timed` adds when it was drawn."""
    leaders = [each for each in standings.lines if each.diagnostics or each.working_points]
    colours = {each.submission: number for number, each in enumerate(leaders, start=1)}
    scale = Scale.of([each.card.auc for each in standings.lines])
    return {
        "board": standings,
        "revealed": standings.phase is Phase.REVEALED,
        "timed": timed,
        "subtitle": subtitle(standings),
        "notes": notes(standings, timed=timed),
        "ticks": [(f"{100 * each.at:.2f}%", each.label) for each in scale.ticks],
        "grid": grid_of(scale),
        "rows": _rows(standings.lines, scale, colours),
        "leaders": leaders,
        "colours": colours,
        "curves": curve_panel(leaders) if leaders else None,
        "bins": _bin_panels(leaders),
    }


@dataclass(frozen=True)
class _Row:
    """One line of the table, as its cells say it."""

    line: Standing
    classes: str
    colour: str  # " c1" for the first leader, empty for all others
    auc: str
    error: str
    bar: Bar


def _rows(lines: tuple[Standing, ...], scale: Scale, colours: dict[int, int]) -> list[_Row]:
    rows = []
    for number, line in enumerate(lines):
        starts = number == 0 or lines[number - 1].group != line.group
        ends = number == len(lines) - 1 or lines[number + 1].group != line.group
        place = {(True, True): "alone", (True, False): "first", (False, True): "last"}
        words = [
            place.get((starts, ends), ""),  # of its tied group
            "" if line.group % 2 else "even",
            "baseline" if line.is_baseline else "",
            "top" if line.group == 1 else "",
        ]
        colour = colours.get(line.submission)
        auc, error = auc_text(line.card.auc).split(" ± ")
        rows.append(
            _Row(
                line,
                " ".join(filter(None, words)),
                "" if colour is None else f" c{colour}",
                auc,
                error,
                bar_of(scale, line.card.auc),
            )
        )
    return rows


def _interval(rejection: Rejection) -> tuple[str, str, str]:
    """Value, upper and lower error as text; a limit has no errors."""
    text = re.sub(r"(?<=\d)(?=(\d{3})+\b)(?<!\.\d)", "\u2009", str(rejection))
    if rejection.is_limit:
        return text, "", ""
    value, up, down = text.split(" ")
    return value, up, down.replace("-", "−")


def _bin_panels(leaders: list[Standing]) -> list:
    drawn = [
        bin_panel(leaders, title, unit, column)
        for title, unit, column in (
            ("jet transverse momentum", "GeV", "by_pt"),
            ("jet mass", "GeV", "by_mass"),
        )
    ]
    return [each for each in drawn if each is not None]
