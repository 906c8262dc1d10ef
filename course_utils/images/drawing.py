"""What the room shows: arrays of any shape and type are checked, and handed to `steps`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import prod
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import kinematics

Angles = tuple[NDArray[np.float64], NDArray[np.float64]]

_JETS_AT_ONCE = 1024  # some 7 MB where they must be copied, and shares for threads
_MOST_PIXELS = 10_000  # along an axis; an image of these has 400 MB


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
    """Images of jets, shape (n_jets, n_pixels, n_pixels): all steps, and the sum scaled to 1.

    ``jets`` has shape (n_jets, n_constituents, 4); each constituent is ``(E, px, py, pz)``, in any
    order. The window reaches ``half_width`` from the centre, and what is outside is dropped.
    Without ``normalise`` pixels are in GeV; ``intensity="et"`` weighs by the transverse energy
    E pt / p that a calorimeter measures. ``subjets``, shape (n_jets, 2, 4), asks for the recipe of
    arXiv:1511.05190: the first is the origin, the second is turned straight down, and a flip only
    goes from left to right. A jet without a second (zeros, or the direction of the first) is turned
    and flipped as usual, one without a first as if no subjets were given. ``out`` is overwritten
    and returned; ``workers`` threads share the jets, and no image depends on their number.

    ValueError if a shape or an option is wrong, or a momentum is not finite (in single precision);
    ``out`` may then be half filled. A jet without constituents inside gives zeros.

    Examples
    --------
    Two constituents on either side of the cut at phi = pi: close together, the harder one nearer
    to the centre, the line between them upright.

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
    axes = _axes(subjets, len(jets))
    images = _result(out, (len(jets), n_pixels, n_pixels))
    if not jets.size:
        images[:] = 0
        return images
    options = (float(half_width), intensity == "et", bool(rotate), bool(flip), bool(normalise))
    dtype, steps = np.float32 if jets.dtype == np.float32 else np.float64, _steps()

    def draw(first: int) -> None:
        few = slice(first, first + _JETS_AT_ONCE)
        block = np.require(jets[few], dtype, ["C_CONTIGUOUS", "ALIGNED"]).view()
        block.flags.writeable = False  # one type for all: it is compiled for each
        bad = steps.draw(block, axes[few], images[few], *options)
        if bad >= 0:
            raise ValueError(
                "Expected momenta that are finite in single precision; one of jet"
                f" {first + bad} is nan or too large."
            )

    starts = range(0, len(jets), _JETS_AT_ONCE)
    with ThreadPoolExecutor(workers) as pool:  # a thread costs more than a few jets
        list(map(draw, starts) if workers == 1 else pool.map(draw, starts))
    return images


def centred(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    """Angles relative to the pt centroid, for jets narrower than pi; 0 for padding.

    >>> eta, phi = centred([30, 10], [0.1, 0.5], [3.1, -3.1])
    >>> eta.round(3), phi.round(3)
    (array([-0.1,  0.3]), array([-0.021,  0.062]))
    """
    return _in_each(_steps().centre, pt, eta, phi)


def rotated(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    r"""Turn the principal axis of a centred jet upright, along phi'; `flipped` says which end.

    The axis is the first eigenvector of :math:`\sum_i p_{T,i} x_i x_i^T` with
    :math:`x = (\eta, \phi)`. A jet that spreads as much in every direction stays as it is.

    >>> eta, phi = rotated([1, 1], [-0.3, 0.3], [-0.3, 0.3])
    >>> eta.round(3) + 0, phi.round(3)
    (array([0., 0.]), array([-0.424,  0.424]))
    """
    return _in_each(_steps().rotate, pt, eta, phi)


def flipped(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike) -> Angles:
    """Mirror a centred jet so that the half with more pt is on the right, and so on top.

    Halves that are equal up to rounding errors stay as they are.

    >>> flipped([3, 1], [-0.1, 0.3], [0.2, -0.6])
    (array([ 0.1, -0.3]), array([ 0.2, -0.6]))
    """
    return _in_each(_steps().flip_both, pt, eta, phi)


def pixelated(
    pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, *, n_pixels: int = 40, half_width: float = 0.8
) -> NDArray[np.float64]:
    """Total pt in each pixel of a square window, in GeV, shape (..., n_pixels, n_pixels).

    A constituent on the edge of two pixels is in the upper one.

    >>> pixelated([3, 4, 5], [-0.1, -0.2, 0.9], [0.1, 0.3, 0], n_pixels=2, half_width=0.5)
    array([[0., 7.],
           [0., 0.]])
    """
    _require_window(n_pixels, half_width)
    jets = _doubles(pt, eta, phi)
    images = np.zeros((*jets[0].shape[:-1], n_pixels, n_pixels))
    for *jet, image in zip(*map(_rows, jets), images.reshape(-1, n_pixels, n_pixels), strict=True):
        _steps().pixelate(*jet, float(half_width), False, image)
    return images


def _steps() -> ModuleType:
    """The compiled steps, on first use: numba takes a second to import, and is an extra."""
    try:
        from course_utils.images import steps
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise ModuleNotFoundError(
            "Drawing jet images needs numba: pip install numba",
            name="numba",
        ) from error
    return steps


def _in_each(step: Callable[..., None], *coordinates: ArrayLike) -> Angles:
    """Eta and phi after a step in each jet."""
    jets = _doubles(*coordinates)
    for jet in zip(*map(_rows, jets), strict=True):
        step(*jet)
    return jets[1], jets[2]


def _doubles(*arrays: ArrayLike) -> list[NDArray[np.float64]]:
    """Copies in double precision, of one shape."""
    return [np.array(a, dtype=np.float64, order="C") for a in np.broadcast_arrays(*arrays)]


def _rows(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return array.reshape(prod(array.shape[:-1]), array.shape[-1])


def _axes(subjets: ArrayLike | None, n_jets: int) -> NDArray[np.float64]:
    """Pt, eta and phi of the two subjets of each jet; of none, if none are given."""
    if subjets is None:
        return np.empty((0, 2, 3))
    subjets = np.asarray(subjets, dtype=np.float64)
    if subjets.shape != (n_jets, 2, 4) or not np.isfinite(subjets).all():
        raise ValueError(
            f"Expected finite subjets of shape ({n_jets}, 2, 4); got {subjets.shape}."
            " Each is (E, px, py, pz), zeros if there is none."
        )
    return np.stack([f(subjets) for f in (kinematics.pt, kinematics.eta, kinematics.phi)], axis=-1)


def _result(out: NDArray | None, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Memory for the images."""
    if out is None:
        return np.empty(shape, dtype=np.float32)
    got = f"{out.dtype} of {out.shape}" if isinstance(out, np.ndarray) else f"{type(out)}"
    if got != f"float32 of {shape}" or not out.flags.writeable or not out[:1].flags.c_contiguous:
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
