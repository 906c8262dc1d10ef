"""What an instructor corrects before the reveal: withdrawn files, teams with another name.

Nothing is forgotten. A withdrawn file has been tried: it still counts for the quota and the
networks of its team, and the team sees no new score for what it cannot be distinguished from
(`challenge.intake.shown`). It only no longer stands on the board, and the files after it are
judged as if it had never been a best. A name that a team had still leads to it, so that neither a
group of the hub nor a slip of the hand brings back a team with a fresh quota. How two teams
become one: `challenge.intake.merging`.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.errors import ChallengeError
from challenge.intake.submission import clean_team, is_step
from challenge.store import Challenge, State, ledger
from challenge.store.lifecycle import require_no_baseline, require_secret
from challenge.store.replay import events
from challenge.store.rows import (
    record_of,
    scored_detail,
    submissions_by,
    submissions_of,
    team_called,
)
from challenge.store.tables import Course, FormerName, Submission, Team
from challenge.words import name_key, require_typable

__all__ = ["Writing", "climb_again", "rename", "withdraw"]

Writing = tuple[Session, Course, datetime]


def withdraw(
    challenge: Challenge, team: str, receipts: Sequence[str] | None, *, undo: bool = False
) -> list[int]:
    """Take scored submissions off the board, or put them back.

    Parameters
    ----------
    challenge : Challenge
    team : str
    receipts : sequence of str or None
        Each the SHA-256 of a scored submission of this team, or at least its first 8 digits; all
        submissions of the team if None.
    undo : bool
        Put back what was withdrawn; with None, what the last withdrawal of all took.

    Returns
    -------
    list of int
        The numbers of the submissions that changed.

    Raises
    ------
    ChallengeError
        If there is no such team or submission, the team is the challenge's own, several fit, all
        were never withdrawn at once, a file is gone, or the private ranks are known.
    """
    with challenge.store.writing_for(team, new=False) as (session, row, course, now):
        require_secret(course)
        if not undo:
            require_no_baseline(row)
        if receipts is not None:
            meant = [each for text in receipts for each in submissions_of(session, row, text)]
        else:
            meant = _taken_at_once(session, row) if undo else _scored(session, row)
        changed = {each.id: each for each in meant if (each.withdrawn is not None) == undo}
        if not changed:
            return []
        for each in changed.values():
            each.withdrawn = None if undo else now
        kind = "restored" if undo else "withdrawn"
        detail = {"team": row.name, "submissions": list(changed)}
        ledger.append(
            session, course, now, kind, **detail, **({"all": True} if receipts is None else {})
        )
        for network in dict.fromkeys(each.network_id for each in changed.values()):
            climb_again(challenge, (session, course, now), network)
        return list(changed)


def rename(challenge: Challenge, team: str, to: str) -> str:
    """Give a team another name; its old one still leads to it.

    Returns
    -------
    str
        The new name, as it is shown.

    Raises
    ------
    ChallengeError
        If there is no such team, the name is another team's, or the private ranks are known.
    SubmissionError
        If no team may have this name.
    """
    name = require_typable(clean_team(to))
    with challenge.store.writing_for(team, new=False) as (session, row, course, now):
        require_secret(course)
        require_no_baseline(row)
        holder = team_called(session, name_key(name))
        if holder is not None and holder.id != row.id:
            raise ChallengeError(
                f"The name {name!r} is that of team {holder.name!r}, or was: choose another, or "
                "merge the two teams."
            )
        if name == row.name:
            return name
        before, row.name = row.name, name
        if row.key != name_key(name):
            former = session.get(FormerName, name_key(name))
            if former is not None:
                session.delete(former)
            session.add(FormerName(key=row.key, team_id=row.id))
            row.key = name_key(name)
        ledger.append(session, course, now, "renamed", team=before, to=name)
        return name


def climb_again(challenge: Challenge, writing: Writing, network: int) -> None:
    """Judge a network's submissions in the order of their scoring, without what was withdrawn.

    Parameters
    ----------
    challenge : Challenge
    writing : tuple of (session, course, now)
        Of the transaction in which something was corrected.
    network : int
        Its number.
    """
    session, course, now = writing
    order = [each["submission"] for each in ledger.details(session, "scored")]
    place = {number: at for at, number in enumerate(order)}
    standing = select(Submission).where(
        Submission.network_id == network,
        Submission.state == State.SCORED,
        Submission.withdrawn.is_(None),
    )
    best: Submission | None = None
    for row in sorted(session.scalars(standing), key=lambda each: place[each.id]):
        rival = None if best is None else best.id
        if row.compared_with != rival:  # else it was judged against the same file
            row.compared_with = rival
            row.is_best = best is None or is_step(
                challenge.truth, challenge.scores_of(row.sha256), challenge.scores_of(best.sha256)
            )
            verdict = record_of(row, is_pick=False).verdict
            ledger.append(session, course, now, "rescored", **scored_detail(row.id, verdict))
        best = row if row.is_best else best


def _scored(session: Session, team: Team) -> list[Submission]:
    """The scored submissions of a team, without copies."""
    return list(session.scalars(submissions_by(team).where(Submission.state == State.SCORED)))


def _taken_at_once(session: Session, team: Team) -> list[Submission]:
    """What the last withdrawal of all submissions took and nothing else has changed since."""
    scored = {each.id: each for each in _scored(session, team)}
    last = None
    for _, at, detail in events(session, "withdrawn"):
        if detail.get("all") and not scored.keys().isdisjoint(detail["submissions"]):
            last = at, detail["submissions"]
    if last is None:
        raise ChallengeError(
            f"No withdrawal of all submissions of {team.name} is in the log: name the receipts of "
            "what is to come back."
        )
    at, numbers = last
    return [scored[each] for each in numbers if each in scored and scored[each].withdrawn == at]
