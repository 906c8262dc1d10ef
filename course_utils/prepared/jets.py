"""Prepared jets on disk, opened: rows as dense arrays, labels and extra columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.jetfile import row_numbers
from course_utils.prepared.arrays import PackedError, open_packed
from course_utils.prepared.forms import FORMS, Form

__all__ = ["Prepared"]


class Prepared:
    """Prepared jets of one split, as `prepare` returns them.

    ``jets[rows]`` with a slice, a mask or row numbers gives float32 of shape (n_rows, ...), for
    images (n_rows, n_pixels, n_pixels). Only these rows are read from the disk.

    Parameters
    ----------
    folder : path
    verify : bool
        Compare all checksums, which reads the folder once.

    Attributes
    ----------
    form : Constituents or Images
    about : dict
        Sample, split, options, jet file and version.
    y_true : array of shape (n_jets,), int8
        1 signal, 0 background.
    columns : dict of arrays of shape (n_jets,)
        What the sample has beyond the public format, such as ``fj_sdmass``.
    """

    def __init__(self, folder: Path, *, verify: bool = True) -> None:
        about, arrays = open_packed(folder, verify=verify)
        try:
            self.form: Form = FORMS[about["form"]["name"]](**about["form"]["options"])
            self.y_true: NDArray[np.int8] = np.array(arrays.pop("y_true"))
            self._offsets = np.append(0, np.cumsum(arrays.pop("counts"), dtype=np.int64))
        except (KeyError, TypeError, ValueError) as error:
            raise PackedError(f"its manifest does not describe prepared jets ({error})") from error
        self.folder, self.about = folder.resolve(), about
        prefix = "column_"
        self.columns = {
            name.removeprefix(prefix): np.array(arrays.pop(name))
            for name in list(arrays)
            if name.startswith(prefix)
        }
        self._arrays = arrays

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all jets as one array."""
        return len(self), *self.form.shape

    @property
    def nbytes(self) -> int:
        """Bytes on the disk, without the labels."""
        return sum(values.nbytes for values in self._arrays.values())

    def __len__(self) -> int:
        return len(self.y_true)

    def __getitem__(self, rows: int | slice | ArrayLike) -> NDArray[np.float32]:
        if isinstance(rows, int | np.integer):
            return self[np.array([rows])][0]
        numbers = self.numbers(rows)
        begins = self._offsets[numbers]
        counts = self._offsets[numbers + 1] - begins
        if isinstance(rows, slice) and rows.step in (None, 1):  # one piece of the disk
            first = int(begins[0]) if len(begins) else 0
            take: slice | NDArray[np.int64] = slice(first, first + int(counts.sum()))
        else:
            take = np.repeat(begins - np.cumsum(counts) + counts, counts)
            take += np.arange(len(take))
        return self.form.unpack(counts, **{k: values[take] for k, values in self._arrays.items()})

    def numbers(self, rows: slice | ArrayLike) -> NDArray[np.int64]:
        """Row numbers, counted from 0, of a slice, a mask or an array."""
        if isinstance(rows, slice):
            return np.arange(*rows.indices(len(self)))
        return row_numbers(rows, len(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the folder's name: processes share the jets through the disk."""
        return _reopened, (self.folder,)


def _reopened(folder: Path) -> Prepared:
    return Prepared(folder, verify=False)
