"""Pythia 8 set up for a process of the catalogue, and the particles it makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import awkward as ak
import numpy as np
import pythia8mc
from numpy.typing import NDArray

from course_utils.samples import Process, Recipe


@dataclass(frozen=True)
class Particles:
    """Particles of many events in flat arrays, grouped by event.

    ``momentum`` has shape (n_particles, 4), ``(E, px, py, pz)`` in GeV; ``event`` is the index of
    the event each belongs to, never falling, below ``n_events``.
    """

    momentum: NDArray[np.float64]
    pdg_id: NDArray[np.int32]
    event: NDArray[np.int64]
    n_events: int


def pythia(process: Process, recipe: Recipe, *, seed: int) -> pythia8mc.Pythia:
    """A Pythia 8 generator ready to run; ``seed`` from 1 to 900 000 000.

    Raises ``ValueError`` when Pythia does not know a setting or cannot start.
    """
    generator = pythia8mc.Pythia("", False)
    low, high = process.pthat or (None, None)
    window = (f"PhaseSpace:pTHatMin = {low}", f"PhaseSpace:pTHatMax = {high}")
    lines = (
        "Print:quiet = on",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        *(window if process.pthat else ()),
        *recipe.common_settings,
        *process.settings,
    )
    for line in lines:
        if not generator.readString(line):
            raise ValueError(f"Pythia does not know the setting {line!r} of {process.name}.")
    if not generator.init():
        raise ValueError(f"Pythia could not start {process.name} with {lines}.")
    return generator


def batches(generator: pythia8mc.Pythia, *, size: int) -> Iterator[ak.Array]:
    """Endless event records of ``size`` collisions each; failed ones are skipped by Pythia."""
    while True:
        yield generator.nextBatch(size).prt


def final_state(record: ak.Array) -> Particles:
    """The particles that reach the detector (status > 0)."""
    return select(record, ak.flatten(record.status).to_numpy() > 0)


def select(record: ak.Array, chosen: NDArray[np.bool_]) -> Particles:
    """The chosen entries of an event record; ``chosen`` counts through the flattened record."""
    counts = ak.num(record).to_numpy()
    momentum = ak.flatten(record.p)
    return Particles(
        momentum=np.stack(
            [momentum[axis].to_numpy()[chosen] for axis in ("e", "px", "py", "pz")], axis=-1
        ),
        pdg_id=ak.flatten(record.id).to_numpy()[chosen],
        event=np.repeat(np.arange(len(record)), counts)[chosen],
        n_events=len(record),
    )
