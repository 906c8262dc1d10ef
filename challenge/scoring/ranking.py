"""Which differences between scores mean something, and which are luck.

DeLong's paired comparison (`course_utils.metrics.compare_auc`) decides: whether a submission is a
new best (the Ladder), and which neighbours on the board are tied. `challenge.board.order` has the
order itself.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, stats

from course_utils.metrics import (
    AucDifference,
    compare_auc,
    p_values_of_differences,
    paired_errors,
)

__all__ = [
    "CONFIDENCE",
    "LADDER_CONFIDENCE",
    "LadderDecision",
    "best_of_n_gain",
    "ladder_accepts",
    "tied_groups",
]

CONFIDENCE: Final = 0.95  # of tied groups
LADDER_CONFIDENCE: Final = 0.99  # a hundred probes get a hundred chances


@dataclass(frozen=True)
class LadderDecision:
    """Whether a submission replaces the best one of its network.

    ``compared`` is the new AUC minus the best one so far, None for a first submission. It is for
    the store and the instructor: shown to a team, it would undo the Ladder.
    """

    accepted: bool
    compared: AucDifference | None


def ladder_accepts(
    labels: ArrayLike,
    new_scores: ArrayLike,
    best_scores: ArrayLike | None,
    *,
    confidence: float = LADDER_CONFIDENCE,
) -> LadderDecision:
    """The Ladder of Blum and Hardt (arXiv:1502.04585), with DeLong's paired test as its step.

    Random probes that are kept when they look better climb on the luck of the public jets. They
    stop climbing when only a significant gain counts and nothing is reported about any other. On
    20 000 jets a hundred of them are held to an AUC of 0.504 on average at 99 % confidence; at
    95 % it would be 0.507.

    Parameters
    ----------
    labels, new_scores : arrays of shape (n_jets,)
        The public split.
    best_scores : array of shape (n_jets,) or None
        The best submission of the network so far; None accepts the first.
    confidence : float
        Confidence of the two-sided comparison.
    """
    if best_scores is None:
        return LadderDecision(True, None)
    compared = compare_auc(labels, new_scores, best_scores)
    better = compared.difference > 0 and compared.p_value < 1 - confidence
    return LadderDecision(better, compared)


def tied_groups(
    areas: ArrayLike, covariance: ArrayLike, *, confidence: float = CONFIDENCE
) -> NDArray[np.int64]:
    """Neighbours on the board that these jets cannot distinguish.

    Every entry is compared with each better one; Holm's procedure (Scand. J. Statist. 6 (1979)
    65) keeps the chance of a single false "worse" among its comparisons at 1 - confidence. A
    group starts with its best entry and ends before the first that is significantly worse than
    that.

    Parameters
    ----------
    areas : array of shape (n_entries,)
        Exact AUCs on the same jets, falling.
    covariance : array of shape (n_entries, n_entries)
        DeLong's covariance of these AUCs (see `challenge.scoring.comparisons`).
    confidence : float

    Returns
    -------
    array of shape (n_entries,)
        Number of the group, from 1.

    Examples
    --------
    With independent errors of 0.01, a step of 0.01 is luck and one of 0.05 is none:

    >>> tied_groups([0.95, 0.94, 0.89], np.diag([1e-4, 1e-4, 1e-4]))
    array([1, 1, 2])
    """
    areas = np.asarray(areas, np.float64)
    p_values = p_values_of_differences(areas[:, None] - areas, paired_errors(covariance))
    group = np.ones(len(p_values), np.int64)
    first = 0
    for entry in range(1, len(group)):
        worse = _holm(p_values[entry, :entry])[first] < 1 - confidence
        group[entry] = group[entry - 1] + worse
        first = entry if worse else first
    return group


def best_of_n_gain(n_tried: int, error: float) -> float:
    """Expected excess of the best of equally good, independent entries over their common AUC.

    The mean of the largest of n normal deviates, times the error of one.

    Examples
    --------
    The better of two lies 1/sqrt(pi) = 0.56 standard deviations up:

    >>> best_of_n_gain(2, 1.0)
    0.56
    """
    if n_tried < 2:
        return 0.0
    mean, _ = integrate.quad(
        lambda z: n_tried * z * stats.norm.pdf(z) * stats.norm.cdf(z) ** (n_tried - 1), -10, 10
    )
    return error * mean


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values adjusted for being many."""
    rising = np.argsort(p_values)
    adjusted = np.empty_like(p_values)
    still_in = np.arange(len(p_values), 0, -1)
    adjusted[rising] = np.maximum.accumulate(still_in * p_values[rising])
    return np.minimum(adjusted, 1.0)
