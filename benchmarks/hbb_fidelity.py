"""How hard the hbb sample is, and what it is made of: two tables.

    python benchmarks/hbb_fidelity.py [--jets 15000]

Boosted trees are trained on half of the labelled jets found by `course_utils.samples` (the
training split, generated or public) and tested on the other half. Nothing published fits beside
these numbers: the taggers of the public sample use tracks and vertices, which this detector has
not.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from boosted_trees import tagger_table  # the module beside this one
from rich.console import Console
from rich.table import Table

from course_utils.jetfile import JetTable
from course_utils.metrics import roc_auc
from course_utils.samples import TRUTH_LABELS, load_frame, load_jets
from course_utils.substructure import n_subjettiness, tau_ratio


def category_table(frame_labels: dict[str, np.ndarray]) -> Table:
    """Fractions of the six truth categories among all rows of the file."""
    table = Table("category", "share of all rows / %")
    total = np.zeros(len(frame_labels[TRUTH_LABELS[0]]))
    for name in TRUTH_LABELS:
        table.add_row(name, f"{100 * frame_labels[name].mean():.1f}")
        total += frame_labels[name]
    table.add_row("none (left out)", f"{100 * (total != 1).mean():.1f}")
    return table


def features(table: JetTable) -> dict[str, np.ndarray]:
    """Columns of each tagger, shape (n_jets, n_features)."""
    mass, pt = table.columns["fj_sdmass"], table.columns["fj_pt"]
    tau = np.concatenate(
        [n_subjettiness(table.jets, n_max=3, beta=beta) for beta in (1, 2)], axis=1
    )
    n_constituents = (table.jets[..., 0] > 0).sum(axis=1)
    return {
        "jet pT": pt[:, None],
        "soft drop mass": mass[:, None],
        "soft drop mass, tau21": np.column_stack([mass, tau_ratio(tau, 2)]),
        "soft drop mass, pT, tau1-3 (beta 1, 2), multiplicity": np.column_stack(
            [mass, pt, tau, n_constituents]
        ),
    }


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=None, help="how many; by default all there are")
    arguments = parser.parse_args()
    console = Console(width=130)
    start = time.perf_counter()
    table = load_jets("hbb", "train", stop=arguments.jets)
    seconds = time.perf_counter() - start
    console.print(
        f"{len(table)} jets read in {seconds:.1f} s, half to train, half to test; signal "
        f"{table.y_true.mean():.1%}, accuracy of always saying QCD {1 - table.y_true.mean():.3f}"
    )
    frame = load_frame("hbb", "train")
    console.print(category_table({name: frame[name].to_numpy() for name in TRUTH_LABELS}))
    pt, y_true = table.columns["fj_pt"], table.y_true
    console.print(f"AUC of jet pT as it is: {roc_auc(y_true, pt)}")
    console.print(tagger_table(features(table), y_true))


if __name__ == "__main__":
    main()
