"""Partial credit in a test cell that nbgrader can trust.

nbgrader takes the last value of a test cell as the points earned. It gives full marks when that
value is nan, negative or no number at all, and refuses the whole notebook when it is too large.
A test cell that gives partial credit therefore ends in :func:`partial_credit`.
"""

from __future__ import annotations

import math
from numbers import Real

__all__ = ["partial_credit"]


def partial_credit(share: float, *, points: float) -> float:
    """Points for a share of the task done, in steps of a half.

    Parameters
    ----------
    share : float
        0 nothing, 1 all of it; more than all counts as all.
    points : float
        Full marks of the cell.

    Returns
    -------
    float
        Between 0 and `points`, rounded down to a multiple of 0.5. A plain Python float, since
        nbgrader reads the printed form and does not understand ``np.float64(1.5)``.

    Raises
    ------
    ValueError
        If `share` is not a number, is nan or is negative; the cell then earns nothing.

    Examples
    --------
    >>> partial_credit(0.9, points=4), partial_credit(1.3, points=4)
    (3.5, 4.0)
    """
    if not (isinstance(share, Real) and share >= 0):  # nan fails every comparison
        raise ValueError(f"Expected a share of the task done, 0 or more; got {share!r}.")
    return math.floor(2 * min(float(share), 1.0) * points) / 2
