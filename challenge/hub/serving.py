"""The service as a process: an address, a server, a graceful end."""

import asyncio
import logging
import socket
import sys
from contextlib import suppress
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from challenge.errors import ChallengeError
from challenge.hub.app import create_app
from challenge.hub.site import Site
from challenge.store import Challenge

__all__ = ["serve", "server_for"]

_SECONDS_TO_FINISH: Final = 60  # for submissions in flight, once a signal stops the service
_SECONDS_FOR_HEADERS: Final = 20.0
_SECONDS_BETWEEN_REQUESTS: Final = 15


class _Patient(H11Protocol):
    """A connection that ends unless it brings the headers of a request in time.

    The server by itself would wait for them for ever. It would also write addresses, which may hold
    tokens, into its log, whenever somebody sets up logging.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.access_log = False
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._is_waiting():
            self._forget()
        elif self._late is None:
            self._late = self.loop.call_later(_SECONDS_FOR_HEADERS, self._end)

    def _is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        if self._is_waiting():
            self.transport.close()


def serve(challenge: Challenge, site: Site, *, host: str, port: int) -> None:
    """Answer requests until a signal stops the process; what is in flight then is finished.

    Raises
    ------
    ChallengeError
        If this account may not read the labels, or the address cannot be used.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s"
    )
    for chatty in ("httpx", "httpcore"):  # they write addresses with their queries
        logging.getLogger(chatty).setLevel(logging.WARNING)
    server = server_for(create_app(challenge, site))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ChallengeError(
            f"Nobody can listen at {host}, port {port} ({error.strerror}): choose another --port."
        ) from error
    where = f"[{host}]" if ":" in host else host
    logging.getLogger(__name__).info(
        "http://%s:%d%s", where, listener.getsockname()[1], site.prefix
    )
    with listener, suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listener]))


def server_for(app: ASGIApp) -> uvicorn.Server:
    """The server for an application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_Patient,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_SECONDS_BETWEEN_REQUESTS,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )
