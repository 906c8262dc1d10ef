r"""Every network of the course on the same jets, and the learning curves of lesson 08.

    python benchmarks/top_tagging_trainings.py              # the table of the rows there are
    python benchmarks/top_tagging_trainings.py --train      # first, what they lack
    python benchmarks/top_tagging_trainings.py --train --all-jets --published \
        --results all_jets.jsonl

The networks of `learning_curve_taggers` are trained with one recipe on the jets that
`course_utils.samples` finds, 1000, 3162 and 10 000 of them, with several seeds; beside them stand
a cut on the mass and boosted trees. A row is added to the results file after each training, and a
run that was killed goes on. Printed are AUC, R30, parameters and seconds on the test jets. The
table that lesson 08 reads has what the same trainings reach on validation jets.

The last command takes all training jets, on the public sample 1.2 million, and the networks in
their published sizes besides. It is meant for a graphics card, where it has not been measured yet.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from learning_curve import points
from learning_curve_inputs import SAMPLE  # the modules beside this one
from learning_curve_taggers import NETWORKS, TREES
from learning_curve_training import Row, read_rows, train_all

from course_utils.samples import count_jets, data_root

RESULTS = Path(__file__).with_suffix(".jsonl")
SHIPPED = Path(__file__).parents[1] / f"course_utils/samples/data/{SAMPLE}_trainings.csv"
COLUMNS = (
    "network", "n_jets", "seed", "n_epochs", "n_parameters", "seconds", "auc", "auc_error"
)  # fmt: skip
SIZES = (1000, 3162, 10_000)
CURVES_OF_LESSON = (
    "dense network",
    "CNN",
    "PFN",
    "ParticleNet-Lite",
    "transformer without pairs",
    "transformer",
    "invariant network",
)


def tagger_of(network: str) -> str:
    """The name of a network's trainings."""
    return f"{network}, one cycle"


def markdown(rows: list[Row], size: int) -> str:
    """The table of all taggers at one size, the best last."""
    lessons = {tagger_of(name): (network.lesson, name) for name, network in NETWORKS.items()}
    found = [(tagger, curve[0]) for tagger in {row.tagger for row in rows}
             if (curve := [p for p in points(rows, tagger) if p.n_jets == size])]  # fmt: skip
    lines = ["| lesson | tagger | AUC | R30 | parameters | seconds |", "|---|---|---|---|---|---|"]
    for tagger, point in sorted(found, key=lambda pair: pair[1].auc):
        here = [row for row in rows if (row.tagger, row.n_jets) == (tagger, size)]
        lesson, name = lessons.get(tagger, ("", tagger))
        error = np.hypot(point.auc_error, np.nan_to_num(point.spread) / np.sqrt(point.n_seeds))
        left = max(point.n_background_left / point.n_seeds, 1)  # the seeds share their test jets
        cells = (
            lesson,
            name,
            f"{point.auc:.4f} ± {error:.4f}",
            f"{point.r30:.0f} ± {point.r30 / np.sqrt(left):.0f}",
            f"{here[0].n_parameters:,}".replace(",", " ") if here[0].n_parameters else "",
            f"{np.mean([row.seconds for row in here]):.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ship(rows: list[Row], path: Path) -> None:
    """Write what lesson 08 reads: curves on validation jets, no test jet among them."""
    wanted = {tagger_of(name): name for name in CURVES_OF_LESSON}
    chosen = [row for row in rows if row.tagger in wanted and row.n_jets in SIZES]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in sorted(chosen, key=lambda r: (CURVES_OF_LESSON.index(wanted[r.tagger]),
                                                 r.n_jets, r.seed)):  # fmt: skip
            auc = (round(x, 5) for x in (row.auc_val, row.auc_val_error))
            writer.writerow(
                [wanted[row.tagger], row.n_jets, row.seed, row.n_epochs, row.n_parameters,
                 row.seconds, *auc]
            )  # fmt: skip


def main() -> None:
    """Read the command line; train what is missing, print and ship what there is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", action="store_true", help="what the results file lacks")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--all-jets", action="store_true", help="of the training split, once each")
    parser.add_argument("--published", action="store_true", help="also in their published sizes")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, help="default: all")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS, help="a row per training")
    parser.add_argument("--inputs", type=Path, default=data_root() / SAMPLE / "learning_curve")
    options = parser.parse_args()
    sizes = [count_jets(SAMPLE, "train")] if options.all_jets else options.sizes
    if options.train:
        chosen = options.networks or [
            name for name, network in NETWORKS.items() if options.published or not network.published
        ]
        rivals = [] if options.networks else ["mass cut", *TREES]
        seeds = dict.fromkeys(sizes, 1 if options.all_jets else options.seeds)
        taggers = [*map(tagger_of, chosen), *rivals]
        train_all(sizes, taggers, options.results, options.inputs, seeds=seeds)
    rows = read_rows(options.results)
    for size in sorted({row.n_jets for row in rows}):
        print(f"\n{size} training jets\n\n{markdown(rows, size)}")
    if options.results == RESULTS:
        ship(rows, SHIPPED)


if __name__ == "__main__":
    main()
