"""Many jets: in parallel, reproducible, resumable, streamed to a file in the public format.

The work is cut into units of some hundred jets of one process; the units of the same number, one
of each process, are mixed in the file, in the proportion that the recipe asks for. A unit's random
numbers follow from the seed, the split, the process and the unit's number alone, so that neither
the number of workers nor an interruption changes a jet, and asking for more jets keeps those
already made.
"""

from __future__ import annotations

import errno
import json
import math
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from io import BytesIO
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from course_utils.files import disk_room, is_full, locked, write_file
from course_utils.jetfile import TTV, DataError, JetTable, write_jets
from course_utils.samples import SAMPLES, Process, Recipe
from course_utils.simulation.detector import DETECTORS
from course_utils.simulation.units import ARRAYS, MadeUnit, Unit, joined, make_unit
from course_utils.simulation.workers import n_cores, worker_pool

_LAYOUT = 3  # of a unit's file; another one is not continued
_BYTES = 1600  # of a jet: 0.8 kB in a unit's file until all are there, 0.77 kB in the jet file


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
    """Make ``n_jets`` jets, as many of each process as the recipe asks for, in one file.

    Finished units wait in ``<path>.parts``. Calling again with the same arguments after an
    interruption continues there. The file appears under its name only when it is complete.

    Parameters
    ----------
    sample : str
        A key of `course_utils.samples.SAMPLES`.
    n_jets : int
        A multiple of the recipe's shares: of 2 for top_tagging, of 4 for hbb.
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
        Another process makes this file, ``<path>.parts`` holds the beginning of something else, or
        the disk has no room.
    """
    _check(sample, n_jets, seed, split)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    units = _units(sample, split, n_jets=n_jets, seed=seed)
    with locked(path, busy=partial(_refuse_second, path)), _full_disk_told(path, n_jets):
        return _produce(
            path, units, origin(sample, split, seed), n_jets, executor, workers, progress
        )


