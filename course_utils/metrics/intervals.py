"""Confidence intervals on background rejections, from counts of surviving background jets.

Between two points of a ROC curve the number of survivors is not an integer; beta functions
interpolate the binomial distribution.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from course_utils.metrics.measurement import Rejection

__all__ = ["bootstrap", "clopper_pearson", "lower_limit"]

_THRESHOLDS = 64  # equally likely ones that represent all resamplings of the signal


def clopper_pearson(survivors: float, n_background: int, confidence: float) -> Rejection:
    """Clopper and Pearson's interval, Biometrika 26 (1934) 404, for a known threshold.

    Parameters
    ----------
    survivors : float
        At least 1; below 1 see `lower_limit`.
    n_background : int
    confidence : float in (0, 1)

    Examples
    --------
    >>> print(clopper_pearson(38.0, 10_000, 0.6827))
    260 +50 -40
    """
    tail = (1 - confidence) / 2
    highest = _upper_fraction(survivors, n_background, 1 - tail)
    lowest = float(special.betaincinv(survivors, n_background - survivors + 1, tail))
    return Rejection(n_background / survivors, 1 / highest, 1 / lowest, is_limit=False)


def lower_limit(survivors: float, n_background: int, confidence: float) -> Rejection:
    """One-sided lower limit on the rejection, if less than one background jet survives."""
    limit = 1 / _upper_fraction(survivors, n_background, confidence)
    return Rejection(limit, limit, limit, is_limit=True)


def bootstrap(
    survivors_at: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n_signal: int,
    n_background: int,
    signal_efficiency: float,
    confidence: float,
) -> Rejection:
    """Percentile interval of the bootstrap, in the limit of infinitely many resamplings.

    No jet is drawn: the efficiency that a threshold found in a resampled signal has in the
    original one follows a beta distribution (it is an order statistic), and the resampled
    background above it a binomial one. So the interval is exact, fast and reproducible. It
    includes the fluctuation of the threshold, which Clopper and Pearson's does not.

    Parameters
    ----------
    survivors_at : function of arrays of shape (n,)
        Signal efficiencies to numbers of surviving background jets, on the full ROC curve; at
        least 1 at ``signal_efficiency``.
    n_signal, n_background : int
    signal_efficiency : float in (0, 1]
    confidence : float in (0, 1)
    """
    quantiles = (np.arange(_THRESHOLDS) + 0.5) / _THRESHOLDS
    wanted = signal_efficiency * n_signal
    efficiencies = special.betaincinv(wanted, n_signal - wanted + 1, quantiles)
    efficiencies = np.ceil(efficiencies * n_signal) / n_signal  # a threshold is one of the jets
    fractions = survivors_at(efficiencies) / n_background
    tail = (1 - confidence) / 2
    fewest, most = (_mixture_quantile(fractions, n_background, each) for each in (tail, 1 - tail))
    value = n_background / float(survivors_at(np.array([signal_efficiency]))[0])
    return Rejection(
        value, min(n_background / most, value), max(n_background / fewest, value), is_limit=False
    )


def _upper_fraction(survivors: float, n_background: int, confidence: float) -> float:
    if survivors >= n_background:
        return 1.0
    return float(special.betaincinv(survivors + 1, n_background - survivors, confidence))


def _mixture_quantile(fractions: NDArray[np.float64], n: int, probability: float) -> float:
    """Return the quantile of a mixture of binomials, in survivors; at least a half."""

    def excess(survivors: float) -> float:
        # P(at most s of n survive); the half corrects for continuity between integers.
        below = special.betaincc(survivors + 0.5, n - survivors + 0.5, fractions)
        return float(np.mean(below)) - probability

    if excess(0.5) >= 0:
        return 0.5
    if excess(n) <= 0:
        return float(n)
    return float(optimize.brentq(excess, 0.5, n, xtol=1e-3, rtol=1e-6))
