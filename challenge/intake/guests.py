"""Invitations: how people come to a challenge that has no hub.

An invitation is a token that is shown once; only its hash is stored. Whoever has it acts for one
team, or as the instructor, until it is revoked.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from challenge.errors import ChallengeError
from challenge.intake.submission import clean_team
from challenge.store import Challenge, ledger
from challenge.store.rows import team_called
from challenge.store.tables import Invited
from challenge.words import require_typable, team_key

__all__ = ["Invitation", "guest", "invitation", "invitations", "invite", "revoke_invitation"]

_MARK: Final = "jets-"  # how a token begins: nobody takes one of a hub for an invitation
_INSTRUCTOR: Final = "instructor"


@dataclass(frozen=True)
class Invitation:
    """What is known of an invitation; never its token.

    Attributes
    ----------
    number : int
    team : str or None
        The team's present name; None for an instructor.
    may : tuple of str
        Of ``read``, ``submit`` and ``manage``.
    made : datetime
        UTC.
    revoked : datetime or None
        UTC.
    """

    number: int
    team: str | None
    may: tuple[str, ...]
    made: datetime
    revoked: datetime | None = None

    @property
    def name(self) -> str:
        """Under which name its holder acts."""
        return self.team or _INSTRUCTOR


def invite(challenge: Challenge, team: str | None) -> tuple[Invitation, str]:
    """Make an invitation.

    Parameters
    ----------
    challenge : Challenge
    team : str or None
        Need not be known yet; None invites an instructor, who may do everything but submit.

    Returns
    -------
    invitation, token
        The token is nowhere else: show it.

    Raises
    ------
    SubmissionError
        If no team may have this name.
    """
    name = None if team is None else clean_team(team)
    if name is not None and team_key(name) not in challenge.store.team_names():
        require_typable(name)
    may = ["read", "manage"] if name is None else ["read", "submit"]
    token = f"{_MARK}{secrets.token_urlsafe(32)}"
    with challenge.store.writing() as (session, course, now):
        row = Invited(hash=_hash(token), team=name, may=",".join(may), made=now)
        session.add(row)
        session.flush()
        detail = {"invitation": row.id, "team": name, "may": may, "hash": row.hash}
        ledger.append(session, course, now, "invited", **detail)
        number = row.id
    return invitation(challenge, number), token


def revoke_invitation(challenge: Challenge, number: int) -> bool:
    """Revoke an invitation.

    Returns
    -------
    bool
        False if it was revoked before.

    Raises
    ------
    ChallengeError
        If there is none of this number.
    """
    with challenge.store.writing() as (session, course, now):
        row = session.get(Invited, number)
        if row is None:
            raise ChallengeError(f"There is no invitation {number}: invite --list shows them.")
        if row.revoked is not None:
            return False
        row.revoked = now
        ledger.append(session, course, now, "invitation-revoked", invitation=number)
        return True


def guest(challenge: Challenge, token: str) -> Invitation | None:
    """The invitation with this token, perhaps revoked; None if there is none."""
    if not token.startswith(_MARK):
        return None
    found = _found(challenge, Invited.hash == _hash(token))
    return found[0] if found else None


def invitation(challenge: Challenge, number: int) -> Invitation | None:
    """The invitation with this number, perhaps revoked; None if there is none."""
    found = _found(challenge, Invited.id == number)
    return found[0] if found else None


def invitations(challenge: Challenge) -> list[Invitation]:
    """All invitations, in their order."""
    return _found(challenge)


def _found(challenge: Challenge, *conditions: object) -> list[Invitation]:
    with challenge.store.reading() as session:
        found = []
        for row in session.scalars(select(Invited).where(*conditions).order_by(Invited.id)):
            known = None if row.team is None else team_called(session, team_key(row.team))
            team = row.team if known is None else known.name
            found.append(Invitation(row.id, team, tuple(row.may.split(",")), row.made, row.revoked))
        return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
