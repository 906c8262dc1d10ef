"""What the store remembers, as plain records: reading them needs no database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from challenge.scoring import Scorecard
from challenge.words import BASELINE_TEAM

__all__ = ["Phase", "Progress", "Record", "Split", "State", "Verdict"]


class State(StrEnum):
    """How far a submission has come."""

    RECEIVED = "RECEIVED"
    SCORED = "SCORED"
    REJECTED = "REJECTED"


class Split(StrEnum):
    """Which of the hidden labels a scorecard is made of."""

    PUBLIC = "public"
    PRIVATE = "private"


class Phase(StrEnum):
    """How much of a challenge may be seen."""

    LIVE = "live"  # public split, rounded
    CLOSED = "closed"  # as live, and no more submissions
    REVEALED = "revealed"  # private split, in full


@dataclass(frozen=True)
class Verdict:
    """The result of scoring a submission.

    Attributes
    ----------
    public, private : Scorecard
        Scorecards on the two splits of the test set.
    is_best : bool
        Whether the Ladder took it as the new best of its network.
    compared_with : int or None
        Number of the submission that was the best until then; None for a network's first.
    """

    public: Scorecard
    private: Scorecard
    is_best: bool
    compared_with: int | None


@dataclass(frozen=True)
class Record:
    """One submission: which team sent which file when (UTC), and its result.

    ``verdict`` is there when it was scored, ``reason`` and ``sentence`` when it was refused.
    ``is_pick``: the team chose it as its network's final submission. ``withdrawn``: when the
    instructor took it off the board (UTC). ``is_copy``: two teams that were merged since both
    handed in this file for networks of one name, and the other one counts.
    """

    id: int
    team: str
    network: str
    sha256: str
    received_at: datetime
    state: State
    verdict: Verdict | None = None
    reason: str | None = None
    sentence: str | None = None
    is_pick: bool = False
    withdrawn: datetime | None = None
    is_copy: bool = False

    @property
    def may_stand(self) -> bool:
        """Whether it may stand on a board: it is scored, nobody withdrew it, and it is no copy."""
        return self.verdict is not None and self.withdrawn is None and not self.is_copy

    @property
    def is_baseline(self) -> bool:
        """Whether the challenge made it itself."""
        return self.team == BASELINE_TEAM


@dataclass(frozen=True)
class Progress:
    """When the instructor paused, closed and revealed a challenge (UTC); None for not yet."""

    paused: datetime | None = None
    closed: datetime | None = None
    revealed: datetime | None = None
