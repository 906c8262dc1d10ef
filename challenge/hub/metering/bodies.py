"""What may come in at once: no body too large, too slow, or one too many.

A body is first read when the service knows who sends it. Until then nothing of it is in memory but
what the connection buffers, and so it stays for whoever must wait for a place.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from challenge.hub.answers import Denied

__all__ = ["LARGEST", "Bodies", "too_large"]

LARGEST: Final = 16 * 2**20  # bytes
_OVERHEAD: Final = 2**16  # of a form around a file; a body of this size needs no place
_PLACES: Final = 16
_OF_ONE: Final = 2  # places of one person
_WAITING: Final = 256  # people who may wait for a place
_SECONDS_FOR_A_PLACE: Final = 45.0  # most proxies wait for a minute
_RETRY: Final = 5  # seconds
_SILENCE: Final = 20.0  # seconds without a byte
_SLOWEST: Final = 2**14  # bytes each second, after the first moments
_DISCARDED: Final = 48 * 2**20  # bytes of a refused body that are read, so that its sender listens
_SECONDS_TO_DISCARD: Final = 15.0


class Bodies:
    """Middleware that meters the bodies of requests.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._room = _Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._room)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.discard()
            await send(message)

        try:
            await self._app(scope, body.receive, answer)
        finally:
            body.leave()


@dataclass
class _Room:
    """The places for bodies, and who has them or waits for one."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PLACES))
    people: Counter[str] = field(default_factory=Counter)

    async def enter(self, person: str) -> None:
        if self.people[person] >= _OF_ONE:
            raise _busy(f"You are sending {_OF_ONE} files already: wait until they are scored.")
        if self.people.total() >= _PLACES + _WAITING:
            raise _busy("Too many files come in at once: send yours again in a few seconds.")
        self.people[person] += 1
        try:
            async with asyncio.timeout(_SECONDS_FOR_A_PLACE):
                await self.places.acquire()
        except BaseException as error:
            self._forget(person)
            if not isinstance(error, TimeoutError):
                raise
            raise _busy(
                "Too many files come in at once: send yours again in a few seconds."
            ) from None

    def leave(self, person: str) -> None:
        self.places.release()
        self._forget(person)

    def _forget(self, person: str) -> None:
        self.people[person] -= 1
        if not self.people[person]:
            del self.people[person]


class _Body:
    """The body of one request."""

    def __init__(self, scope: Scope, receive: Receive, room: _Room) -> None:
        self._scope = scope
        self._receive = receive
        self._room = room
        self._person: str | None = None  # who has a place
        self._begun: float | None = None
        self._size = 0
        self._is_complete = False
        self._is_too_slow = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        if self._begun is None:
            await self._begin()
        try:
            async with asyncio.timeout(self._patience()):
                message = await self._receive()
        except TimeoutError:
            self._is_too_slow = True
            raise Denied(
                408, "slow", "The file comes in too slowly: send it again over a better network."
            ) from None
        self._count(message)
        if self._size > LARGEST + _OVERHEAD:
            raise too_large()
        return message

    async def discard(self) -> None:
        """Read what is left of a body that nobody wants.

        Who still sends when the connection closes may never see the answer.
        """
        if self._is_too_slow or (self._begun is None and not _has_body(self._scope)):
            return
        try:
            async with asyncio.timeout(_SECONDS_TO_DISCARD):
                while not self._is_complete and self._size < LARGEST + _DISCARDED:
                    self._count(await self._receive())
        except TimeoutError:
            return

    def leave(self) -> None:
        """Give the place back."""
        if self._person is not None:
            self._room.leave(self._person)
            self._person = None

    async def _begin(self) -> None:
        announced = _announced(self._scope)
        if announced is not None and announced > LARGEST + _OVERHEAD:
            raise too_large()
        if announced is None or announced > _OVERHEAD:
            person = self._scope["state"].get("person", "")
            await self._room.enter(person)
            self._person = person
        self._begun = monotonic()

    def _patience(self) -> float:
        """Seconds until the next bytes must be there."""
        until = self._begun + _SILENCE + self._size / _SLOWEST
        return max(0.0, min(_SILENCE, until - monotonic()))

    def _count(self, message: Message) -> None:
        self._size += len(message.get("body", b""))
        self._is_complete = message["type"] != "http.request" or not message.get("more_body")


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _announced(scope: Scope) -> int | None:
    """The length that the headers promise; None for a body in chunks."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else None


def _busy(sentence: str) -> Denied:
    return Denied(429, "busy", sentence, {"Retry-After": str(_RETRY)})


def too_large() -> Denied:
    """The refusal of a body beyond `LARGEST`."""
    return Denied(
        413,
        "too-large",
        f"Expected a file of at most {LARGEST // 2**20} MiB; this one is larger: send the .npy "
        "file alone, with one number for each jet.",
    )
