"""The sentences of a board, the same in every format."""

from typing import Final

from challenge.board.standings import Standings
from challenge.store import Phase
from challenge.words import time_text

__all__ = ["headline", "notes", "subtitle"]

_STATE: Final = {
    Phase.LIVE: "live, public jets",
    Phase.CLOSED: "closed, public jets",
    Phase.REVEALED: "final, private jets",
}


def headline(standings: Standings) -> str:
    """The challenge, and which jets decide the ranks shown."""
    return f"{standings.challenge}: {_STATE[standings.phase]}"


def subtitle(standings: Standings) -> str:
    """Who leads, if anyone can be said to."""
    first = [f"{each.team} / {each.network}" for each in standings.lines if each.group == 1]
    if not first:
        return "No entries yet."
    if len(standings.lines) == 1:
        return f"{first[0]} is the only entry."
    if len(first) == 1:
        return f"{first[0]} leads, significantly."
    if len(first) > 3:
        return f"{first[0]} leads, but {len(first) - 1} others are not significantly worse."
    return f"The lead is shared: {', '.join(first)} do not differ significantly."


def notes(standings: Standings, *, timed: bool = True) -> list[str]:
    """How to read the board, and when it was drawn if `timed`."""
    lines = [
        "A line closes a tied group: inside it nobody is significantly worse than its first "
        "(paired DeLong test against each better entry, Holm, 95\u00a0%).",
        "R50 and R30: one over the background efficiency at 50\u00a0% and 30\u00a0% signal "
        "efficiency, with 68\u00a0% intervals"
        + ("." if standings.phase is Phase.REVEALED else ", rounded to their own error."),
    ]
    luck = standings.look_elsewhere
    if luck is not None and luck.tried > 1:
        revealed = standings.phase is Phase.REVEALED
        counted = "final entries" if revealed else "submissions tried"
        lines.append(
            f"Look-elsewhere: {luck.tried} {counted}. The best of as many equally good, "
            f"independent ones would gain {luck.gain:.4f} in AUC by luck alone."
        )
    if standings.phase is not Phase.REVEALED:
        lines.append("The private jets decide in the end, so ranks can still change.")
    as_of = f"; as of {time_text(standings.drawn_at)}" if timed else ""
    return [*lines, f"{standings.n_jets} jets{as_of}."]
