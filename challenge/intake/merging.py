"""One team of two: one quota, and of the networks with one name one.

A file that both handed in for networks of one name counts once. The other receipt stays, for
everything that came in can be verified; but it is a copy, which never stands, cannot be chosen or
brought back, and is no other try.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from challenge.errors import ChallengeError
from challenge.intake.corrections import Writing, climb_again
from challenge.store import Challenge, State, ledger
from challenge.store.lifecycle import require_no_baseline, require_secret
from challenge.store.replay import replayed
from challenge.store.tables import COPIES, FormerName, Network, Pick, Submission, Team

__all__ = ["merge"]

Copies = list[tuple[Submission, Submission]]  # each with the one that counts


def merge(challenge: Challenge, team: str, into: str) -> tuple[str, list[int]]:
    """Make the submissions of one team another's, as if that team had sent them.

    The quota counts the submissions of both. Networks of the same name become one, judged again in
    the order of receipt; a file that both sent for it counts once: the earlier one, unless it was
    withdrawn. The extension of the team that ends is lost.

    Returns
    -------
    name : str
        Of the team that remains.
    copies : list of int
        The submissions that stood and were withdrawn as copies of others.

    Raises
    ------
    ChallengeError
        If there is no such team, they are one already, one is the challenge's own, a file is gone,
        or the private ranks are known.
    """
    with challenge.store.writing_for_all(team, into) as (session, (gone, kept), course, now):
        require_secret(course)
        require_no_baseline(gone, kept)
        if gone.id == kept.id:
            raise ChallengeError(f"{team} and {into} are one team already: {kept.name}.")
        writing = session, course, now
        ledger.append(*writing, "merged", team=gone.name, to=kept.name)
        joined, copies = _move_networks(session, gone, kept)
        withdrawn = _withdraw(writing, kept, [copy for copy, _ in copies])
        of_gone = FormerName.team_id == gone.id
        session.execute(update(FormerName).where(of_gone).values(team_id=kept.id))
        session.add(FormerName(key=gone.key, team_id=kept.id))
        session.delete(gone)
        session.flush()
        _choose_again(writing, kept, joined, copies)
        for network in joined:
            climb_again(challenge, writing, network)
        return kept.name, withdrawn


def _move_networks(session: Session, gone: Team, kept: Team) -> tuple[list[int], Copies]:
    """Give one team the networks of another.

    Returns
    -------
    networks, copies
        The numbers of the networks whose submissions changed, and the copies, which moved to
        networks of their own.
    """
    own = {each.key: each for each in _networks(session, kept)}
    changed: list[int] = []
    copies: Copies = []
    for network in _networks(session, gone):
        same = own.get(network.key)
        if same is None:
            network.team_id = kept.id
            continue
        session.execute(delete(Pick).where(Pick.network_id.in_([network.id, same.id])))
        changed.append(same.id)
        if found := _copies(session, network.id, same.id):
            key = f"{same.key}{COPIES}{network.id}"
            changed.append(_set_aside(session, same, key, [copy for copy, _ in found]))
            copies += found
        moved = Submission.network_id == network.id
        session.execute(update(Submission).where(moved).values(network_id=same.id))
        session.expire_all()
        session.delete(network)
        session.flush()
    session.flush()
    return changed, copies


def _networks(session: Session, team: Team) -> list[Network]:
    networks = select(Network).where(Network.team_id == team.id).order_by(Network.id)
    return list(session.scalars(networks))


def _copies(session: Session, *networks: int) -> Copies:
    """Of each file that several of these networks have: all submissions but the one that counts."""
    of_file: dict[str, list[Submission]] = defaultdict(list)
    of_all = select(Submission).where(Submission.network_id.in_(networks)).order_by(Submission.id)
    for each in session.scalars(of_all):
        of_file[each.sha256].append(each)
    found: Copies = []
    for same in of_file.values():
        counts = min(same, key=_precedence)
        found += [(each, counts) for each in same if each is not counts]
    return found


def _precedence(submission: Submission) -> tuple[bool, bool, int]:
    """First what stands, then what waits for its score, then the earlier receipt."""
    is_out = submission.withdrawn is not None or submission.state is State.REJECTED
    return is_out, submission.state is not State.SCORED, submission.id


def _set_aside(session: Session, like: Network, key: str, submissions: list[Submission]) -> int:
    """Move submissions to a new network that has the name of another; returns its number."""
    aside = Network(team_id=like.team_id, name=like.name, key=key)
    session.add(aside)
    session.flush()
    for each in submissions:
        each.network_id = aside.id
    session.flush()
    return aside.id


def _withdraw(writing: Writing, team: Team, copies: Sequence[Submission]) -> list[int]:
    """Withdraw the copies that stand or wait for a score; returns their numbers."""
    session, course, now = writing
    standing = [
        each for each in copies if each.withdrawn is None and each.state is not State.REJECTED
    ]
    numbers = [each.id for each in standing]
    for each in standing:
        each.withdrawn = now
    if numbers:
        ledger.append(session, course, now, "withdrawn", team=team.name, submissions=numbers)
    return numbers


def _choose_again(writing: Writing, team: Team, networks: Sequence[int], copies: Copies) -> None:
    """Make the last choice in the log stand for each network; that of a copy means its file."""
    session, course, now = writing
    chosen = set(replayed(session).picked)
    moved = {copy.id: counts.id for copy, counts in copies if copy.id in chosen}
    if moved:
        numbers = {"submissions": list(moved.values()), "copies": list(moved)}
        ledger.append(session, course, now, "picked", team=team.name, **numbers)
    picked = replayed(session).picked
    found = select(Submission).where(Submission.id.in_(picked))
    network_of = {each.id: each.network_id for each in session.scalars(found)}
    for number in picked:
        if network_of[number] in networks:
            session.merge(Pick(network_id=network_of[number], submission_id=number))
