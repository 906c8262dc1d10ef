"""Many jets: in parallel, reproducible, resumable, streamed to a file in the public format.

The work is cut into units of ``UNIT_JETS`` jets of one class. A unit's random numbers follow from
the seed, the split, the class and the unit's number alone, so that neither the number of workers
nor an interruption changes a jet, and asking for more jets keeps those already made.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from course_utils.jetfile import TTV, DataError, JetTable, write_jets
from course_utils.simulation.card import Card
from course_utils.simulation.clustering import leading_jets, matched_top
from course_utils.simulation.detector import reconstruct
from course_utils.simulation.processes import (
    SAMPLES,
    Sample,
    batches,
    final_state,
    hadronic_tops,
    pythia,
)

UNIT_JETS = 500
BATCH_EVENTS = 100


@dataclass(frozen=True)
class Unit:
    """One piece of work: jets of one class, with the random numbers that belong to it."""

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

    jets: NDArray[np.float32]  # (n_jets, 200, 4)
    truth: NDArray[np.float32]  # (n_jets, 4)
    n_events: int


def make_unit(unit: Unit) -> MadeUnit:
    """Collide until the unit is full. Runs in a worker."""
    sample = SAMPLES[unit.sample]
    pythia_seed, rng = unit.random()
    process = sample.signal if unit.is_signal else sample.background
    jets, truth, n_jets, n_events = [], [], 0, 0
    for record in batches(pythia(process, sample, seed=pythia_seed), size=BATCH_EVENTS):
        new_jets, new_truth = jets_of(record, sample, is_signal=unit.is_signal, rng=rng)
        jets.append(new_jets)
        truth.append(new_truth)
        n_jets += len(new_jets)
        n_events += len(record)
        if n_jets >= unit.n_jets:
            break
    full = slice(unit.n_jets)
    return MadeUnit(np.concatenate(jets)[full], np.concatenate(truth)[full], n_events)


def jets_of(
    record: object, sample: Sample, *, is_signal: bool, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Constituents and true momentum of the sample's jets in a batch of Pythia's events."""
    found = leading_jets(
        reconstruct(final_state(record), rng=rng),
        radius=sample.jet_radius,
        pt_range=sample.jet_pt,
        max_abs_eta=sample.jet_abs_eta,
    )
    if not is_signal:
        return found.constituents, np.zeros((len(found.event), 4), dtype=np.float32)
    matched, top = matched_top(found, *hadronic_tops(record), radius=sample.jet_radius)
    return found.constituents[matched], top[matched].astype(np.float32)


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
    """Make ``n_jets`` jets, half of them signal, and write them to ``path``.

    Finished units wait in ``<path>.parts``. Calling again with the same arguments after an
    interruption continues there. The file appears under its name only when it is whole.

    Parameters
    ----------
    sample : str
        A key of ``processes.SAMPLES``.
    n_jets : int
        Even, 2 or more.
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
        Unit(sample, split, is_signal, number, seed, UNIT_JETS)
        for number in range(math.ceil(n_jets / 2 / UNIT_JETS))
        for is_signal in (True, False)
    ]
    provenance = origin(sample, split, seed)
    parts = _parts_folder(path, provenance)
    missing = [unit for unit in units if not (parts / unit.file_name).exists()]
    workers = workers or len(os.sched_getaffinity(0))
    with (
        tqdm(
            total=len(units) * UNIT_JETS,
            initial=(len(units) - len(missing)) * UNIT_JETS,
            desc=f"{sample} {split}",
            unit=" jets",
            disable=not progress,
        ) as bar,
        _pool(executor, min(workers, max(len(missing), 1))) as pool,
    ):
        for unit, made in _made(missing, pool, at_once=2 * workers):
            _save(parts / unit.file_name, made)
            bar.update(UNIT_JETS)
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
    if n_jets < 2 or n_jets % 2:
        raise ValueError(f"Expected an even number of jets, 2 or more, got {n_jets}.")
    if seed < 0:
        raise ValueError(f"Expected a seed of 0 or more, got {seed}.")


def origin(sample: str, split: str, seed: int) -> dict[str, str | int]:
    """Provenance of a file made now: all that decides its jets, but for how many there are."""
    chosen = SAMPLES[sample]
    return {
        "sample": sample,
        "split": split,
        "seed": seed,
        "signal": f"{chosen.signal.name}, pTHat {chosen.signal.pthat} GeV",
        "background": f"{chosen.background.name}, pTHat {chosen.background.pthat} GeV",
        "settings": "; ".join(chosen.settings),
        "cuts": (
            f"leading anti-kT R={chosen.jet_radius} jet, pT {chosen.jet_pt} GeV, "
            f"abs(eta) < {chosen.jet_abs_eta}; signal: top and its three quarks within R"
        ),
        "detector": Card().name,
        "generator": f"Pythia {version('pythia8mc')}",
        "clustering": f"FastJet {version('fastjet')}",
        "course": version("jet-tagging-course"),
    }


def _parts_folder(path: Path, wanted: dict[str, str | int]) -> Path:
    """The folder where finished units wait, made or found again."""
    parts = path.with_name(path.name + ".parts")
    label = parts / "origin.json"
    if label.exists() and (begun := json.loads(label.read_text())) != wanted:
        differs = sorted(key for key in wanted if begun.get(key) != wanted[key])
        raise DataError(
            f"{parts} holds an interrupted production with another {', '.join(differs)}. "
            f"Finish that one with its own arguments, or remove the folder."
        )
    parts.mkdir(parents=True, exist_ok=True)
    _write_whole(label, json.dumps(wanted, indent=2).encode())
    return parts


@contextmanager
def _pool(executor: Executor | None, workers: int) -> Iterator[Executor]:
    """The caller's executor, or a pool of processes that an error or Ctrl-C stops at once."""
    if executor is not None:
        yield executor
        return
    # Not fork: a notebook's threads (TensorFlow's, say) do not survive it.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker end when the process that started it was killed, instead of waiting forever."""

    def wait_for_parent() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_for_parent, daemon=True).start()


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
    buffer = BytesIO()
    np.savez_compressed(buffer, jets=made.jets, truth=made.truth, n_events=made.n_events)
    _write_whole(path, buffer.getvalue())


def _write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name and rename: a kill leaves no half file under ``path``."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


def _load(path: Path) -> MadeUnit:
    with np.load(path) as stored:
        return MadeUnit(stored["jets"], stored["truth"], int(stored["n_events"]))


def _events_tried(parts: Path, units: list[Unit]) -> dict[str, int]:
    tried = {"events_tried_signal": 0, "events_tried_background": 0}
    for unit in units:
        with np.load(parts / unit.file_name) as stored:
            tried[f"events_tried_{unit.class_name}"] += int(stored["n_events"])
    return tried


def _tables(parts: Path, units: list[Unit], n_jets: int) -> Iterator[JetTable]:
    """Signal and background unit by unit, mixed at random; the last pair cut to ``n_jets``."""
    for signal, background in zip(units[::2], units[1::2], strict=True):
        n_each = min(signal.n_jets, n_jets // 2 - signal.number * signal.n_jets)
        pair = [_load(parts / unit.file_name) for unit in (signal, background)]
        order = np.random.default_rng((signal.seed, TTV[signal.split], signal.number)).permutation(
            2 * n_each
        )
        yield JetTable(
            jets=np.concatenate([made.jets[:n_each] for made in pair])[order],
            truth=np.concatenate([made.truth[:n_each] for made in pair])[order],
            y_true=np.repeat(np.array([1, 0], dtype=np.int8), n_each)[order],
            ttv=np.full(2 * n_each, TTV[signal.split], dtype=np.int8),
        )
