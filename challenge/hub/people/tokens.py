"""Whose token it is, asked of JupyterHub and remembered for a short time.

Two calls of the hub's REST API are all that is needed. `jupyterhub.services.auth` has them as well,
but brings a second web framework into the process that holds the labels, keeps the state of a login
in memory, where another replica cannot find it, and reports a refused login and a hub that is down
by one and the same error.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from challenge.hub.answers import Denied
from challenge.hub.site import Hub

__all__ = ["REMEMBERED", "HubDown", "Owners"]

REMEMBERED: Final = 30.0  # seconds; a token that was revoked works at most as long
_MOST: Final = 4096  # answers that are remembered
_UNKNOWN: Final = (401, 403, 404)


class HubDown(Denied):
    """The hub does not answer, so nobody can be recognised."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "hub",
            "The hub does not answer, so the challenge cannot tell who you are: try again in a "
            "minute.",
            {"Retry-After": "60"},
        )


@dataclass
class Owners:
    """The owners of tokens.

    Parameters
    ----------
    hub : Hub
    client : httpx.AsyncClient
    clock : callable
        Seconds that only go forward.
    """

    hub: Hub
    client: httpx.AsyncClient
    clock: Callable[[], float] = time.monotonic
    _known: dict[bytes, tuple[float, dict[str, Any] | None]] = field(default_factory=dict)

    async def owner(self, token: str) -> dict[str, Any] | None:
        """What the hub says about the owner of a token; None if it does not know the token.

        Raises
        ------
        HubDown
            If it does not answer, or answers nonsense.
        """
        key = hashlib.sha256(token.encode()).digest()
        asked = self.clock()
        at, owner = self._known.get(key, (None, None))
        if at is not None and asked - at < REMEMBERED:
            return owner
        answer = await self._ask(
            self.client.build_request(
                "GET", f"{self.hub.api_url}/user", headers={"Authorization": f"token {token}"}
            )
        )
        owner = None if answer.status_code in _UNKNOWN else _json(answer)
        self._remember(key, asked, owner)
        return owner

    async def token_for(self, code: str, verifier: str) -> str | None:
        """The token that the hub gives for the code of a login; None if it refuses the code.

        Raises
        ------
        HubDown
            If it does not answer.
        """
        form = {
            "client_id": self.hub.client_id,
            "client_secret": self.hub.api_token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.hub.callback,
            "code_verifier": verifier,
        }
        answer = await self._ask(
            self.client.build_request("POST", f"{self.hub.api_url}/oauth2/token", data=form)
        )
        if 400 <= answer.status_code < 500:
            return None
        token = _json(answer).get("access_token")
        return token if isinstance(token, str) else None

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.client.send(request)
        except httpx.HTTPError:
            raise HubDown from None

    def _remember(self, key: bytes, asked: float, owner: dict[str, Any] | None) -> None:
        if len(self._known) >= _MOST:
            fresh = {k: v for k, v in self._known.items() if asked - v[0] < REMEMBERED}
            self._known = fresh if len(fresh) < _MOST else {}
        self._known[key] = (asked, owner)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json() if answer.is_success else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HubDown
    return found
