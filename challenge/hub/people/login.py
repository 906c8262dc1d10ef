"""How browsers log in: with the hub's account (OAuth with PKCE), or by an invitation.

What a login must remember until the browser comes back from the hub lies in a signed cookie of its
own, for ten minutes: any replica can go on with it. A code of the hub is good for one login, so an
answer of the hub that is played again is refused there.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer

from challenge.hub.answers import Denied
from challenge.hub.pages.messages import message_page
from challenge.hub.people.recognition import invited_by_header, name_and_rights
from challenge.hub.people.sessions import is_https, log_in
from challenge.hub.site import derived_key

__all__ = ["router"]

_COOKIE: Final = "challenge-login-"
_SECONDS: Final = 600
_AGAIN: Final = "This login was not started here, or took too long: open the challenge again."

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def begin(request: Request) -> Response:
    """Send a browser to the hub; without one, say how to come in."""
    site = request.app.state.site
    if site.hub is None:
        sentence = "Open the link that your instructor gave you: it lets you in."
        return message_page(request, "You are not logged in", sentence)
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    question = {
        "client_id": site.hub.client_id,
        "redirect_uri": site.hub.callback,
        "response_type": "code",
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    answer = RedirectResponse(f"{site.hub.authorize_url}?{urlencode(question)}", 302)
    kept = {"state": state, "verifier": verifier, "next": _own(request)}
    answer.set_cookie(
        _cookie(state), _serializer(request).dumps(kept), max_age=_SECONDS, **_options(request)
    )
    return answer


@router.get("/oauth_callback")
async def end(request: Request, state: str = "", code: str = "") -> Response:
    """Take a browser back that comes from the hub."""
    owners = request.app.state.owners
    kept = _kept(request, state)
    if owners is None or kept is None or not code:
        raise Denied(400, "state", _AGAIN)
    token = await owners.token_for(code, kept["verifier"])
    owner = None if token is None else await owners.owner(token)
    if owner is None:
        raise Denied(400, "state", _AGAIN)
    name, _ = name_and_rights(owner)
    answer = RedirectResponse(kept["next"], 302)
    log_in(request, answer, name, token=token)
    answer.delete_cookie(_cookie(state), **_options(request))
    return answer


@router.get("/join")
async def join(request: Request) -> Response:
    """A page whose script sends the token behind ``#``, which no server and no log ever sees."""
    return message_page(request, "Joining the challenge", "One moment …", script="join.js")


@router.post("/join")
async def joined(request: Request) -> Response:
    """Give a browser its cookie for an invitation.

    The token comes in a header, which no page elsewhere can make a browser send.
    """
    found = await invited_by_header(request)
    answer = Response(status_code=204)
    log_in(request, answer, found.name, invitation=found.number)
    return answer


def _own(request: Request) -> str:
    """Where to go after the login: a page of ours, whatever the address asks for."""
    prefix, wish = request.app.state.site.prefix, request.query_params.get("next", "")
    is_ours = wish.startswith(prefix) and not wish.startswith("//")
    is_plain = wish.isascii() and wish.isprintable() and not set(wish) & set("\\ \"'<>")
    return wish if is_ours and is_plain and ".." not in wish else prefix


def _kept(request: Request, state: str) -> dict[str, Any] | None:
    """What the login that goes by this state has kept in the browser."""
    try:
        kept = _serializer(request).loads(request.cookies.get(_cookie(state), ""), max_age=_SECONDS)
    except BadSignature:
        return None
    return kept if hmac.compare_digest(kept["state"].encode(), state.encode()) else None


def _cookie(state: str) -> str:
    """One for each login: two tabs may log in at once. A stranger's state gives no odd name."""
    return f"{_COOKIE}{hashlib.sha256(state.encode()).hexdigest()[:8]}"


def _serializer(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(derived_key(request.app.state.key, "login"))


def _options(request: Request) -> dict[str, Any]:
    return {
        "path": request.app.state.site.prefix,
        "secure": is_https(request),
        "httponly": True,
        "samesite": "lax",
    }
