r"""The loop behind `course_utils.images.jet_images`, compiled: one jet after the other, in cache.

The steps are those of `course_utils.images`, in double precision. What makes them fast:

- Blocks of rows without a single bit set are padding and are skipped; no constituent is moved.
- Angles are taken relative to the hardest constituent and from quarters of themselves:
  :math:`\tan(\varphi/4)` and :math:`\tanh(\eta/4)` follow from :math:`\cos\varphi` and
  :math:`\cosh\eta` by one root and one division each, and the same short series ends both. So
  there is no call of a library, and the compiler does eight constituents at a time.
- Moments about the hardest constituent give the centroid and the principal axis in one pass, and
  the axis turns the jet by half-angle formulas, without an angle.

A jet that is too wide or too far forward for the series, one in thousands, takes the plain way.
Loops are over indices and write few arrays at a time: this is what the compiler vectorises.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

__all__ = ["fill"]

# Sums may be reordered and products fused, which makes vectors possible; nan remains nan.
_OPTIONS = {"nogil": True, "fastmath": {"contract", "reassoc"}, "error_model": "numpy"}
_ROWS = 16  # looked at together for padding
_LANES = 8  # doubles in the widest register
_HALF_DIGIT = 0.5e-9  # rounding to the nine decimals of `images._DIGITS`, before a floor
_inner = njit(**_OPTIONS)


def _cached(function: Callable) -> Callable:
    """Compiled once for all processes, or in each where no folder can be written to."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba found no place: neither this folder nor the user's cache
        return _inner(function)


@_inner
def _largest(bits, magnitude):
    """The largest absolute value, as its bits; those of floats are ordered like the floats."""
    largest = magnitude & ~magnitude
    for k in range(bits.size):
        largest = max(largest, bits[k] & magnitude)
    return largest


