"""How pandas lays a data frame out in HDF5, read without pandas.

Pandas itself cannot always read it. The public files were written under Python 2: their texts are
bytes, on which pandas 3 fails. Pandas 3.1 leaves out an attribute that older ones ask for. Where a
column lies is all that is needed, and every version says it in the same places:

- the table format (``pandas_type`` is ``frame_table``): a PyTables table with the field ``index``
  and a field for each block of columns of one type; attributes name the columns of a block;
- the fixed format (``frame``): an array for each block, another with the names of its columns.

Column names may be pickled: open only files from people you trust.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tables import Group, VLArray

__all__ = ["LAYOUTS", "Layout", "UnknownLayout", "text"]

_INDEX = "index"
_DATES = ("datetime", "timedelta")  # stored as whole numbers
_ROWS_WITHOUT_CHUNKS = 64


class UnknownLayout(Exception):
    """A frame that pandas can store, but no jet file is. The message says what it has."""


@dataclass(frozen=True)
class Layout:
    """Where a frame's columns are in a file, and how its rows are read.

    Attributes
    ----------
    places : dict from str to (str, int)
        For each column of numbers or text, in the order of the frame: its block, and its place
        there.
    left_out : tuple of str
        Other columns: dates, categories, and text or objects that are pickled.
    dtype : numpy.dtype
        Of one stored row: a field for each block, and ``index``.
    n_rows : int
    rows_per_chunk : int
        Rows that are read in one piece, whether one or all of them are wanted.
    read : function of (first, last, out)
        Fills `out`, records of `dtype`, with the rows `first` to `last`.
    """

    places: dict[str, tuple[str, int]]
    left_out: tuple[str, ...]
    dtype: np.dtype[np.void]
    n_rows: int
    rows_per_chunk: int
    read: Callable[[int, int, NDArray[np.void]], object]

    def column_type(self, name: str) -> np.dtype[Any]:
        """The type of a column as it is stored."""
        return self.dtype[self.places[name][0]].base

    def values(self, records: NDArray[np.void], block: str) -> NDArray[Any]:
        """The columns of a block, as an array of shape (n_rows, n_columns)."""
        return records[block].reshape(len(records), math.prod(self.dtype[block].shape))

    def frame(self, records: NDArray[np.void]) -> pd.DataFrame:
        """The rows as a data frame; numbers as they are stored, text as text."""
        names: dict[str, list[str]] = {}
        for name, (block, _) in self.places.items():
            names.setdefault(block, []).append(name)
        index = pd.Index(_readable(records[_INDEX]))
        parts = []
        for block, columns in names.items():
            # The order of the frame need not be that of the block.
            at = [self.places[name][1] for name in columns]
            values = _readable(self.values(records, block))
            values = values if at == list(range(values.shape[1])) else values[:, at]
            parts.append(pd.DataFrame(values, index=index, columns=columns))
        frame = parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)
        in_order = list(self.places)
        return frame if list(frame.columns) == in_order else frame[in_order]


def text(value: object) -> object:
    """A text of Python 2 or 3, as text; anything else as it is.

    Examples
    --------
    >>> text(b"frame_table"), text("frame"), text(3)
    ('frame_table', 'frame', 3)
    """
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _of_table(group: Group) -> Layout:
    table, said = group.table, group._v_attrs
    blocks = [str(text(name)) for name in said.values_cols]
    names = {block: _texts(table.attrs[f"{block}_kind"]) for block in blocks}
    (_, in_order), *_ = said.non_index_axes
    plain = {block: columns for block, columns in names.items() if _is_plain(table.attrs, block)}
    places = _places(plain, _texts(in_order), table.dtype)
    return Layout(
        places=places,
        left_out=tuple(name for name in _texts(in_order) if name not in places),
        dtype=table.dtype,
        n_rows=int(table.nrows),
        rows_per_chunk=int(table.chunkshape[0]),
        read=lambda first, last, out: table.read(first, last, out=out),
    )


def _of_arrays(group: Group) -> Layout:
    said = group._v_attrs
    for axis, what in (("axis0", "columns"), ("axis1", "rows")):
        if (variety := str(text(said[f"{axis}_variety"]))) != "regular":
            raise UnknownLayout(f"{what} with an index of the kind {variety!r}")
    stored = {_INDEX: group.axis1}
    for i in range(int(said.nblocks)):
        values = group[f"block{i}_values"]
        # What pandas pickles holds no numbers, and what it converts is no number.
        if not isinstance(values, VLArray) and "value_type" not in values.attrs:
            stored[f"block{i}"] = values
    if not len(group.axis1) or len(stored) == 1:
        raise UnknownLayout("no rows of numbers")
    blocks = {block: array for block, array in stored.items() if block != _INDEX}
    n_rows = len(group.axis1)
    if wrong := [name for name, array in blocks.items() if len(array) != n_rows]:
        raise ValueError(f"Expected {n_rows} rows in {wrong}.")
    dtype = np.dtype([(name, array.dtype, array.shape[1:]) for name, array in stored.items()])
    widest = max(blocks, key=lambda block: dtype[block].itemsize)
    chunk = blocks[widest].chunkshape or (_ROWS_WITHOUT_CHUNKS,)

    def read(first: int, last: int, out: NDArray[np.void]) -> None:
        for name, array in stored.items():
            out[name] = array[first:last]

    names = {block: _texts(_names(group[f"{block}_items"])) for block in blocks}
    in_order = _texts(_names(group.axis0))
    places = _places(names, in_order, dtype)
    return Layout(
        places=places,
        left_out=tuple(name for name in in_order if name not in places),
        dtype=dtype,
        n_rows=n_rows,
        rows_per_chunk=int(chunk[0]),
        read=read,
    )


# By what the attribute `pandas_type` says.
LAYOUTS: dict[str, Callable[[Group], Layout]] = {"frame_table": _of_table, "frame": _of_arrays}


def _is_plain(said: Any, block: str) -> bool:
    """Whether the columns of a block are the numbers or texts that are stored."""
    category = f"{block}_meta" in said and text(said[f"{block}_meta"]) == "category"
    kind = str(text(said[f"{block}_dtype"])) if f"{block}_dtype" in said else ""
    return not category and not kind.startswith(_DATES)


def _places(
    names: dict[str, list[str]], in_order: list[str], dtype: np.dtype[np.void]
) -> dict[str, tuple[str, int]]:
    for block, columns in names.items():
        if len(columns) != math.prod(dtype[block].shape):
            raise ValueError(f"Expected as many columns as names in {block}.")
    places = {
        name: (block, i) for block, columns in names.items() for i, name in enumerate(columns)
    }
    return {name: places[name] for name in in_order if name in places}


def _names(node: Any) -> NDArray[Any]:
    """The names in an array of text, or in the pickle that some versions write for it."""
    return np.ravel(node[0] if isinstance(node, VLArray) else node[:])


def _texts(values: Iterable[object]) -> list[str]:
    return [str(text(value)) for value in values]


def _readable(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as they are; text as text, where nothing is stored as ``nan``."""
    if values.dtype.kind != "S":
        return values
    texts = np.strings.decode(values, "utf-8").astype(object)
    texts[texts == "nan"] = np.nan
    return texts
