"""How circles get into a picture: compiled if numba is there, else in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import numpy as np
from numpy.typing import NDArray

__all__ = ["painted", "painter"]


def painter() -> Callable[..., None]:
    """The compiled loop on first use, since numba takes a second to import; NumPy without it."""
    try:
        from course_utils.images import circles
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        return painted
    return circles.paint


def painted(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    radii: NDArray[np.float64],
    kinds: NDArray[np.int64],
    order: NDArray[np.int64],
    wraps: bool,
    images: NDArray[np.uint8],
) -> None:
    """`circles.paint` in plain NumPy: the same pixels, some ten times slower."""
    images[:] = 0
    for event, image in enumerate(images):
        for kind in order:
            for k in np.flatnonzero(kinds[event] == kind):
                inside = _disc(x[event, k], y[event, k], radii[event, k], len(image), wraps)
                image[inside] = kind


def _disc(
    x: float, y: float, radius: float, n_pixels: int, wraps: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels whose centre is within the radius."""
    rows = np.arange(max(floor(x - radius), 0), min(floor(x + radius) + 1, n_pixels))
    columns = np.arange(floor(y - radius), floor(y + radius) + 1)
    if not wraps:
        columns = columns[(columns >= 0) & (columns < n_pixels)]
    across, along = (rows + 0.5 - x) ** 2, (columns + 0.5 - y) ** 2
    row, column = np.nonzero(across[:, None] + along <= radius * radius)
    return rows[row], columns[column] % n_pixels
