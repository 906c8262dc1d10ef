"""Who may ask for what: the dependencies of all routes.

A program sends a token in the header ``Authorization``; a browser has a cookie. A page elsewhere
can make a browser send its cookie, but neither the header nor a form token: so what changes
anything needs one of these two.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import Depends, Request

from challenge.hub.answers import Denied
from challenge.hub.people.person import Person, check_form_token, form_token
from challenge.hub.people.recognition import person_behind, person_of_session
from challenge.hub.people.tokens import HubDown

__all__ = [
    "FORM_FIELD",
    "FORM_HEADER",
    "Manager",
    "Person",
    "Reader",
    "Submitter",
    "Viewer",
    "check_form_token",
    "form_token",
    "manager",
    "reader",
    "submitter",
    "viewer",
]

FORM_FIELD: Final = "form_token"
FORM_HEADER: Final = "X-Form-Token"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")


async def viewer(request: Request) -> Person:
    """Who may see the board: a reader; while the hub is down, also whoever was one at login."""
    try:
        return await reader(request)
    except HubDown:
        person = None if "authorization" in request.headers else person_of_session(request)
        if person is None:
            raise
        return person


async def reader(request: Request) -> Person:
    """Who may see the board, and what their own team is told."""
    return await _allowed(request, "read")


async def submitter(request: Request) -> AsyncIterator[Person]:
    """Who may hand in for a team."""
    async with _closing(request):
        person = await _allowed(request, "submit")
        if person.team is None:
            raise Denied(403, "no-team", "You are in no team: ask your instructor for one.")
        yield person


async def manager(request: Request) -> AsyncIterator[Person]:
    """Who may do what an instructor does."""
    async with _closing(request):
        yield await _allowed(request, "manage")


Viewer = Annotated[Person, Depends(viewer)]
Reader = Annotated[Person, Depends(reader)]
Submitter = Annotated[Person, Depends(submitter)]
Manager = Annotated[Person, Depends(manager)]


@asynccontextmanager
async def _closing(request: Request) -> AsyncIterator[None]:
    """Close the files of a form at the end, also of one that is refused."""
    try:
        yield
    finally:
        await request.close()


async def _allowed(request: Request, right: str) -> Person:
    person = await person_behind(request)
    request.state.person = person.name  # for the log, and to share the room for bodies fairly
    if right not in person.may:
        raise Denied(403, "right", f"You may not {right} here: ask your instructor.")
    if person.by == "cookie" and request.method not in _SAFE:
        token = request.headers.get(FORM_HEADER)
        if token is None:
            token = (await request.form()).get(FORM_FIELD)
        check_form_token(person, token if isinstance(token, str) else "")
    return person
