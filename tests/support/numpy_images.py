"""The steps of an image in numpy, for any number of jets at once: an oracle for `images`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import kinematics

Angles = tuple[NDArray[np.float64], NDArray[np.float64]]

_DIGITS = 9  # decimals of an angle that count; what lies behind them is rounding error


def centred(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    pt, eta, phi = _floats(pt, eta, phi)
    hardest = np.argmax(pt, axis=-1, keepdims=True)
    phi = kinematics.delta_phi(phi, np.take_along_axis(phi, hardest, axis=-1))
    eta, phi = (np.where(pt > 0, angle - _average(pt, angle), 0.0) for angle in (eta, phi))
    return eta, phi


def rotated(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    pt, eta, phi = _floats(pt, eta, phi)
    across, along = 2 * _sum(pt * eta * phi), _sum(pt * (eta**2 - phi**2))
    spread = _sum(pt * (eta**2 + phi**2))
    axis = np.arctan2(across, along) / 2  # from eta, in (-pi/2, pi/2]
    rounding = 10.0**-_DIGITS * spread
    lopsided = np.hypot(across, along) > rounding
    # Else which end is up is chance; a thousandth, since this must not move what is on an edge.
    across = np.where(np.abs(across) > rounding / 1000, across, 0.0)
    turn = np.where(lopsided, np.pi / 2 - axis, 0.0)
    cos, sin = np.cos(turn), np.sin(turn)
    return cos * eta - sin * phi, sin * eta + cos * phi


def flipped(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    pt, *angles = _floats(pt, eta, phi)
    # A constituent on the axis, up to rounding errors, is in neither half.
    surplus = (_sum(pt * np.sign(np.round(angle, _DIGITS))) for angle in angles)
    eta, phi = (
        np.where(more < -(10.0**-_DIGITS) * _sum(pt), -angle, angle)
        for more, angle in zip(surplus, angles, strict=True)
    )
    return eta, phi


def pixelated(
    pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, *, n_pixels: int = 40, half_width: float = 0.8
) -> NDArray[np.float64]:
    pt, eta, phi = _floats(pt, eta, phi)
    step = 2 * half_width / n_pixels
    row, column = (np.floor(np.round((angle + half_width) / step, _DIGITS)) for angle in (eta, phi))
    inside = (pt > 0) & (row >= 0) & (row < n_pixels) & (column >= 0) & (column < n_pixels)
    shape = (*pt.shape[:-1], n_pixels, n_pixels)
    jet = np.broadcast_to(np.arange(pt[..., 0].size).reshape(*pt.shape[:-1], 1), pt.shape)
    pixel = (jet[inside] * n_pixels + row[inside]) * n_pixels + column[inside]
    return np.bincount(pixel.astype(np.int64), pt[inside], minlength=np.prod(shape)).reshape(shape)


def _floats(*arrays: ArrayLike) -> list[NDArray[np.float64]]:
    return list(np.broadcast_arrays(*(np.asarray(array, dtype=np.float64) for array in arrays)))


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.sum(axis=-1, keepdims=True)


def _average(pt: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = _sum(pt)
    return np.divide(_sum(pt * values), total, out=np.zeros_like(total), where=total > 0)
