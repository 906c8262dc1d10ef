"""What an instructor does with a running challenge, one function for each action.

Every action is one transaction and one line in the log. An action that changes nothing is not
an error, so that a command can be repeated after a kill.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from challenge.errors import ChallengeError
from challenge.store import ledger
from challenge.store.challenge import Challenge
from challenge.store.folder import Rules
from challenge.store.records import Phase, State
from challenge.store.replay import replayed
from challenge.store.rows import submissions_of
from challenge.store.tables import Course, Pick, Submission, Team
from challenge.words import BASELINE_TEAM, time_text

__all__ = [
    "close",
    "extend",
    "is_closed",
    "pause",
    "phase",
    "pick",
    "require_no_baseline",
    "require_secret",
    "resume",
    "reveal",
]


def phase(challenge: Challenge) -> Phase:
    """How much of the challenge may be seen now."""
    now = challenge.store.now()
    with challenge.store.reading() as session:
        course = session.get_one(Course, 1)
        if course.revealed is not None:
            return Phase.REVEALED
        return Phase.CLOSED if _is_over(session, course, challenge.rules, now) else Phase.LIVE


def pause(challenge: Challenge) -> None:
    """Refuse submissions until `resume`."""
    with challenge.store.writing() as (session, course, now):
        if course.paused is None:
            course.paused = now
            ledger.append(session, course, now, "paused")


def resume(challenge: Challenge) -> bool:
    """Accept submissions again, after a pause or a close that came too early.

    Teams get back the extensions that a close ended, as far as they have not run out since.

    Returns
    -------
    bool
        Whether the challenge was paused or closed.

    Raises
    ------
    ChallengeError
        If the private ranks are revealed: a team that submits now would know them.
    """
    with challenge.store.writing() as (session, course, now):
        require_secret(course)
        stopped = course.paused is not None or course.closed is not None
        if stopped:
            course.paused = course.closed = None
            ended = replayed(session).ended.items()
            again = {name: until for name, until in ended if until > now}
            for team in session.scalars(select(Team).where(Team.name.in_(list(again)))):
                team.closes = again[team.name]
            given = {name: until.isoformat() for name, until in again.items()}
            ledger.append(session, course, now, "resumed", **({"extended": given} if given else {}))
        return stopped


def close(challenge: Challenge) -> None:
    """Refuse all further submissions; extensions end as well."""
    with challenge.store.writing() as (session, course, now):
        extended = session.scalars(select(Team).where(Team.closes > now)).all()
        if course.closed is None or extended:
            course.closed = course.closed or now
            for team in extended:
                team.closes = None
            ledger.append(session, course, now, "closed", ended=[team.name for team in extended])


def reveal(challenge: Challenge) -> None:
    """Show the private ranks; afterwards nothing can be submitted or chosen.

    Raises
    ------
    ChallengeError
        If a team may still submit, or a submitted file is not scored yet.
    """
    with challenge.store.writing() as (session, course, now):
        if course.revealed is not None:
            return
        if not _is_over(session, course, challenge.rules, now):
            raise ChallengeError("Teams may still submit files: close the challenge first.")
        waiting = session.scalar(select(func.count()).where(Submission.state == State.RECEIVED))
        if waiting:
            raise ChallengeError(
                f"{waiting} submissions are not scored yet: python -m challenge rescore DIR "
                "finishes them, or names the file that is gone."
            )
        course.revealed = now
        ledger.append(session, course, now, "revealed")


def extend(
    challenge: Challenge, team: str, *, until: datetime | None = None, per_day: int | None = None
) -> None:
    """Give one team more time, or another number of submissions in 24 hours.

    Raises
    ------
    ChallengeError
        If there is no such team or it is the challenge's own, the time is over, or the private
        ranks are known.
    """
    with challenge.store.writing_for(team, new=False) as (session, row, course, now):
        require_secret(course)
        require_no_baseline(row)
        if until is not None and until <= now:
            raise ChallengeError(f"Expected a time after {time_text(now)}; got {time_text(until)}.")
        row.closes = until or row.closes
        row.per_day = per_day or row.per_day
        given: dict[str, Any] = {"until": until and until.isoformat(), "per_day": per_day}
        ledger.append(session, course, now, "extended", team=row.name, **given)


def pick(challenge: Challenge, team: str, receipts: Sequence[str]) -> list[str]:
    """Choose the final submission of some networks; the others keep their best.

    Parameters
    ----------
    challenge : Challenge
    team : str
    receipts : sequence of str
        Each the SHA-256 of a scored submission of this team, or at least its first 8 digits.

    Returns
    -------
    list of str
        The networks that were chosen for.

    Raises
    ------
    ChallengeError
        If there is no such team or submission, the team is the challenge's own, several fit, two
        are of one network, or the time is over.
    """
    with challenge.store.writing_for(team, new=False) as (session, row, course, now):
        require_secret(course)
        require_no_baseline(row)
        if _is_over(session, course, challenge.rules, now):
            raise ChallengeError("The challenge is closed: the final choices stand.")
        chosen = _one_of_each_network(
            each for text in receipts for each in _standing(session, row, text)
        )
        for each in chosen:
            session.merge(Pick(network_id=each.network_id, submission_id=each.id))
        numbers = [each.id for each in chosen]
        ledger.append(session, course, now, "picked", team=row.name, submissions=numbers)
        return [each.network.name for each in chosen]


def is_closed(rules: Rules, closed: datetime | None, now: datetime) -> bool:
    """Whether time is up for teams without an extension.

    A close by hand holds whatever the clock says: setting the clock back reopens nothing.
    """
    return closed is not None or (rules.closes is not None and now >= rules.closes)


def require_secret(course: Course) -> None:
    """Refuse to change anything after the reveal.

    Raises
    ------
    ChallengeError
        If the private ranks are known.
    """
    if course.revealed is not None:
        raise ChallengeError(
            f"The private ranks were revealed at {time_text(course.revealed)}: nothing can be "
            "changed after that."
        )


def require_no_baseline(*teams: Team) -> None:
    """Refuse to change the challenge's own team.

    Raises
    ------
    ChallengeError
        If one of the teams is that.
    """
    if any(team.name == BASELINE_TEAM for team in teams):
        raise ChallengeError(
            f"The team {BASELINE_TEAM!r} is the challenge's own: its name, entries and limits stay."
        )


def _standing(session: Session, team: Team, receipt: str) -> list[Submission]:
    found = submissions_of(session, team, receipt)
    standing = [each for each in found if each.withdrawn is None]
    if not standing:
        raise ChallengeError(
            f"The file {found[0].sha256[:12]} was withdrawn at {time_text(found[0].withdrawn)}: "
            "choose another."
        )
    return standing


def _one_of_each_network(submissions: Iterable[Submission]) -> list[Submission]:
    chosen: dict[int, Submission] = {}
    for each in submissions:
        other = chosen.setdefault(each.network_id, each)
        if other.id != each.id:
            raise ChallengeError(
                f"Expected one file for each network; {other.sha256[:12]} and {each.sha256[:12]} "
                f"are both of {each.network.name}: choose one of them."
            )
    return list(chosen.values())


def _is_over(session: Session, course: Course, rules: Rules, now: datetime) -> bool:
    """Whether time is up for every team, unless the instructor changes that."""
    latest = session.scalar(select(func.max(Team.closes)))
    return is_closed(rules, course.closed, now) and (latest is None or now >= latest)
