"""How the background of the sample `events` is shared out: cross sections times acceptances.

    python benchmarks/event_rates.py [--seconds 30] [--process w_jets] [--pthat 20 30 40 60]

Collides each process for some seconds of processor time and prints its cross section, as Pythia
has it at leading order, and the share of the collisions that is left after each cut. A b tag is not
drawn: each event counts with the probability that at least one of its jets is tagged, which is some
ten times more precise for light jets. The shares of the catalogue follow from the last column.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table

from course_utils.samples import SAMPLES, Kind, Process, Recipe
from course_utils.simulation.collisions import Collisions, final_state
from course_utils.simulation.detector import DETECTORS
from course_utils.simulation.events import selected
from course_utils.simulation.objects import find_objects, tag_probabilities

_MB_IN_PB = 1e9
_BATCH = 100


@dataclass(frozen=True)
class Rate:
    """Cross section in pb, and the shares of the collisions that pass; each with its error."""

    n_tried: int
    cross_section: tuple[float, float]
    one_lepton: float
    accepted: tuple[float, float]

    @property
    def selected(self) -> tuple[float, float]:
        """Cross section times acceptance in pb, and its error."""
        (sigma, d_sigma), (share, d_share) = self.cross_section, self.accepted
        relative = np.hypot(d_sigma / sigma, d_share / share) if share else 0.0
        return sigma * share, sigma * share * relative


def rate(process: Process, recipe: Recipe, *, seconds: float, seed: int = 1) -> Rate:
    """Collide for so many seconds of processor time, and count."""
    rng = np.random.default_rng(seed)
    collisions = Collisions(process, recipe, seed=seed)
    without_tags = replace(recipe, selection=replace(recipe.selection, min_b_jets=0))
    weights, n_one_lepton = [], 0
    start = process_time()
    while process_time() - start < seconds:
        record = collisions.batch(_BATCH)
        particles = DETECTORS[recipe.detector].reconstruct(final_state(record), rng=rng)
        objects = find_objects(particles, record, recipe, rng=rng)
        leptons = np.bincount(objects.event[objects.kind == Kind.LEPTON], minlength=_BATCH)
        n_one_lepton += np.count_nonzero(leptons == 1)
        is_jet = np.isin(objects.kind, (Kind.JET, Kind.B_JET))
        jets, event = objects.momentum[is_jet], objects.event[is_jet]
        untagged = np.ones(_BATCH)
        np.multiply.at(untagged, event, 1 - tag_probabilities(jets, event, record, recipe))
        weights.append(np.where(selected(objects, without_tags.selection), 1 - untagged, 0.0))
    weights = np.concatenate(weights)
    sigma, error = collisions.cross_section
    return Rate(
        n_tried=len(weights),
        cross_section=(_MB_IN_PB * sigma, _MB_IN_PB * error),
        one_lepton=n_one_lepton / len(weights),
        accepted=(weights.mean(), weights.std() / np.sqrt(len(weights))),
    )


def wanted(name: str, thresholds: list[float]) -> list[tuple[str, Process]]:
    """A process as the catalogue has it, or with other least pTHat."""
    process = SAMPLES["events"].recipe.process(name)
    if not thresholds:
        return [(name, process)]
    return [
        (f"{name}, pTHat > {low:g}", replace(process, pthat=(low, 6500.0))) for low in thresholds
    ]


def main() -> None:
    """Read the command line, print the table."""
    recipe = SAMPLES["events"].recipe
    names = [process.name for process in recipe.processes]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each; default: %(default)s")
    parser.add_argument("--process", nargs="+", choices=names, default=names)
    parser.add_argument("--pthat", nargs="+", type=float, default=[], help="least values in GeV")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    table = Table("process", "collisions", "sigma / pb", "one lepton", "all cuts", "both / pb")
    for name in arguments.process:
        for title, process in wanted(name, arguments.pthat):
            found = rate(process, recipe, seconds=arguments.seconds, seed=arguments.seed)
            table.add_row(
                title,
                f"{found.n_tried}",
                "{:.4g} ± {:.2g}".format(*found.cross_section),
                f"{found.one_lepton:.1%}",
                "{:.3%} ± {:.2%}".format(*found.accepted),
                "{:.3g} ± {:.2g}".format(*found.selected),
            )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
