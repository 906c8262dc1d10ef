"""Read any range of a jet file, in memory proportional to the range."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from course_utils.jetfile.faults import faults_told, open_hdf5
from course_utils.jetfile.format import (
    LABEL_COLUMNS,
    TRUTH_COLUMNS,
    checked_column,
    column_shape,
    column_type,
    constituent_columns,
    joined_names,
    plain,
    require_columns,
    require_finite,
    require_labels,
    require_table,
    row_numbers,
    stored_columns,
)
from course_utils.jetfile.layout import text
from course_utils.jetfile.table import JetTable

__all__ = ["JetFile"]

# What reading raises if the description of the columns is damaged.
_UNREADABLE_LAYOUT: Final = (
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    UnpicklingError,
)
_logger = logging.getLogger("course_utils.jetfile")
_ROWS_AT_ONCE: Final = 1024  # 3 MB: held in addition to the result, and small enough for a cache


class JetFile:
    """An open jet file, generated or public: any range of it, in memory proportional to the range.

    Use it in a ``with`` statement. It has `n_jets` jets with room for `n_constituents` each, and
    reads `rows_per_chunk` of them in one piece; `columns` names what there is beyond the public
    format; `provenance` says where the jets come from and is empty for the public files. `start`
    and `stop` count jets as a slice does: negative values count from the end, values past the end
    are cut to it.

    Parameters
    ----------
    path : path-like
        The file. Columns with numbers beyond those of the public format are read too.
    sample : str
        The sample it belongs to; error messages name the command that makes it.

    Raises
    ------
    DataNotFound
        If there is no such file.
    DataError
        If it is damaged or not a jet file. Reading raises it too, for damage further in.
    DataUnavailable
        If it may be sound, but is locked or cannot be read now.

    Examples
    --------
    >>> JetFile("no_such_folder/train.h5")
    Traceback (most recent call last):
        ...
    course_utils.jetfile.DataNotFound: no_such_folder/train.h5 is not there. Make it with: \
