"""The cookie of whoever logged in: signed, for this service alone.

It names an invitation, or holds the token that the hub gave to this browser. Nobody can plant one
of another person: what this service did not sign is as good as none. It is no proof of a right:
token and invitation are checked at each use.
"""

import time
from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from challenge.hub.site import derived_key

__all__ = ["COOKIE", "Session", "forget", "is_https", "log_in", "session_of"]

COOKIE: Final = "challenge-session"
_SECONDS: Final = 14 * 24 * 3600
_FRESH: Final = 12 * 3600


@dataclass(frozen=True)
class Session:
    """What a cookie says.

    Attributes
    ----------
    name : str
        Whose it is.
    token : str or None
        Of the hub.
    invitation : int or None
        Its number.
    at : float
        When it was made, in seconds since 1970.
    """

    name: str
    token: str | None = None
    invitation: int | None = None
    at: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether it was made today: enough to see the board while the hub is down."""
        return 0 <= time.time() - self.at < _FRESH


def session_of(request: Request) -> Session | None:
    """The session that comes with a request; None if there is none, or it is old or not ours."""
    try:
        found, at = _serializer(request).loads(
            request.cookies.get(COOKIE, ""), max_age=_SECONDS, return_timestamp=True
        )
    except BadSignature:
        return None
    return Session(found["name"], found.get("token"), found.get("invitation"), at.timestamp())


def log_in(
    request: Request,
    response: Response,
    name: str,
    *,
    token: str | None = None,
    invitation: int | None = None,
) -> None:
    """Give a browser its cookie."""
    text = _serializer(request).dumps({"name": name, "token": token, "invitation": invitation})
    response.set_cookie(
        COOKIE,
        text,
        max_age=_SECONDS,
        path=request.app.state.site.prefix,
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )


def forget(request: Request, response: Response) -> None:
    """Take the cookie of a browser away."""
    response.delete_cookie(
        COOKIE,
        path=request.app.state.site.prefix,
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )


def is_https(request: Request) -> bool:
    """Whether the browser speaks https, perhaps with a proxy before us.

    A false header only makes the sender's own cookie useless.
    """
    first = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    return "https" in (request.url.scheme, first.lower())


def _serializer(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(derived_key(request.app.state.key, "session"))
