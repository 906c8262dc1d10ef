"""The jets of a sample as arrays, as a data frame, or in batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from course_utils.jetfile import TTV, DataError, JetFile, JetTable, data_command, row_numbers
from course_utils.samples.catalogue import SAMPLES
from course_utils.samples.places import find, small_sample, warn_once

__all__ = ["count_jets", "jet_blocks", "load_frame", "load_jets", "stream_jets"]

_ROWS_AT_ONCE: Final = 16_384  # looked through for their labels
_ROWS_LOOKED_AT: Final = 32_768  # to know the share of signal in a file, to 0.3 %
_SIGMAS_OF_CHANCE: Final = 3.0


def load_jets(
    sample: str = "top_tagging",
    split: str = "train",
    *,
    start: int = 0,
    stop: int | None = None,
    rows: ArrayLike | None = None,
) -> JetTable:
    """Jets `start` to `stop` of a split, or any `rows` of it, as arrays.

    Parameters
    ----------
    sample : str
        A key of `SAMPLES`.
    split : {"train", "val", "test"}
    start, stop : int
        They count jets as a slice does. A line in the log tells when there are fewer, or when they
        have another share of signal than the whole file: the public files are not in random order.
    rows : array of int or mask, shape (n_jets,), optional
        Numbers of the jets, in any order, instead of `start` and `stop`.

    Returns
    -------
    JetTable
        ``jets`` (n_jets, 200, 4) in GeV, ``truth`` (n_jets, 4) in GeV, ``y_true`` and ``ttv``
        (n_jets,), and the sample's extra ``columns``. Of ``hbb`` only jets with a truth label, and
        `start`, `stop` and `rows` count those.

    Raises
    ------
    DataNotFound, DataError
        If there is no such file, or it is damaged.
    IndexError
        If there is no jet of a number in `rows`.

    Examples
    --------
    >>> table = load_jets("top_tagging", "train", stop=10)
    >>> table.jets.shape, table.y_true.shape
    ((10, 200, 4), (10,))
    >>> np.array_equal(load_jets(rows=[7, 2]).jets, table.jets[[7, 2]])
    True
    """
    if rows is not None and (start, stop) != (0, None):
        raise ValueError("Expected either start and stop or rows; got both.")
    with _opened(sample, split) as file:
        enough = _enough(start, stop) if rows is None else None
        known = _rows(file, sample, split, SAMPLES[sample].labels, enough=enough)
        if rows is not None:
            return file.read_rows(rows if known is None else known[row_numbers(rows, len(known))])
        _tell_if_short(sample, split, file.n_jets if known is None else len(known), stop)
        table = file.read(start, stop) if known is None else file.read_rows(known[start:stop])
        if (start, stop) != (0, None):
            _tell_if_lopsided(sample, split, file, SAMPLES[sample].labels, table.y_true)
        return table


def count_jets(sample: str = "top_tagging", split: str = "train") -> int:
    """How many jets `load_jets` would give; no constituent is kept in memory.

    Examples
    --------
    >>> count_jets("top_tagging", "val") > 0
    True
    """
    with _opened(sample, split) as file:
        rows = _rows(file, sample, split, SAMPLES[sample].labels)
        return file.n_jets if rows is None else len(rows)


def load_frame(
    sample: str = "top_tagging", split: str = "train", *, start: int = 0, stop: int | None = None
) -> pd.DataFrame:
    """Jets `start` to `stop` of a split as a data frame: every row, and every column of numbers.

    The 806 columns of the public top-tagging files are ``E_0, PX_0, PY_0, PZ_0, ... PZ_199``,
    ``truthE ... truthPZ`` (GeV), ``ttv`` and ``is_signal_new``. In ``hbb`` there follow six truth
    labels, ``sample_isQCD``, ``fj_pt``, ``fj_eta``, ``fj_sdmass`` (GeV) and ``file``, and jets
    without a truth label are among the rows. Parameters and faults are those of `load_jets`.
    """
    with _opened(sample, split) as file:
        rows = _rows(file, sample, split, ())
        _tell_if_short(sample, split, file.n_jets if rows is None else len(rows), stop)
        frame = file.frame(start, stop) if rows is None else file.frame().iloc[rows[start:stop]]
        if (start, stop) != (0, None):
            _tell_if_lopsided(sample, split, file, (), frame["is_signal_new"].to_numpy())
        return frame


def stream_jets(sample: str, split: str, *, batch_size: int) -> Iterator[JetTable]:
    """The jets of `load_jets` in file order, at most `batch_size` at a time.

    Only one batch is in memory, beside its rows as they are stored. A missing file raises at once,
    not at the first batch. For many passes in random order see `course_utils.prepared`.

    Raises
    ------
    DataNotFound, DataError
        If there is no such file, or it is damaged.
    ValueError
        If `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"Expected a batch of at least one jet; got batch_size {batch_size}.")
    find(sample, split)
    return _batches(sample, split, batch_size)


def _batches(sample: str, split: str, size: int) -> Iterator[JetTable]:
    for block in jet_blocks(sample, split, size):
        yield block()


def jet_blocks(sample: str, split: str, size: int) -> Iterator[Callable[[], JetTable]]:
    """The batches of `stream_jets` as functions: what is left to do may be done in another thread.

    See `course_utils.jetfile.JetFile.blocks`.
    """
    with _opened(sample, split) as file:
        rows = _rows(file, sample, split, SAMPLES[sample].labels)
        if rows is None:
            yield from file.blocks(size)
            return
        for first in range(0, len(rows), size):
            table = file.read_rows(rows[first : first + size])
            yield lambda table=table: table


@contextmanager
def _opened(sample: str, split: str) -> Iterator[JetFile]:
    with JetFile(find(sample, split), sample=sample) as file:
        yield file


def _rows(
    file: JetFile, sample: str, split: str, labels: tuple[str, ...], *, enough: int | None = None
) -> NDArray[np.intp] | None:
    """Which rows of a file belong to the split and have a label; None: all.

    Where there are `labels`, their sum must be 1. The search ends once `enough` are found.
    """
    is_small = file.path == small_sample(sample)
    if not is_small and not labels:
        return None
    if missing := [name for name in labels if name not in file.columns]:
        raise DataError(
            f"{file.path} is not a file of {sample}: it has no column {missing[0]}. "
            f"Make one with: {data_command('--generate', sample)}"
        )
    found: list[NDArray[np.intp]] = []
    for first in range(0, file.n_jets, _ROWS_AT_ONCE):
        part = file.read_columns(("ttv", *labels), first, first + _ROWS_AT_ONCE)
        here = part["ttv"] == TTV[split] if is_small else np.ones(len(part["ttv"]), bool)
        found.append(first + np.flatnonzero(here & _is_labelled(part, labels)))
        if enough is not None and sum(map(len, found)) >= enough:
            break
    return np.concatenate(found)


def _is_labelled(part: Mapping[str, NDArray[Any]], labels: tuple[str, ...]) -> NDArray[np.bool_]:
    n_rows = len(next(iter(part.values())))
    return sum(part[name] for name in labels) == 1 if labels else np.ones(n_rows, bool)


def _enough(start: int, stop: int | None) -> int | None:
    """How many jets decide the slice; None: it counts from the end, or has no end."""
    return None if stop is None or stop < 0 or start < 0 else stop


def _tell_if_short(sample: str, split: str, n_jets: int, stop: int | None) -> None:
    if stop is not None and stop > n_jets:
        fifths = 3 if split == "train" else 1  # a split's share of what is generated
        warn_once(
            f"Asked for rows up to {stop} of {sample} {split}; there are {n_jets}. "
            f"For more: {data_command('--generate', sample, '--jets', str(-(-5 * stop // fifths)))}"
        )


def _tell_if_lopsided(
    sample: str, split: str, file: JetFile, labels: tuple[str, ...], y_true: NDArray[Any]
) -> None:
    """Say when a range of jets has another share of signal than all jets of the file.

    The public files are not in random order: in their blocks of 10 000 jets the share runs from
    0.479 to 0.546. Files of this course are, and their provenance says whose they are.
    """
    if file.provenance or not len(y_true):
        return
    share, n_looked_at = _share_of_signal(file, labels)
    here, spread = float(y_true.mean()), share * (1 - share)
    error = math.sqrt(spread / len(y_true) + spread / max(n_looked_at, 1))
    if abs(here - share) > _SIGMAS_OF_CHANCE * error:
        warn_once(
            f"These {len(y_true)} jets of {sample} {split} are {here:.1%} signal, all jets of the "
            f"file {share:.1%}: {file.path} is not in random order. For jets from all over it: "
            f"load_jets({sample!r}, {split!r}, rows=rng.choice(count_jets({sample!r}, {split!r}), "
            f"{len(y_true)}, replace=False)), with rng = numpy.random.default_rng(1)"
        )


def _share_of_signal(file: JetFile, labels: tuple[str, ...]) -> tuple[float, int]:
    """The share in chunks from all over a file, and how many jets they hold."""
    n_chunks = -(-file.n_jets // file.rows_per_chunk)
    n_pieces = min(-(-_ROWS_LOOKED_AT // file.rows_per_chunk), n_chunks)
    n_signal = n_jets = 0
    for chunk in np.linspace(0, n_chunks - 1, n_pieces).astype(int):
        first = int(chunk) * file.rows_per_chunk
        names = ("is_signal_new", *labels)
        part = file.read_columns(names, first, first + file.rows_per_chunk)
        known = _is_labelled(part, labels)
        n_jets += np.count_nonzero(known)
        n_signal += np.count_nonzero(part["is_signal_new"][known] == 1)
    return n_signal / max(n_jets, 1), n_jets