./data_download.sh --generate top_tagging
    """

    path: Path
    n_jets: int
    n_constituents: int
    rows_per_chunk: int
    columns: tuple[str, ...]
    provenance: dict[str, str | int | float]

    def __init__(self, path: str | os.PathLike[str], *, sample: str = "top_tagging") -> None:
        self.path, self.sample = Path(path), sample
        self._file = open_hdf5(self.path, sample)
        try:
            with self._faults_told(*_UNREADABLE_LAYOUT):
                self._find_columns()
        except BaseException:
            self.close()
            raise

    def _find_columns(self) -> None:
        self._layout = layout = require_table(self._file, self.path, self.sample)
        self.n_jets, self.rows_per_chunk = layout.n_rows, layout.rows_per_chunk
        self.n_constituents = require_columns(layout, self.path, self.sample)
        constituents = constituent_columns(self.n_constituents)
        public = {*constituents, *TRUTH_COLUMNS, *LABEL_COLUMNS}
        numbers = [
            name
            for name in layout.places
            if name not in public and layout.column_type(name).kind in "biuf"
        ]
        self.columns = joined_names(numbers, self.n_constituents)
        self._copies = [
            _plan(columns, layout.places)
            for columns in (constituents, TRUTH_COLUMNS, LABEL_COLUMNS)
        ]
        self._buffer = np.empty(0, layout.dtype)
        attributes = self._file.root._v_attrs
        self.provenance = {
            str(name): value
            for name in attributes._v_attrnamesuser
            if isinstance(value := text(plain(attributes[name])), str | int | float)
        }

    def read(self, start: int = 0, stop: int | None = None) -> JetTable:
        """Read jets `start` to `stop` as arrays.

        Raises
        ------
        DataError
            If the file is damaged there, a momentum is not finite, ``is_signal_new`` is neither
            0 nor 1, or ``ttv`` is none of 0, 1, 2.
        """
        start, stop = self._range(start, stop)
        table = self._empty(stop - start)
        for first in range(start, stop, _ROWS_AT_ONCE):
            last = min(first + _ROWS_AT_ONCE, stop)
            numbers = range(first, last)
            self._fill(table[first - start : last - start], self._records(first, last), numbers)
        return table

    def read_rows(self, rows: ArrayLike) -> JetTable:
        """Read the jets with these row numbers, in this order.

        A chunk of the file holds some 80 jets and is read in one piece, so an isolated row costs
        thirty to a hundred times as much as one of many neighbours. For many passes in random
        order see `course_utils.prepared`.

        Parameters
        ----------
        rows : array of int, shape (n_rows,)
            Negative numbers count from the end; a number may be repeated.

        Raises
        ------
        IndexError
            If a row is outside the file.
        DataError
            As for `read`.
        """
        rows = row_numbers(rows, self.n_jets)
        table = self._empty(len(rows))
        order = np.argsort(rows, kind="stable")
        ends = np.flatnonzero(np.diff(rows[order] // self.rows_per_chunk)) + 1
        for places in np.split(order, ends) if len(rows) else ():
            first, last = int(rows[places[0]]), int(rows[places[-1]])
            part = self._empty(len(places))
            records = self._records(first, last + 1)[rows[places] - first]
            self._fill(part, records, rows[places])
            for name in ("jets", "truth", "y_true", "ttv"):
                getattr(table, name)[places] = getattr(part, name)
            for name, values in part.columns.items():
                table.columns[name][places] = values
        return table

    def read_columns(
        self, names: Iterable[str], start: int = 0, stop: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """Read only some columns of jets `start` to `stop`.

        Parameters
        ----------
        names : iterable of str
            Any columns of the file: ``ttv``, ``is_signal_new``, ``E_0``, ``truthPX``, `columns`.

        Returns
        -------
        dict of arrays of shape (n_jets,)
            As stored; only `read` checks the values.

        Raises
        ------
        ValueError
            If the file has no column of that name.
        DataError
            If the file is damaged there.
        """
        start, stop = self._range(start, stop)
        names = list(names)
        if unknown := [name for name in names if name not in self._layout.places]:
            raise ValueError(
                f"Expected columns of {self.path}; it has no {', '.join(unknown)}. There are E_0, "
                f"PX_0, PY_0, PZ_0, ... and {', '.join((*TRUTH_COLUMNS, *LABEL_COLUMNS))}"
                f"{''.join(', ' + name for name in self.columns)}."
            )
        found = {name: np.empty(stop - start, self._layout.column_type(name)) for name in names}
        for first in range(start, stop, _ROWS_AT_ONCE):
            records = self._records(first, min(first + _ROWS_AT_ONCE, stop))
            for name, values in found.items():
                block, place = self._layout.places[name]
                part = self._layout.values(records, block)[:, place]
                values[first - start : first - start + len(records)] = part
        return found

    def _records(self, first: int, last: int) -> NDArray[np.void]:
        """Read rows as stored, at most a block or a chunk; the next call overwrites them."""
        if len(self._buffer) < last - first:
            self._buffer = np.empty(last - first, self._layout.dtype)
        return self._stored(first, last, self._buffer[: last - first])

    def _stored(
        self, first: int, last: int, records: NDArray[np.void] | None = None
    ) -> NDArray[np.void]:
        """Read rows as stored, by default into an array of their own."""
        if not self._file.isopen:
            raise ValueError(f"{self.path} was closed: read inside the with statement.")
        if records is None:
            records = np.empty(last - first, self._layout.dtype)
        with self._faults_told():
            self._layout.read(first, last, records)
        return records

    def _empty(self, n_jets: int) -> JetTable:
        return JetTable(
            jets=np.empty((n_jets, self.n_constituents, 4), np.float32),
            truth=np.empty((n_jets, len(TRUTH_COLUMNS)), np.float32),
            y_true=np.empty(n_jets, np.int8),
            ttv=np.empty(n_jets, np.int8),
            columns={
                name: np.empty(column_shape(name, n_jets, self.n_constituents), column_type(name))
                for name in self.columns
            },
        )

    def _fill(self, table: JetTable, records: NDArray[np.void], numbers: Sequence[int]) -> None:
        """Check stored rows with these numbers and copy them to the arrays of a table."""
        n_jets, where = len(table), str(self.path)
        momenta = table.jets.reshape(n_jets, 4 * self.n_constituents)
        labels = np.empty((n_jets, len(LABEL_COLUMNS)), np.float64)
        with np.errstate(over="ignore"):  # float64 beyond float32 is inf: refused below
            for out, copies in zip((momenta, table.truth, labels), self._copies, strict=True):
                for block, source, target in copies:
                    out[:, target] = self._layout.values(records, block)[:, source]
        require_finite(momenta, where, numbers=numbers)
        require_finite(table.truth, where, numbers=numbers)
        require_labels(labels[:, 0], (0, 1, 2), "ttv", where)
        require_labels(labels[:, 1], (0, 1), "is_signal_new", where)
        table.ttv[:], table.y_true[:] = labels.T
        for name, out in table.columns.items():
            stored = stored_columns(name, self.n_constituents)
            for one, values in zip(stored, np.atleast_2d(out.T), strict=True):
                block, place = self._layout.places[one]
                found = self._layout.values(records, block)[:, place]
                values[:] = checked_column(found, name, where)

    def frame(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Read jets `start` to `stop` as ``pandas.read_hdf`` does, one row per jet.

        The columns are those of the file that hold numbers or text, in its order: usually the 806
        of the public format first, then those that the sample adds. A line in the log names others
        that are left out.
        """
        if self._layout.left_out:
            _logger.warning(
                "Left out of the frame, neither numbers nor text: %s of %s.",
                *(", ".join(self._layout.left_out), self.path),
            )
        return self._layout.frame(self._stored(*self._range(start, stop)))

    def batches(self, size: int) -> Iterator[JetTable]:
        """Yield all jets in file order, at most `size` at a time; only one batch is in memory."""
        _require_size(size)
        for start in range(0, self.n_jets, size):
            yield self.read(start, start + size)

    def blocks(self, size: int) -> Iterator[Callable[[], JetTable]]:
        """Like `batches`, in two steps: read from disk here, check and copy when called.

        HDF5 reads in one thread at a time; the functions may be called in other threads.
        """
        _require_size(size)
        for start in range(0, self.n_jets, size):
            records = self._stored(start, min(start + size, self.n_jets))
            yield partial(self._converted, records, start)

    def _converted(self, records: NDArray[np.void], first_row: int) -> JetTable:
        table = self._empty(len(records))
        self._fill(table, records, range(first_row, first_row + len(records)))
        return table

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _range(self, start: int, stop: int | None) -> tuple[int, int]:
        first, last, _ = slice(start, stop).indices(self.n_jets)
        return first, max(first, last)

    def _faults_told(self, *faults: type[Exception]) -> AbstractContextManager[None]:
        return faults_told(self.path, self.sample, *faults)


def _require_size(size: int) -> None:
    if size < 1:
        raise ValueError(f"Expected a batch of at least one jet; got size {size}.")


_Copy = tuple[str, slice | NDArray[np.intp], slice | NDArray[np.intp]]


def _plan(columns: tuple[str, ...], stored: Mapping[str, tuple[str, int]]) -> list[_Copy]:
    """Plan which columns of which stored block go where: ``(block, source, target)``."""
    by_block: dict[str, list[tuple[int, int]]] = {}
    for target, column in enumerate(columns):
        block, source = stored[column]
        by_block.setdefault(block, []).append((source, target))
    return [(block, *map(_as_slice, np.array(pairs).T)) for block, pairs in by_block.items()]


def _as_slice(places: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Turn consecutive places into a slice, which copies many times faster than an index array."""
    if np.all(np.diff(places) == 1):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places
