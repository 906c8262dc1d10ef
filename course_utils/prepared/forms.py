"""The two forms: how jets are packed without their zeros, and unpacked for a network."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from operator import index
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from course_utils.images import jet_images
from course_utils.jetfile import N_CONSTITUENTS

__all__ = ["FORMS", "Constituents", "Form", "Images", "Packed"]

Packed = tuple[NDArray[np.int64], dict[str, NDArray[Any]]]
_of_thread = threading.local()


@dataclass(frozen=True)
class Constituents:
    """The four-momenta ``(E, px, py, pz)`` in GeV, shape (n_jets, n_constituents, 4).

    Parameters
    ----------
    n_constituents : int
        The hardest so many of each jet. Jets with fewer, such as all those of a file with room for
        fewer, are padded with zeros.

    Examples
    --------
    >>> Constituents(30).shape
    (30, 4)
    """

    n_constituents: int = N_CONSTITUENTS
    name: ClassVar[str] = "constituents"

    def __post_init__(self) -> None:
        _set(self, n_constituents=index(self.n_constituents))
        if self.n_constituents < 1:
            raise ValueError(f"Expected at least 1 constituent; got {self.n_constituents}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one jet."""
        return self.n_constituents, 4

    def pack(self, jets: NDArray[np.float32]) -> Packed:
        """Number of rows of each jet that are not padding, and these rows."""
        jets = jets[:, : self.n_constituents]
        halves = jets.view(np.uint64)  # of a row, 16 bytes: much faster than any(axis=2)
        real = (halves[..., 0] | halves[..., 1]) != 0
        return real.sum(axis=1), {"momenta": jets[real]}

    def unpack(self, counts: NDArray[np.int64], *, momenta: NDArray[np.float32]) -> NDArray:
        """Jets whose rows come first, followed by zeros."""
        jets = np.zeros((len(counts), *self.shape), np.float32)
        jets[np.arange(self.n_constituents) < counts[:, None]] = momenta
        return jets


@dataclass(frozen=True)
class Images:
    """Images as `course_utils.images.jet_images` makes them, shape (n_jets, n_pixels, n_pixels).

    See there for the parameters.

    Examples
    --------
    >>> Images(n_pixels=25, half_width=1.25).shape
    (25, 25)
    """

    n_pixels: int = 40
    half_width: float = 0.8
    rotate: bool = True
    flip: bool = True
    normalise: bool = True
    intensity: Literal["pt", "et"] = "pt"
    name: ClassVar[str] = "images"

    def __post_init__(self) -> None:
        # The same options are the same form, whatever kind of number they came as.
        _set(self, n_pixels=index(self.n_pixels), half_width=float(self.half_width))
        _set(self, **{name: bool(getattr(self, name)) for name in ("rotate", "flip", "normalise")})
        jet_images(np.zeros((0, 1, 4)), **asdict(self))  # raises if an option is wrong

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one jet."""
        return self.n_pixels, self.n_pixels

    def pack(self, jets: NDArray[np.float32]) -> Packed:
        """Number of filled pixels of each jet, then which they are and their values."""
        n_pixels = self.n_pixels**2
        flat = jet_images(jets, out=_scratch(len(jets), self.n_pixels), **asdict(self)).reshape(-1)
        filled = np.flatnonzero(flat != 0)  # of bool: five times as fast as of float
        ends = np.searchsorted(filled, n_pixels * np.arange(1, len(jets) + 1))
        counts = np.diff(ends, prepend=0)
        pixel = filled - np.repeat(n_pixels * np.arange(len(jets)), counts)
        return counts, {"pixel": pixel.astype(self._index), "value": flat[filled]}

    def unpack(
        self, counts: NDArray[np.int64], *, pixel: NDArray[np.integer], value: NDArray[np.float32]
    ) -> NDArray:
        """Dense images."""
        images = np.zeros((len(counts), *self.shape), np.float32)
        first = self.n_pixels**2 * np.arange(len(counts))
        images.reshape(-1)[np.repeat(first, counts) + pixel] = value
        return images

    @property
    def _index(self) -> type[np.integer]:
        return np.uint16 if self.n_pixels**2 <= 2**16 else np.uint32


def _set(form: Form, **options: object) -> None:
    for name, value in options.items():
        object.__setattr__(form, name, value)


def _scratch(n_jets: int, n_pixels: int) -> NDArray[np.float32]:
    """Memory for images, reused by this thread: allocating costs as much as drawing."""
    images = getattr(_of_thread, "images", None)
    if images is None or images.shape[1] != n_pixels or len(images) < n_jets:
        images = _of_thread.images = np.empty((n_jets, n_pixels, n_pixels), np.float32)
    return images[:n_jets]


Form = Constituents | Images
FORMS: dict[str, type[Form]] = {form.name: form for form in (Constituents, Images)}
