"""Complete events as arrays: what their objects are, and where they fly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.jetfile import DataError, JetTable
from course_utils.samples.loading import load_jets

__all__ = ["EventTable", "Kind", "load_events"]


class Kind(IntEnum):
    """What an object of an event is; 0 is padding. Electrons and muons are both leptons."""

    NOTHING = 0
    MISSING_ENERGY = 1
    JET = 2
    B_JET = 3
    LEPTON = 4
    PHOTON = 5


@dataclass(frozen=True, eq=False)
class EventTable:
    """Some events with their labels, as arrays of equal length.

    Attributes
    ----------
    momenta : array of shape (n_events, n_objects, 4), float32
        ``(E, px, py, pz)`` of the objects in GeV, sorted by falling pT; zero rows are padding.
    kinds : array of shape (n_events, n_objects), int8
        The `Kind` of each object.
    y_true : array of shape (n_events,), int8
        1 signal, 0 background.
    columns : mapping from str to array of shape (n_events,)
        What else is known of each event, such as its process.
    """

    momenta: NDArray[np.float32]
    kinds: NDArray[np.int8]
    y_true: NDArray[np.int8]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.momenta)

    def __getitem__(self, rows: slice | NDArray[Any]) -> EventTable:
        """Return the events of a slice, a mask or an index array."""
        return EventTable(
            self.momenta[rows],
            self.kinds[rows],
            self.y_true[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )


def load_events(
    split: str = "train",
    *,
    sample: str = "events",
    start: int = 0,
    stop: int | None = None,
    rows: ArrayLike | None = None,
) -> EventTable:
    """Events `start` to `stop` of a split, or any `rows` of it; `count_jets` tells how many.

    Parameters
    ----------
    split : {"train", "val", "test"}
    sample : str
        A key of `SAMPLES` whose rows are events.
    start, stop, rows
        As for `load_jets`.

    Returns
    -------
    EventTable
        Its ``columns`` are those of the sample: a label for each process of the background.

    Raises
    ------
    DataNotFound, DataError
        If there is no such file, it is damaged, or its rows are jets.
    IndexError
        If there is no event of a number in `rows`.

    Examples
    --------
    Every event has one missing momentum and one lepton:

    >>> events = load_events("test", stop=100)
    >>> bool(((events.kinds == Kind.LEPTON).sum(axis=1) == 1).all())
    True
    >>> bool(((events.kinds == Kind.MISSING_ENERGY).sum(axis=1) == 1).all())
    True
    """
    return _as_events(load_jets(sample, split, start=start, stop=stop, rows=rows), sample)


def _as_events(table: JetTable, sample: str) -> EventTable:
    if "kind" not in table.columns:
        raise DataError(f"The rows of {sample} are jets, not events. Read them with load_jets.")
    kinds = table.columns["kind"]
    if kinds.size and kinds.max() > max(Kind):
        raise DataError(
            f"Expected kinds of objects from 0 to {max(Kind)} in {sample}; got {kinds.max()}."
        )
    rest = {name: values for name, values in table.columns.items() if name != "kind"}
    return EventTable(table.jets, kinds.astype(np.int8), table.y_true, rest)
