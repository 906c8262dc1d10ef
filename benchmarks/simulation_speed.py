"""What a jet costs: Pythia's own time beside everything that comes after it.

    python benchmarks/simulation_speed.py [--events 4000]

Runs in one process. Each step is timed batch by batch and the medians over the batches are
printed, per event and as a ratio to Pythia. The target: all steps after Pythia together take at
most a quarter of Pythia's time.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from course_utils.jetfile import JetTable, write_jets
from course_utils.samples import SAMPLES
from course_utils.simulation.clustering import leading_jets
from course_utils.simulation.collisions import Collisions, final_state
from course_utils.simulation.detector import reconstruct
from course_utils.simulation.truth import TRUTHS
from course_utils.simulation.units import BATCH_EVENTS

STEPS = ("Pythia", "final state", "detector", "clustering", "truth match", "writing")


def timed_batches(*, is_signal: bool, n_events: int) -> tuple[dict[str, list[float]], int]:
    """Seconds each step took for each batch, and the jets that came out."""
    recipe, times, jets = SAMPLES["top_tagging"].recipe, defaultdict(list), []
    process = recipe.process("signal" if is_signal else "background")
    source = Collisions(process, recipe, seed=1)
    rng = np.random.default_rng(1)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        times[name].append(perf_counter() - start)

    for _ in range(n_events // BATCH_EVENTS):
        with step("Pythia"):
            record = source.batch(BATCH_EVENTS)
        with step("final state"):
            particles = final_state(record)
        with step("detector"):
            flow = reconstruct(particles, rng=rng)
        with step("clustering"):
            found = leading_jets(flow, recipe)
        with step("truth match"):
            truth = TRUTHS[recipe.truth](
                record, found, radius=recipe.jet_radius, is_signal=is_signal
            )
        jets.append(found.constituents[truth.kept])
    with TemporaryDirectory() as folder:
        tables = [_unlabelled(batch) for batch in jets if len(batch)]
        start = perf_counter()
        write_jets(Path(folder, "jets.h5"), tables, provenance={})
        times["writing"] = [(perf_counter() - start) / len(jets)]
    return times, sum(map(len, jets))


def _unlabelled(jets: np.ndarray) -> JetTable:
    n_jets = len(jets)
    return JetTable(jets, np.zeros((n_jets, 4)), np.zeros(n_jets), np.zeros(n_jets))


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=4000, help="per class (default: %(default)s)")
    n_events = parser.parse_args().events
    table = Table("class", *STEPS, "after Pythia / Pythia", "ms per jet kept", title="ms per event")
    pythia_per_jet = rest_per_jet = 0.0
    for name, is_signal in (("top", True), ("QCD", False)):
        times, n_jets = timed_batches(is_signal=is_signal, n_events=n_events)
        per_event = {step: 1e3 * median(times[step]) / BATCH_EVENTS for step in STEPS}
        rest = sum(per_event.values()) - per_event["Pythia"]
        total = rest + per_event["Pythia"]
        table.add_row(
            name,
            *(f"{per_event[step]:.3f}" for step in STEPS),
            f"{rest / per_event['Pythia']:.2f}",
            f"{total * n_events / n_jets:.2f}",
        )
        pythia_per_jet += per_event["Pythia"] * n_events / n_jets
        rest_per_jet += rest * n_events / n_jets
    console = Console(width=130)
    console.print(table)
    ratio = rest_per_jet / pythia_per_jet
    console.print(
        f"as many jets of either class: after Pythia / Pythia = {ratio:.2f} (target 0.25)"
    )


if __name__ == "__main__":
    main()
