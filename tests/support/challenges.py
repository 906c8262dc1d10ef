"""Challenges for tests: labels, submissions of known strength, a clock that is set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np

from challenge.board.current import current_standings
from challenge.intake.receipts import Receipt
from challenge.intake.submission import submit
from challenge.scoring import Scorecard
from challenge.setup.create import create_from_labels
from challenge.setup.plan import Plan
from challenge.store import lifecycle
from challenge.store.challenge import Challenge
from challenge.store.folder import Rules
from challenge.store.records import Record, State, Verdict

N = 400
LABELS = np.random.default_rng(5).permutation(np.arange(N, dtype=np.int8) % 2)
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that is set by hand."""

    at: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)


def file_of(scores: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, scores)
    return file.getvalue()


def content(seed: int = 0, strength: float = 1.0) -> bytes:
    """Scores that are `strength` standard deviations higher for signal."""
    return file_of(np.random.default_rng(seed).normal(size=N) + strength * LABELS)


def ladder(step: int) -> bytes:
    """Submissions each of which is significantly better than the one before, for steps 0 to 5."""
    return content(seed=100, strength=0.3 + 0.7 * step)


def new_challenge(
    folder: Path, *, clock: Clock | None = None, public_fraction: float = 0.5, **rules: object
) -> Challenge:
    """A challenge on `LABELS`, in a folder that is not there yet."""
    source = folder.parent / f"{folder.name}-labels.npy"
    np.save(source, LABELS)
    plan = Plan(public_fraction=public_fraction, rules=Rules(**rules))
    create_from_labels(folder, source, seed=1, plan=plan)
    return Challenge.open(folder) if clock is None else Challenge.open(folder, clock=clock)


def send(challenge: Challenge, data: bytes, *, team: str = "us", network: str = "cnn") -> Receipt:
    return submit(challenge, data, team=team, network=network)


def scored_record(
    number: int,
    team: str,
    network: str,
    sha256: str,
    public: Scorecard,
    private: Scorecard | None = None,
    *,
    received_at: datetime = NOON,
    is_best: bool = True,
) -> Record:
    """A scored submission that never was in a store; without a split both cards are one."""
    verdict = Verdict(public, private or public, is_best, None)
    return Record(number, team, network, sha256, received_at, State.SCORED, verdict)


def ended(challenge: Challenge) -> None:
    """Close a challenge and reveal it."""
    lifecycle.close(challenge)
    lifecycle.reveal(challenge)


def on_board(challenge: Challenge) -> list[tuple[str, str, int]]:
    """Team, network and submission of every line of the board, in its order."""
    return [
        (line.team, line.network, line.submission) for line in current_standings(challenge).lines
    ]
