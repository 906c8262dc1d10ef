"""What follows from the log alone: teams under their names, and what the instructor decided."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.store.tables import Event
from challenge.words import name_key

__all__ = ["Replay", "events", "replayed"]


def events(session: Session, *kinds: str) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    """Kind, time (UTC) and details of every event of some kinds, in their order."""
    found = select(Event.kind, Event.at, Event.detail).where(Event.kind.in_(kinds))
    for kind, at, detail in session.execute(found.order_by(Event.number)):
        yield kind, at, json.loads(detail)


def _nothing() -> list[Any]:
    return [None, None]


@dataclass
class Replay:
    """How the challenge stands after the events so far.

    Attributes
    ----------
    times : dict of str to datetime or None
        When it was ``paused``, ``closed`` and ``revealed`` (UTC).
    extensions : dict of str to list
        Maps the name of a team to its own closing time and its own quota, or None.
    ended : dict of str to datetime
        The closing times that the last close took from teams.
    picked : list of int
        Submissions that were chosen as final, in the order of the choices.
    withdrawn : dict of int to datetime
        Submissions that the instructor took back (UTC).
    called : dict of str to str
        Maps the key of each name that a team no longer has, or had twice, to its present name.
    """

    times: dict[str, datetime | None] = field(
        default_factory=lambda: dict.fromkeys(("paused", "closed", "revealed"))
    )
    extensions: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(_nothing))
    ended: dict[str, datetime] = field(default_factory=dict)
    picked: list[int] = field(default_factory=list)
    withdrawn: dict[int, datetime] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    def name_now(self, team: str) -> str:
        """The present name of a team that the log knows under another."""
        return self.called.get(name_key(team), team)

    def follow(self, kind: str, at: datetime, detail: dict[str, Any]) -> None:
        """Take one more event into account."""
        match kind:
            case "resumed":
                self.times |= {"paused": None, "closed": None}
                for name, until in detail.get("extended", {}).items():
                    self.extensions[name][0] = _instant(until)
                self.ended.clear()
            case "paused" | "closed" | "revealed":
                self.times[kind] = self.times[kind] or at
                for name in detail.get("ended", ()):
                    self.ended[name], self.extensions[name][0] = self.extensions[name][0], None
            case "extended":
                before = self.extensions[detail["team"]]
                until, per_day = detail["until"], detail["per_day"]
                if until:
                    self.ended.pop(detail["team"], None)
                self.extensions[detail["team"]] = [
                    _instant(until) if until else before[0],
                    per_day or before[1],
                ]
            case "picked" if "copies" in detail:  # the choices keep their places in time
                for copy, number in zip(detail["copies"], detail["submissions"], strict=True):
                    self.picked.insert(_last(self.picked, copy) + 1, number)
            case "picked":
                self.picked += detail["submissions"]
            case "withdrawn":
                self.withdrawn |= dict.fromkeys(detail["submissions"], at)
            case "restored":
                for number in detail["submissions"]:
                    self.withdrawn.pop(number, None)
            case "renamed" | "merged":
                self._rename(detail["team"], detail["to"], keeps=kind == "renamed")

    def _rename(self, team: str, to: str, *, keeps: bool) -> None:
        """``keeps``: what was the team's own stays its own; a merged team's lapses."""
        for known in (self.extensions, self.ended):
            if (own := known.pop(team, None)) is not None and keeps:
                known[to] = own
        self.called |= {key: to for key, name in self.called.items() if name == team}
        self.called[name_key(team)] = to


def replayed(session: Session) -> Replay:
    """How the challenge stands according to its log."""
    found = Replay()
    kinds = ("paused", "resumed", "closed", "revealed", "extended", "picked")
    for event in events(session, *kinds, "withdrawn", "restored", "renamed", "merged"):
        found.follow(*event)
    return found


def _last(numbers: list[int], number: int) -> int:
    return len(numbers) - 1 - numbers[::-1].index(number)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
