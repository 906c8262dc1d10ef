"""Who takes part: every team with what it handed in and what it has left."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from challenge.intake.quota import Quota, quota_of
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
    store, now = challenge.store, challenge.store.now()
    former: dict[str, list[str]] = defaultdict(list)
    for key, name in store.team_names().items():
        if key != team_key(name):
            former[name].append(key)
    handed_in: dict[str, list[Record]] = defaultdict(list)
    for record in store.records():
        handed_in[record.team].append(record)
    with store.reading() as session:
        own = {team.name: (team.closes, team.per_day) for team in session.scalars(select(Team))}
    return [
        Entrant(
            name,
            tuple(former[name]),
            tuple(handed_in[name]),
            quota_of(
                [each.received_at for each in handed_in[name] if each.state is not State.REJECTED],
                limit=challenge.rules.per_day if per_day is None else per_day,
                now=now,
            ),
            closes,
        )
        for name, (closes, per_day) in sorted(own.items(), key=lambda each: team_key(each[0]))
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
