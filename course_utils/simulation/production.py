"""Many jets: in parallel, reproducible, resumable, streamed to a file in the public format.

The work is cut into units of some hundred jets of one process; signal unit and background unit of
the same number are mixed in the file, in the proportion that the sample asks for. A unit's random
numbers follow from the seed, the split, the process and the unit's number alone, so that neither
the number of workers nor an interruption changes a jet, and asking for more jets keeps those
already made.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from course_utils.files import write_file
from course_utils.jetfile import TTV, DataError, JetTable, write_jets
from course_utils.simulation.card import Card
from course_utils.simulation.clustering import leading_jets
from course_utils.simulation.detector import reconstruct
from course_utils.simulation.processes import (
    SAMPLES,
    Sample,
    batches,
    final_state,
    pythia,
)
from course_utils.simulation.truth import TRUTHS
from course_utils.simulation.workers import n_cores, worker_pool

BATCH_EVENTS = 100
_ARRAYS = ("jets", "truth", "y_true", "ttv")  # of a JetTable, in its order
_LAYOUT = 2  # of a unit's file; another one is not continued


@dataclass(frozen=True)
class Unit:
    """One piece of work: jets of one process, with the random numbers that belong to it."""

    sample: str
    split: str
    is_signal: bool
    number: int
    seed: int
    n_jets: int

    @property
    def class_name(self) -> str:
        """``signal`` or ``background``."""
        return "signal" if self.is_signal else "background"

    @property
    def file_name(self) -> str:
        """Where the unit waits until all are there."""
        return f"{self.class_name}_{self.number:06d}.npz"

    def random(self) -> tuple[int, np.random.Generator]:
        """Seed for Pythia, and numpy's generator for the detector."""
        key = (TTV[self.split], int(self.is_signal), self.number)
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
    process = sample.signal if unit.is_signal else sample.background
    tables, n_jets, n_events = [], 0, 0
    for record in batches(pythia(process, sample, seed=pythia_seed), size=BATCH_EVENTS):
        tables.append(jets_of(record, sample, unit, rng=rng))
        n_jets += len(tables[-1])
        n_events += len(record)
        if n_jets >= unit.n_jets:
            break
    return MadeUnit(_joined(tables)[: unit.n_jets], n_events)


def jets_of(record: object, sample: Sample, unit: Unit, *, rng: np.random.Generator) -> JetTable:
    """The sample's jets in a batch of Pythia's events."""
    found = leading_jets(reconstruct(final_state(record), rng=rng), sample)
    truth = TRUTHS[sample.name](record, found, radius=sample.jet_radius, is_signal=unit.is_signal)
    columns = dict(truth.columns)
    if columns:
        columns["file"] = np.full(len(truth.kept), unit.number, np.int32)
    return JetTable(
        jets=found.constituents,
        truth=truth.momentum.astype(np.float32),
        y_true=truth.y_true,
        ttv=np.full(len(truth.kept), TTV[unit.split], dtype=np.int8),
        columns=columns,
    )[truth.kept]


def _joined(tables: list[JetTable]) -> JetTable:
    def join(arrays: Iterable[NDArray]) -> NDArray:
        return np.concatenate(list(arrays))

    return JetTable(
        *(join(getattr(t, name) for t in tables) for name in _ARRAYS),
        columns={name: join(t.columns[name] for t in tables) for name in tables[0].columns},
    )


