"""The public jet file: reading and writing the format of the Top Quark Tagging Reference Dataset.

A jet file is a pandas/PyTables table under the key ``table``. One row is one jet, with the columns
``E_0, PX_0, PY_0, PZ_0, ... PZ_199`` (constituents), ``truthE, truthPX, truthPY, truthPZ`` (the top
quark), ``ttv`` (0 train, 1 test, 2 val) and ``is_signal_new`` (1 top, 0 QCD). Momenta are in GeV.
``pandas.read_hdf(path, key="table")`` reads generated and public files alike. A generated file also
carries its provenance, as attributes of the root group.

Everything that can be wrong with a file is told by one of two exceptions::

    DataError          the file is not a sound jet file; the message says what to do
    +-- DataNotFound   there is no file

Pandas keeps the names of the columns as a pickle: open files of people you trust.
Source of the format: Kasieczka et al., doi:10.5281/zenodo.2603256.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tables import HDF5ExtError, Table

from course_utils._jetfile_checks import (
    CONSTITUENT_COLUMNS,
    GENERATE,
    KEY,
    LABEL_COLUMNS,
    N_CONSTITUENTS,
    TRUTH_COLUMNS,
    TTV,
    DataError,
    DataNotFound,
    checked_attributes,
    plain,
    require_columns,
    require_finite,
    require_hdf5,
    require_labels,
    require_table,
    told_as,
)

__all__ = [
    "N_CONSTITUENTS",
    "TTV",
    "DataError",
    "DataNotFound",
    "JetFile",
    "JetTable",
    "write_jets",
]

# Measured on 4000 jets with 3.0 MB of non-zero float32 in 12.9 MB: this gives 3.2 MB and reads
# 130 000 jets/s; zlib 4 gives 3.5 MB at 50 000 jets/s, blosc:lz4 4.1 MB at 280 000 jets/s.
# Another 4000 rows of nothing but padding add 0.02 MB. 48 000 generated jets take 30.3 MB, less
# than their 31.1 MB of non-zero numbers.
_COMPRESSION: Final[dict[str, Any]] = {
    "complib": "blosc:zstd",
    "complevel": 5,
    "fletcher32": True,  # a flipped bit is then an error instead of another jet
}
_EXPECTED_ROWS: Final = 100_000  # sets the HDF5 chunk: 80 jets, however they are batched
# What pandas raises where its notes on the layout are damaged.
_UNREADABLE_LAYOUT: Final = (
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    UnpicklingError,
)
_ROWS_AT_ONCE: Final = 4096  # 13 MB: what reading holds beside its result


@dataclass(frozen=True, eq=False)
class JetTable:
    """Some jets with their labels, as arrays of equal length.

    Parameters
    ----------
    jets : array of shape (n_jets, 200, 4), float32
        ``(E, px, py, pz)`` of the constituents in GeV, sorted by falling pt; zero rows are padding.
    truth : array of shape (n_jets, 4), float32
        ``(E, px, py, pz)`` in GeV of the top quark; zeros for background.
    y_true : array of shape (n_jets,), int8
        1 signal, 0 background.
    ttv : array of shape (n_jets,), int8
        The split a jet belongs to: 0 train, 1 test, 2 val.

    Examples
    --------
    >>> table = JetTable(np.zeros((3, 200, 4)), np.zeros((3, 4)), np.array([1, 0, 1]), np.zeros(3))
    >>> len(table), len(table[1:])
    (3, 2)
    """

    jets: NDArray[np.float32]
    truth: NDArray[np.float32]
    y_true: NDArray[np.int8]
    ttv: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.jets)

    def __getitem__(self, rows: slice | NDArray[Any]) -> JetTable:
        """Return the jets of a slice, a mask or an index array."""
        return JetTable(self.jets[rows], self.truth[rows], self.y_true[rows], self.ttv[rows])


def write_jets(
    path: str | os.PathLike[str],
    tables: Iterable[JetTable],
    *,
    provenance: Mapping[str, str | int | float],
) -> int:
    """Write jets to a file in the public format, table by table, and return their number.

    The tables are written as they come, under a temporary name beside `path`, so memory does not
    grow with the number of jets. Only a whole file, safe on disk, gets its final name; a file that
    was there before is replaced in that moment. On any failure the temporary file is removed.

    Parameters
    ----------
    path : path-like
        The file to make. Missing folders are made.
    tables : iterable of JetTable
        At least one jet in all. The labels are stored as int64, as in the public files.
    provenance : mapping from str to str, int or float
        Where the jets come from; stored as attributes of the root group.

    Raises
    ------
    DataError
        If an array has the wrong shape, a momentum is not finite, a label or a split is unknown,
        there is no jet at all, or the disk refuses.
    ValueError, TypeError
        If `provenance` has a key that is no plain name, or a value that JSON cannot hold.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> table = JetTable(np.zeros((3, 200, 4)), np.zeros((3, 4)), np.array([1, 0, 1]), np.zeros(3))
    >>> with TemporaryDirectory() as folder:
    ...     write_jets(f"{folder}/train.h5", [table], provenance={"seed": 1})
    ...     with JetFile(f"{folder}/train.h5") as file:
    ...         file.n_jets, file.provenance, file.read(1, 3).y_true
    3
    (3, {'seed': 1}, array([0, 1], dtype=int8))
    """
    path = Path(path)
    attributes = checked_attributes(provenance)
    if path.is_dir():
        raise DataError(f"Expected the name of a file to write; {path} is a folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        n_jets = _write_table(part, tables, attributes)
        if n_jets == 0:
            raise DataError(f"Expected at least one jet to write to {path}; got none.")
        _flush_to_disk(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be synchronised
        _flush_to_disk(path.parent)
    return n_jets


def _write_table(part: Path, chunks: Iterable[JetTable], attributes: Mapping[str, Any]) -> int:
    n_jets = 0
    with (
        told_as(f"Writing in {part.parent} failed. Is the disk full?", HDF5ExtError),
        pd.HDFStore(str(part), mode="w", **_COMPRESSION) as store,
    ):
        for chunk in chunks:
            frame = _to_frame(chunk, first_row=n_jets)
            if len(frame):
                store.append(KEY, frame, index=False, expectedrows=_EXPECTED_ROWS)
                n_jets += len(frame)
        for name, value in attributes.items():
            store.root._v_attrs[name] = value
    return n_jets


def _to_frame(table: JetTable, *, first_row: int) -> pd.DataFrame:
    jets, truth = np.asarray(table.jets), np.asarray(table.truth)
    n_jets = len(jets)
    for name, array, shape in (
        ("jets", jets, (n_jets, N_CONSTITUENTS, 4)),
        ("truth", truth, (n_jets, 4)),
        ("y_true", np.asarray(table.y_true), (n_jets,)),
        ("ttv", np.asarray(table.ttv), (n_jets,)),
    ):
        if array.shape != shape:
            raise DataError(f"Expected {name} of shape {shape}; got {array.shape}.")
    momenta = np.empty((n_jets, len(CONSTITUENT_COLUMNS) + len(TRUTH_COLUMNS)), np.float32)
    with np.errstate(over="ignore"):  # an overflow is inf, which the next line refuses
        momenta[:, :-4] = jets.reshape(n_jets, len(CONSTITUENT_COLUMNS))
        momenta[:, -4:] = truth
    require_finite(momenta, "the jets to write")
    require_labels(table.ttv, (0, 1, 2), "ttv", "the jets to write")
    require_labels(table.y_true, (0, 1), "y_true", "the jets to write")
    labels = np.stack([np.asarray(table.ttv), np.asarray(table.y_true)], axis=1).astype(np.int64)
    index = pd.RangeIndex(first_row, first_row + n_jets)
    return pd.concat(
        [
            pd.DataFrame(momenta, index=index, columns=[*CONSTITUENT_COLUMNS, *TRUTH_COLUMNS]),
            pd.DataFrame(labels, index=index, columns=list(LABEL_COLUMNS)),
        ],
        axis=1,
    )


class JetFile:
    """An open jet file, generated or public: any range of it, in memory proportional to the range.

    Use it in a ``with`` statement. The number of jets is `n_jets`; `provenance` says where they
    come from and is empty for the public files. `start` and `stop` count jets as a slice does:
    negative values count from the end, values past the end are cut to it.

    Parameters
    ----------
    path : path-like
        The file. Columns beyond those of the public format are left alone.

    Raises
    ------
    DataNotFound
        If there is no such file.
    DataError
        If it is not a jet file, or a damaged one. Reading raises it too, for damage further in.

    Examples
    --------
    >>> JetFile("no_such_folder/train.h5")
    Traceback (most recent call last):
        ...
    course_utils._jetfile_checks.DataNotFound: no_such_folder/train.h5 is not there. Make it with: \
