"""Short pages for browsers: a title, a sentence, perhaps a link."""

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from challenge.board import source_of_page, templates_of

__all__ = ["message_page", "wants_page"]

_TEMPLATES = templates_of("challenge.hub.pages")


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer, not a program."""
    path = request.url.path.removeprefix(request.app.state.site.prefix)
    return "text/html" in request.headers.get("accept", "") and not path.startswith("api/")


def message_page(
    request: Request,
    title: str,
    sentence: str,
    *,
    status: int = 200,
    link: tuple[str, str] | None = None,
    script: str | None = None,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """A page with a sentence.

    Parameters
    ----------
    request : Request
    title, sentence : str
    status : int
    link : tuple of (address, text), optional
    script : str, optional
        Name of a template that the page runs.
    headers : dict of str, optional
    """
    address, text = link or (None, None)
    page = _TEMPLATES.get_template("message.html").render(
        title=title,
        sentence=sentence,
        link=address,
        link_text=text,
        script=script,
        nonce=request.state.nonce,
        colours=Markup(source_of_page("board.css")),
    )
    return HTMLResponse(page, status, headers)
