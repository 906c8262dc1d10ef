"""Around every request: headers that bind the browser, one line of log, an answer to any fault.

The log has neither query strings nor headers, where tokens may be, and of an unforeseen fault its
kind and place, but not its message, which may hold a value.
"""

import logging
from secrets import token_urlsafe
from time import perf_counter
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from challenge.hub.metering.faults import place_of
from challenge.hub.renewal import renew
from challenge.words import printable

__all__ = ["Outermost"]

_LONGEST_PATH: Final = 200  # characters in the log
_POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_access = logging.getLogger("challenge.hub.access")
_log = logging.getLogger(__name__)


class Outermost:
    """Middleware around all others; a page finds its nonce in ``request.state.nonce``.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = perf_counter(), 0
        nonce = scope.setdefault("state", {}).setdefault("nonce", token_urlsafe(16))

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            renew(scope["app"].state)
            await self._app(scope, receive, answer)
        except Exception as error:
            _log.error("unforeseen %s", place_of(error))
            if not status:
                await _fault()(scope, receive, answer)
        finally:
            path = printable(scope["path"])[:_LONGEST_PATH]
            seconds = perf_counter() - begun
            _access.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * seconds)


def _fault() -> JSONResponse:
    sentence = "The service has a fault: try again, and tell your instructor if it stays."
    return JSONResponse({"reason": "fault", "sentence": sentence}, 500)
