"""What the service says when it does not do what was asked: a code and one sentence.

Nothing else leaves it: no traceback, no path, no value of the request.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from challenge.errors import ChallengeError, SubmissionError
from challenge.hub.pages.messages import message_page, wants_page

__all__ = ["HANDLERS", "Denied", "NotLoggedIn", "refused", "status_of"]

_log = logging.getLogger(__name__)
_STATUS: Final = {
    **dict.fromkeys(("not-open", "paused", "closed", "revealed", "withdrawn", "copy"), 409),
    **dict.fromkeys(("quota", "refusals"), 429),
}


class Denied(HTTPException):
    """A request that is answered with a status, a reason code and one sentence.

    Parameters
    ----------
    status : int
        Of HTTP.
    reason : str
    sentence : str
        What to do.
    headers : mapping, optional
        Further headers of the answer.
    """

    def __init__(
        self, status: int, reason: str, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, sentence, dict(headers or {}))
        self.reason = reason
        self.sentence = sentence


class NotLoggedIn(Denied):
    """Nobody known asks; a browser that wants a page is sent to the login instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(401, "login", sentence, {"WWW-Authenticate": 'Token realm="challenge"'})


def refused(
    refusal: SubmissionError, *, now: datetime, returns_at: datetime | None = None
) -> Denied:
    """How the refusal of a file or its name is answered; `returns_at` is when to try again."""
    headers = {}
    if returns_at is not None:
        headers["Retry-After"] = str(max(1, round((returns_at - now).total_seconds())))
    return Denied(status_of(refusal.reason), refusal.reason, refusal.sentence, headers)


def status_of(reason: str) -> int:
    """The status for a reason code of a refusal.

    Examples
    --------
    >>> status_of("paused"), status_of("quota"), status_of("shape")
    (409, 429, 422)
    """
    return _STATUS.get(reason, 422)


# --- what each kind of fault is answered with ------------------------------------------------


def _denied(request: Request, denied: Denied) -> Response:
    if wants_page(request):
        return _page(request, denied)
    return JSONResponse(
        {"reason": denied.reason, "sentence": denied.sentence}, denied.status_code, denied.headers
    )


def _page(request: Request, denied: Denied) -> Response:
    site = request.app.state.site
    is_login = isinstance(denied, NotLoggedIn) and request.method == "GET"
    if is_login and site.hub is not None and not request.headers.get("authorization"):
        wish = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{site.prefix}login?{urlencode({'next': wish})}", 303)
    return message_page(
        request,
        "This did not work" if not is_login else "You are not logged in",
        denied.sentence if not is_login else "Open the link that your instructor gave you.",
        status=denied.status_code,
        link=(site.prefix, "To the board"),
        headers=denied.headers,
    )


def _of_framework(request: Request, error: StarletteHTTPException) -> Response:
    if error.status_code == 404:
        sentence = "There is nothing at this address: look at the address."
    elif error.status_code == 405:
        sentence = f"This address does not take {request.method}: look at api/openapi.json."
    else:
        sentence = "The request cannot be understood: look at api/openapi.json."
    reason = {404: "not-found", 405: "method"}.get(error.status_code, "request")
    return _denied(request, Denied(error.status_code, reason, sentence, error.headers))


def _not_understood(request: Request, error: RequestValidationError) -> Response:
    where = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
    return _denied(request, Denied(422, "request", f"The request lacks or misspells: {where}."))


def _unusable(request: Request, error: Exception) -> Response:
    """Its message may name a path of the server: it is for the log alone."""
    _log.error("%s", error if isinstance(error, ChallengeError) else type(error).__name__)
    sentence = "The challenge cannot be read or written now: try again, or tell your instructor."
    return _denied(request, Denied(503, "unusable", sentence, {"Retry-After": "30"}))


def _gone(_request: Request, _error: ClientDisconnect) -> Response:
    """Nobody listens any more."""
    return Response(status_code=400)


HANDLERS: Final[dict[type[Exception], Callable[..., Any]]] = {
    Denied: _denied,
    StarletteHTTPException: _of_framework,
    RequestValidationError: _not_understood,
    ChallengeError: _unusable,
    SQLAlchemyError: _unusable,
    OSError: _unusable,
    ClientDisconnect: _gone,
}
