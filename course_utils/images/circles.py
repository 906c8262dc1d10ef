"""Circles painted into images, compiled by numba; `painting.painted` does the same in plain NumPy.

Centres and radii are float64 arrays of shape (n_events, n_objects), in pixels; a pixel has its
centre half a pixel behind its edge. The two ways must agree to the last pixel, so nothing here may
be reordered or fused.
"""

import math

from numba import njit

_OPTIONS = {"nogil": True, "error_model": "numpy"}


def _compiled(function):
    """Compiled once for all processes, or in each where no folder for the cache is writeable."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


@_compiled
def paint_circle(image, x, y, radius, colour, wraps):
    """Fill the pixels whose centre is within the radius; the second axis may be a circle."""
    n_pixels = len(image)
    for i in range(max(math.floor(x - radius), 0), min(math.floor(x + radius) + 1, n_pixels)):
        across = (i + 0.5 - x) * (i + 0.5 - x)
        for j in range(math.floor(y - radius), math.floor(y + radius) + 1):
            if across + (j + 0.5 - y) * (j + 0.5 - y) <= radius * radius:
                if 0 <= j < n_pixels:
                    image[i, j] = colour
                elif wraps:
                    image[i, j % n_pixels] = colour


@_compiled
def paint(x, y, radii, kinds, order, wraps, images):
    """Paint the objects of each event, one kind after the other."""
    for event in range(len(images)):
        images[event] = 0
        for kind in order:
            for k in range(kinds.shape[1]):
                if kinds[event, k] == kind:
                    paint_circle(
                        images[event], x[event, k], y[event, k], radii[event, k], kind, wraps
                    )
