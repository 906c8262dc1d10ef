"""Who takes part: every team with what it handed in and what it has left."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from challenge.intake.quota import Quota
from challenge.intake.reception import quota_left
from challenge.store import Challenge, Record, State
from challenge.store.tables import Team
from challenge.words import team_key, time_text

__all__ = ["Entrant", "roster", "roster_text"]


@dataclass(frozen=True)
class Entrant:
    """A team as the instructor sees it.

    Attributes
    ----------
    name : str
    former : tuple of str
        Names without case that it had before, or that were merged into it; they lead to it.
    records : tuple of Record
        Everything that it handed in, in the order of receipt.
    quota : Quota
    closes : datetime or None
        UTC, if the team was given a time of its own.
    """

    name: str
    former: tuple[str, ...]
    records: tuple[Record, ...]
    quota: Quota
    closes: datetime | None


def roster(challenge: Challenge) -> list[Entrant]:
    """Every team that has handed in anything, by name; the challenge's own entries, too."""
    store = challenge.store
    names = store.team_names()
    with store.reading() as session:
        closes = {team.name: team.closes for team in session.scalars(select(Team))}
    return [
        Entrant(
            name,
            tuple(key for key, called in names.items() if called == name and key != team_key(name)),
            tuple(store.of_team(name)),
            quota_left(challenge, name),
            closes[name],
        )
        for name in sorted(closes, key=team_key)
    ]


def roster_text(entrant: Entrant) -> str:
    """One line of a list of teams."""
    records = entrant.records
    words = {
        State.SCORED: "scored",
        State.RECEIVED: "waiting",
        State.REJECTED: "refused",
        "withdrawn": "withdrawn",
        "copy": "sent twice",
    }
    states = Counter(map(_state, records))
    counts = [f"{states[state]} {word}" for state, word in words.items() if states[state]]
    networks = sorted({each.network for each in records if each.state is not State.REJECTED})
    line = f"{entrant.name}: {', '.join(counts) or 'nothing'}"
    if networks:
        line += f" ({', '.join(networks)})"
    if records:
        line += f", the last {time_text(records[-1].received_at)}"
    line += f"; {entrant.quota.left} of {entrant.quota.limit} submissions left"
    if entrant.closes is not None:
        line += f"; until {time_text(entrant.closes)}"
    if entrant.former:
        line += f"; before: {', '.join(entrant.former)}"
    return f"{line}."


def _state(record: Record) -> str:
    if record.is_copy and record.state is not State.REJECTED:
        return "copy"
    return "withdrawn" if record.withdrawn else record.state