def _produce(
    path: Path,
    units: list[Unit],
    provenance: dict[str, str | int],
    n_jets: int,
    executor: Executor | None,
    workers: int | None,
    progress: bool,
) -> Path:
    """`produce`, once nobody else makes this file."""
    parts = _parts_folder(path, provenance)
    missing = [unit for unit in units if not (parts / unit.file_name).exists()]
    _require_room(path, n_jets, sum(unit.n_jets for unit in missing))
    workers = workers or n_cores()
    with (
        tqdm(
            total=sum(unit.n_jets for unit in units),
            initial=sum(unit.n_jets for unit in units) - sum(unit.n_jets for unit in missing),
            desc=f"{units[0].sample} {units[0].split}",
            unit=f" {SAMPLES[units[0].sample].recipe.content}",
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


def _refuse_second(path: Path) -> None:
    raise DataError(
        f"Another process is making {path} now; leave its {_parts_of(path).name} alone. Wait until "
        f"it is finished, or set JET_DATA to another folder."
    )


def _parts_of(path: Path) -> Path:
    return path.with_name(path.name + ".parts")


def _require_room(path: Path, n_jets: int, n_missing: int) -> None:
    """Refuse to begin what the disk cannot hold, before the first minute is spent."""
    needed = (n_jets + n_missing) * _BYTES // 2
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def _full_disk_told(path: Path, n_jets: int) -> Iterator[None]:
    """Name the disk where it has no room. Finished units stay; without any, nothing stays."""
    parts = _parts_of(path)
    try:
        yield
    except (OSError, DataError) as error:
        if not is_full(error):
            raise
        n_units = len(list(parts.glob("*.npz")))
        if not n_units:
            shutil.rmtree(parts, ignore_errors=True)
        kept = f" What is finished waits in {parts.name}." if n_units else ""
        raise DataError(
            f"Making {path} stopped: no room on the disk, or a quota is used up. "
            f"{disk_room(path.parent, needed=n_jets * _BYTES)}{kept} Make room there and run the "
            f"same command again, or set JET_DATA to another folder."
        ) from error


def _units(sample: str, split: str, *, n_jets: int, seed: int) -> list[Unit]:
    """One unit of each process after the other, then the next of each."""
    recipe = SAMPLES[sample].recipe
    return [
        Unit(sample, split, process.name, process.stream, number, seed, size)
        for number in range(math.ceil(n_jets / sum(recipe.unit_jets)))
        for process, size in zip(recipe.processes, recipe.unit_jets, strict=True)
    ]


def _check(sample: str, n_jets: int, seed: int, split: str) -> None:
    if sample not in SAMPLES:
        raise ValueError(f"Expected a sample out of {sorted(SAMPLES)}, got {sample!r}.")
    if split not in TTV:
        raise ValueError(f"Expected a split out of {list(TTV)}, got {split!r}.")
    shares = SAMPLES[sample].recipe.shares
    step = sum(shares.values())
    if n_jets < 1 or n_jets % step:
        of_each = ", ".join(f"{share} {name}" for name, share in shares.items())
        rows = SAMPLES[sample].recipe.content
        raise ValueError(f"Expected a multiple of {step} {rows} ({of_each}); got {n_jets}.")
    if seed < 0:
        raise ValueError(f"Expected a seed of 0 or more, got {seed}.")


def origin(sample: str, split: str, seed: int) -> dict[str, str | int]:
    """Provenance of a file made now: all that decides its jets, but for how many there are."""
    recipe = SAMPLES[sample].recipe
    return {
        "sample": sample,
        "split": split,
        "seed": seed,
        **{process.name: _described(process) for process in recipe.processes},
        "settings": "; ".join(recipe.common_settings),
        "cuts": _cuts(recipe),
        "detector": DETECTORS[recipe.detector].title,
        "generator": f"Pythia {version('pythia8mc')}",
        "clustering": f"FastJet {version('fastjet')}",
        "course": version("jet-tagging-course"),
    }


def _described(process: Process) -> str:
    pthat = f", pTHat {process.pthat} GeV" if process.pthat else ""
    jet_pt = f", jet pT {process.jet_pt} GeV" if process.jet_pt else ""
    window = process.parton_jet_pt
    partons = f", leading jet of partons at 20 GeV {window} GeV" if window else ""
    leading = f", {process.n_leading} leading jets" if process.n_leading > 1 else ""
    return f"{process.title}{pthat}{partons}{jet_pt}{leading}"


def _cuts(recipe: Recipe) -> str:
    """In words: which jets or events are in the file."""
    jets = f"anti-kT R={recipe.jet_radius} jet"
    parts = [
        f"{recipe.selection.described}; {jets}s" if recipe.selection else f"leading {jets}",
        f"pT {recipe.jet_pt} GeV",
        f"trimmed (kT R, fraction) {recipe.trimming}" if recipe.trimming else "",
        f"mass {recipe.mass} GeV" if recipe.mass else "",
        f"soft drop mass {recipe.soft_drop_mass} GeV" if recipe.soft_drop_mass else "",
        f"abs(eta) < {recipe.jet_abs_eta}",
    ]
    return f"{', '.join(filter(None, parts))}; signal: {recipe.match}"


def _parts_folder(path: Path, wanted: dict[str, str | int]) -> Path:
    """The folder where finished units wait, made or found again."""
    wanted = wanted | {"unit layout": _LAYOUT}
    parts = _parts_of(path)
    label = parts / "origin.json"
    if label.exists() and (begun := json.loads(label.read_text())) != wanted:
        differs = sorted(key for key in wanted if begun.get(key) != wanted[key])
        raise DataError(
            f"{parts} holds an interrupted production with another {', '.join(differs)}. "
            f"Finish that one with its own arguments; or, if no machine is working on it any more, "
            f"remove the folder."
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
    arrays = {name: getattr(table, name) for name in ARRAYS}
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
        return JetTable(*(stored[name] for name in ARRAYS), columns=columns)


def _events_tried(parts: Path, units: list[Unit]) -> dict[str, int]:
    tried: Counter[str] = Counter()
    for unit in units:
        with np.load(parts / unit.file_name) as stored:
            tried[f"events_tried_{unit.process}"] += int(stored["n_events"])
    return dict(tried)


def _tables(parts: Path, units: list[Unit], n_jets: int) -> Iterator[JetTable]:
    """The units of one number after the other, mixed at random; the last cut to ``n_jets``."""
    for number, group in groupby(units, key=attrgetter("number")):
        of_each = list(group)
        size = sum(unit.n_jets for unit in of_each)
        share = min(1.0, (n_jets - number * size) / size)
        cut = [_load(parts / unit.file_name)[: round(share * unit.n_jets)] for unit in of_each]
        table = joined(cut)
        key = (of_each[0].seed, TTV[of_each[0].split], number)
        yield table[np.random.default_rng(key).permutation(len(table))]
