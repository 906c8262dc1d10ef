"""The samples of the course: which there are, where they lie, and how to get their jets.

A sample has three splits, ``train``, ``val`` and ``test``, each a jet file
``<root>/<sample>/<split>.h5`` (see `course_utils.jetfile`). The root is the first of these places
that holds any split of the sample:

1. ``$JET_DATA``, for instance a folder that a whole class shares;
2. ``data/`` in a checkout of the course;
3. the user's cache folder.

All splits of a sample come from one place, so that a network is never trained on one generation of
jets and tested on another. Where there is none, the small sample that comes with the course serves:
one file with all three splits in it, told apart by the column ``ttv``. A line in the log says so.

More jets come from the command line, which is the only door to the network::

    ./data_download.sh                            what there is, and what is on this machine
    ./data_download.sh top_tagging                the public files, by DOI
    ./data_download.sh --generate top_tagging     jets of the same kind, made here

The sample ``hbb`` has truth labels in columns of their own. A jet belongs to one of six categories,
or to none: the Higgs boson of its event is not inside. `load_jets` and `stream_jets` leave those
out; `load_frame` gives every row of the file.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import platformdirs
from numpy.typing import ArrayLike, NDArray

from course_utils._jetfile_checks import row_numbers
from course_utils.jetfile import TRUTH_LABELS, TTV, DataError, DataNotFound, JetFile, JetTable

__all__ = [
    "SAMPLES",
    "SPLITS",
    "Sample",
    "count_jets",
    "data_root",
    "data_roots",
    "find",
    "load_columns",
    "load_frame",
    "load_jets",
    "small_sample",
    "stream_jets",
]

SPLITS: Final = ("train", "val", "test")

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_PACKAGED: Final = Path(__file__).resolve().with_name("data")
_ROWS_AT_ONCE: Final = 16_384  # looked through for their labels
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """What there is to know about a sample before any of it is on this machine.

    Examples
    --------
    >>> SAMPLES["top_tagging"].n_jets["train"]
    1211000
    """

    name: str
    title: str
    reference: str
    doi: str
    licence: str
    n_jets: Mapping[str, int]  # of the public files, by split
    public_gigabytes: float
    jets_per_signal: int = 2  # when generated: one jet in so many comes from the signal process
    labels: tuple[str, ...] = ()  # the sum of these columns is 1 in a row that is a jet to use


SAMPLES: Final[Mapping[str, Sample]] = {
    sample.name: sample
    for sample in (
        Sample(
            name="top_tagging",
            title="Top Quark Tagging Reference Dataset: boosted tops and QCD jets, pp 14 TeV",
            reference="Kasieczka, Plehn, Thompson, Russell; arXiv:1902.09914",
            doi="10.5281/zenodo.2603256",
            licence="CC-BY-4.0",
            n_jets={"train": 1_211_000, "val": 403_000, "test": 404_000},
            public_gigabytes=1.6,
        ),
        Sample(
            name="hbb",
            title="Boosted H->bb and QCD jets, pp 13 TeV, as in the CMS Open Data record 12102",
            reference="Duarte (CMS); CERN Open Data Portal, HiggsToBBNtupleProducerTool",
            doi="10.7483/OPENDATA.CMS.JGJX.MS7Q",
            licence="CC0-1.0",
            n_jets={},  # as many as the files that are fetched hold
            public_gigabytes=245,
            jets_per_signal=4,
            labels=TRUTH_LABELS,
        ),
    )
}


def data_roots() -> tuple[Path, ...]:
    """Return the places where samples are looked for, first choice first."""
    roots = [Path(root).expanduser()] if (root := os.environ.get("JET_DATA")) else []
    if (_CHECKOUT / "pyproject.toml").exists():  # not so in an installed package
        roots.append(_CHECKOUT / "data")
    return (*roots, platformdirs.user_cache_path("jet-tagging-course"))


def data_root() -> Path:
    """Return the place where new samples are put: the first of `data_roots`."""
    return data_roots()[0]


def small_sample(sample: str) -> Path:
    """Return where the small sample that comes with the course is, all splits in one file."""
    return _PACKAGED / f"{sample}_small.h5"


def find(sample: str, split: str) -> Path:
    """Return the jet file of a split; the small sample of the course if there is none.

    Parameters
    ----------
    sample : str
        A key of `SAMPLES`.
    split : {"train", "val", "test"}

    Raises
    ------
    DataNotFound
        If the place that holds the sample lacks this split, or nothing is there at all.
    ValueError
        If there is no sample or split of that name.

    Examples
    --------
    >>> find("top_tagging", "training")
    Traceback (most recent call last):
        ...
    ValueError: Expected a split out of train, val, test; got 'training'.
    """
    path = located(sample, split)
    if path == small_sample(sample):
        _tell_once(
            f"These are jets of the small sample {path.name}, enough to try things out. "
            f"For more: ./data_download.sh --generate {sample}"
        )
    return path


def located(sample: str, split: str) -> Path:
    """`find` without a word in the log."""
    _require_known(sample, split)
    for root in data_roots():
        folder = root / sample
        if (folder / f"{split}.h5").exists():
            return folder / f"{split}.h5"
        if others := [other for other in SPLITS if (folder / f"{other}.h5").exists()]:
            raise DataNotFound(
                f"{folder} holds {', '.join(others)} of {sample}, but no {split}.h5. Make it "
                f"with: ./data_download.sh --generate {sample} --split {split}"
            )
    small = small_sample(sample)
    if not small.exists():
        raise DataNotFound(
            f"No jets of {sample} in {', '.join(map(str, data_roots()))}. "
            f"Make them with: ./data_download.sh --generate {sample}"
        )
    return small


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
        They count jets as a slice does. A line in the log tells when there are fewer.
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
        return file.read(start, stop) if known is None else file.read_rows(known[start:stop])


def load_columns(
    names: Iterable[str],
    sample: str = "top_tagging",
    split: str = "train",
    *,
    start: int = 0,
    stop: int | None = None,
) -> dict[str, NDArray[Any]]:
    """Some columns of the rows that `load_frame` gives, and nothing else of them in memory.

    Parameters
    ----------
    names : iterable of str
        Such as ``is_signal_new``, ``E_0`` or ``fj_sdmass``.

    Returns
    -------
    dict of arrays of shape (n_jets,)

    Raises
    ------
    DataNotFound, DataError
        If there is no such file, or it is damaged.
    ValueError
        If it has no column of that name.

    Examples
    --------
    >>> columns = load_columns(["E_0", "is_signal_new"], stop=100)
    >>> columns["E_0"].shape, columns["E_0"].dtype
    ((100,), dtype('float32'))
    """
    with _opened(sample, split) as file:
        rows = _rows(file, sample, split, ())
        _tell_if_short(sample, split, file.n_jets if rows is None else len(rows), stop)
        if rows is None:
            return file.read_columns(names, start, stop)
        return {name: values[rows[start:stop]] for name, values in file.read_columns(names).items()}


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
    """Jets `start` to `stop` of a split as a data frame, with every column and row of the file.

    The 806 columns of the public top-tagging files are ``E_0, PX_0, PY_0, PZ_0, ... PZ_199``,
    ``truthE ... truthPZ`` (GeV), ``ttv`` and ``is_signal_new``. In ``hbb`` there follow six truth
    labels, ``sample_isQCD``, ``fj_pt``, ``fj_eta``, ``fj_sdmass`` (GeV) and ``file``, and jets
    without a truth label are among the rows. Parameters and faults are those of `load_jets`.
    """
    with _opened(sample, split) as file:
        rows = _rows(file, sample, split, ())
        _tell_if_short(sample, split, file.n_jets if rows is None else len(rows), stop)
        return file.frame(start, stop) if rows is None else file.frame().iloc[rows[start:stop]]


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
            f"Make one with: ./data_download.sh --generate {sample}"
        )
    found: list[NDArray[np.intp]] = []
    for first in range(0, file.n_jets, _ROWS_AT_ONCE):
        part = file.read_columns(("ttv", *labels), first, first + _ROWS_AT_ONCE)
        here = part["ttv"] == TTV[split] if is_small else np.ones(len(part["ttv"]), bool)
        if labels:
            here &= sum(part[name] for name in labels) == 1
        found.append(first + np.flatnonzero(here))
        if enough is not None and sum(map(len, found)) >= enough:
            break
    return np.concatenate(found)


def _enough(start: int, stop: int | None) -> int | None:
    """How many jets decide the slice; None: it counts from the end, or has no end."""
    return None if stop is None or stop < 0 or start < 0 else stop


def _require_known(sample: str, split: str) -> None:
    if sample not in SAMPLES:
        raise ValueError(f"Expected a sample out of {', '.join(SAMPLES)}; got {sample!r}.")
    if split not in SPLITS:
        raise ValueError(f"Expected a split out of {', '.join(SPLITS)}; got {split!r}.")


def _tell_if_short(sample: str, split: str, n_jets: int, stop: int | None) -> None:
    if stop is not None and stop > n_jets:
        fifths = 3 if split == "train" else 1  # a split's share of what is generated
        _tell_once(
            f"Asked for jets up to {stop} of {sample} {split}; there are {n_jets}. "
            f"For more: ./data_download.sh --generate {sample} --jets {-(-5 * stop // fifths)}"
        )


@functools.cache
def _tell_once(message: str) -> None:
    _logger.warning(message)


if __name__ == "__main__":
    import sys

    from course_utils._data_command import main

    sys.exit(main())
