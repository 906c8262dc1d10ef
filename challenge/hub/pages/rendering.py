"""Pages from templates: everything escaped, no script but ours, times that a browser can read."""

import gzip
from datetime import datetime
from functools import cache
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup, escape

from challenge.board import source_of_page, templates_of
from challenge.hub.people.rights import FORM_FIELD, Person, form_token
from challenge.words import iso_text, time_text

__all__ = ["page", "takes_gzip"]

_WORTH_PACKING: Final = 20_000  # characters


def page(
    request: Request,
    template: str,
    person: Person,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    pack: bool = False,
    **shown: Any,
) -> HTMLResponse:
    """A page of the service.

    Parameters
    ----------
    request : Request
    template : str
        Name of a file in ``templates``.
    person : Person
        Who looks: the links at the top lead to that person's pages.
    status : int
    headers : dict, optional
        More headers of the answer.
    pack : bool
        Compress a large page; never one that holds a form token, whose letters could be guessed
        from the length.
    **shown
        What the template needs.
    """
    text = (
        _environment()
        .get_template(template)
        .render(
            nonce=request.state.nonce,
            person=person,
            prefix=request.app.state.site.prefix,
            challenge=request.app.state.challenge.name,
            **shown,
        )
    )
    answer = HTMLResponse(text, status, headers)
    if pack and len(text) > _WORTH_PACKING and takes_gzip(request):
        answer.body = gzip.compress(answer.body, 1, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Content-Length"] = str(len(answer.body))
        answer.headers["Vary"] = "Accept-Encoding"
    return answer


def takes_gzip(request: Request) -> bool:
    """Whether the browser can unpack what is compressed."""
    return "gzip" in request.headers.get("accept-encoding", "").lower()


@cache
def _environment() -> Environment:
    environment = templates_of("challenge.hub.pages")
    environment.filters |= {"time": _time, "form_token": _form_token}
    environment.globals |= {"source": _source}
    return environment


def _source(name: str) -> Markup:
    """A style sheet or a script of ours, of the board's page or of these; not a user's text."""
    if name.startswith("board."):
        return Markup(source_of_page(name))
    environment = _environment()
    return Markup(environment.loader.get_source(environment, name)[0])


def _time(at: datetime) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(iso_text(at), time_text(at))


def _form_token(person: Person) -> Markup:
    """The hidden field that shows that a form is from one of our pages."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(
        FORM_FIELD, escape(form_token(person))
    )
