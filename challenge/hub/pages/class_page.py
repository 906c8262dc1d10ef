"""What browsers see: the class page with its board, and the routers of the other pages."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from challenge.hub.pages import instructor_page, team_page
from challenge.hub.pages.messages import message_page
from challenge.hub.pages.rendering import page, takes_gzip
from challenge.hub.people.rights import Viewer
from challenge.hub.people.sessions import forget

__all__ = ["router"]


router = APIRouter(include_in_schema=False)
router.include_router(team_page.router)
router.include_router(instructor_page.router)


@router.get("/")
async def class_page(request: Request, person: Viewer) -> Response:
    """The board for everybody; its script renews it, and without script it is there as well."""
    drawing = await request.app.state.drawings.current()
    return page(request, "class.html", person, pack=True, drawing=drawing)


@router.get("/logout")
async def logout(request: Request) -> Response:
    """Take the cookie away; who is logged in at a hub stays so there."""
    prefix = request.app.state.site.prefix
    sentence = "You are logged out of the challenge."
    answer = message_page(request, "Logged out", sentence, link=(prefix, "Log in again"))
    forget(request, answer)
    return answer


@router.get("/board")
async def fragment(request: Request, _person: Viewer) -> Response:
    """The part of the class page that changes; nothing at all if the browser has it already."""
    drawing = await request.app.state.drawings.current()
    headers = {"ETag": drawing.etag, "Vary": "Accept-Encoding"}
    if drawing.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = drawing.fragment.encode()
    if takes_gzip(request):
        body, headers["Content-Encoding"] = drawing.packed, "gzip"
    return Response(body, media_type="text/html; charset=utf-8", headers=headers)
