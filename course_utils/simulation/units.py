"""A unit of production: some hundred jets of one process, with random numbers of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from course_utils.jetfile import TTV, JetTable, column_type
from course_utils.samples import SAMPLES, Sample
from course_utils.simulation.clustering import leading_jets
from course_utils.simulation.collisions import Collisions, final_state
from course_utils.simulation.detector import DETECTORS
from course_utils.simulation.events import events_of
from course_utils.simulation.truth import TRUTHS

BATCH_EVENTS = 100
ARRAYS = ("jets", "truth", "y_true", "ttv")  # of a JetTable, in its order
_EVENTS_OF_UNIT = 100_000  # far more than any needs; int32 holds 21 000 units


@dataclass(frozen=True)
class Unit:
    """One piece of work: jets of one process, with the random numbers that belong to it."""

    sample: str
    split: str
    process: str
    stream: int
    number: int
    seed: int
    n_jets: int

    @property
    def file_name(self) -> str:
        """Where the unit waits until all are there."""
        return f"{self.process}_{self.number:06d}.npz"

    @property
    def first_event(self) -> int:
        """Where its numbers of events begin: no two units of a file share one."""
        n_streams = 1 + max(each.stream for each in SAMPLES[self.sample].recipe.processes)
        return (self.number * n_streams + self.stream) * _EVENTS_OF_UNIT

    def random(self) -> tuple[int, np.random.Generator]:
        """Seed for Pythia, and numpy's generator for the detector."""
        key = (TTV[self.split], self.stream, self.number)
        sequence = np.random.SeedSequence(self.seed, spawn_key=key)
        for_pythia, for_detector = sequence.spawn(2)
        pythia_seed = int(for_pythia.generate_state(1)[0]) % 900_000_000 + 1
        return pythia_seed, np.random.default_rng(for_detector)


@dataclass(frozen=True)
class MadeUnit:
    """The jets of a unit, and how many collisions they took."""

    table: JetTable
    n_events: int


def make_unit(unit: Unit) -> MadeUnit:
    """Collide until the unit is full. Runs in a worker."""
    sample = SAMPLES[unit.sample]
    pythia_seed, rng = unit.random()
    process, table_of = sample.recipe.process(unit.process), CONTENTS[sample.recipe.content]
    collisions = Collisions(process, sample.recipe, seed=pythia_seed)
    tables, n_jets = [], 0
    while n_jets < unit.n_jets:
        first_event = unit.first_event + collisions.n_finished
        table = table_of(collisions.batch(BATCH_EVENTS), sample, unit, rng=rng)
        tables.append(_numbered(table, first_event))
        n_jets += len(table)
    return MadeUnit(joined(tables)[: unit.n_jets], collisions.n_tried)


def jets_of(record: object, sample: Sample, unit: Unit, *, rng: np.random.Generator) -> JetTable:
    """The sample's jets in a batch of Pythia's events."""
    recipe = sample.recipe
    process = recipe.process(unit.process)
    flow = DETECTORS[recipe.detector].reconstruct(final_state(record), rng=rng)
    found = leading_jets(flow, recipe, jet_pt=process.jet_pt, n_leading=process.n_leading)
    truth = TRUTHS[recipe.truth](
        record, found, radius=recipe.jet_radius, is_signal=process.is_signal
    )
    same_for_all = {**process.columns, "file": unit.number}
    of_jets = {
        "ungroomed_mass": found.ungroomed_mass.astype(np.float32),
        "event": found.event.astype(np.int32),
    }
    known = {**of_jets, **truth.columns} | {
        name: np.full(len(truth.kept), value, column_type(name))
        for name, value in same_for_all.items()
    }
    return JetTable(
        jets=found.constituents[:, : recipe.n_constituents],
        truth=truth.momentum.astype(np.float32),
        y_true=truth.y_true,
        ttv=np.full(len(truth.kept), TTV[unit.split], dtype=np.int8),
        columns={name: known[name] for name in sample.columns},
    )[truth.kept]


# What a row of a file is, by the word in the recipe: a function of an event record, the sample, the
# unit and a random generator that returns a `JetTable`.
CONTENTS: Final[Mapping[str, Callable[..., JetTable]]] = {"jets": jets_of, "events": events_of}


def _numbered(table: JetTable, first_event: int) -> JetTable:
    """Count the events of a batch on, so that jets of one event can be told from others."""
    if "event" not in table.columns:
        return table
    events = table.columns["event"] + np.int32(first_event)
    return replace(table, columns={**table.columns, "event": events})


def joined(tables: list[JetTable]) -> JetTable:
    """The jets of all tables, one after the other."""

    def join(arrays: Iterable[NDArray]) -> NDArray:
        return np.concatenate(list(arrays))

    return JetTable(
        *(join(getattr(t, name) for t in tables) for name in ARRAYS),
        columns={name: join(t.columns[name] for t in tables) for name in tables[0].columns},
    )
