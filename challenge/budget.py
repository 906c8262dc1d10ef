"""The leak budget: how coarse the numbers of a live board are.

Everything that is told about a submission is a function of the hidden labels, and enough exact
functions give the labels away: a full ROC curve at once, R30 one jet at a time, since a single
background jet that is moved to the top changes it by 10 %. So a live board tells the AUC to 4
decimals, rejections no finer than their own standard deviation, and a few fixed working points,
only of submissions that the Ladder (`challenge.ranking`) took.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from challenge.scoring import Scorecard
from challenge.standings import WorkingPoint
from course_utils.intervals import clopper_pearson
from course_utils.metrics import Measurement, Rejection, ordered

__all__ = ["LIVE_EFFICIENCIES", "live_card", "live_rejection", "live_working_points"]

LIVE_EFFICIENCIES: Final = tuple(float(each) for each in np.arange(1, 20) / 20)  # 19 fixed points

_CONFIDENCE: Final = 0.6827
_AUC_DECIMALS: Final = 4
_FEWEST: Final = 20  # background jets behind a working point


def live_card(card: Scorecard, n_background: int) -> Scorecard:
    """A scorecard as coarse as a live board may show it.

    Parameters
    ----------
    card : Scorecard
        Of the public split, exact.
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
    """A rejection rounded to its own standard deviation: to a step of 1, 2 or 5 times 10^k.

    The interval is that of the rounded value, so that it tells nothing else. A limit is rounded
    down to one figure.

    Examples
    --------
    >>> live_rejection(Rejection(719.2, 560.0, 1020.0, False), 10_000).value
    800.0
    """
    if rejection.is_limit:
        step = 10.0 ** math.floor(math.log10(rejection.value))
        limit = max(math.floor(rejection.value / step) * step, 1.0)
        return Rejection(limit, limit, limit, is_limit=True)
    step = _step((rejection.high - rejection.low) / 2)
    value = max(round(round(rejection.value / step) * step, 9), 1.0)
    return clopper_pearson(max(n_background / value, 1.0), n_background, _CONFIDENCE)


def live_working_points(labels: ArrayLike, scores: ArrayLike) -> tuple[WorkingPoint, ...]:
    """Rejections at 19 fixed signal efficiencies, to 2 significant figures at most.

    Points of less than 20 surviving background jets are left out.

    Parameters
    ----------
    labels, scores : arrays of shape (n_jets,)
        Of the public split.
    """
    tagger = ordered(labels, scores)
    points = []
    for efficiency in LIVE_EFFICIENCIES:
        if tagger.survivors(np.array([efficiency]))[0] >= _FEWEST:
            coarse = live_rejection(tagger.rejection(efficiency), tagger.n_background)
            two_figures = [float(f"{each:.2g}") for each in (coarse.value, coarse.low, coarse.high)]
            points.append(WorkingPoint(efficiency, Rejection(*two_figures, is_limit=False)))
    return tuple(points)


def _step(sigma: float) -> float:
    """The largest of 1, 2 and 5 times 10^k that is at most sigma."""
    if sigma <= 0:
        return 1e-9
    power = 10.0 ** math.floor(math.log10(sigma))
    return max(each * power for each in (1.0, 2.0, 5.0) if each * power <= sigma * (1 + 1e-12))
