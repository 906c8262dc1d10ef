"""Events of the public DarkMachines files (arXiv:2105.14027), read as arrays.

One line is one event; energies and momenta are in MeV::

    event ID; process ID; event weight; MET; METphi; obj1, E1, pt1, eta1, phi1; obj2, E2, ...

An object is ``j`` (jet), ``b`` (b jet), ``e-``, ``e+``, ``m-``, ``m+`` (electron, muon) or ``g``
(photon). A line may end with a semicolon, and has as many objects as the event.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_utils import kinematics
from course_utils.jetfile import DataError, DataNotFound, DataUnavailable
from course_utils.samples.event_tables import EventTable, Kind

__all__ = ["read_dark_machines"]

_KINDS: Final = {
    "j": Kind.JET,
    "b": Kind.B_JET,
    "g": Kind.PHOTON,
    **dict.fromkeys(("e-", "e+", "m-", "m+"), Kind.LEPTON),
}
_MEV_PER_GEV: Final = 1000.0
_N_HEAD: Final = 5
_FORMAT: Final = "event ID; process ID; weight; MET; METphi; obj, E, pt, eta, phi; ..."


class _Event(NamedTuple):
    number: int
    process: str
    weight: float
    objects: list[tuple[int, float, float, float, float]]  # kind, E, pt, eta, phi


def read_dark_machines(
    path: str | os.PathLike[str],
    *,
    signal: Collection[str] = (),
    start: int = 0,
    stop: int | None = None,
) -> EventTable:
    """Read events `start` to `stop` of a DarkMachines CSV file.

    Parameters
    ----------
    path : path-like
        The file; empty lines are skipped.
    signal : collection of str
        Process IDs that count as signal, such as ``("monotop_200_A",)``.
    start, stop : int
        They count events from 0, and are not negative.

    Returns
    -------
    EventTable
        In GeV. Each event has its missing momentum among the objects, at eta 0, and room for as
        many objects as the fullest event has. Its ``columns`` are ``event`` (int64), ``process``
        (text) and ``weight`` (float64). An object keeps the energy of the file.

    Raises
    ------
    DataNotFound
        If there is no such file.
    DataError
        If a line is not an event, with the number of the line and what is wrong; or if no process
        of `signal` is among those read.
    DataUnavailable
        If it cannot be read now.
    ValueError
        If `start` or `stop` is negative.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "some.csv")
    ...     _ = path.write_text("7;ttbar;1;50000;0.5;b,81000,80000,0.1,-2;e-,31000,30000,0.2,1;")
    ...     events = read_dark_machines(path)
    >>> events.kinds.tolist(), kinematics.pt(events.momenta).round(1).tolist()
    ([[3, 1, 4]], [[80.0, 50.0, 30.0]])
    """
    if start < 0 or (stop is not None and stop < 0):
        raise ValueError(f"Expected start and stop of at least 0; got {start} and {stop}.")
    if isinstance(signal, str):
        signal = (signal,)
    path = Path(path)
    try:
        with path.open(encoding="utf-8") as lines:
            events = list(islice(_events(lines, path), start, stop))
    except FileNotFoundError:
        raise DataNotFound(
            f"{path} is not there. Fetch it first: docs/data.md names public files."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text file. Unpack it first if it is compressed.") from error
    except OSError as error:
        raise DataUnavailable(f"{path} cannot be read: {error.strerror}.") from error
    process = np.array([event.process for event in events], dtype=np.str_)
    if events and signal and not np.isin(process, list(signal)).any():
        raise DataError(
            f"None of the events read from {path} is of {', '.join(signal)}; there are: "
            f"{', '.join(np.unique(process))}."
        )
    return _table(events, process, signal)


def _table(events: list[_Event], process: NDArray[np.str_], signal: Collection[str]) -> EventTable:
    """The objects in an array, by falling pT; short events are padded."""
    n_objects = max((len(event.objects) for event in events), default=0)
    values = np.zeros((len(events), n_objects, 5))
    for row, event in zip(values, events, strict=True):
        in_order = sorted(event.objects, key=lambda each: -each[2])
        row[: len(in_order)] = np.reshape(in_order, (-1, 5))
    kind, energy, pt, eta, phi = np.moveaxis(values, -1, 0)
    momenta = kinematics.from_pt_eta_phi_mass(pt, eta, phi)
    momenta[..., 0] = energy
    return EventTable(
        momenta=momenta.astype(np.float32),
        kinds=kind.astype(np.int8),
        y_true=np.isin(process, list(signal)).astype(np.int8),
        columns={
            "event": np.array([event.number for event in events], dtype=np.int64),
            "process": process,
            "weight": np.array([event.weight for event in events], dtype=np.float64),
        },
    )


def _events(lines: Iterator[str], path: Path) -> Iterator[_Event]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _event(line)
            except ValueError as error:
                raise DataError(f"Line {number} of {path} is not an event: {error}") from None


def _event(line: str) -> _Event:
    """What a line says; ValueError, and what is wrong, if it is no event."""
    fields = [field.strip() for field in line.split(";")]
    while fields and not fields[-1]:
        fields.pop()
    if len(fields) < _N_HEAD:
        raise ValueError(f"expected {_FORMAT} with at least {_N_HEAD} fields; got {len(fields)}.")
    number, process, weight, missing, phi = fields[:_N_HEAD]
    met = _number(missing, "MET", least=0) / _MEV_PER_GEV
    objects = [(int(Kind.MISSING_ENERGY), met, met, 0.0, _number(phi, "METphi"))]
    objects += map(_object, fields[_N_HEAD:])
    return _Event(_whole(number), process, _number(weight, "the weight"), objects)


def _object(field: str) -> tuple[int, float, float, float, float]:
    """Kind, energy and pT in GeV, eta, phi."""
    name, *numbers = (part.strip() for part in field.split(","))
    if name not in _KINDS:
        raise ValueError(f"expected objects out of {', '.join(_KINDS)}; got {name!r}.")
    if len(numbers) != 4:
        raise ValueError(f"expected obj, E, pt, eta, phi; got {field!r}.")
    energy, pt, eta, phi = (
        _number(text, what, least=least)
        for text, what, least in zip(
            numbers, ("E", "pt", "eta", "phi"), (0, 0, -math.inf, -math.inf), strict=True
        )
    )
    return int(_KINDS[name]), energy / _MEV_PER_GEV, pt / _MEV_PER_GEV, eta, phi


def _number(text: str, what: str, *, least: float = -math.inf) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        raise ValueError(
            f"expected {what} as a finite number{' of at least 0' if least == 0 else ''}; "
            f"got {text!r}."
        )
    return value


def _whole(text: str) -> int:
    value = _number(text, "the event ID")
    if value != int(value):
        raise ValueError(f"expected the event ID as a whole number; got {text!r}.")
    return int(value)
