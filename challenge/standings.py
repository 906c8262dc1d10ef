"""What a leaderboard shows, as plain records: filled from the store, drawn by `challenge.board`.

The numbers in these records are what may be shown. While a challenge is live they are rounded
when the record is made (`challenge.budget`), so that no format of the board can tell more about the
hidden labels than another. Ranks and tied groups come from the exact values.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from challenge.scoring import Scorecard
from course_utils.metrics import Measurement, Rejection

__all__ = [
    "Bin",
    "Diagnostics",
    "LookElsewhere",
    "Phase",
    "Reference",
    "Sculpting",
    "Standing",
    "Standings",
    "WorkingPoint",
]


class Phase(StrEnum):
    """What may be seen of a challenge."""

    LIVE = "live"  # public split, rounded
    CLOSED = "closed"  # as live, and no more submissions
    REVEALED = "revealed"  # private split, in full


@dataclass(frozen=True)
class WorkingPoint:
    """Background rejection at a signal efficiency."""

    signal_efficiency: float
    rejection: Rejection


@dataclass(frozen=True)
class Bin:
    """Performance on the jets of one range of pT or mass.

    Attributes
    ----------
    low, high : float
        Edges in GeV.
    n_signal, n_background : int
        Jets in the range.
    auc : Measurement or None
    r50 : Rejection or None
        At 50 % signal efficiency of the range itself. None where fewer than 20 jets of a class
        (AUC) or 20 surviving background jets (R50) are left: such a cell stays blank.
    """

    low: float
    high: float
    n_signal: int
    n_background: int
    auc: Measurement | None
    r50: Rejection | None


@dataclass(frozen=True)
class Sculpting:
    """How much a cut on the score changes the shape of the background's mass spectrum.

    Attributes
    ----------
    divergence : float
        Jensen-Shannon divergence in bits of passing and failing background, at 50 % signal
        efficiency.
    z : float
        Its distance in standard deviations from that of a score that ignores the jets.
    """

    divergence: float
    z: float


@dataclass(frozen=True)
class Diagnostics:
    """What is told about an entry after the close: ROC curve, bins, mass sculpting.

    ``r50`` and ``r30`` have the intervals of the bootstrap, which also hold the fluctuation of
    the threshold. Without jets (a challenge made from labels) the bins are empty and
    ``sculpting`` is None.
    """

    roc: tuple[tuple[float, float], ...]  # (signal efficiency, 1 / background efficiency)
    r50: Rejection
    r30: Rejection
    by_pt: tuple[Bin, ...] = ()
    by_mass: tuple[Bin, ...] = ()
    sculpting: Sculpting | None = None


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
        Clean names (see `challenge.names`).
    received_at : datetime
        UTC.
    card : Scorecard
        Of the public split while live, of the private split after the reveal.
    public : Scorecard or None
        After the reveal, what stood on the board before: of the network's best, also if its final
        choice is another.
    climbed : int or None
        After the reveal, places won (negative: lost) against the order of the public split.
    tries : int
        Scored submissions of this network.
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
        While live, submissions scored in the whole challenge; after the reveal, the final entries
        shown, since on the private jets nobody could try.
    gain : float
        Expected excess in AUC of the best of them if all were equally good and independent;
        networks that fail on the same jets gain less.
    """

    tried: int
    gain: float


@dataclass(frozen=True)
class Standings:
    """A whole board, at one moment (UTC)."""

    challenge: str
    phase: Phase
    drawn_at: datetime
    n_jets: int  # of the split that is shown
    lines: tuple[Standing, ...] = ()  # by rank
    opens: datetime | None = None
    closes: datetime | None = None
    references: tuple[Reference, ...] = ()
    look_elsewhere: LookElsewhere | None = None
