"""What an instructor corrects before the reveal: withdrawn files, teams renamed or merged.

Nothing is forgotten. A withdrawn file has been tried: it still counts for the quota and the
networks of its team, and the team sees no new score for what it cannot be distinguished from
(`challenge.intake.shown`). It only no longer stands on the board, and the files after it are
judged as if it had never been a best. A name that a team had still leads to it, so that neither a
folder of the drop box nor a slip of the hand brings back a team with a fresh quota.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from challenge.errors import ChallengeError
from challenge.intake.submission import clean_team, is_step
from challenge.store import Challenge, State, ledger
from challenge.store.lifecycle import require_secret, submissions_of
from challenge.store.replay import replayed
from challenge.store.rows import record_of, scored_detail, team_called
from challenge.store.tables import Course, FormerName, Network, Pick, Submission, Team
from challenge.words import BASELINE_TEAM, name_key, require_typable

__all__ = ["merge", "rename", "withdraw"]

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
        Put back what was withdrawn.

    Returns
    -------
    list of int
        The numbers of the submissions that changed.

    Raises
    ------
    ChallengeError
        If there is no such team or submission, several fit, a file is gone, or the private ranks
        are known.
    """
    with challenge.store.writing_for(team, new=False) as (session, row, course, now):
        require_secret(course)
        if receipts is None:
            networks = [each.id for each in _networks(session, row)]
            meant = session.scalars(
                _of(Submission.network_id.in_(networks), Submission.state == State.SCORED)
            ).all()
        else:
            meant = [each for text in receipts for each in submissions_of(session, row, text)]
        changed = {each.id: each for each in meant if (each.withdrawn is not None) == undo}
        if not changed:
            return []
        for each in changed.values():
            each.withdrawn = None if undo else now
        kind = "restored" if undo else "withdrawn"
        ledger.append(session, course, now, kind, team=row.name, submissions=list(changed))
        for network in dict.fromkeys(each.network_id for each in changed.values()):
            _climb_again(challenge, (session, course, now), network)
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
        _require_no_baseline(row)
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


def merge(challenge: Challenge, team: str, into: str) -> str:
    """Make the submissions of one team another's, as if that team had sent them.

    The quota counts the submissions of both. Networks of the same name become one, judged again in
    the order of receipt; a file that both sent for it stands once. The extension of the team that
    ends is lost.

    Returns
    -------
    str
        The name of the team that remains.

    Raises
    ------
    ChallengeError
        If there is no such team, they are one already, a file is gone, or the private ranks are
        known.
    """
    with challenge.store.writing_for_all(team, into) as (session, (gone, kept), course, now):
        require_secret(course)
        _require_no_baseline(gone, kept)
        if gone.id == kept.id:
            raise ChallengeError(f"{team} and {into} are one team already: {kept.name}.")
        ledger.append(session, course, now, "merged", team=gone.name, to=kept.name)
        joined, twice = _move_networks(session, gone, kept)
        if twice:
            for each in twice:
                each.withdrawn = now
            numbers = [each.id for each in twice]
            ledger.append(session, course, now, "withdrawn", team=kept.name, submissions=numbers)
        of_gone = FormerName.team_id == gone.id
        session.execute(update(FormerName).where(of_gone).values(team_id=kept.id))
        session.add(FormerName(key=gone.key, team_id=kept.id))
        session.delete(gone)
        session.flush()
        _pick_again(session, joined)
        for network in joined:
            _climb_again(challenge, (session, course, now), network)
        return kept.name


def _move_networks(session: Session, gone: Team, kept: Team) -> tuple[list[int], list[Submission]]:
    """Give one team the networks of another.

    Returns
    -------
    networks, twice
        The numbers of the networks whose submissions changed; and the later one of each two
        submissions of the same file, which moved to a network of their own.
    """
    own = {each.key: each for each in _networks(session, kept)}
    changed, twice = [], []
    for network in _networks(session, gone):
        same = own.get(network.key)
        if same is None:
            network.team_id = kept.id
            continue
        session.execute(delete(Pick).where(Pick.network_id.in_([network.id, same.id])))
        changed.append(same.id)
        later = _later_ones(session, network.id, same.id)
        if later:
            changed.append(_set_aside(session, same, f"{same.key}#{network.id}", later))
        moved = Submission.network_id == network.id
        session.execute(update(Submission).where(moved).values(network_id=same.id))
        session.expire_all()
        session.delete(network)
        session.flush()
        twice += [each for each in later if each.withdrawn is None]
    session.flush()
    return changed, twice


def _set_aside(session: Session, like: Network, key: str, submissions: list[Submission]) -> int:
    """Move submissions to a new network that has the name of another; returns its number."""
    aside = Network(team_id=like.team_id, name=like.name, key=key)
    session.add(aside)
    session.flush()
    for each in submissions:
        each.network_id = aside.id
    session.flush()
    return aside.id


def _networks(session: Session, team: Team) -> list[Network]:
    networks = select(Network).where(Network.team_id == team.id).order_by(Network.id)
    return list(session.scalars(networks))


def _later_ones(session: Session, *networks: int) -> list[Submission]:
    """Submissions of a file that came earlier for another of these networks."""
    seen: set[str] = set()
    later = []
    of_all = select(Submission).where(Submission.network_id.in_(networks)).order_by(Submission.id)
    for each in session.scalars(of_all):
        if each.sha256 in seen:
            later.append(each)
        seen.add(each.sha256)
    return later


def _pick_again(session: Session, networks: Sequence[int]) -> None:
    """Make the last choice in the log stand for each network."""
    numbers = replayed(session).picked
    chosen = {each.id: each for each in session.scalars(_of(Submission.id.in_(numbers)))}
    for number in numbers:
        network = chosen[number].network_id
        if network in networks:
            session.merge(Pick(network_id=network, submission_id=number))


def _climb_again(challenge: Challenge, writing: Writing, network: int) -> None:
    """Judge a network's submissions in the order of their scoring, without what was withdrawn."""
    session, course, now = writing
    order = [each["submission"] for each in ledger.details(session, "scored")]
    place = {number: at for at, number in enumerate(order)}
    standing = _of(
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


def _of(*conditions: object) -> Select[tuple[Submission]]:
    return select(Submission).where(*conditions).order_by(Submission.id)


def _require_no_baseline(*teams: Team) -> None:
    if any(team.name == BASELINE_TEAM for team in teams):
        raise ChallengeError(
            f"The team {BASELINE_TEAM!r} is the challenge's own: it keeps its name and entries."
        )
