"""The leak budget: how coarse the numbers of a live board are.

Everything we report about a submission is a function of the hidden labels, and enough exact
functions give the labels away: a full ROC curve does so at once, R30 one jet at a time, since
moving a single background jet to the top changes it by 10 %. So a live board shows the AUC to 4
decimals, rejections no finer than their own standard deviation, and a few fixed working points, and
only for submissions that the Ladder (`challenge.scoring.ranking`) accepted.

The order of two entries also gives a jet's label away if they differ in that jet alone. So all
networks of a team share one Ladder (`challenge.intake.shown`): a file that the paired test cannot
distinguish from an earlier file of the team is shown with the score of the earlier one, right
behind it. What remains is the order of files that differ significantly, and the order of teams,
whose number the instructor sees.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from challenge.scoring.scorecard import Scorecard
from course_utils.metrics import Measurement, Rejection, clopper_pearson, ordered

__all__ = [
    "LIVE_EFFICIENCIES",
    "WorkingPoint",
    "live_card",
    "live_rejection",
    "live_working_points",
]

LIVE_EFFICIENCIES: Final = tuple(float(each) for each in np.arange(1, 20) / 20)  # 19 fixed points

_CONFIDENCE: Final = 0.6827
_AUC_DECIMALS: Final = 4
_FEWEST: Final = 20  # background jets behind a working point


@dataclass(frozen=True)
class WorkingPoint:
    """Background rejection at a signal efficiency."""

    signal_efficiency: float
    rejection: Rejection


def live_card(card: Scorecard, n_background: int) -> Scorecard:
    """A scorecard as coarse as a live board may show it.

    Parameters
    ----------
    card : Scorecard
        Exact, on the public split.
    n_background : int
        Background jets of that split.
    """
    value, error = (round(each, _AUC_DECIMALS) for each in (card.auc.value, card.auc.error))
    return Scorecard(
        auc=Measurement(value, error),
        r50=live_rejection(card.r50, n_background),
        r30=live_rejection(card.r30, n_background),
    )


def live_rejection(rejection: Rejection, n_background: int) -> Rejection:
    """A rejection rounded to its own standard deviation.

    The square root of a number of surviving jets has the standard deviation 1/2 whatever the
    number, so that root is rounded to halves. One jet more then changes what is shown of n
    survivors once in sqrt(n) cases. The interval belongs to the rounded value, so that it reveals
    nothing more; a limit is rounded down to one figure.

    Examples
    --------
    14 survivors of 10 000 are shown as 3.5^2:

    >>> round(live_rejection(Rejection(714.3, 560.0, 950.0, False), 10_000).value)
    816
    """
    if rejection.is_limit:
        step = 10.0 ** math.floor(math.log10(rejection.value))
        limit = max(math.floor(rejection.value / step) * step, 1.0)
        return Rejection(limit, limit, limit, is_limit=True)
    root = round(2 * math.sqrt(n_background / rejection.value)) / 2
    survivors = min(max(root, 1.0) ** 2, float(n_background))
    return _interval(survivors, n_background)


@lru_cache(maxsize=4096)
def _interval(survivors: float, n_background: int) -> Rejection:
    """Rounded survivors are few, and a board of a thousand networks asks for each many times."""
    return clopper_pearson(survivors, n_background, _CONFIDENCE)


def live_working_points(labels: ArrayLike, scores: ArrayLike) -> tuple[WorkingPoint, ...]:
    """Rejections at 19 fixed signal efficiencies, to 2 significant figures at most.

    Points with fewer than 20 surviving background jets are left out.

    Parameters
    ----------
    labels, scores : arrays of shape (n_jets,)
        The public split.
    """
    tagger = ordered(labels, scores)
    points = []
    for efficiency in LIVE_EFFICIENCIES:
        if tagger.survivors(np.array([efficiency]))[0] >= _FEWEST:
            coarse = live_rejection(tagger.rejection(efficiency), tagger.n_background)
            two_figures = [float(f"{each:.2g}") for each in (coarse.value, coarse.low, coarse.high)]
            points.append(WorkingPoint(efficiency, Rejection(*two_figures, is_limit=False)))
    return tuple(points)
