"""DeLong's paired test of two AUCs on the same jets: the one place of its three formulas.

Two taggers often fail on the same jets, so the error of their difference is smaller than their two
errors in quadrature. DeLong et al., Biometrics 44 (1988) 837, eqs. 4-6.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

__all__ = ["p_values_of_differences", "paired_error", "paired_errors"]


def paired_error(shift_by_class: Iterable[NDArray[np.floating]]) -> float:
    """Error of the difference of two AUCs, from the jets themselves.

    Parameters
    ----------
    shift_by_class : two arrays of shapes (n_signal,) and (n_background,)
        Placement of each jet by one tagger minus that by the other
        (`OrderedScores.placements`, up to a constant).

    Examples
    --------
    >>> paired_error([np.array([0.1, 0.1]), np.array([0.0, 0.2])])
    0.1
    """
    return math.sqrt(sum(np.var(each, ddof=1) / len(each) for each in shift_by_class))


def paired_errors(covariance: ArrayLike) -> NDArray[np.float64]:
    """Errors of the differences of all pairs of AUCs, from the covariance matrix of the AUCs.

    Parameters
    ----------
    covariance : array of shape (n, n)

    Returns
    -------
    array of shape (n, n)
    """
    matrix = np.asarray(covariance, np.float64)
    variance = np.diagonal(matrix)
    # Rounding can leave a little less than nothing where two taggers order the jets alike.
    return np.sqrt(np.maximum(variance[:, None] + variance - 2 * matrix, 0))


def p_values_of_differences(difference: ArrayLike, error: ArrayLike) -> NDArray[np.float64]:
    """Chance of a difference at least this large, of either sign, between equally good taggers.

    From the normal approximation. A difference of 0 has p-value 1, any other without an error 0.

    Parameters
    ----------
    difference, error : arrays of one shape, or numbers

    Examples
    --------
    >>> p_values_of_differences([0.0, 0.0196, 0.1], [0.0, 0.01, 0.0])
    array([1.  , 0.05, 0.  ])
    """
    size, error = np.abs(np.asarray(difference, np.float64)), np.asarray(error, np.float64)
    deviations = np.divide(size, error, out=np.full_like(error, np.inf), where=error > 0)
    return np.where(size == 0, 1.0, 2 * special.ndtr(-deviations))
