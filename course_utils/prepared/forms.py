"""How prepared jets lie on disk: without what is zero, and back into arrays a network reads.

The public names are those of `course_utils.prepared`; import them from there.
"""

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
        How many of each jet, hardest first.

    Examples
    --------
    >>> Constituents(30).shape
    (30, 4)
    """

    n_constituents: int = N_CONSTITUENTS
    name: ClassVar[str] = "constituents"

    def __post_init__(self) -> None:
        _set(self, n_constituents=index(self.n_constituents))
        if not 1 <= self.n_constituents <= N_CONSTITUENTS:
            raise ValueError(
                f"Expected 1 to {N_CONSTITUENTS} constituents; got {self.n_constituents}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one jet."""
        return self.n_constituents, 4

    def pack(self, jets: NDArray[np.float32]) -> Packed:
        """The rows that are not padding, and how many each jet has."""
        jets = jets[:, : self.n_constituents]
        halves = jets.view(np.uint64)  # of a row, 16 bytes: much faster than any(axis=2)
        real = (halves[..., 0] | halves[..., 1]) != 0
        return real.sum(axis=1), {"momenta": jets[real]}

    def unpack(self, counts: NDArray[np.int64], *, momenta: NDArray[np.float32]) -> NDArray:
        """The rows of each jet at its beginning, and zeros behind."""
        jets = np.zeros((len(counts), *self.shape), np.float32)
        jets[np.arange(self.n_constituents) < counts[:, None]] = momenta
        return jets


@dataclass(frozen=True)
class Images:
    """Images as `course_utils.images.jet_images` makes them, shape (n_jets, n_pixels, n_pixels).

    The parameters are those of that function.

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
        jet_images(np.zeros((0, 1, 4)), **asdict(self))  # it knows what is allowed

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one jet."""
        return self.n_pixels, self.n_pixels

    def pack(self, jets: NDArray[np.float32]) -> Packed:
        """The pixels that are not zero with their numbers, and how many each jet has."""
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
    """Memory of this thread for images, the same each time: new memory costs as much as they do."""
    images = getattr(_of_thread, "images", None)
    if images is None or images.shape[1] != n_pixels or len(images) < n_jets:
        images = _of_thread.images = np.empty((n_jets, n_pixels, n_pixels), np.float32)
    return images[:n_jets]


Form = Constituents | Images
FORMS: dict[str, type[Form]] = {form.name: form for form in (Constituents, Images)}
