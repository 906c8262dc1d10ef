"""A tagger of one number: jets inside a window are called signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from course_utils.metrics.scores import checked

__all__ = ["best_window"]


def best_window(y_true: ArrayLike, values: ArrayLike) -> tuple[float, float]:
    """Return the window of an observable that tells most jets of a sample right.

    A jet is called signal if ``low <= value < high``. Of all windows this is the one with the best
    accuracy on these jets; on others it is less good, the more so the fewer jets chose it.

    Parameters
    ----------
    y_true : array of shape (n_jets,)
        1 signal, 0 background.
    values : array of shape (n_jets,)
        Finite numbers in any unit.

    Returns
    -------
    low, high : float
        The value of the lowest jet inside, and of the lowest one above; infinite if there is none.

    Raises
    ------
    ValueError
        If a shape or a label is wrong, or a value is not finite.

    Examples
    --------
    >>> best_window([0, 1, 1, 0, 1], [10, 70, 90, 120, 300])
    (70.0, 120.0)
    """
    is_signal, values = checked(y_true, values)
    order = np.argsort(values, kind="stable")
    rising, steps = values[order], np.where(is_signal[order], 1, -1)
    first = np.flatnonzero(np.append(True, rising[1:] > rising[:-1]))  # equal values stay together
    gained = np.concatenate([[0], np.cumsum(np.add.reduceat(steps, first))])
    edges = np.append(rising[first], np.inf)
    # The best window ends where the sum is highest above the lowest sum before it.
    end = int(np.argmax(gained - np.minimum.accumulate(gained)))
    start = int(np.argmin(gained[: end + 1]))
    return float(edges[start]), float(edges[end])
