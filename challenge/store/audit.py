"""Checks of what is stored: the log against its hashes, and the rows against the log.

The log records every submission (team, network, file, time of receipt, AUC, R50, R30, the Ladder's
decision), every final choice, every extension, and when the challenge was paused, closed and
revealed. `challenge.intake.wrong_scores` checks the scores against their files. Nothing checks the
rules in ``challenge.toml``, the labels and the sentence of a refusal.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.store import ledger
from challenge.store.records import Record
from challenge.store.rows import scored_detail
from challenge.store.store import Store
from challenge.store.tables import Course, Event, Pick, Submission, Team
from challenge.words import time_text

__all__ = ["Audit", "audit_log"]


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes
    ----------
    n_events : int
    head : str
        Hash of the last event. Note it, and nothing before it can be changed unseen.
    faults : tuple of str
        One sentence for each fault; empty if all is well.
    """

    n_events: int
    head: str
    faults: tuple[str, ...]


def audit_log(store: Store, *, noted: str | None = None) -> Audit:
    """Check the chain of hashes, and the rows against the log (see above).

    Parameters
    ----------
    store : Store
    noted : str, optional
        The head of an earlier audit; it must still be in the chain.
    """
    records = store.records()
    with store.reading() as session:
        course = session.get_one(Course, 1)
        faults = ledger.chain_faults(session)
        if noted is not None and not session.query(Event).filter_by(hash=noted).count():
            faults.append(f"No event has the hash {noted}: the log was rewritten or cut off.")
        if not faults:  # a broken log proves nothing about the rows
            faults = _faults_of_rows(session, records)
        return Audit(course.n_events, course.head, tuple(faults))


def _faults_of_rows(session: Session, records: list[Record]) -> list[str]:
    came = {each["submission"]: each for each in _all(session, "received", "refused")}
    result = {each["submission"]: each for each in _all(session, "scored", "rescored")}
    gone = sorted(set(came) - {record.id for record in records})
    faults = [f"Submission {number} is only in the log." for number in gone]
    for record in records:
        faults += _disagreements(record, came.get(record.id), result.get(record.id))
    faults += _faults_of_times(session, records)
    return [*faults, *_faults_of_choices(session), *_faults_of_course(session)]


def _faults_of_times(session: Session, records: list[Record]) -> Iterator[str]:
    at = {detail["submission"]: at for _, at, detail in _events(session, "received", "refused")}
    for record in records:
        if record.id in at and record.received_at != at[record.id]:
            came = time_text(at[record.id])
            yield f"According to the log, submission {record.id} came at {came}."


def _faults_of_choices(session: Session) -> Iterator[str]:
    network_of = dict(map(tuple, session.execute(select(Submission.id, Submission.network_id))))
    expected = {
        network_of.get(number): number
        for _, _, detail in _events(session, "picked")
        for number in detail["submissions"]
    }
    stored = dict(map(tuple, session.execute(select(Pick.network_id, Pick.submission_id))))
    if stored != expected:
        yield "The final choices are not those in the log."


def _faults_of_course(session: Session) -> Iterator[str]:
    """Replay what the instructor did."""
    times: dict[str, datetime | None] = dict.fromkeys(("paused", "closed", "revealed"))
    teams: dict[str, list[Any]] = defaultdict(lambda: [None, None])
    for kind, at, detail in _events(session, "paused", "resumed", "closed", "revealed", "extended"):
        if kind == "resumed":
            times |= {"paused": None, "closed": None}
        elif kind == "extended":
            until, per_day = detail["until"], detail["per_day"]
            closes = datetime.fromisoformat(until).astimezone(UTC) if until else None
            before = teams[detail["team"]]
            teams[detail["team"]] = [closes or before[0], per_day or before[1]]
        else:
            times[kind] = times[kind] or at
            for name in detail.get("ended", ()):
                teams[name][0] = None
    course = session.get_one(Course, 1)
    for word, at in times.items():
        if getattr(course, word) != at:
            when = f"{word} at {time_text(at)}" if at else f"never {word}"
            yield f"According to the log, the challenge was {when}."
    for team in session.scalars(select(Team).order_by(Team.id)):
        if [team.closes, team.per_day] != teams[team.name]:
            yield f"The extension of team {team.name} is not the one in the log."


def _events(session: Session, *kinds: str) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    events = select(Event).where(Event.kind.in_(kinds)).order_by(Event.number)
    for event in session.scalars(events):
        yield event.kind, event.at, json.loads(event.detail)


def _all(session: Session, *kinds: str) -> list[dict[str, Any]]:
    return [each for kind in kinds for each in ledger.details(session, kind)]


def _disagreements(
    record: Record, came: dict[str, Any] | None, result: dict[str, Any] | None
) -> Iterator[str]:
    if came is None:
        yield f"Submission {record.id} is not in the log."
        return
    if (came["team"], came["network"], came["sha256"]) != (
        record.team,
        record.network,
        record.sha256,
    ):
        yield f"The log has another team or another file for submission {record.id}."
    expected = None if record.verdict is None else scored_detail(record.id, record.verdict)
    if expected != result:
        yield f"Submission {record.id} has a different result in the log."