./data_download.sh --generate top_tagging
    """

    path: Path
    n_jets: int
    provenance: dict[str, str | int | float]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        require_hdf5(self.path)
        with self._damage_told():
            self._store = pd.HDFStore(str(self.path), mode="r")
        try:
            with self._damage_told(*_UNREADABLE_LAYOUT):
                self._open_table()
        except BaseException:
            self.close()
            raise

    def _open_table(self) -> None:
        storer = require_table(self._store, self.path)
        self._table: Table = storer.table
        stored = require_columns(storer, self.path)
        self._copies = {
            columns: _plan(columns, stored)
            for columns in (CONSTITUENT_COLUMNS, TRUTH_COLUMNS, LABEL_COLUMNS)
        }
        self.n_jets = int(self._table.nrows)
        attributes = self._store.root._v_attrs
        self.provenance = {
            str(name): value
            for name in attributes._v_attrnamesuser
            if isinstance(value := plain(attributes[name]), str | int | float)
        }

    def read(self, start: int = 0, stop: int | None = None) -> JetTable:
        """Jets `start` to `stop` as arrays.

        Raises
        ------
        DataError
            If the file is damaged there, a momentum is not finite, ``is_signal_new`` is neither
            0 nor 1, or ``ttv`` is none of 0, 1, 2.
        """
        start, stop = self._range(start, stop)
        n_jets = max(stop - start, 0)
        jets = np.empty((n_jets, len(CONSTITUENT_COLUMNS)), np.float32)
        truth = np.empty((n_jets, len(TRUTH_COLUMNS)), np.float32)
        labels = np.empty((n_jets, len(LABEL_COLUMNS)), np.int8)
        for first in range(0, n_jets, _ROWS_AT_ONCE):
            rows = slice(first, min(first + _ROWS_AT_ONCE, n_jets))
            self._read_rows(start + first, jets[rows], truth[rows], labels[rows])
        return JetTable(
            jets=jets.reshape(n_jets, N_CONSTITUENTS, 4),
            truth=truth,
            y_true=labels[:, 1].copy(),
            ttv=labels[:, 0].copy(),
        )

    def _read_rows(
        self,
        start: int,
        jets: NDArray[np.float32],
        truth: NDArray[np.float32],
        labels: NDArray[np.int8],
    ) -> None:
        """Fill the three arrays with the jets that follow `start`, checked."""
        with self._damage_told():
            records = self._table.read(start, start + len(jets))
        as_stored = np.empty(labels.shape, np.float64)
        with np.errstate(over="ignore"):  # float64 beyond float32 is inf: refused below
            for columns, out in (
                (CONSTITUENT_COLUMNS, jets),
                (TRUTH_COLUMNS, truth),
                (LABEL_COLUMNS, as_stored),
            ):
                for block, source, target in self._copies[columns]:
                    out[:, target] = records[block].reshape(len(records), -1)[:, source]
        require_finite(jets, str(self.path))
        require_finite(truth, str(self.path))
        require_labels(as_stored[:, 0], (0, 1, 2), "ttv", str(self.path))
        require_labels(as_stored[:, 1], (0, 1), "is_signal_new", str(self.path))
        labels[:] = as_stored

    def frame(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Jets `start` to `stop` as ``pandas.read_hdf`` gives them: 806 columns, a row per jet."""
        start, stop = self._range(start, stop)
        with self._damage_told():
            return self._store.select(KEY, start=start, stop=max(start, stop))

    def batches(self, size: int) -> Iterator[JetTable]:
        """All jets in file order, at most `size` at a time; only one batch is in memory."""
        if size < 1:
            raise ValueError(f"Expected a batch of at least one jet; got size {size}.")
        for start in range(0, self.n_jets, size):
            yield self.read(start, start + size)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _range(self, start: int, stop: int | None) -> tuple[int, int]:
        first, last, _ = slice(start, stop).indices(self.n_jets)
        return first, last

    def _damage_told(self, *faults: type[Exception]) -> AbstractContextManager[None]:
        return told_as(
            f"{self.path} is truncated or damaged. Remove it, then fetch or make it again, "
            f"for example with: {GENERATE}",
            HDF5ExtError,
            OSError,
            *faults,
        )


_Copy = tuple[str, slice | NDArray[np.intp], slice | NDArray[np.intp]]


def _plan(columns: tuple[str, ...], stored: Mapping[str, tuple[str, int]]) -> list[_Copy]:
    """Which columns of which stored block go where: ``(block, source, target)``."""
    by_block: dict[str, list[tuple[int, int]]] = {}
    for target, column in enumerate(columns):
        block, source = stored[column]
        by_block.setdefault(block, []).append((source, target))
    return [(block, *map(_as_slice, np.array(pairs).T)) for block, pairs in by_block.items()]


def _as_slice(places: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """A run of neighbours as a slice, which copies many times faster than an index array."""
    if np.all(np.diff(places) == 1):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
