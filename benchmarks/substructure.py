"""What substructure costs per jet, in one process and in batches on all cores.

    python benchmarks/substructure.py [FILE] [--jets 1000 10000 100000] [--workers 2]

FILE is a jet file; by default the packaged small sample. Its jets are repeated until there are
enough. Every quantity is computed by one call in this process, and by joblib, in batches of 2000 as
`course_utils.substructure` shows; the two take turns, so that both see the same load. The time of
the batches includes the start of the workers. On a busy machine the ratio of the CPU times says
what the batches cost, and the ratio of the wall times says little.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky import get_reusable_executor
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from course_utils.jetfile import JetFile
from course_utils.samples import load_jets
from course_utils.substructure import lund_plane, n_subjettiness, soft_drop_mass, subjets, trimmed

QUANTITIES = {
    "tau_1 ... tau_4": partial(n_subjettiness, n_max=4),
    "soft drop mass": soft_drop_mass,
    "Lund plane": lund_plane,
    "subjets": subjets,
    "trimmed": trimmed,
}


def some_jets(path: Path | None) -> np.ndarray:
    """All jets of the file, or those that come with the course."""
    if path is None:
        return load_jets("top_tagging", "train").jets
    with JetFile(path) as file:
        return file.read().jets


def repeated(jets: np.ndarray, n_jets: int) -> np.ndarray:
    """As many as asked for."""
    return jets[np.arange(n_jets) % len(jets)]


def in_batches(function: Callable, jets: np.ndarray, *, workers: int) -> np.ndarray:
    """Compute 2000 jets at a time in worker processes, which are started and ended here."""
    run = Parallel(n_jobs=workers, max_nbytes=None, return_as="generator")
    batches = (jets[start : start + 2000] for start in range(0, len(jets), 2000))
    results = np.concatenate(list(run(delayed(function)(batch) for batch in batches)))
    get_reusable_executor().shutdown()  # only ended processes count in os.times
    return results


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time, and CPU time of this process and of those it started."""
    start, cpu = perf_counter(), sum(os.times()[:4])
    work()
    return perf_counter() - start, sum(os.times()[:4]) - cpu


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="jet file to take jets from")
    parser.add_argument("--jets", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=cpu_count(), help="(default: %(default)s)")
    options = parser.parse_args()
    source = some_jets(options.file)
    table = Table(
        "jets",
        "quantity",
        "one call, us/jet",
        "jets/s",
        "batches, us/jet",
        "jets/s",
        "one call / batches",
        "CPU, batches / one call",
        title=f"{options.workers} workers",
    )
    for function in QUANTITIES.values():  # the first call of each prepares more than its jets
        function(source[:10])
    turns = [(n, name) for n in options.jets for name in QUANTITIES]
    for n_jets, name in tqdm(turns, unit="run", disable=None):
        jets, function = repeated(source, n_jets), QUANTITIES[name]
        call, call_cpu = seconds(lambda: function(jets))  # noqa: B023
        batches, batches_cpu = seconds(
            lambda: in_batches(function, jets, workers=options.workers)  # noqa: B023
        )
        rates = [f(t) for t in (call, batches) for f in (_microseconds(n_jets), _rate(n_jets))]
        table.add_row(
            f"{n_jets:,}", name, *rates, f"{call / batches:.2f}", f"{batches_cpu / call_cpu:.2f}"
        )
    Console(width=140).print(table)


def _microseconds(n_jets: int) -> Callable[[float], str]:
    return lambda seconds: f"{1e6 * seconds / n_jets:.1f}"


def _rate(n_jets: int) -> Callable[[float], str]:
    return lambda seconds: f"{n_jets / seconds:,.0f}"


if __name__ == "__main__":
    main()