@_inner
def _deal(rows, px, py, pz, energy):
    for j in range(rows.size // 4):
        px[j] = rows[4 * j + 1]
        py[j] = rows[4 * j + 2]
        pz[j] = rows[4 * j + 3]
    for j in range(rows.size // 4):
        energy[j] = rows[4 * j]


@_inner
def _gather(bits, jet, magnitude, limit, px, py, pz, energy):
    """Rows of all blocks that are not all padding, up to a full register; -1 if not finite."""
    n = 0
    for start in range(0, jet.size, 4 * _ROWS):
        stop = min(start + 4 * _ROWS, jet.size)
        largest = _largest(bits[start:stop], magnitude)
        if largest >= limit:
            return -1
        if largest > 0:
            _deal(jet[start:stop], px[n:], py[n:], pz[n:], energy[n:])
            n += (stop - start) // 4
    while n % _LANES:
        px[n] = py[n] = pz[n] = energy[n] = 0.0
        n += 1
    return n


@_inner
def _directions(px, py, pz, weight):
    """In place: cos(phi), sin(phi) and sinh(eta), all 0 for padding; the weight is pt."""
    for j in range(weight.size):
        pt = math.sqrt(px[j] * px[j] + py[j] * py[j])
        inverse = 1 / pt if pt > 0 else 0.0
        px[j] *= inverse
        py[j] *= inverse
        pz[j] *= inverse
        weight[j] = pt


@_inner
def _transverse_energy(energy, sinh, weight):
    for j in range(weight.size):
        et = energy[j] / math.sqrt(1 + sinh[j] * sinh[j])
        weight[j] = et if (weight[j] > 0) & (et > 0) else 0.0


@_inner
def _hardest(weight):
    """Index of the first of the largest weights, -1 where all are 0."""
    best, found = 0.0, -1
    for j in range(weight.size):
        if weight[j] > best:
            best, found = weight[j], j
    return found


@_inner
def _series(z):
    r"""artanh(x)/x for z = x**2, arctan(x)/x for z = -x**2: sum of z**k/(2k + 1).

    Its first neglected term is 1e-14 at tan(pi/8)**2.
    """
    total = 1 / 31
    total = total * z + 1 / 29
    total = total * z + 1 / 27
    total = total * z + 1 / 25
    total = total * z + 1 / 23
    total = total * z + 1 / 21
    total = total * z + 1 / 19
    total = total * z + 1 / 17
    total = total * z + 1 / 15
    total = total * z + 1 / 13
    total = total * z + 1 / 11
    total = total * z + 1 / 9
    total = total * z + 1 / 7
    total = total * z + 1 / 5
    total = total * z + 1 / 3
    return total * z + 1


@_inner
def _etas(sinh, weight, eta, sinh0, cosh0):
    """Eta relative to that of sinh0; returns how many are too far for the series."""
    n_far = 0
    for j in range(weight.size):
        s = sinh[j] if weight[j] > 0 else sinh0
        c = math.sqrt(1 + s * s)
        relative_sinh, relative_cosh = s * cosh0 - c * sinh0, c * cosh0 - s * sinh0
        half_cosh = math.sqrt(0.5 + 0.5 * relative_cosh)
        quarter = relative_sinh / (2 * half_cosh * (1 + half_cosh))
        eta[j] = 4 * quarter * _series(quarter * quarter)
        n_far += 0 if relative_cosh <= 3 else 1
    return n_far


@_inner
def _phis(cos, sin, phi, cos0, sin0):
    """Phi relative to that of (cos0, sin0); returns how many are too far for the series."""
    n_far = 0
    for j in range(phi.size):
        relative_cos = cos0 * cos[j] + sin0 * sin[j]
        relative_sin = cos0 * sin[j] - sin0 * cos[j]
        half_cos = math.sqrt(0.5 + 0.5 * relative_cos)
        quarter = relative_sin / (2 * half_cos * (1 + half_cos))
        phi[j] = 4 * quarter * _series(-quarter * quarter)
        n_far += 0 if relative_cos >= 0 else 1
    return n_far


@_inner
def _azimuth(cos, sin):
    """In [-pi, pi), like `kinematics.delta_phi`."""
    phi = math.atan2(sin, cos)
    return phi if phi < math.pi else -math.pi


@_inner
def _plain_angles(cos, sin, sinh, weight, eta, phi, h):
    cos0, sin0, eta0 = cos[h], sin[h], math.asinh(sinh[h])
    for j in range(weight.size):
        real = weight[j] > 0
        eta[j] = math.asinh(sinh[j]) - eta0 if real else 0.0
        x, y = cos0 * cos[j] + sin0 * sin[j], cos0 * sin[j] - sin0 * cos[j]
        phi[j] = _azimuth(x, y) if real else 0.0


@_inner
def _angles(cos, sin, sinh, weight, eta, phi, h):
    """Eta and phi relative to constituent h; of padding, numbers without a weight."""
    cosh0 = math.sqrt(1 + sinh[h] * sinh[h])
    n_far = _etas(sinh, weight, eta, sinh[h], cosh0) + _phis(cos, sin, phi, cos[h], sin[h])
    if n_far > 0 or cosh0 > 40:  # beyond |eta| = 4.4 the difference above loses digits
        _plain_angles(cos, sin, sinh, weight, eta, phi, h)


@_inner
def _moments(weight, eta, phi):
    """Sums of the weight times 1, eta, phi, eta**2, phi**2 and eta*phi."""
    w = a = b = aa = bb = ab = 0.0
    for j in range(weight.size):
        w += weight[j]
        a += weight[j] * eta[j]
        b += weight[j] * phi[j]
        aa += weight[j] * eta[j] * eta[j]
        bb += weight[j] * phi[j] * phi[j]
        ab += weight[j] * eta[j] * phi[j]
    return w, a, b, aa, bb, ab


@_inner
def _upright(along, across, spread):
    """Cosine and sine of the turn that `images.rotated` makes, from the moments."""
    size = math.sqrt(along * along + across * across)
    if not size > 2 * _HALF_DIGIT * spread:
        return 1.0, 0.0
    if abs(across) <= 2 * _HALF_DIGIT * spread / 1000:
        across = 0.0
    if along >= 0:
        sin = math.sqrt(0.5 + 0.5 * along / size)
        return across / (2 * size * sin), sin
    cos = math.sqrt(0.5 - 0.5 * along / size)
    return (-cos if across < 0 else cos), abs(across) / (2 * size * cos)


@_inner
def _seen_from(momentum, cos0, sin0, sinh0):
    """Eta and phi of a momentum with pt relative to a direction."""
    px, py = momentum[1], momentum[2]
    eta = math.asinh(momentum[3] / math.hypot(px, py)) - math.asinh(sinh0)
    return eta, _azimuth(cos0 * px + sin0 * py, cos0 * py - sin0 * px)


@_inner
def _frame(moments, subjets, cos0, sin0, sinh0, rotate):
    """Centre, cosine and sine of the turn, and whether a second subjet is now straight below."""
    w, a, b, aa, bb, ab = moments
    eta, phi, below = a / w, b / w, False
    if len(subjets) > 0 and math.hypot(subjets[0, 1], subjets[0, 2]) > 0:
        eta, phi = _seen_from(subjets[0], cos0, sin0, sinh0)
        if rotate and math.hypot(subjets[1, 1], subjets[1, 2]) > 0:
            eta2, phi2 = _seen_from(subjets[1], cos0, sin0, sinh0)
            x, y = eta2 - eta, _azimuth(math.cos(phi2 - phi), math.sin(phi2 - phi))
            distance = math.hypot(x, y)
            if distance > 2 * _HALF_DIGIT:
                return eta, phi, -y / distance, -x / distance, True
    cos, sin = 1.0, 0.0
    if rotate:  # with the moments about the new centre
        aa -= eta * (2 * a - w * eta)
        bb -= phi * (2 * b - w * phi)
        ab -= eta * b + phi * a - w * eta * phi
        cos, sin = _upright(aa - bb, 2 * ab, aa + bb)
    return eta, phi, cos, sin, below


@_inner
def _place(weight, eta, phi, eta0, phi0, cos, sin):
    """Shift and turn, in place; returns the surplus at positive eta and at positive phi."""
    right = top = 0.0
    for j in range(weight.size):
        a, b, w = eta[j] - eta0, phi[j] - phi0, weight[j]
        x, y = cos * a - sin * b, sin * a + cos * b
        eta[j] = x
        phi[j] = y
        right += (w if x > _HALF_DIGIT else 0.0) - (w if x < -_HALF_DIGIT else 0.0)
        top += (w if y > _HALF_DIGIT else 0.0) - (w if y < -_HALF_DIGIT else 0.0)
    return right, top


@_inner
def _pixels(weight, eta, phi, pixel, eta_scale, phi_scale, shift, n_pixels):
    """Where each constituent goes; outside, no weight to pixel 0. Returns the weight inside."""
    total = 0.0
    upper, n = float(n_pixels), np.int32(n_pixels)
    for j in range(weight.size):
        x, y = eta[j] * eta_scale + shift, phi[j] * phi_scale + shift
        inside = (x >= 0) & (x < upper) & (y >= 0) & (y < upper)
        weight[j] = weight[j] if inside else 0.0
        total += weight[j]
        pixel[j] = n * np.int32(x if inside else 0.0) + np.int32(y if inside else 0.0)
    return total


@_cached
def fill(
    bits, numbers, jet_step, n_rows, magnitude, limit, subjets, images, image_step, first, last,
    n_pixels, half_width, et, rotate, flip, normalise, clear,
):  # fmt: skip
    """Images of the jets from `first` to before `last`; the number of a jet not finite, or -1.

    Jet i begins at ``numbers[i * jet_step]``, its image at ``images[i * image_step]``, its
    subjets, if any are given, are ``subjets[i]``. The jets are seen once more as integers
    ``bits``, whose bits without the sign are ``magnitude``; ``limit`` is infinity as such bits.
    ``clear`` tells that the images hold something yet.
    """
    size = n_rows + _LANES
    all_px, all_py, all_pz = np.empty(size), np.empty(size), np.empty(size)
    all_weight, all_eta, all_phi = np.empty(size), np.empty(size), np.empty(size)
    energy, all_pixel = np.empty(size), np.empty(size, np.int32)
    per_width = n_pixels / (2 * half_width)
    for i in range(first, last):
        image = images[i * image_step : i * image_step + n_pixels * n_pixels]
        if clear:
            image[:] = 0
        jet = slice(i * jet_step, i * jet_step + 4 * n_rows)
        n = _gather(bits[jet], numbers[jet], magnitude, limit, all_px, all_py, all_pz, energy)
        if n < 0:
            return i
        cos, sin, sinh = all_px[:n], all_py[:n], all_pz[:n]  # once they are directions
        weight, eta, phi, pixel = all_weight[:n], all_eta[:n], all_phi[:n], all_pixel[:n]
        _directions(cos, sin, sinh, weight)
        if et:
            _transverse_energy(energy, sinh, weight)
        h = _hardest(weight)
        if h < 0:
            continue
        _angles(cos, sin, sinh, weight, eta, phi, h)
        moments = _moments(weight, eta, phi)
        eta0, phi0, turn_cos, turn_sin, below = _frame(
            moments, subjets[i : i + 1].reshape(-1, 4), cos[h], sin[h], sinh[h], rotate
        )
        right, top = _place(weight, eta, phi, eta0, phi0, turn_cos, turn_sin)
        less = -2 * _HALF_DIGIT * moments[0]
        eta_sign = -1.0 if flip and right < less else 1.0
        phi_sign = -1.0 if flip and not below and top < less else 1.0
        shift = half_width * per_width + _HALF_DIGIT
        total = _pixels(
            weight, eta, phi, pixel, eta_sign * per_width, phi_sign * per_width, shift, n_pixels
        )
        scale = 1.0 if not normalise else 1 / total if total > 0 else 0.0
        for j in range(n):
            image[pixel[j]] += np.float32(weight[j] * scale)
    return -1
