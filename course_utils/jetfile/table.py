"""Jets with their labels in memory, and the writing of jet files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import tables
from numpy.typing import NDArray
from tables import HDF5ExtError, NoSuchNodeError

from course_utils.files import disk_room, is_full, replacing
from course_utils.jetfile.faults import DataError
from course_utils.jetfile.format import (
    KEY,
    LABEL_COLUMNS,
    N_CONSTITUENTS,
    TRUTH_COLUMNS,
    checked_attributes,
    checked_column,
    column_shape,
    constituent_columns,
    require_finite,
    require_labels,
    stored_columns,
)

# Measured on 4000 jets with 3.0 MB of non-zero float32 in 12.9 MB: this gives 3.2 MB and reads
# 130 000 jets/s; zlib 4 gives 3.5 MB at 50 000 jets/s, blosc:lz4 4.1 MB at 280 000 jets/s.
# Another 4000 rows of nothing but padding add 0.02 MB. 48 000 generated jets take 30.3 MB, less
# than their 31.1 MB of non-zero numbers.
_COMPRESSION: Final[dict[str, Any]] = {
    "complib": "blosc:zstd",
    "complevel": 5,
    "fletcher32": True,  # a flipped bit then raises an error instead of changing a jet
}
_SMALLEST: Final = {"complib": "zlib", "complevel": 9}  # a quarter less, slow to write
_PANDAS_VERSION: Final = "0.15.2"  # of the layout, as in the public files
_ROWS_AT_ONCE: Final = 320  # 1 MB, four chunks
_EXPECTED_ROWS: Final = 100_000  # sets the HDF5 chunk to 80 jets, whatever the batch size


@dataclass(frozen=True, eq=False)
class JetTable:
    """Some jets with their labels, as arrays of equal length.

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4), float32
        ``(E, px, py, pz)`` of the constituents in GeV, sorted by falling pt; zero rows are padding.
    truth : array of shape (n_jets, 4), float32
        ``(E, px, py, pz)`` in GeV of the particle a signal jet comes from; zeros for other jets.
    y_true : array of shape (n_jets,), int8
        1 signal, 0 background.
    ttv : array of shape (n_jets,), int8
        The split a jet belongs to: 0 train, 1 test, 2 val.
    columns : mapping from str to array of shape (n_jets,)
        What the sample has beyond these, such as ``fj_sdmass``; `format.column_type` says which
        type a name stands for. ``kind`` has shape (n_jets, n_constituents). Empty for top_tagging.

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
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.jets)

    def __getitem__(self, rows: slice | NDArray[Any]) -> JetTable:
        """Return the jets of a slice, a mask or an index array."""
        return JetTable(
            self.jets[rows],
            self.truth[rows],
            self.y_true[rows],
            self.ttv[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )


def write_jets(
    path: str | os.PathLike[str],
    tables: Iterable[JetTable],
    *,
    provenance: Mapping[str, str | int | float],
    smallest: bool = False,
) -> int:
    """Write jets to a file in the public format, table by table, and return their number.

    The tables are written as they come, under a temporary name beside `path`, so memory does not
    grow with the number of jets. Only a complete file, safe on disk, gets its final name; an older
    file is replaced at that moment. On any failure the temporary file is removed.

    Parameters
    ----------
    path : path-like
        The file to make. Missing folders are made.
    tables : iterable of JetTable
        At least one jet in all, all with as many constituents and the same `columns`.
        Labels are stored as int64, as in the public files.
    provenance : mapping from str to str, int or float
        Where the jets come from; stored as attributes of the root group.
    smallest : bool
        Compress as far as possible, for a file that is kept in a repository.

    Raises
    ------
    DataError
        If an array has the wrong shape, a momentum is not finite, a label or a split is unknown, a
        column has no plain name or values that are not of its type, there is no jet at all, or the
        disk refuses.
    ValueError, TypeError
        If `provenance` has a key that is not a plain name, or a value that JSON cannot hold.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> table = JetTable(np.zeros((3, 200, 4)), np.zeros((3, 4)), np.array([1, 0, 1]), np.zeros(3))
    >>> with TemporaryDirectory() as folder:
    ...     write_jets(f"{folder}/train.h5", [table], provenance={"seed": 1})
    ...     pd.read_hdf(f"{folder}/train.h5", key="table")["is_signal_new"].tolist()
    3
    [1, 0, 1]
    """
    path = Path(path)
    attributes = checked_attributes(provenance)
    if path.is_dir():
        raise DataError(f"Expected the name of a file to write; {path} is a folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, _failure_told(path):
        compression = _COMPRESSION | (_SMALLEST if smallest else {})
        n_jets = _write_table(part, tables, attributes, compression)
        if n_jets == 0:
            raise DataError(f"Expected at least one jet to write to {path}; got none.")
        _require_whole(part, n_jets)
    return n_jets


@contextmanager
def _failure_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (HDF5ExtError, NoSuchNodeError, OSError) as error:
        if isinstance(error, OSError) and not is_full(error):
            raise
        raise DataError(
            f"Writing {path} failed. Is the disk full, or a quota used up? {disk_room(path.parent)}"
        ) from error


def _require_whole(part: Path, n_jets: int) -> None:
    """Read what was written: HDF5 says nothing if the last megabyte finds no room on closing."""
    with tables.open_file(str(part)) as file:
        stored = file.get_node(f"/{KEY}/table")
        for first in range(0, n_jets, _ROWS_AT_ONCE):
            stored.read(first, min(first + _ROWS_AT_ONCE, n_jets))


def _write_table(
    part: Path,
    chunks: Iterable[JetTable],
    attributes: Mapping[str, Any],
    compression: Mapping[str, Any],
) -> int:
    n_jets, layout = 0, None
    with pd.HDFStore(str(part), mode="w", **compression) as store:
        for chunk in chunks:
            frame = _to_frame(chunk, first_row=n_jets)
            if len(frame):
                here = np.shape(chunk.jets)[1], sorted(chunk.columns)
                layout = layout or here
                if here != layout:
                    raise DataError(
                        f"Expected every table with {layout[0]} constituents and the columns "
                        f"{layout[1]}; one has {here[0]} and {here[1]}."
                    )
                store.append(KEY, frame, index=False, expectedrows=_EXPECTED_ROWS)
                n_jets += len(frame)
        if n_jets:  # pandas from 3.1 leaves it out, but older ones ask for it
            store.get_node(KEY)._v_attrs.pandas_version = _PANDAS_VERSION
        for name, value in attributes.items():
            store.root._v_attrs[name] = value
    return n_jets


def _to_frame(table: JetTable, *, first_row: int) -> pd.DataFrame:
    jets, truth = np.asarray(table.jets), np.asarray(table.truth)
    n_jets, n_constituents = len(jets), jets.shape[1] if jets.ndim == 3 else N_CONSTITUENTS
    constituents = constituent_columns(n_constituents)
    for name, array, shape in (
        ("jets", jets, (n_jets, n_constituents, 4)),
        ("truth", truth, (n_jets, 4)),
        ("y_true", np.asarray(table.y_true), (n_jets,)),
        ("ttv", np.asarray(table.ttv), (n_jets,)),
        *(
            (name, np.asarray(values), column_shape(name, n_jets, n_constituents))
            for name, values in table.columns.items()
        ),
    ):
        if array.shape != shape:
            raise DataError(f"Expected {name} of shape {shape}; got {array.shape}.")
    momenta = np.empty((n_jets, len(constituents) + len(TRUTH_COLUMNS)), np.float32)
    with np.errstate(over="ignore"):  # an overflow is inf, which the next line refuses
        momenta[:, :-4] = jets.reshape(n_jets, len(constituents))
        momenta[:, -4:] = truth
    require_finite(momenta, "the jets to write")
    require_labels(table.ttv, (0, 1, 2), "ttv", "the jets to write")
    require_labels(table.y_true, (0, 1), "y_true", "the jets to write")
    labels = np.stack([np.asarray(table.ttv), np.asarray(table.y_true)], axis=1).astype(np.int64)
    index = pd.RangeIndex(first_row, first_row + n_jets)
    public = {*constituents, *TRUTH_COLUMNS, *LABEL_COLUMNS}
    parts = [
        pd.DataFrame(momenta, index=index, columns=[*constituents, *TRUTH_COLUMNS]),
        pd.DataFrame(labels, index=index, columns=list(LABEL_COLUMNS)),
    ]
    if table.columns:
        parts.append(pd.DataFrame(_extra(table.columns, public, n_constituents), index=index))
    return pd.concat(parts, axis=1)


def _extra(
    columns: Mapping[str, NDArray[Any]], public: Set[str], n_constituents: int
) -> dict[str, NDArray[Any]]:
    """The columns of the sample as they are stored: float32, whole numbers as int64."""
    if wrong := [name for name in columns if not name.isidentifier() or name in public]:
        raise DataError(
            f"Expected columns with plain names of their own, such as n_quarks_inside; got {wrong}."
        )
    checked = {
        name: checked_column(values, name, "the jets to write") for name, values in columns.items()
    }
    return {
        stored: values if values.dtype == np.float32 else values.astype(np.int64)
        for name, array in checked.items()
        for stored, values in zip(
            stored_columns(name, n_constituents), np.atleast_2d(array.T), strict=True
        )
    }
