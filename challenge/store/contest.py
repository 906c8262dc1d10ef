"""A challenge that is ready to score: its rules, its store and its secret, opened once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from challenge.store.folder import Challenge, Rules, Truth
from challenge.store.store import Store, system_clock

__all__ = ["Contest"]


@dataclass(frozen=True)
class Contest:
    """What every action of an instructor, and every submission, works on."""

    challenge: Challenge
    store: Store
    truth: Truth

    @classmethod
    def open(cls, folder: Path, *, clock: Callable[[], datetime] = system_clock) -> Self:
        """The challenge in a folder, for the account that made it.

        Raises
        ------
        ChallengeError
            If the folder is no challenge, or this account may not read its secret.
        """
        challenge = Challenge.open(folder)
        return cls(challenge, Store(folder, clock=clock), challenge.truth())

    @property
    def rules(self) -> Rules:
        return self.challenge.rules
