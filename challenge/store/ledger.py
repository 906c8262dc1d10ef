"""The log of events: append-only, and each line carries the hash of everything before it.

Changing, dropping or inserting a line changes every later hash, and so the last one. Note the last
hash (`audit` prints it), and nothing before it can be rewritten unseen.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.store.tables import Course, Event

__all__ = ["append", "chain_faults", "details"]


def append(session: Session, course: Course, at: datetime, kind: str, **detail: Any) -> None:
    """Add one event, inside a transaction that has locked the course.

    Parameters
    ----------
    session : Session
    course : Course
        The locked row; it is given the new head of the chain.
    at : datetime
        UTC.
    kind : str
        Like ``received``.
    **detail
        Anything that JSON can hold.
    """
    number = course.n_events + 1
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = _hash(course.head, number, at, kind, text)
    session.add(Event(number=number, at=at, kind=kind, detail=text, hash=digest))
    course.n_events, course.head, course.last_at = number, digest, at


def chain_faults(session: Session) -> list[str]:
    """One sentence for every break in the chain; empty if it is intact."""
    course = session.get_one(Course, 1)
    faults, head, expected = [], "", 1
    for event in session.scalars(select(Event).order_by(Event.number)):
        if event.number != expected:
            faults.append(f"Expected event {expected}; the next one is {event.number}.")
        if event.hash != _hash(head, event.number, event.at, event.kind, event.detail):
            faults.append(f"Event {event.number} ({event.kind}) does not follow from its hash.")
        head, expected = event.hash, event.number + 1
    if (course.n_events, course.head) != (expected - 1, head):
        faults.append(
            f"Expected {course.n_events} events; the log ends with number {expected - 1}."
        )
    return faults


def details(session: Session, kind: str) -> list[dict[str, Any]]:
    """The details of all events of one kind, in their order."""
    events = select(Event.detail).filter_by(kind=kind).order_by(Event.number)
    return [json.loads(text) for text in session.scalars(events)]


def _hash(head: str, number: int, at: datetime, kind: str, detail: str) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    line = json.dumps([head, number, moment, kind, detail])
    return hashlib.sha256(line.encode()).hexdigest()
