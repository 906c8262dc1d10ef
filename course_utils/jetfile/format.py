"""What makes a jet file valid: its columns and the checks of its values.

A jet file is a pandas/PyTables table under the key ``table``. One row is one jet, with the columns
``E_0, PX_0, PY_0, PZ_0, ... PZ_199`` (constituents), ``truthE, truthPX, truthPY, truthPZ`` (the
particle a signal jet comes from), ``ttv`` (0 train, 1 test, 2 val) and ``is_signal_new`` (1 signal,
0 background). Momenta are in GeV. Every pandas reads the generated files with
``pandas.read_hdf(path, key="table")``; the public ones, written under Python 2, need
`course_utils.jetfile.layout`. A generated file also carries its provenance, as attributes of the
root group.

A file says how many constituents it has: the public one 200, others as many as they need. A sample
may add columns with numbers; `column_type` says how a name decides the type. More than two classes,
several pT ranges or a file number need nothing else. The column ``kind`` has a number for each
constituent, and is stored as ``kind_0``, ``kind_1``, ....

Pandas stores the column names as a pickle: open only files from people you trust.
Source of the format: Kasieczka et al., doi:10.5281/zenodo.2603256.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import tables
from numpy.typing import ArrayLike, NDArray

from course_utils.jetfile.commands import generate
from course_utils.jetfile.faults import DataError
from course_utils.jetfile.layout import LAYOUTS, Layout, UnknownLayout, text

N_CONSTITUENTS: Final = 200  # of the public format
KEY: Final = "table"
TRUTH_COLUMNS: Final = ("truthE", "truthPX", "truthPY", "truthPZ")
LABEL_COLUMNS: Final = ("ttv", "is_signal_new")
TTV: Final[Mapping[str, int]] = {"train": 0, "test": 1, "val": 2}  # the column ttv by split
_LONGEST_ATTRIBUTE: Final = 60_000  # HDF5 stops at 64 kB


_YES_OR_NO: Final = ("label_", "sample_is")
_COUNTS: Final = ("n_", "event", "file", "pt_range", "kind")
OF_CONSTITUENTS: Final = ("kind",)  # columns with a number for each constituent


def constituent_columns(n_constituents: int) -> tuple[str, ...]:
    """The names of the columns that hold so many four-momenta."""
    return tuple(f"{name}_{i}" for i in range(n_constituents) for name in ("E", "PX", "PY", "PZ"))


def column_type(name: str) -> type[np.generic]:
    """The type of a column that a sample adds, which its name decides.

    ``label_...`` and ``sample_is...`` say yes or no (int8, 0 or 1). ``n_...``, ``event``,
    ``file``, ``pt_range`` and ``kind`` count (int32, at least 0). Every other column is a finite
    number (float32).

    Examples
    --------
    >>> [column_type(name).__name__ for name in ("label_H_bb", "n_quarks_inside", "fj_pt")]
    ['int8', 'int32', 'float32']
    """
    if name.startswith(_YES_OR_NO):
        return np.int8
    return np.int32 if name.startswith(_COUNTS) else np.float32


def stored_columns(name: str, n_constituents: int) -> tuple[str, ...]:
    """The names under which a column that a sample adds is stored.

    Examples
    --------
    >>> stored_columns("fj_pt", 200), stored_columns("kind", 3)
    (('fj_pt',), ('kind_0', 'kind_1', 'kind_2'))
    """
    if name not in OF_CONSTITUENTS:
        return (name,)
    return tuple(f"{name}_{i}" for i in range(n_constituents))


def joined_names(stored: Sequence[str], n_constituents: int) -> tuple[str, ...]:
    """The columns that these stored ones make: of ``kind_0``, ``kind_1``, ... only ``kind``.

    Examples
    --------
    >>> joined_names(["kind_0", "kind_1", "file"], 2)
    ('kind', 'file')
    """
    whole = {
        one: name
        for name in OF_CONSTITUENTS
        if set(parts := stored_columns(name, n_constituents)) <= set(stored)
        for one in parts
    }
    return tuple(dict.fromkeys(whole.get(name, name) for name in stored))


def column_shape(name: str, n_jets: int, n_constituents: int) -> tuple[int, ...]:
    """The shape of a column: a number for each jet, or for each of its constituents."""
    return (n_jets, n_constituents) if name in OF_CONSTITUENTS else (n_jets,)


def require_table(file: tables.File, path: Path, sample: str) -> Layout:
    """Return where the columns under the key ``table`` are; pandas wrote it, of any version."""
    node = next((each for each in file.iter_nodes("/") if each._v_name == KEY), None)
    kind = getattr(getattr(node, "_v_attrs", None), "pandas_type", "nothing pandas wrote")
    if (kind := str(text(kind))) not in LAYOUTS:
        keys = ", ".join(sorted(file.root._v_children)) or "none"
        raise DataError(
            f"Expected a pandas frame ({' or '.join(LAYOUTS)}) under the key {KEY!r} of {path}; "
            f"got {'no such key' if node is None else kind}; keys in the file: {keys}. "
            f"Make a jet file with: {generate(sample)}"
        )
    try:
        return LAYOUTS[kind](node)
    except UnknownLayout as error:
        raise DataError(
            f"{path} is not a jet file: it has {error}. Make one with: {generate(sample)}"
        ) from error


def require_columns(layout: Layout, path: Path, sample: str) -> int:
    """Return the number of constituents, if the columns are those of a jet file."""
    stored = {name for name in layout.places if layout.column_type(name).kind in "biuf"}
    found = [re.fullmatch(r"(?:E|PX|PY|PZ)_(\d+)", name) for name in stored]
    n_constituents = 1 + max((int(each[1]) for each in found if each), default=N_CONSTITUENTS - 1)
    expected = (*constituent_columns(n_constituents), *TRUTH_COLUMNS, *LABEL_COLUMNS)
    missing = [column for column in expected if column not in stored]
    if others := [name for name in missing if name in (*layout.places, *layout.left_out)]:
        raise DataError(
            f"{path} is not a jet file: expected numbers in {others[0]}, which holds something "
            f"else. Write it again with numbers, or make a jet file with: {generate(sample)}"
        )
    if missing:
        raise DataError(
            f"{path} is not a jet file: expected columns E_0 ... PZ_{n_constituents - 1}, "
            f"truthE ... truthPZ, ttv, is_signal_new; missing {len(missing)} of them, first "
            f"{', '.join(missing[:4])}. Make one with: {generate(sample)}"
        )
    return n_constituents


def require_finite(
    momenta: NDArray[np.float32], where: str, *, numbers: Sequence[int] | None = None
) -> None:
    """Refuse nan and inf; `numbers` are the row numbers in the file, by default 0, 1, 2, ..."""
    if not np.isfinite(momenta).all():
        row = int(np.argmin(np.isfinite(momenta).all(axis=1)))
        row = row if numbers is None else numbers[row]
        raise DataError(f"Expected finite momenta in {where}; got nan or inf, first in row {row}.")


def require_labels(values: NDArray[Any], allowed: tuple[int, ...], name: str, where: str) -> None:
    known = np.isin(values, allowed)
    if not known.all():
        raise DataError(
            f"Expected {name} to be one of {allowed} in {where}; "
            f"got {np.asarray(values)[~known][0]}."
        )


def checked_column(values: NDArray[Any], name: str, where: str) -> NDArray[Any]:
    """Return a column that a sample adds in its own type, if every value fits there."""
    values, kind = np.asarray(values), column_type(name)
    if kind is np.int8:
        require_labels(values, (0, 1), name, where)
    elif kind is np.int32:
        if not ((values >= 0) & (values < 2**31) & (values % 1 == 0)).all():
            raise DataError(f"Expected {name} as whole numbers of at least 0 in {where}.")
    else:
        with np.errstate(over="ignore"):  # an overflow is inf, which the next lines refuse
            values = values.astype(kind)
        if not np.isfinite(values).all():
            raise DataError(f"Expected finite {name} in {where}; got nan or inf.")
    return values.astype(kind)


def checked_attributes(provenance: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Return `provenance` as plain values, after checking that HDF5 and JSON can both hold them."""
    attributes = {name: plain(value) for name, value in provenance.items()}
    for name, value in attributes.items():
        if not name.isidentifier() or keyword.iskeyword(name) or not name[0].islower():
            raise ValueError(f"Expected a provenance key such as 'n_tried'; got {name!r}.")
        if not isinstance(value, str | int | float):
            kind = type(value).__name__
            raise TypeError(f"Expected provenance {name!r} to be str, int or float; got {kind}.")
        if isinstance(value, str):
            fits = len(value.encode()) <= _LONGEST_ATTRIBUTE and "\0" not in value
        else:
            fits = math.isfinite(value) and abs(value) < 2**63
        if not fits:
            raise ValueError(
                f"Expected provenance {name!r} as a finite number of 64 bits, or as text below "
                f"{_LONGEST_ATTRIBUTE} bytes without NUL; got {str(value)[:40]!r}."
            )
    return attributes


def row_numbers(rows: ArrayLike, n_jets: int) -> NDArray[np.intp]:
    """Turn row numbers, negative ones included, or a mask into row numbers of at least 0."""
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n_jets,):
        return np.flatnonzero(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise IndexError(
            f"Expected row numbers, an array of int of shape (n_rows,), or a mask of shape "
            f"({n_jets},); got {rows.dtype} of shape {rows.shape}."
        )
    rows = rows.astype(np.intp)
    if ((rows < -n_jets) | (rows >= n_jets)).any():
        wrong = rows[(rows < -n_jets) | (rows >= n_jets)][0]
        raise IndexError(f"Expected rows of {n_jets} jets; got row {wrong}.")
    return np.where(rows < 0, rows + n_jets, rows)


def plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
