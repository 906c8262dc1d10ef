"""The web application of one challenge."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from challenge.hub import api
from challenge.hub.answers import HANDLERS
from challenge.hub.metering.bodies import Bodies
from challenge.hub.metering.outermost import Outermost
from challenge.hub.pages import class_page
from challenge.hub.pages.drawings import Drawings
from challenge.hub.people import login
from challenge.hub.people.tokens import Owners
from challenge.hub.renewal import renew
from challenge.hub.site import Site, service_key
from challenge.intake import finish_interrupted
from challenge.store import Challenge

__all__ = ["create_app"]

_SECONDS_FOR_THE_HUB: Final = 10.0
_log = logging.getLogger(__name__)


def create_app(
    challenge: Challenge, site: Site, *, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The application.

    Parameters
    ----------
    challenge : Challenge
    site : Site
    transport : httpx.AsyncBaseTransport, optional
        The way to the hub; tests put a hub of their own here.

    Raises
    ------
    ChallengeError
        If this account may not read the labels or write into the folder.
    """
    len(challenge.truth.labels), challenge.store.now()  # say now what would fail later
    client = httpx.AsyncClient(timeout=_SECONDS_FOR_THE_HUB, transport=transport, trust_env=False)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for complaint in await run_in_threadpool(finish_interrupted, app.state.challenge):
            _log.warning("%s", complaint)
        app.state.drawings.renew()  # so that the first visitor need not wait for the board
        async with client:
            yield

    app = FastAPI(
        title="Challenge",
        description="Hand in scores for the jets of a challenge, and see the board.",
        version="1",
        openapi_url=f"{site.prefix}api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.challenge = challenge
    app.state.site = site
    app.state.drawings = Drawings(lambda: app.state.challenge)
    app.state.cores = asyncio.Semaphore(_cores())
    app.state.key = service_key(challenge.folder)
    app.state.owners = None if site.hub is None else Owners(site.hub, client)
    renew(app.state)  # notes which settings these are
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Bodies)
    app.add_middleware(Outermost)  # around everything: headers, log, whatever went wrong
    app.include_router(api.router, prefix=site.prefix.rstrip("/"))
    app.include_router(login.router, prefix=site.prefix.rstrip("/"))
    app.include_router(class_page.router, prefix=site.prefix.rstrip("/"))
    if site.prefix != "/":  # as people type it
        app.add_route(site.prefix.rstrip("/"), lambda _: RedirectResponse(site.prefix, 308))
    return app


def _cores() -> int:
    """How many files are scored at once: with more, each would take longer, and the board too."""
    if hasattr(os, "sched_getaffinity"):  # a container may use some of the cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
