"""Complete events as pictures: a circle for each particle, as large as its pT.

After the recipe of arXiv:1708.07034: the colour says what a particle is. A picture keeps
one number of a palette for each pixel, the kind of the object on top (0 where there is none):
a twelfth of the memory of three colours in single precision. `colours` looks them up, batch by
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import kinematics
from course_utils.images.painting import painter

__all__ = ["COLOURS", "PAINTING_ORDER", "circle_radii", "colours", "event_images"]

# Numbers are those of `course_utils.samples.Kind`. What is painted last lies on top.
PAINTING_ORDER: Final = (1, 2, 3, 5, 4)  # missing energy, jets, b jets, photons, leptons
# Red, green, blue of each kind, on black: Okabe and Ito's, which most colour-blind people tell
# apart: sky blue, orange, green, purple, yellow.
COLOURS: Final = (
    (0, 0, 0),
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
)
_PT_EDGES: Final = (*range(20, 201, 20), *range(250, 501, 50))  # GeV
_DESIGNED_FOR: Final = 224  # pixels
_PIXELS_PER_BIN: Final = 2
_SMALLEST: Final = np.sqrt(0.5)  # pixels: a circle anywhere then holds the centre of a pixel
_EVENTS_AT_ONCE: Final = 256


def circle_radii(pt: ArrayLike, *, n_pixels: int = 224) -> NDArray[np.float64]:
    """Radius in pixels of the circle of each particle, of the shape of ``pt`` (GeV).

    Two pixels for each bin of pT at 224 pixels, and in proportion at other sizes; at least so much
    that the circle is not empty. The bins end at 20, 40, ... 200, 250, ... 500 GeV; beyond, circles
    do not grow.

    Examples
    --------
    >>> circle_radii([19.9, 20, 200, 249, 800])
    array([ 2.,  4., 22., 22., 34.])
    """
    bins = 1 + np.searchsorted(_PT_EDGES, np.asarray(pt, np.float64), side="right")
    return np.maximum(_PIXELS_PER_BIN * bins * (n_pixels / _DESIGNED_FOR), _SMALLEST)


def event_images(
    momenta: ArrayLike,
    kinds: ArrayLike,
    *,
    n_pixels: int = 224,
    eta_max: float = 5.0,
    order: Sequence[int] = PAINTING_ORDER,
    wrap: bool = True,
    out: NDArray[np.uint8] | None = None,
    workers: int = 1,
) -> NDArray[np.uint8]:
    """Pictures of events, as numbers of a palette.

    A pixel belongs to a circle if its centre is at most the radius away.

    Parameters
    ----------
    momenta : array of shape (n_events, n_objects, 4)
        ``(E, px, py, pz)`` in GeV, in any order.
    kinds : array of int, shape (n_events, n_objects)
        A number of `course_utils.samples.Kind` for each object; 0 is padding.
    n_pixels : int
        Of a side, such as 224, 112 or 64.
    eta_max : float
        The picture reaches from minus to plus ``eta_max``. A circle that reaches beyond is cut.
    order : sequence of int
        Kinds in the order in which they are painted; what is not listed is not painted.
    wrap : bool
        Continue circles beyond phi = pi on the other side.
    out : array of uint8, optional
        Memory for the pictures, which is overwritten and returned.
    workers : int
        Threads that share the events; no picture depends on their number.

    Returns
    -------
    array of shape (n_events, n_pixels, n_pixels), uint8
        The kind of the object on top, 0 where there is none; the first axis of a picture is eta,
        the second phi from -pi to pi.

    Raises
    ------
    ValueError
        If a shape or an option is wrong, a kind is unknown, or a momentum is not finite.

    Examples
    --------
    A soft particle at phi = pi, half of it on either side, and nothing else:

    >>> event = kinematics.from_pt_eta_phi_mass([[10]], 0.0, np.pi)
    >>> event_images(event, [[4]], n_pixels=112)[0, 55:57].nonzero()[1]
    array([  0, 111,   0, 111])
    """
    momenta, kinds = np.asarray(momenta), np.asarray(kinds)
    _require_events(momenta, kinds)
    _require_options(n_pixels, eta_max, order, workers)
    images = _memory(out, (len(momenta), n_pixels, n_pixels))
    painting = np.asarray(order, np.int64)
    paint = painter()

    def draw(first: int) -> None:
        few = slice(first, first + _EVENTS_AT_ONCE)
        x, y, radii = _circles(momenta[few], kinds[few], n_pixels, eta_max)
        paint(x, y, radii, kinds[few].astype(np.int64), painting, bool(wrap), images[few])

    starts = range(0, len(momenta), _EVENTS_AT_ONCE)
    with ThreadPoolExecutor(workers) as pool:
        list(map(draw, starts) if workers == 1 else pool.map(draw, starts))
    return images


def colours(
    palette: ArrayLike, *, table: ArrayLike | None = None, channels_last: bool = False
) -> NDArray[np.float32]:
    """Look up the colours of pictures: a batch as PyTorch wants it, or one picture to be shown.

    Parameters
    ----------
    palette : array of int, shape (..., n_pixels, n_pixels)
        What `event_images` gives.
    table : array of shape (n_kinds, n_channels), optional
        The colours of each kind, from 0 to 1; by default `COLOURS` divided by 255.
    channels_last : bool
        Put the colours on the last axis, as Matplotlib wants it.

    Returns
    -------
    array of shape (..., 3, n_pixels, n_pixels) or (..., n_pixels, n_pixels, 3), float32

    Raises
    ------
    ValueError
        If a number has no colour.

    Examples
    --------
    >>> colours([[1]], table=[[0, 0], [0.25, 0.5]], channels_last=True)
    array([[[0.25, 0.5 ]]], dtype=float32)
    """
    palette = np.asarray(palette)
    of_kind = np.asarray(np.divide(COLOURS, 255) if table is None else table, np.float32)
    if of_kind.ndim != 2 or palette.ndim < 2 or palette.dtype.kind not in "iu":
        raise ValueError(
            f"Expected whole numbers of shape (..., n_pixels, n_pixels) and a table of shape "
            f"(n_kinds, n_channels); got {palette.dtype} of {palette.shape} and {of_kind.shape}."
        )
    if palette.size and not (palette.min() >= 0 and palette.max() < len(of_kind)):
        raise ValueError(
            f"Expected numbers from 0 to {len(of_kind) - 1}, since the table has {len(of_kind)} "
            f"colours; got {palette.min()} to {palette.max()}."
        )
    if channels_last:
        return of_kind[palette]
    index, shape = palette.astype(np.intp), palette.shape
    looked_up = np.empty((*shape[:-2], of_kind.shape[1], *shape[-2:]), np.float32)
    for i, channel in enumerate(of_kind.T.copy()):
        looked_up[..., i, :, :] = np.take(channel, index, mode="clip")  # faster; checked above
    return looked_up


def _require_events(momenta: NDArray, kinds: NDArray) -> None:
    if momenta.ndim != 3 or momenta.shape[2] != 4 or kinds.shape != momenta.shape[:2]:
        raise ValueError(
            f"Expected momenta of shape (n_events, n_objects, 4) and kinds of shape (n_events, "
            f"n_objects); got {momenta.shape} and {kinds.shape}."
        )
    if kinds.dtype.kind not in "iu" or (
        kinds.size and not 0 <= kinds.min() <= kinds.max() < len(COLOURS)
    ):
        raise ValueError(f"Expected kinds as whole numbers from 0 to {len(COLOURS) - 1}.")
    if not np.isfinite(momenta).all():
        event = int(np.argmin(np.isfinite(momenta).all(axis=(1, 2))))
        raise ValueError(f"Expected finite momenta; one of event {event} is nan or infinite.")


def _require_options(n_pixels: int, eta_max: float, order: Sequence[int], workers: int) -> None:
    if not (1 <= n_pixels <= 10_000 and 0 < eta_max < np.inf and workers >= 1):
        raise ValueError(
            f"Expected n_pixels from 1 to 10000, eta_max above 0 and at least 1 worker; got "
            f"{n_pixels}, {eta_max} and {workers}."
        )
    if len(set(order)) != len(order) or not set(order) <= set(range(1, len(COLOURS))):
        raise ValueError(
            f"Expected an order of different kinds from 1 to {len(COLOURS) - 1}; got {order}."
        )


def _memory(out: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if out is None:
        return np.empty(shape, np.uint8)
    got = f"{out.dtype} of {out.shape}" if isinstance(out, np.ndarray) else f"{type(out)}"
    if got != f"uint8 of {shape}" or not out.flags.writeable or not out.flags.c_contiguous:
        raise ValueError(
            f"Expected a writeable, contiguous uint8 array of shape {shape} as out; got {got}."
        )
    return out


def _circles(
    momenta: NDArray, kinds: NDArray, n_pixels: int, eta_max: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Centres and radii in pixels, each of shape (n_events, n_objects)."""
    far = 100 * eta_max  # where a particle along the beam is put: out of sight, but finite
    eta = np.clip(kinematics.eta(momenta), -far, far)
    x = (eta + eta_max) * (n_pixels / (2 * eta_max))
    y = (kinematics.phi(momenta) + np.pi) * (n_pixels / (2 * np.pi))
    return x, y, circle_radii(kinematics.pt(momenta), n_pixels=n_pixels)
