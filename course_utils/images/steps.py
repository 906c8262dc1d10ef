r"""Jet images: from constituents to pixels of pt, the same for a jet wherever it flies.

Nature does not care where in the detector a jet is, nor how it is turned about its axis. Each step
takes one such accident away, so that a network need not learn it from examples:

1. `centred`: wrap :math:`\phi`, then put the origin at the pt centroid;
2. `rotated`: turn the principal axis upright;
3. `flipped`: mirror the jet until its hotter halves are on the right and on top;
4. `pixelated`: add up the pt in each pixel.

`jet_images` does all four for any number of jets. The steps take arrays ``pt, eta, phi`` of shape
(..., n_constituents), in GeV and radians, where a constituent with pt 0 is padding. Images have
:math:`\eta'` along their first axis, drawn to the right, and :math:`\phi'` along the second,
drawn upwards; `course_utils.plotting` draws them so.

Source of the steps: arXiv:1511.05190; with the principal axis and for top jets, arXiv:1803.00107.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import ArrayLike, NDArray

from course_utils import kinematics

__all__ = ["centred", "flipped", "jet_images", "pixelated", "rotated"]

Angles = tuple[NDArray[np.float64], NDArray[np.float64]]

_JETS_AT_ONCE = 1024  # some 7 MB where they must be copied, and shares for threads
# Per type of momenta: integers of its size, and what is not finite in single precision as such.
_BITS = {
    np.dtype(np.float32): (np.int32, 0x7F800000),
    np.dtype(np.float64): (np.int64, np.float64(2.0**128).view(np.int64)),
}
_MOST_PIXELS = 10_000  # along an axis; an image of these has 400 MB
_DIGITS = 9  # decimals of an angle that count; what lies behind them is rounding error


def jet_images(
    jets: ArrayLike,
    *,
    n_pixels: int = 40,
    half_width: float = 0.8,
    rotate: bool = True,
    flip: bool = True,
    normalise: bool = True,
    intensity: Literal["pt", "et"] = "pt",
    subjets: ArrayLike | None = None,
    out: NDArray[np.float32] | None = None,
    workers: int = 1,
) -> NDArray[np.float32]:
    """Images of jets: centred, rotated, flipped, pixelated and normalised.

    Some 1.6 microseconds a jet, 1.1 with `out`, by a compiled loop
    (`course_utils.images.kernel`, which needs numba). The first call on a machine compiles it, for
    some five seconds, and again for momenta in double precision; the first of a later process
    takes one, to load numba and find the loop in its cache: beside this file, in the user's cache,
    or where NUMBA_CACHE_DIR says.

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV, in any order. Rows without pt are padding.
    n_pixels : int
        Pixels along each axis.
    half_width : float
        The image reaches from ``-half_width`` to ``half_width`` in eta' and in phi'. A constituent
        outside is dropped.
    rotate, flip : bool
        Leave a step out, to see what it is worth.
    normalise : bool
        Scale each image to the sum 1. Otherwise pixels are in GeV and tell the pt of the jet.
    intensity : {"pt", "et"}
        What a pixel adds up and every average weighs by: pt, or the transverse energy
        ``E pt / p`` that a calorimeter measures. They are the same for constituents without mass.
    subjets : array of shape (n_jets, 2, 4), optional
        ``(E, px, py, pz)`` of the two hardest subjets, for the recipe of arXiv:1511.05190: the
        origin is the first, the second is turned straight down, and a flip only goes from left to
        right. A jet without a second subjet (zeros, or one in the direction of the first) is
        turned by its principal axis, about the first, and flipped both ways; one without a first
        is treated as if no subjets were given.
    out : float32 array of shape (n_jets, n_pixels, n_pixels), optional
        Is overwritten and returned, so that batches can share memory. Each image must be
        contiguous in it.
    workers : int
        Threads that share the jets. Images do not depend on it to the last bit.

    Returns
    -------
    array of shape (n_jets, n_pixels, n_pixels)
        Axis 1 is eta', axis 2 is phi'. A jet without constituents inside gives zeros.

    Raises
    ------
    ValueError
        If a shape is another, a momentum is not finite (in single precision), a size is not above
        zero, `out` cannot be filled, or the intensity is unknown. `out` may then be half filled.

    Examples
    --------
    Two constituents of 30 and 10 GeV on either side of the cut at phi = pi: close together, the
    harder one nearer to the centre, the line between them upright.

    >>> jets = kinematics.from_pt_eta_phi_mass([[30, 10]], 0.0, [[3.0, -3.0]])
    >>> jet_images(jets, n_pixels=4, half_width=0.4)[0].T[::-1]
    array([[0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.75, 0.  ],
           [0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.25, 0.  ]], dtype=float32)
    """
    jets = np.asarray(jets)
    if jets.ndim != 3 or jets.shape[2] != 4:
        raise ValueError(
            f"Expected jets of shape (n_jets, n_constituents, 4); got {jets.shape}."
            " Each constituent is (E, px, py, pz)."
        )
    _require_window(n_pixels, half_width)
    if intensity not in ("pt", "et"):
        raise ValueError(f'Expected the intensity "pt" or "et"; got {intensity!r}.')
    if workers < 1:
        raise ValueError(f"Expected at least 1 worker; got {workers}.")
    axes = _subjets(subjets, len(jets))
    images = _result(out, (len(jets), n_pixels, n_pixels))
    if not jets.size:
        images[:] = 0
        return images
    clear = out is not None  # new memory is zero already
    options = (n_pixels, float(half_width), intensity == "et", rotate, flip, normalise, clear)

    def draw(first: int) -> None:
        _draw(jets, axes, images, first, first + _JETS_AT_ONCE, options)

    starts = range(0, len(jets), _JETS_AT_ONCE)
    if workers == 1:
        for first in starts:
            draw(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(draw, starts))
    return images


def centred(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    """Angles relative to the pt centroid of the jet.

    Parameters
    ----------
    pt, eta, phi : arrays of shape (..., n_constituents)
        Of at least one constituent; ``phi`` on any branch.

    Returns
    -------
    eta, phi : arrays of shape (..., n_constituents)
        Their averages, weighted by pt, are 0. Padding is at 0. The azimuth is wrapped relative to
        the hardest constituent, which is right for a jet narrower than pi.

    Examples
    --------
    >>> eta, phi = centred([30, 10], [0.1, 0.5], [3.1, -3.1])
    >>> eta.round(3), phi.round(3)
    (array([-0.1,  0.3]), array([-0.021,  0.062]))
    """
    pt, eta, phi = _floats(pt, eta, phi)
    hardest = np.argmax(pt, axis=-1, keepdims=True)
    phi = kinematics.delta_phi(phi, np.take_along_axis(phi, hardest, axis=-1))
    eta, phi = (np.where(pt > 0, angle - _average(pt, angle), 0.0) for angle in (eta, phi))
    return eta, phi


def rotated(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    r"""Turn the principal axis of a centred jet upright, along phi'.

    The principal axis is the direction of largest spread, the first eigenvector of
    :math:`\sum_i p_{T,i} x_i x_i^T` with :math:`x = (\eta, \phi)`.

    Parameters
    ----------
    pt, eta, phi : arrays of shape (..., n_constituents)
        Relative to the centroid.

    Returns
    -------
    eta, phi : arrays of shape (..., n_constituents)
        Which end of the axis is up is for `flipped` to decide. A jet that spreads as much in every
        direction stays as it is.

    Examples
    --------
    A jet along the diagonal:

    >>> eta, phi = rotated([1, 1], [-0.3, 0.3], [-0.3, 0.3])
    >>> eta.round(3) + 0, phi.round(3)
    (array([0., 0.]), array([-0.424,  0.424]))
    """
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
    """Mirror a jet so that the half with more pt is on the right, and so on top.

    Parameters
    ----------
    pt, eta, phi : arrays of shape (..., n_constituents)
        Relative to the centroid.

    Returns
    -------
    eta, phi : arrays of shape (..., n_constituents)
        The pt at positive eta is at least that at negative eta, and the same for phi. Halves that
        are equal up to rounding errors stay as they are.

    Examples
    --------
    >>> flipped([3, 1], [-0.1, 0.3], [0.2, -0.6])
    (array([ 0.1, -0.3]), array([ 0.2, -0.6]))
    """
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
    """Total pt in each pixel of a square window.

    Parameters
    ----------
    pt, eta, phi : arrays of shape (..., n_constituents)
        Relative to the centre of the window.
    n_pixels, half_width
        See `jet_images`. A constituent on the edge of two pixels is in the upper one.

    Returns
    -------
    array of shape (..., n_pixels, n_pixels)
        In GeV; eta along the first of the two axes, phi along the second.

    Raises
    ------
    ValueError
        If a size is not above zero.

    Examples
    --------
    Two constituents share a pixel, and a third one is outside:

    >>> pixelated([3, 4, 5], [-0.1, -0.2, 0.9], [0.1, 0.3, 0], n_pixels=2, half_width=0.5)
    array([[0., 7.],
           [0., 0.]])
    """
    _require_window(n_pixels, half_width)
    pt, eta, phi = _floats(pt, eta, phi)
    step = 2 * half_width / n_pixels
    row, column = (np.floor(np.round((angle + half_width) / step, _DIGITS)) for angle in (eta, phi))
    inside = (pt > 0) & (row >= 0) & (row < n_pixels) & (column >= 0) & (column < n_pixels)
    shape = (*pt.shape[:-1], n_pixels, n_pixels)
    jet = np.broadcast_to(np.arange(pt[..., 0].size).reshape(*pt.shape[:-1], 1), pt.shape)
    pixel = (jet[inside] * n_pixels + row[inside]) * n_pixels + column[inside]
    return np.bincount(pixel.astype(np.int64), pt[inside], minlength=np.prod(shape)).reshape(shape)


def _draw(
    jets: NDArray, subjets: NDArray, images: NDArray, first: int, last: int, options: tuple
) -> None:
    """Fill some of the images. Jets of another type or layout are copied, a block at a time."""
    from course_utils.images.kernel import fill  # on first use: it brings numba

    block = jets[first:last]
    in_place = block.dtype in (np.float32, np.float64) and _one_by_one(block)
    if not in_place:
        block = np.ascontiguousarray(block, dtype=np.float64)
    numbers, step = _flat(block)
    integer, limit = _BITS[numbers.dtype]
    bad = fill(
        numbers.view(integer),
        numbers,
        step,
        block.shape[1],
        integer(np.iinfo(integer).max),
        integer(limit),
        subjets[first:last],
        *_flat(images[first:last]),
        0,
        len(block),
        *options,
    )
    if bad >= 0:
        raise ValueError(
            "Expected momenta that are finite in single precision; one of jet"
            f" {first + bad} is nan or too large."
        )


def _one_by_one(array: NDArray) -> bool:
    """Whether each element along the first axis is contiguous, and one comes after the other."""
    step, rest = divmod(array.strides[0], array.itemsize)
    usual = array.flags.aligned and array.dtype.isnative and array[:1].flags.c_contiguous
    return usual and not rest and (step >= 0 or len(array) == 1)


def _flat(array: NDArray) -> tuple[NDArray, int]:
    """Without its axes, and the step from one element along the first to the next."""
    step = array.strides[0] // array.itemsize if len(array) > 1 else 0
    size = (len(array) - 1) * step + array[0].size
    writeable = array.flags.writeable and array.dtype == np.float32
    return as_strided(array, (size,), (array.itemsize,), writeable=writeable), step


def _subjets(subjets: ArrayLike | None, n_jets: int) -> NDArray[np.float64]:
    if subjets is None:
        return np.empty((0, 2, 4))
    subjets = np.ascontiguousarray(subjets, dtype=np.float64)
    if subjets.shape != (n_jets, 2, 4) or not np.isfinite(subjets).all():
        raise ValueError(
            f"Expected finite subjets of shape ({n_jets}, 2, 4); got {subjets.shape}."
            " Each is (E, px, py, pz), zeros if there is none."
        )
    return subjets


def _result(out: NDArray | None, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Memory for the images."""
    if out is None:
        return np.zeros(shape, dtype=np.float32)
    if not (
        isinstance(out, np.ndarray)
        and out.dtype == np.float32
        and out.shape == shape
        and out.flags.writeable
        and _one_by_one(out)
    ):
        got = f"{out.dtype} of {out.shape}" if isinstance(out, np.ndarray) else type(out)
        raise ValueError(
            f"Expected a writeable float32 array of shape {shape} as out, each image contiguous;"
            f" got {got}."
        )
    return out


def _require_window(n_pixels: int, half_width: float) -> None:
    if not (1 <= n_pixels <= _MOST_PIXELS and 0 < half_width < np.inf):
        raise ValueError(
            f"Expected n_pixels of at least 1, at most {_MOST_PIXELS}, and a half_width above 0;"
            f" got {n_pixels} and {half_width}."
        )


def _floats(*arrays: ArrayLike) -> list[NDArray[np.float64]]:
    """The arrays in double precision and of one shape."""
    return list(np.broadcast_arrays(*(np.asarray(array, dtype=np.float64) for array in arrays)))


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the constituents, with the axis kept."""
    return values.sum(axis=-1, keepdims=True)


def _average(pt: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted by pt; 0 for a jet that has none."""
    total = _sum(pt)
    return np.divide(_sum(pt * values), total, out=np.zeros_like(total), where=total > 0)
