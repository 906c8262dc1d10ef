"""The leaderboard as one HTML page that needs nothing else: what a class projects on the wall.

The template escapes every value. Should a name slip through all the same, the page's own security
policy lets no script run but the one whose hash it names, and loads nothing from anywhere.
"""

import base64
import hashlib
import re
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from challenge.board.axes import Scale
from challenge.board.plots import bin_panel, curve_panel
from challenge.board.standings import Standing, Standings
from challenge.board.wording import notes, subtitle
from challenge.scoring import auc_text
from challenge.store import Phase
from challenge.words import time_text
from course_utils.metrics import Rejection

__all__ = ["as_html"]

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; script-src 'sha256-{}'"
)


def as_html(standings: Standings) -> str:
    """The complete page: a table with error bars and tied groups, curves, and how to read them."""
    environment = _environment()
    script = _source("board.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    leaders = [each for each in standings.lines if each.diagnostics or each.working_points]
    scale = Scale.of([each.card.auc for each in standings.lines])
    return environment.get_template("board.html").render(
        board=standings,
        revealed=standings.phase is Phase.REVEALED,
        policy=_POLICY.format(digest),
        script=Markup(script),  # our own file, not a user's text
        style=Markup(_source("board.css")),
        subtitle=subtitle(standings),
        notes=notes(standings),
        scale=scale,
        places=_places(standings.lines),
        leaders=leaders,
        colours={each.submission: number for number, each in enumerate(leaders, start=1)},
        curves=curve_panel(leaders) if leaders else None,
        bins=_bin_panels(leaders),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("challenge.board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "auc": auc_text,
        "interval": _interval,
        "percent": lambda share: f"{100 * share:.2f}%",
        "when": time_text,
    }
    return environment


@cache
def _source(name: str) -> str:
    environment = _environment()
    return environment.loader.get_source(environment, name)[0]


def _interval(rejection: Rejection) -> tuple[str, str, str]:
    """Value, upper and lower error as text; a limit has no errors."""
    text = re.sub(r"(?<=\d)(?=(\d{3})+\b)(?<!\.\d)", "\u2009", str(rejection))
    if rejection.is_limit:
        return text, "", ""
    value, up, down = text.split(" ")
    return value, up, down.replace("-", "−")


def _places(lines: tuple[Standing, ...]) -> dict[int, str]:
    """Where each submission stands in its tied group: alone, first, inside or last."""
    places = {}
    for number, line in enumerate(lines):
        starts = number == 0 or lines[number - 1].group != line.group
        ends = number == len(lines) - 1 or lines[number + 1].group != line.group
        place = {(True, True): "alone", (True, False): "first", (False, True): "last"}
        places[line.submission] = place.get((starts, ends), "inside")
    return places


def _bin_panels(leaders: list[Standing]) -> list:
    drawn = [
        bin_panel(leaders, title, unit, column)
        for title, unit, column in (
            ("jet transverse momentum", "GeV", "by_pt"),
            ("jet mass", "GeV", "by_mass"),
        )
    ]
    return [each for each in drawn if each is not None]
