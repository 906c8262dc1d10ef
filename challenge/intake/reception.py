"""Who may submit what: the second step of a submission, which counts the quotas.

A refusal here costs no quota. Only a refused *file* leaves a row, with its reason, so that the same
file gets the same answer; the number of those per day is limited as well.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.errors import SubmissionError
from challenge.intake.quota import DAY, Quota, quota_of
from challenge.store import Challenge, Progress, Rules, State, is_closed, ledger
from challenge.store.rows import submissions_by, team_called
from challenge.store.tables import Course, Network, Submission, Team
from challenge.words import name_key, require_typable, team_key, time_text

__all__ = ["Arrival", "look_up", "not_now", "quota_left", "receive"]


@dataclass(frozen=True)
class Arrival:
    """A file that came in, under names that are clean (see `challenge.words`).

    Attributes
    ----------
    sha256 : str
        Hash of the file.
    refusal : SubmissionError or None
        Why the file cannot be scored.
    is_ours : bool
        An entry of the challenge itself, for which there are no limits until the reveal.
    again : bool
        The instructor allows a file that was withdrawn from another network of the team.
    """

    team: str
    network: str
    sha256: str
    refusal: SubmissionError | None = None
    is_ours: bool = False
    again: bool = False


def look_up(challenge: Challenge, arrival: Arrival) -> int | None:
    """The number this file has already; None if it is new and may come in.

    This locks nothing and only spares the disk files that would be refused; `receive` decides.

    Raises
    ------
    SubmissionError
        For the reasons of `receive`.
    """
    now = challenge.store.now()
    with challenge.store.reading() as session:
        team = team_called(session, name_key(arrival.team))
        known = _known(session, team, arrival)
        if known is None:
            if team is None:
                require_typable(arrival.team)
            _require_permission(
                session, session.get_one(Course, 1), team, arrival, challenge.rules, now
            )
        return known


def receive(challenge: Challenge, arrival: Arrival) -> int:
    """The number of this file's submission, a new one or the one it already has.

    Names that differ from known ones only in case mean the known ones.

    Raises
    ------
    SubmissionError
        With one of the reasons team-name, not-open, paused, closed, revealed, withdrawn, quota,
        networks, refusals.
    """
    with challenge.store.writing_for(arrival.team, new=True) as (session, team, course, now):
        known = _known(session, team, arrival)
        if known is not None:
            return known
        _require_permission(session, course, team, arrival, challenge.rules, now)
        row = Submission(
            network=_network(session, team, arrival.network),
            sha256=arrival.sha256,
            received_at=now,
        )
        if arrival.refusal is not None:
            row.state = State.REJECTED
            row.reason, row.sentence = arrival.refusal.reason, arrival.refusal.sentence
        session.add(row)
        session.flush()
        kind = "received" if arrival.refusal is None else "refused"
        ledger.append(
            session, course, now, kind,
            submission=row.id, team=team.name, network=row.network.name, sha256=row.sha256,
        )  # fmt: skip
        return row.id


def quota_left(challenge: Challenge, team: str) -> Quota:
    """The quota of a team, which need not be known yet."""
    now = challenge.store.now()
    with challenge.store.reading() as session:
        found = team_called(session, team_key(team))
        return _quota(session, found, challenge.rules, now)


def not_now(challenge: Challenge, team: str) -> SubmissionError | None:
    """Why no new file of a team would be accepted now, whatever it holds; None if one would.

    The team need not be known yet. How many networks it has is counted when a file comes.
    """
    now = challenge.store.now()
    with challenge.store.reading() as session:
        course = session.get_one(Course, 1)
        progress = Progress(course.paused, course.closed, course.revealed)
        found = team_called(session, team_key(team))
        try:
            _require_open(challenge.rules, progress, found, now)
            _require_quota(_quota(session, found, challenge.rules, now))
        except SubmissionError as refusal:
            return refusal
    return None


def _require_permission(
    session: Session,
    course: Course,
    team: Team | None,
    arrival: Arrival,
    rules: Rules,
    now: datetime,
) -> None:
    if arrival.is_ours:
        _require_unrevealed(course)
        return
    progress = Progress(course.paused, course.closed, course.revealed)
    _require_open(rules, progress, team, now)
    if arrival.refusal is None:
        _require_not_withdrawn(session, team, arrival)
        _require_network(session, team, arrival, rules)
        _require_quota(_quota(session, team, rules, now))
    else:
        _require_refusals_left(session, team, arrival.refusal, rules, now)


def _require_unrevealed(course: Course) -> None:
    """A later submission would change ranks and marks that everybody knows."""
    if course.revealed is not None:
        raise SubmissionError(
            "revealed",
            f"The private ranks were revealed at {time_text(course.revealed)}: it is too late "
            "for new baselines.",
        )


def _require_open(rules: Rules, progress: Progress, team: Team | None, now: datetime) -> None:
    if progress.revealed is not None:
        raise SubmissionError(
            "revealed",
            f"The challenge is over: its private ranks were revealed at "
            f"{time_text(progress.revealed)}, and no file is accepted after that.",
        )
    if rules.opens is not None and now < rules.opens:
        raise SubmissionError("not-open", f"The challenge opens at {time_text(rules.opens)}.")
    if progress.paused is not None:
        raise SubmissionError(
            "paused", "The instructor has paused the challenge: submit the file again later."
        )
    is_over = is_closed(rules, progress.closed, now)
    if team is not None and team.closes is not None:
        is_over = is_over and now >= team.closes
    if is_over:
        raise SubmissionError(
            "closed", "The challenge is closed: ask the instructor if you need more time."
        )


def _require_not_withdrawn(session: Session, team: Team | None, arrival: Arrival) -> None:
    """No team brings back under another name what the instructor withdrew."""
    if team is None or arrival.again:
        return
    found = session.scalar(
        submissions_by(team)
        .where(Submission.sha256 == arrival.sha256, Submission.withdrawn.is_not(None))
        .limit(1)
    )
    if found is not None:
        raise SubmissionError(
            "withdrawn",
            f"This file was withdrawn from {found.network.name} by the instructor at "
            f"{time_text(found.withdrawn)}: only the instructor can hand it in for another "
            "network, with --again.",
        )


def _require_network(session: Session, team: Team | None, arrival: Arrival, rules: Rules) -> None:
    """Only names under which something was scored count: a refused file makes no network.

    What was withdrawn counts, here as for the quota: it has been tried.
    """
    if team is None:
        return
    counted = (
        select(Network.name)
        .where(Network.team_id == team.id)
        .join(Submission)
        .where(Submission.state != State.REJECTED)
        .distinct()
    )
    names = {name_key(name): name for name in session.scalars(counted)}
    if name_key(arrival.network) not in names and len(names) >= rules.networks:
        raise SubmissionError(
            "networks",
            f"Expected at most {rules.networks} networks per team; yours are "
            f"{', '.join(sorted(names.values()))}: submit under one of these names.",
        )


def _require_quota(quota: Quota) -> None:
    if quota.left == 0 and quota.returns_at is not None:
        raise SubmissionError(
            "quota",
            f"You have used all {quota.limit} submissions allowed in 24 hours: the next one is "
            f"possible at {time_text(quota.returns_at)}.",
        )


def _require_refusals_left(
    session: Session, team: Team | None, refusal: SubmissionError, rules: Rules, now: datetime
) -> None:
    refused = _times(session, team, now, Submission.state == State.REJECTED)
    quota = quota_of(refused, limit=rules.refusals_per_day, now=now)
    if quota.left == 0 and quota.returns_at is not None:
        raise SubmissionError(
            "refusals",
            f"This file cannot be scored ({refusal.reason}), nor could {quota.used} others in the "
            "last 24 hours: look at your files with the command check first. The next refused file "
            f"is recorded after {time_text(quota.returns_at)}.",
        )


def _quota(session: Session, team: Team | None, rules: Rules, now: datetime) -> Quota:
    limit = rules.per_day if team is None or team.per_day is None else team.per_day
    used = _times(session, team, now, Submission.state != State.REJECTED)
    return quota_of(used, limit=limit, now=now)


def _times(session: Session, team: Team | None, now: datetime, *which: object) -> list[datetime]:
    if team is None:
        return []
    of_team = (
        select(Submission.received_at)
        .join(Network)
        .where(Network.team_id == team.id, Submission.received_at > now - DAY, *which)
    )
    return list(session.scalars(of_team))


def _known(session: Session, team: Team | None, arrival: Arrival) -> int | None:
    if team is None:
        return None
    return session.scalar(
        select(Submission.id)
        .join(Network)
        .where(
            Network.team_id == team.id,
            Network.key == name_key(arrival.network),
            Submission.sha256 == arrival.sha256,
        )
    )


def _network(session: Session, team: Team, name: str) -> Network:
    found = session.scalar(select(Network).filter_by(team_id=team.id, key=name_key(name)))
    if found is None:
        found = Network(team=team, name=name, key=name_key(name))
        session.add(found)
    return found
