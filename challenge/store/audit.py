"""Checks of what is stored: the log against its hashes, and the rows against the log.

The log records every submission (team, network, file, time of receipt, AUC, R50, R30, the Ladder's
decision), every final choice, every extension, what was withdrawn, how teams were renamed and
merged, who was invited, and when the challenge was paused, closed and revealed.
`challenge.intake.wrong_scores` checks the scores against their files. Nothing checks the rules in
``challenge.toml``, the labels and the sentence of a refusal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.store import ledger
from challenge.store.records import Record
from challenge.store.replay import Replay, events, replayed
from challenge.store.rows import records_in, scored_detail
from challenge.store.store import Store
from challenge.store.tables import Course, Event, FormerName, Invited, Pick, Submission, Team
from challenge.words import name_key, time_text

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
    with store.reading() as session:  # one moment for rows and log: somebody may be writing
        records = records_in(session)
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
    log = replayed(session)
    gone = sorted(set(came) - {record.id for record in records})
    faults = [f"Submission {number} is only in the log." for number in gone]
    for record in records:
        faults += _disagreements(record, came.get(record.id), result.get(record.id), log)
    faults += _faults_of_times(session, records)
    faults += _faults_of_choices(session, log)
    return [*faults, *_faults_of_course(session, log), *_faults_of_invitations(session)]


def _faults_of_times(session: Session, records: list[Record]) -> Iterator[str]:
    at = {detail["submission"]: at for _, at, detail in events(session, "received", "refused")}
    for record in records:
        if record.id in at and record.received_at != at[record.id]:
            came = time_text(at[record.id])
            yield f"According to the log, submission {record.id} came at {came}."


def _faults_of_choices(session: Session, log: Replay) -> Iterator[str]:
    network_of = dict(map(tuple, session.execute(select(Submission.id, Submission.network_id))))
    expected = {network_of.get(number): number for number in log.picked}
    stored = dict(map(tuple, session.execute(select(Pick.network_id, Pick.submission_id))))
    if stored != expected:
        yield "The final choices are not those in the log."


def _faults_of_course(session: Session, log: Replay) -> Iterator[str]:
    course = session.get_one(Course, 1)
    for word, at in log.times.items():
        if getattr(course, word) != at:
            when = f"{word} at {time_text(at)}" if at else f"never {word}"
            yield f"According to the log, the challenge was {when}."
    teams = {team.id: team for team in session.scalars(select(Team).order_by(Team.id))}
    for team in teams.values():
        if [team.closes, team.per_day] != log.extensions[team.name]:
            yield f"The extension of team {team.name} is not the one in the log."
    former = {each.key: teams[each.team_id].name for each in session.scalars(select(FormerName))}
    if former != {key: name for key, name in log.called.items() if key != name_key(name)}:
        yield "The former names of teams are not those in the log."


def _faults_of_invitations(session: Session) -> Iterator[str]:
    invited, revoked = {}, {}
    for kind, at, each in events(session, "invited", "invitation-revoked"):
        if kind == "invited":
            invited[each["invitation"]] = (each["hash"], each["team"], ",".join(each["may"]), at)
        else:
            revoked[each["invitation"]] = at
    rows = {each.id: each for each in session.scalars(select(Invited))}
    for number in sorted(rows.keys() | invited.keys()):
        row = rows.get(number)
        stored = row and (row.hash, row.team, row.may, row.made)
        if stored != invited.get(number) or (row and row.revoked) != revoked.get(number):
            yield f"Invitation {number} is not the one in the log."


def _all(session: Session, *kinds: str) -> list[dict[str, Any]]:
    return [each for kind in kinds for each in ledger.details(session, kind)]


def _disagreements(
    record: Record, came: dict[str, Any] | None, result: dict[str, Any] | None, log: Replay
) -> Iterator[str]:
    if came is None:
        yield f"Submission {record.id} is not in the log."
        return
    # The networks of merged teams may have been written in other cases.
    names = log.name_now(came["team"]), name_key(came["network"])
    if (*names, came["sha256"]) != (record.team, name_key(record.network), record.sha256):
        yield f"The log has another team or another file for submission {record.id}."
    if log.withdrawn.get(record.id) != record.withdrawn:
        yield f"Submission {record.id} is withdrawn in one of database and log only."
    expected = None if record.verdict is None else scored_detail(record.id, record.verdict)
    if expected != result:
        yield f"Submission {record.id} has a different result in the log."
