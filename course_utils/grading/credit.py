"""Partial credit in a test cell that nbgrader can trust.

nbgrader takes the last value of a test cell as the points earned. It gives full marks if that value
is nan, negative or not a number, and refuses the entire notebook if it is too large. So a test cell
that gives partial credit ends in :func:`partial_credit`.
"""

from __future__ import annotations

import math
from numbers import Real

__all__ = ["partial_credit"]


def partial_credit(share: float, *, points: float) -> float:
    """Return the points for a share of the task, in steps of a half.

    Parameters
    ----------
    share : float
        From 0 (nothing) to 1 (everything); more counts as 1.
    points : float
        Full marks of the cell.

    Returns
    -------
    float
        Between 0 and `points`, rounded down to a multiple of 0.5. It is a plain Python float:
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
