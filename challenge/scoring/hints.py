"""Hints for a team whose accepted file looks like an accident.

A hint must not be an oracle for the hidden labels. So hints look at the scores themselves and at
the team's own earlier ones, and at the AUC only if the team gets to see it anyway.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = ["find_hints"]

_CLASSES_AT_MOST: Final = 100  # distinct values below which scores look like classes
_NO_BETTER_THAN_CHANCE: Final = 4.0  # standard deviations of the AUC of random scores
_ENOUGH_JETS: Final = 1000  # below, 100 distinct values and chance correlations mean little


def find_hints(
    scores: ArrayLike,
    *,
    shown_auc: float | None = None,
    n_signal: int = 0,
    n_background: int = 0,
    best_scores: ArrayLike | None = None,
) -> list[str]:
    """One sentence for each thing that looks wrong in an accepted file.

    Parameters
    ----------
    scores : array of shape (n_jets,)
        The scores in the file.
    shown_auc : float or None
        The AUC of this file if the team gets to see it, else None.
    n_signal, n_background : int
        Jets behind ``shown_auc``.
    best_scores : array of shape (n_jets,) or None
        The best file of the same network until now.

    Examples
    --------
    >>> find_hints([0.7, 0.7, 0.7])
    ['All scores are equal: the network does not distinguish any jet from another.']
    """
    values = np.asarray(scores, dtype=np.float64)
    n_distinct = len(np.unique(values))
    if n_distinct == 1:
        return ["All scores are equal: the network does not distinguish any jet from another."]
    found = []
    if n_distinct < min(_CLASSES_AT_MOST, len(values) // 10):
        found.append(
            f"Only {n_distinct} distinct scores: classes instead of scores? Submit the network's "
            "output, not its rounded or thresholded form."
        )
    if shown_auc is not None:
        found += _of_auc(shown_auc, n_distinct, n_signal, n_background)
    elif best_scores is not None and len(values) >= _ENOUGH_JETS:
        found += _of_order(values, np.asarray(best_scores, dtype=np.float64))
    return found


def _of_auc(auc: float, n_distinct: int, n_signal: int, n_background: int) -> list[str]:
    chance = np.sqrt((n_signal + n_background + 1) / (12 * n_signal * n_background))
    if abs(auc - 0.5) < _NO_BETTER_THAN_CHANCE * chance:
        if n_distinct < _CLASSES_AT_MOST:
            return []
        return ["AUC near 0.5, no better than random: are the scores in the order of the jets?"]
    return ["AUC below 0.5: signs flipped? Higher must mean more signal-like."] if auc < 0.5 else []


def _of_order(scores: NDArray[np.float64], best: NDArray[np.float64]) -> list[str]:
    """The same two accidents, seen without any label: beside the network's own best."""
    if len(np.unique(best)) < _CLASSES_AT_MOST:
        return []
    correlation = float(stats.spearmanr(scores, best).statistic)
    if correlation < -0.5:
        return ["These scores order the jets against your best: signs flipped?"]
    if abs(correlation) < _NO_BETTER_THAN_CHANCE / np.sqrt(len(scores)):
        return [
            "These scores have nothing in common with your best: are they in the order of the jets?"
        ]
    return []