def produce(
    sample: str,
    path: str | Path,
    *,
    n_jets: int,
    seed: int,
    split: str = "train",
    executor: Executor | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Make ``n_jets`` jets, as many of either process as the sample asks for, in one file.

    Finished units wait in ``<path>.parts``. Calling again with the same arguments after an
    interruption continues there. The file appears under its name only when it is whole.

    Parameters
    ----------
    sample : str
        A key of ``processes.SAMPLES``.
    n_jets : int
        A multiple of 2 for top_tagging (half signal), of 4 for hbb (a quarter signal).
    seed : int
        0 or more. The same seed gives the same jets; the three splits of a seed are independent.
    split : {"train", "val", "test"}
    executor : concurrent.futures.Executor, optional
        Where the work runs, such as a Dask cluster's ``Client.get_executor()``. By default a pool
        of processes on this machine.
    workers : int, optional
        Processes of the pool, or the units an ``executor`` is kept busy with; by default the
        number of cores. No jet depends on it.
    progress : bool
        Show a progress bar, counted in jets.

    Raises
    ------
    ValueError
        An argument is out of its range.
    DataError
        ``<path>.parts`` holds the beginning of something else, or the disk refuses.
    """
    _check(sample, n_jets, seed, split)
    path = Path(path)
    units = [
        Unit(sample, split, is_signal, number, seed, size)
        for number in range(math.ceil(n_jets / sum(SAMPLES[sample].unit_jets)))
        for is_signal, size in zip((True, False), SAMPLES[sample].unit_jets, strict=True)
    ]
    provenance = origin(sample, split, seed)
    parts = _parts_folder(path, provenance)
    missing = [unit for unit in units if not (parts / unit.file_name).exists()]
    workers = workers or n_cores()
    with (
        tqdm(
            total=sum(unit.n_jets for unit in units),
            initial=sum(unit.n_jets for unit in units) - sum(unit.n_jets for unit in missing),
            desc=f"{sample} {split}",
            unit=" jets",
            disable=not progress,
        ) as bar,
        _pool(executor, min(workers, max(len(missing), 1))) as pool,
    ):
        for unit, made in _made(missing, pool, at_once=2 * workers):
            _save(parts / unit.file_name, made)
            bar.update(unit.n_jets)
    counted = _events_tried(parts, units)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_jets(
        path, _tables(parts, units, n_jets), provenance=provenance | counted | {"created": now}
    )
    shutil.rmtree(parts)
    return path


def _check(sample: str, n_jets: int, seed: int, split: str) -> None:
    if sample not in SAMPLES:
        raise ValueError(f"Expected a sample out of {sorted(SAMPLES)}, got {sample!r}.")
    if split not in TTV:
        raise ValueError(f"Expected a split out of {list(TTV)}, got {split!r}.")
    step = jets_per_signal(sample)
    if n_jets < 1 or n_jets % step:
        raise ValueError(f"Expected a multiple of {step} jets, one of them signal; got {n_jets}.")
    if seed < 0:
        raise ValueError(f"Expected a seed of 0 or more, got {seed}.")


def jets_per_signal(sample: str) -> int:
    """One jet in so many comes from the signal process."""
    signal, background = SAMPLES[sample].unit_jets
    return (signal + background) // signal


def origin(sample: str, split: str, seed: int) -> dict[str, str | int]:
    """Provenance of a file made now: all that decides its jets, but for how many there are."""
    chosen = SAMPLES[sample]
    return {
        "sample": sample,
        "split": split,
        "seed": seed,
        "signal": f"{chosen.signal.name}, pTHat {chosen.signal.pthat} GeV",
        "background": f"{chosen.background.name}, pTHat {chosen.background.pthat} GeV",
        "settings": "; ".join(chosen.common_settings),
        "cuts": _cuts(chosen),
        "detector": Card().name,
        "generator": f"Pythia {version('pythia8mc')}",
        "clustering": f"FastJet {version('fastjet')}",
        "course": version("jet-tagging-course"),
    }


def _cuts(sample: Sample) -> str:
    mass = f"soft drop mass {sample.soft_drop_mass} GeV, " if sample.soft_drop_mass else ""
    return (
        f"leading anti-kT R={sample.jet_radius} jet, pT {sample.jet_pt} GeV, {mass}"
        f"abs(eta) < {sample.jet_abs_eta}; signal: {sample.match}"
    )


def _parts_folder(path: Path, wanted: dict[str, str | int]) -> Path:
    """The folder where finished units wait, made or found again."""
    wanted = wanted | {"unit layout": _LAYOUT}
    parts = path.with_name(path.name + ".parts")
    label = parts / "origin.json"
    if label.exists() and (begun := json.loads(label.read_text())) != wanted:
        differs = sorted(key for key in wanted if begun.get(key) != wanted[key])
        raise DataError(
            f"{parts} holds an interrupted production with another {', '.join(differs)}. "
            f"Finish that one with its own arguments, or remove the folder."
        )
    parts.mkdir(parents=True, exist_ok=True)
    write_file(label, json.dumps(wanted, indent=2).encode())
    return parts


def _pool(executor: Executor | None, workers: int) -> AbstractContextManager[Executor]:
    """The caller's executor, or a pool of processes on this machine."""
    return worker_pool(workers) if executor is None else nullcontext(executor)


def _made(units: list[Unit], pool: Executor, *, at_once: int) -> Iterator[tuple[Unit, MadeUnit]]:
    """Units as they are finished, never more than ``at_once`` under way or waiting in memory."""
    waiting = iter(units)
    running = {pool.submit(make_unit, unit): unit for unit in islice(waiting, at_once)}
    while running:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()
        running |= {pool.submit(make_unit, unit): unit for unit in islice(waiting, len(done))}


def _save(path: Path, made: MadeUnit) -> None:
    buffer, table = BytesIO(), made.table
    arrays = {name: getattr(table, name) for name in _ARRAYS}
    columns = {f"column_{name}": values for name, values in table.columns.items()}
    np.savez_compressed(buffer, n_events=made.n_events, **arrays, **columns)
    write_file(path, buffer.getvalue())


def _load(path: Path) -> JetTable:
    with np.load(path) as stored:
        columns = {
            name.removeprefix("column_"): stored[name]
            for name in stored.files
            if name.startswith("column_")
        }
        return JetTable(*(stored[name] for name in _ARRAYS), columns=columns)


def _events_tried(parts: Path, units: list[Unit]) -> dict[str, int]:
    tried = {"events_tried_signal": 0, "events_tried_background": 0}
    for unit in units:
        with np.load(parts / unit.file_name) as stored:
            tried[f"events_tried_{unit.class_name}"] += int(stored["n_events"])
    return tried


def _tables(parts: Path, units: list[Unit], n_jets: int) -> Iterator[JetTable]:
    """Signal and background unit by unit, mixed at random; the last pair cut to ``n_jets``."""
    for pair in zip(units[::2], units[1::2], strict=True):
        whole, number = sum(unit.n_jets for unit in pair), pair[0].number
        share = min(1.0, (n_jets - number * whole) / whole)
        cut = [_load(parts / unit.file_name)[: round(share * unit.n_jets)] for unit in pair]
        table = _joined(cut)
        key = (pair[0].seed, TTV[pair[0].split], number)
        yield table[np.random.default_rng(key).permutation(len(table))]
