"""What programs ask for: ``api/...`` and ``health``."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from challenge.hub.answers import Denied
from challenge.hub.metering.bodies import LARGEST, too_large
from challenge.hub.people.rights import Reader, Submitter, Viewer
from challenge.hub.submitting import Submitted, Told, hand_in, told_to

__all__ = ["router"]

_BYTES: Final = "application/octet-stream"


class Me(BaseModel):
    """Who asks."""

    name: str
    team: str | None
    may: list[str]


class Health(BaseModel):
    """Whether the service can work."""

    status: str


class Refused(BaseModel):
    """Why something was not done: a code that stays the same, and what to do."""

    reason: str
    sentence: str


class OfTeam(BaseModel):
    """What a team handed in, and what it has left."""

    team: str
    left: int
    limit: int
    returns_at: datetime | None
    submissions: list[Told]


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the description of the API: every refusal has one form."""
    return {status: {"model": Refused} for status in statuses}


_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": f"The .npy file as it is, at most {LARGEST // 2**20} MiB.",
        "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}},
    }
}
router = APIRouter(responses=_answers(500, 503))


@router.get("/health", tags=["health"])
async def health(request: Request) -> Health:
    """Whether the database answers. This needs no login and no hub."""
    await run_in_threadpool(request.app.state.challenge.store.now)
    return Health(status="ok")


@router.get("/api/me", responses=_answers(401, 403))
async def me(person: Reader) -> Me:
    """Who you are here, and what you may do."""
    return Me(name=person.name, team=person.team, may=sorted(person.may))


@router.post(
    "/api/submissions/{network}",
    status_code=201,
    responses=_answers(400, 401, 403, 408, 409, 413, 422, 429),
    openapi_extra=_BODY,
)
async def submit_file(
    request: Request,
    person: Submitter,
    network: Annotated[str, Path(description="The name of your network.")],
) -> Submitted:
    """Hand in a file of scores for your team; the answer is its receipt."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST:
            raise too_large()
    return await hand_in(request, person, network, bytes(data))


@router.get("/api/submissions", responses=_answers(401, 403))
async def submissions(request: Request, person: Reader) -> OfTeam:
    """Everything your team handed in, with what it was told, and its quota."""
    if person.team is None:
        raise Denied(403, "no-team", "You are in no team, so there are no submissions of yours.")
    quota, told = await run_in_threadpool(told_to, request.app.state.challenge, person.team)
    return OfTeam(
        team=person.team,
        left=quota.left,
        limit=quota.limit,
        returns_at=quota.returns_at,
        submissions=told,
    )


@router.get(
    "/api/board",
    responses={
        **_answers(401, 403),
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        304: {"description": "The board has not changed since the one with this ETag."},
    },
)
async def board(request: Request, _: Viewer) -> Response:
    """The standings as JSON, the same as ``python -m challenge board --format json``."""
    drawing = await request.app.state.drawings.current()
    tag = drawing.etag  # the time of drawing alone is no news
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    text = await run_in_threadpool(lambda: drawing.json)
    return Response(text, media_type="application/json", headers={"ETag": tag})
