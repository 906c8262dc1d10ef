"""The board as visitors get it: drawn by one thread, outside their requests where it can be.

A thousand networks take a noticeable part of a second to draw. So a board is drawn only when
something has happened, one drawing at a time, for everybody; while files pour in, it rests between
two drawings. Who asks meanwhile waits for a moment and then gets the last one.
"""

import asyncio
import gzip
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from challenge.board import FORMATS, Standings, as_fragment, current_standings
from challenge.hub.metering.faults import place_of
from challenge.store import Challenge, phase

__all__ = ["PATIENCE", "Drawing", "Drawings"]

PATIENCE: Final = 0.3  # seconds that a visitor waits for a newer board
_LONG: Final = 0.2  # seconds of a processor; after a longer drawing the thread rests as long
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawing:
    """A board, ready to be sent.

    Attributes
    ----------
    key : object
        What it depends on; the same as long as nothing has happened.
    standings : Standings
    fragment : str
        Header and main part of the page (`challenge.board.as_fragment`).
    packed : bytes
        The fragment in UTF-8, compressed with gzip.
    etag : str
        Strong, with its quotes: of the fragment's text.
    drawn_at : datetime
        UTC.
    """

    key: object
    standings: Standings
    fragment: str
    packed: bytes
    etag: str
    drawn_at: datetime

    @cached_property
    def json(self) -> str:
        """The standings for programs, written when somebody asks for them."""
        return FORMATS["json"](self.standings)


class Drawings:
    """The latest board of a challenge.

    Parameters
    ----------
    challenge : callable
        Gives the challenge, whose rules may have changed.
    """

    def __init__(self, challenge: Callable[[], Challenge]) -> None:
        self._challenge = challenge
        self._latest: Drawing | None = None
        self._rests_until = 0.0
        self._lock = threading.Lock()
        self._running: Future[Drawing] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="board")

    async def current(self) -> Drawing:
        """The board as it stands, or the one before if that takes longer than `PATIENCE`.

        Raises
        ------
        Exception
            Whatever stopped the first drawing; later ones are logged, and the last board stays.
        """
        if self._latest is None:
            # Others wait for the same drawing: whoever goes away must not cancel it.
            return await asyncio.shield(asyncio.wrap_future(self.renew()))
        deadline = time.monotonic() + PATIENCE
        running = self._running
        if running is not None and not running.done():  # it may have looked before we asked
            await _done(running, deadline)
        if time.monotonic() < deadline:
            await _done(self.renew(), deadline)
        return self._latest

    def renew(self) -> Future[Drawing]:
        """Draw the board if something has happened, unless that is being done; nobody waits."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._thread.submit(self._renewed)
            return self._running

    def _renewed(self) -> Drawing:
        try:
            if self._latest is None or time.monotonic() >= self._rests_until:
                self._latest = self._drawn()
        except Exception as error:
            if self._latest is None:
                raise
            _LOG.error("the last board stays, for drawing one failed: %s", place_of(error))
        return self._latest

    def _drawn(self) -> Drawing:
        challenge, start = self._challenge(), time.thread_time()
        key = challenge.store.last_event(), phase(challenge), challenge.name, challenge.rules
        if self._latest is not None and self._latest.key == key:
            return self._latest
        standings = current_standings(challenge)
        fragment = as_fragment(standings)
        text = fragment.encode()
        etag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
        packed = gzip.compress(text, 5, mtime=0)
        took = time.thread_time() - start
        self._rests_until = time.monotonic() + (took if took > _LONG else 0.0)
        return Drawing(key, standings, fragment, packed, etag, standings.drawn_at)


async def _done(future: Future[Drawing], deadline: float) -> None:
    """Wait for a drawing, but no longer than until a moment."""
    await asyncio.wait([asyncio.wrap_future(future)], timeout=max(deadline - time.monotonic(), 0))
