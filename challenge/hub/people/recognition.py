"""Who is behind a request: a token in its header, or the session of a browser."""

import re
from typing import Any, Final, Literal

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from challenge.errors import SubmissionError
from challenge.hub.answers import Denied, NotLoggedIn
from challenge.hub.people.person import Person
from challenge.hub.people.sessions import session_of
from challenge.hub.site import derived_key
from challenge.intake import Invitation, clean_team, guest, invitation

__all__ = ["invited_by_header", "name_and_rights", "person_behind", "person_of_session"]

_SCOPE: Final = "custom:challenge:"
_GROUP: Final = "team-"
_TOKEN: Final = re.compile(r"[!-~]{1,512}")
_TO_LOG_IN: Final = (
    "Log in, or send your token in the header Authorization: token TOKEN. On a hub it is in "
    "JUPYTERHUB_API_TOKEN; elsewhere it is the part after # of the link that your instructor gave "
    "you."
)


async def person_behind(request: Request) -> Person:
    """The person behind a request.

    Raises
    ------
    NotLoggedIn
        If nobody is recognised.
    """
    token = _header_token(request)
    if token is not None:
        return await _of_token(request, token, "header")
    session = session_of(request)
    if session is None:
        raise NotLoggedIn(_TO_LOG_IN)
    if session.token is not None:
        return await _of_token(request, session.token, "cookie")
    challenge = request.app.state.challenge
    found = await run_in_threadpool(invitation, challenge, session.invitation)
    return _of_invitation(request, found, "cookie")


async def invited_by_header(request: Request) -> Invitation:
    """The invitation whose token the header ``Authorization`` holds.

    Raises
    ------
    NotLoggedIn
        If there is none, or it was revoked.
    """
    token = _header_token(request)
    if token is None:
        raise NotLoggedIn(_TO_LOG_IN)
    found = await run_in_threadpool(guest, request.app.state.challenge, token)
    return _valid(found)


def name_and_rights(owner: dict[str, Any]) -> tuple[str, set[str]]:
    """Name and rights of a token's owner; whoever may do anything else may read.

    Raises
    ------
    Denied
        403, of a service, of somebody without a name, or without a right here.
    """
    if owner.get("kind", "user") != "user":
        raise Denied(403, "service", "This is the token of a service: send that of a person.")
    scopes = owner.get("scopes", ())
    may = {each for each in ("read", "submit", "manage") if f"{_SCOPE}{each}" in scopes}
    if not may:
        raise Denied(403, "right", "You have no right to the challenge: ask your instructor.")
    if not owner.get("name"):
        raise Denied(
            403, "right", "Your token does not say who you are: it lacks read:users:name!user."
        )
    return str(owner["name"]), may | {"read"}


def person_of_session(request: Request) -> Person | None:
    """Whoever logged in today, without asking the hub: enough to see the board while it is down."""
    session = session_of(request)
    if session is None or not session.is_fresh:
        return None
    return _person(request, session.name, None, {"read"}, "cookie")


def _header_token(request: Request) -> str | None:
    """The token in the header ``Authorization``; None if there is no such header."""
    given = request.headers.getlist("authorization")
    if not given:
        return None
    kind, _, token = given[0].partition(" ")
    token = token.strip()
    if len(given) > 1 or kind.lower() not in ("token", "bearer") or not _TOKEN.fullmatch(token):
        raise NotLoggedIn(_TO_LOG_IN)
    return token


async def _of_token(request: Request, token: str, by: Literal["header", "cookie"]) -> Person:
    state = request.app.state
    found = await run_in_threadpool(guest, state.challenge, token)
    if found is not None or state.owners is None:
        return _of_invitation(request, found, by)
    owner = await state.owners.owner(token)
    if owner is None:
        raise NotLoggedIn(f"The hub does not know this token (any more). {_TO_LOG_IN}")
    name, may = name_and_rights(owner)
    return _person(request, name, _team(request, name, owner, may), may, by)


def _of_invitation(
    request: Request, found: Invitation | None, by: Literal["header", "cookie"]
) -> Person:
    found = _valid(found)
    return _person(request, found.name, found.team, set(found.may), by)


def _valid(found: Invitation | None) -> Invitation:
    if found is None or found.revoked is not None:
        raise NotLoggedIn(
            "This invitation is not known here, or was revoked: ask your instructor for a new one."
        )
    return found


def _person(
    request: Request, name: str, team: str | None, may: set[str], by: Literal["header", "cookie"]
) -> Person:
    key = derived_key(request.app.state.key, "form", name, team or "")
    return Person(name, team, frozenset(may), by, key)


def _team(request: Request, name: str, owner: dict[str, Any], may: set[str]) -> str | None:
    groups = sorted({each for each in owner.get("groups", ()) if each.startswith(_GROUP)})
    if len(groups) > 1:
        raise Denied(
            403,
            "teams",
            f"You are in {len(groups)} teams: ask your instructor to leave you in one of them.",
        )
    if groups:
        return groups[0].removeprefix(_GROUP)
    if "manage" in may or request.app.state.site.teams_only:
        return None
    try:
        return clean_team(name)
    except SubmissionError as refusal:
        raise Denied(
            403,
            "no-team",
            f"No team can have your name on the hub ({refusal.sentence}) Ask your instructor to "
            "put you into a team.",
        ) from None
