"""What a leaderboard shows, as plain records: built from the store, written by its siblings.

The numbers in these records are what may be shown. While a challenge is live they are rounded
when the record is made (`challenge.scoring.budget`), so that no format of the board reveals
more about the hidden labels than another. Ranks and tied groups come from the exact values.
"""

from dataclasses import dataclass
from datetime import datetime

from challenge.scoring import Diagnostics, Scorecard, WorkingPoint
from challenge.store import Phase

__all__ = ["LookElsewhere", "Reference", "Standing", "Standings"]


@dataclass(frozen=True)
class Standing:
    """One line of the board.

    Attributes
    ----------
    rank : int
        From 1, by exact values. A baseline is ranked like anyone else.
    group : int
        Tied group, from 1: within a group no entry is significantly worse than its first.
    submission : int
        Number of the submission.
    team, network : str
        Clean names (see `challenge.words`).
    received_at : datetime
        UTC.
    card : Scorecard
        The public split while live, the private split after the reveal.
    public : Scorecard or None
        After the reveal, what stood on the board before: of the network's best, also if its final
        choice is another.
    climbed : int or None
        After the reveal, places won (negative: lost) against the order of the public split.
    tries : int
        Scored submissions of this network, also withdrawn ones; no copies.
    working_points : tuple of WorkingPoint
        While live at most 20, of 2 significant figures.
    diagnostics : Diagnostics or None
        After the reveal only.
    is_baseline : bool
    """

    rank: int
    group: int
    submission: int
    team: str
    network: str
    received_at: datetime
    card: Scorecard
    public: Scorecard | None = None
    climbed: int | None = None
    tries: int = 1
    working_points: tuple[WorkingPoint, ...] = ()
    diagnostics: Diagnostics | None = None
    is_baseline: bool = False


@dataclass(frozen=True)
class Reference:
    """A published result on other jets: shown beside the board, never ranked."""

    tagger: str
    auc: str
    r50: str
    r30: str
    source: str


@dataclass(frozen=True)
class LookElsewhere:
    """How good the best of many equal entries looks by luck alone.

    Attributes
    ----------
    tried : int
        While live, every submission scored so far; after the reveal, the final entries
        shown, since on the private jets nobody could try.
    gain : float
        Expected excess in AUC of the best of them if all were equally good and independent;
        networks that fail on the same jets gain less.
    """

    tried: int
    gain: float


@dataclass(frozen=True)
class Standings:
    """The complete board at one moment (UTC)."""

    challenge: str
    phase: Phase
    drawn_at: datetime
    n_jets: int  # of the split that is shown
    lines: tuple[Standing, ...] = ()  # by rank
    opens: datetime | None = None
    closes: datetime | None = None
    references: tuple[Reference, ...] = ()
    look_elsewhere: LookElsewhere | None = None
