"""How a challenge stands, in words: what every page says of it, and what an instructor may do."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from challenge.store import TEST_JETS, Challenge, Phase, Progress, Rules, State, phase
from challenge.store.tables import Course, Event, Network, Submission, Team
from challenge.words import BASELINE_TEAM, time_text

__all__ = ["Decision", "Situation", "decisions", "situation_of"]

_DECISIONS: Final = {
    "paused": "paused",
    "resumed": "resumed",
    "closed": "closed",
    "revealed": "revealed the private ranks",
    "extended": "extended {team}",
    "picked": "chose final files of {team}",
    "withdrawn": "withdrew files of {team}",
    "restored": "put back files of {team}",
    "renamed": "renamed {team}: now {to}",
    "merged": "merged {team} into {to}",
    "invited": "invited {team}",
    "invitation-revoked": "revoked invitation {invitation}",
}


@dataclass(frozen=True)
class Situation:
    """How a challenge stands at one moment.

    Attributes
    ----------
    phase : Phase
    progress : Progress
    rules : Rules
    now : datetime
        UTC.
    extended : tuple of (str, datetime)
        Teams whose own closing time is still to come, with that time.
    n_teams, n_scored, n_waiting : int
        Teams without the challenge's own; submissions that are scored, and that wait for it.
    lacks_baselines : bool
        Whether baselines could be made and are not there.
    """

    phase: Phase
    progress: Progress
    rules: Rules
    now: datetime
    extended: tuple[tuple[str, datetime], ...]
    n_teams: int
    n_scored: int
    n_waiting: int
    lacks_baselines: bool

    @property
    def is_over(self) -> bool:
        """Whether time is up for every team without an extension."""
        closes = self.rules.closes
        return self.progress.closed is not None or (closes is not None and self.now >= closes)

    @property
    def word(self) -> str:
        """In one word or two."""
        if self.phase is Phase.REVEALED:
            return "final"
        if self.rules.opens is not None and self.now < self.rules.opens:
            return "not open yet"
        if self.progress.paused is not None:
            return "paused"
        return "closed" if self.is_over else "open"

    @property
    def sentence(self) -> str:
        """What that means for whoever wants to hand in."""
        progress, rules = self.progress, self.rules
        match self.word:
            case "final":
                return f"The private ranks were revealed at {time_text(progress.revealed)}."
            case "not open yet":
                return f"Files are accepted from {time_text(rules.opens)}."
            case "paused":
                return f"Paused since {time_text(progress.paused)}: no file is accepted."
            case "closed":
                ends = [each for each in (progress.closed, rules.closes) if each is not None]
                closed = f"Closed since {time_text(min(ends))}"
                if self.extended:
                    return f"{closed}; only teams with more time may hand in."
                return f"{closed}: no file is accepted."
        until = "" if rules.closes is None else f" until {time_text(rules.closes)}"
        return f"Files are accepted{until}."


def situation_of(challenge: Challenge) -> Situation:
    """How the challenge stands now."""
    now, shown = challenge.store.now(), phase(challenge)
    with challenge.store.reading() as session:
        course = session.get_one(Course, 1)
        states = select(Submission.state, func.count()).group_by(Submission.state)
        counts = dict(map(tuple, session.execute(states)))
        n_teams = select(func.count()).select_from(Team).where(Team.name != BASELINE_TEAM)
        later = select(Team.name, Team.closes).where(Team.closes > now).order_by(Team.closes)
        return Situation(
            phase=shown,
            progress=Progress(course.paused, course.closed, course.revealed),
            rules=challenge.rules,
            now=now,
            extended=tuple(map(tuple, session.execute(later))),
            n_teams=session.scalar(n_teams) or 0,
            n_scored=counts.get(State.SCORED, 0),
            n_waiting=counts.get(State.RECEIVED, 0),
            lacks_baselines=(challenge.folder / TEST_JETS).is_file() and not _baselines(session),
        )


def _baselines(session: Session) -> bool:
    found = (
        select(Submission.id)
        .join(Network)
        .join(Team)
        .where(Team.name == BASELINE_TEAM, Submission.state == State.SCORED)
        .where(Submission.withdrawn.is_(None))
        .limit(1)
    )
    return session.scalar(found) is not None


@dataclass(frozen=True)
class Decision:
    """Something that an instructor, or a team about its final files, decided; from the log."""

    at: datetime
    sentence: str


def decisions(challenge: Challenge, *, most: int = 20) -> list[Decision]:
    """The last decisions in the log, the latest first."""
    wanted = select(Event).where(Event.kind.in_(_DECISIONS)).order_by(Event.number.desc())
    with challenge.store.reading() as session:
        found = session.scalars(wanted.limit(most)).all()
        return [Decision(each.at, _in_words(each.kind, json.loads(each.detail))) for each in found]


def _in_words(kind: str, detail: dict[str, Any]) -> str:
    known = {"team": "", "to": ""} | {key: str(value) for key, value in detail.items()}
    if kind == "invited" and not detail.get("team"):
        known["team"] = "an instructor"
    return " ".join([_DECISIONS[kind].format_map(known), *_more(detail)])


def _more(detail: dict[str, Any]) -> Iterator[str]:
    if detail.get("until"):
        yield f"until {time_text(datetime.fromisoformat(detail['until']))}"
    if detail.get("per_day"):
        yield f"to {detail['per_day']} submissions in 24 hours"
    if detail.get("submissions"):
        yield f"({_count(len(detail['submissions']))})"
    if detail.get("ended"):
        yield f"and ended the extensions of {', '.join(detail['ended'])}"
    if detail.get("extended"):
        yield f"and gave back the extensions of {', '.join(detail['extended'])}"


def _count(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
