"""The steps for one jet, compiled by numba; each changes ``eta`` and ``phi`` in place.

``pt, eta, phi`` are float64 arrays of shape (n_constituents,). Padding has no
pt and is never drawn. Angles are compared to nine decimals: beyond that is rounding error, which
must not decide on which side of an edge a constituent lies.
"""

import math

import numpy as np
from numba import njit

_ROUNDING = 1e-9
_TOO_LARGE = 2.0**128  # for single precision
# Sums may be reordered and products fused, so that loops become vectors; nan remains nan.
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc"}}


def _compiled(function):
    """Compiled once for all processes, or in each where no folder for the cache is writeable."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


@_compiled
def all_finite(numbers):
    """Whether all are, in single precision."""
    n_bad = 0
    for j in range(numbers.size):
        n_bad += 0 if abs(numbers[j]) < _TOO_LARGE else 1  # not nan either
    return n_bad == 0


@_compiled
def coordinates(jet, et, pt, eta, phi):
    """Write pt (or Et), eta and phi of the rows that have some, and return their number."""
    n = 0
    for j in range(len(jet)):
        if jet[j, 1] == 0 and jet[j, 2] == 0:
            continue
        px, py = np.float64(jet[j, 1]), np.float64(jet[j, 2])
        across = math.sqrt(px * px + py * py)
        if across > 0:
            slope = jet[j, 3] / across
            pt[n] = jet[j, 0] / math.sqrt(1 + slope * slope) if et else across
            eta[n] = math.asinh(slope)
            phi[n] = math.atan2(py, px)
            n += pt[n] > 0
    return n


@_compiled
def move(pt, eta, phi, eta0, phi0):
    """Put the origin at ``(eta0, phi0)``, and padding at the origin."""
    for j in range(pt.size):
        eta[j] = eta[j] - eta0 if pt[j] > 0 else 0.0
        phi[j] = phi[j] - phi0 if pt[j] > 0 else 0.0


@_compiled
def wrap(phi, phi0):
    """Azimuths relative to ``phi0``, the short way round."""
    for j in range(phi.size):
        phi[j] -= phi0
        phi[j] -= 2 * math.pi * math.floor(phi[j] / (2 * math.pi) + 0.5)


@_compiled
def centre(pt, eta, phi):
    """Put the origin at the pt centroid."""
    wrap(phi, phi[np.argmax(pt)])
    total = right = top = 0.0
    for j in range(pt.size):
        total += pt[j]
        right += pt[j] * eta[j]
        top += pt[j] * phi[j]
    if total > 0:
        right, top = right / total, top / total
    move(pt, eta, phi, right, top)


@_compiled
def turn(eta, phi, cos, sin):
    """Turn the jet, given the cosine and the sine of the angle."""
    for j in range(eta.size):
        eta[j], phi[j] = cos * eta[j] - sin * phi[j], sin * eta[j] + cos * phi[j]


@_compiled
def rotate(pt, eta, phi):
    """Turn the principal axis upright, if there is one."""
    across = along = spread = 0.0
    for j in range(pt.size):
        across += 2 * pt[j] * eta[j] * phi[j]
        along += pt[j] * (eta[j] * eta[j] - phi[j] * phi[j])
        spread += pt[j] * (eta[j] * eta[j] + phi[j] * phi[j])
    if math.hypot(across, along) > _ROUNDING * spread:
        # Else which end is up is chance; a thousandth, since this must not cross an edge either.
        across = across if abs(across) > _ROUNDING / 1000 * spread else 0.0
        angle = (math.pi - math.atan2(across, along)) / 2
        turn(eta, phi, math.cos(angle), math.sin(angle))


@_compiled
def aim(pt, eta, phi, first, second, rotates):
    """Put the origin at the first subjet; whether a second could be turned straight down."""
    wrap(phi, first[2])
    move(pt, eta, phi, first[1], 0.0)
    x, y = second[1] - first[1], second[2:] - first[2]
    wrap(y, 0.0)
    distance = math.hypot(x, y[0])
    found = rotates and second[0] > 0 and distance > _ROUNDING
    if found:
        turn(eta, phi, -y[0] / distance, -x / distance)
    return found


@_compiled
def flip(pt, angle):
    """Mirror one of the angles, so that more pt is on its positive side."""
    surplus = total = 0.0
    for j in range(pt.size):  # on the axis, a constituent is on neither side
        total += pt[j]
        surplus += pt[j] if angle[j] > _ROUNDING / 2 else 0.0
        surplus -= pt[j] if angle[j] < -_ROUNDING / 2 else 0.0
    if surplus < -_ROUNDING * total:
        for j in range(pt.size):
            angle[j] = -angle[j]


@_compiled
def flip_both(pt, eta, phi):
    """Mirror the jet, so that its hotter halves are on the right and on top."""
    flip(pt, eta)
    flip(pt, phi)


@_compiled
def pixelate(pt, eta, phi, half_width, normalise, image):
    """Add up the pt in each pixel. Changes ``pt`` too: what is outside loses it."""
    n_pixels, total = len(image), 0.0
    for j in range(pt.size):
        eta[j] = (eta[j] + half_width) * (n_pixels / (2 * half_width)) + _ROUNDING / 2
        phi[j] = (phi[j] + half_width) * (n_pixels / (2 * half_width)) + _ROUNDING / 2
        inside = (eta[j] >= 0) & (eta[j] < n_pixels) & (phi[j] >= 0) & (phi[j] < n_pixels)
        pt[j] = pt[j] if inside & (pt[j] > 0) else 0.0
        total += pt[j]
    scale = 1 / total if normalise else 1.0
    for j in range(pt.size):
        if pt[j] > 0:
            image[int(eta[j]), int(phi[j])] += pt[j] * scale


@_compiled
def draw(jets, subjets, images, half_width, et, rotates, flips, normalise):
    """Fill in the images, jet by jet; the number of a jet that is not finite, or -1."""
    all_pt, all_eta, all_phi = np.empty((3, jets.shape[1]))
    for i in range(len(jets)):
        images[i] = 0
        if not all_finite(jets[i].reshape(-1)):
            return i
        n = coordinates(jets[i], et, all_pt, all_eta, all_phi)
        if n == 0:
            continue
        pt, eta, phi = all_pt[:n], all_eta[:n], all_phi[:n]
        below = False
        if len(subjets) > 0 and subjets[i, 0, 0] > 0:
            below = aim(pt, eta, phi, subjets[i, 0], subjets[i, 1], rotates)
        else:
            centre(pt, eta, phi)
        if rotates and not below:
            rotate(pt, eta, phi)
        if flips:
            flip(pt, eta)
            if not below:
                flip(pt, phi)
        pixelate(pt, eta, phi, half_width, normalise, images[i])
    return -1
