"""How close the generated top-tagging sample comes to the public one: three tables and a figure.

    python benchmarks/fidelity.py [--jets 40000] [--figure fidelity.png]

Boosted trees are trained on half of the jets found by `course_utils.samples` (the training split,
generated or public) and tested on the other half, on the same features as the published taggers.
The jets are read in blocks and only what is drawn and learnt from is kept: 1 GB for 200 000 jets.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier
from tqdm import tqdm

from course_utils.kinematics import jet_mass, jet_pt
from course_utils.metrics import accuracy, background_rejection, roc_auc
from course_utils.samples import stream_jets
from course_utils.substructure import n_subjettiness, tau_ratio

# Quantiles of the jet pT (GeV) in the public test set, and the taggers of arXiv:1902.09914
# (Table 1 and section 3.2): AUC, accuracy, background rejection at 30 and 50 % signal efficiency.
JETS_AT_ONCE = 10_000
QUANTILES = (0.1, 0.5, 0.9)
PUBLISHED_PT = {"top": (557.9, 593.9, 637.6), "QCD": (557.5, 592.7, 637.1)}
PUBLISHED = {
    "mass": "",
    "mass, tau32": "0.967, 0.896, 403, - (mass + N-subjettiness)",
    "mass, pT, tau1-5 (beta 1)": "",
    "mass, pT, tau1-5 (beta 1, 2)": "",
    "mass, pT, tau1-5 (beta 0.5, 1, 2)": "0.979-0.981, -, 792-867, - (N-subjettiness 6 / 8)",
    "the same, number of constituents": "",
}


def features(jets: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of each tagger, shape (n_jets, n_features).

    The three betas are those of the N-subjettiness taggers (arXiv:1704.08249).
    """
    mass, pt = jet_mass(jets), jet_pt(jets)
    n_constituents = (jets[..., 0] > 0).sum(axis=1)
    tau05, tau1, tau2 = (n_subjettiness(jets, n_max=5, beta=beta) for beta in (0.5, 1.0, 2.0))
    tau32 = tau_ratio(tau1, 3)
    all_betas = np.column_stack([mass, pt, tau05, tau1, tau2])
    return {
        "mass": mass[:, None],
        "mass, tau32": np.stack([mass, tau32], axis=1),
        "mass, pT, tau1-5 (beta 1)": np.column_stack([mass, pt, tau1]),
        "mass, pT, tau1-5 (beta 1, 2)": np.column_stack([mass, pt, tau1, tau2]),
        "mass, pT, tau1-5 (beta 0.5, 1, 2)": all_betas,
        "the same, number of constituents": np.column_stack([all_betas, n_constituents]),
    }


@dataclass(frozen=True)
class Seen:
    """What is kept of the jets: labels, features, and the pT of their constituents."""

    y_true: np.ndarray  # (n_jets,)
    columns: dict[str, np.ndarray]  # (n_jets, n_features) of each tagger
    n_constituents: np.ndarray  # (n_jets,)
    constituent_pt: np.ndarray  # (n_constituents of all jets,), jet by jet

    @property
    def mass(self) -> np.ndarray:
        """In GeV, shape (n_jets,)."""
        return self.columns["mass"][:, 0]

    @property
    def pt(self) -> np.ndarray:
        """Of the jets, in GeV, shape (n_jets,)."""
        return self.columns["mass, pT, tau1-5 (beta 1)"][:, 1]

    @property
    def tau32(self) -> np.ndarray:
        """Shape (n_jets,)."""
        return self.columns["mass, tau32"][:, 1]


def seen(n_jets: int | None) -> Seen:
    """The first jets of the training split; all by default."""
    parts: list[tuple] = []
    left = n_jets if n_jets is not None else np.inf
    for table in tqdm(stream_jets("top_tagging", "train", batch_size=JETS_AT_ONCE), unit="block"):
        table = table[: min(len(table), left)]
        real = table.jets[..., 0] > 0
        pt = np.hypot(table.jets[real][:, 1], table.jets[real][:, 2])
        parts.append((table.y_true, features(table.jets), real.sum(axis=1), pt))
        left -= len(table)
        if left <= 0:
            break
    y_true, columns, counts, pt = zip(*parts, strict=True)
    joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    return Seen(np.concatenate(y_true), joined, np.concatenate(counts), np.concatenate(pt))


def pt_table(pt: np.ndarray, y_true: np.ndarray) -> Table:
    """Quantiles of the jet pT per class, generated against public."""
    table = Table("jet pT quantile", "class", "generated / GeV", "public / GeV", "difference / %")
    for name, label in (("top", 1), ("QCD", 0)):
        for q, public in zip(QUANTILES, PUBLISHED_PT[name], strict=True):
            here = np.quantile(pt[y_true == label], q)
            off = 100 * (here / public - 1)
            table.add_row(f"{q:.0%}", name, f"{here:.1f}", f"{public}", f"{off:+.2f}")
    return table


def shape_table(jets: Seen) -> Table:
    """Mean and quantiles per class of what tells tops from QCD, to compare with other samples."""
    table = Table("quantity", "class", "mean", *(f"{q:.0%}" for q in QUANTILES))
    quantities = (
        ("constituents", jets.n_constituents, 1),
        ("mass / GeV", jets.mass, 1),
        ("tau32", jets.tau32, 3),
    )
    for quantity, values, digits in quantities:
        for name, label in (("top", 1), ("QCD", 0)):
            here = values[jets.y_true == label]
            numbers = (here.mean(), *np.quantile(here, QUANTILES))
            table.add_row(quantity, name, *(f"{number:.{digits}f}" for number in numbers))
    return table


def trained_trees(
    x: np.ndarray, y_true: np.ndarray, *, seed: int = 0
) -> HistGradientBoostingClassifier:
    """Boosted trees that stop on a tenth of the jets, drawn by the seed."""
    trees = HistGradientBoostingClassifier(
        max_iter=300, learning_rate=0.05, early_stopping=True, random_state=seed
    )
    return trees.fit(x, y_true)


def boosted_trees(x: np.ndarray, y_true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of the second half of the jets, from trees that learnt on the first."""
    half = len(y_true) // 2
    trees = trained_trees(x[:half], y_true[:half])
    return y_true[half:], trees.predict_proba(x[half:])[:, 1]


def tagger_table(
    columns: dict[str, np.ndarray], y_true: np.ndarray, published: Mapping[str, str] | None = None
) -> Table:
    """Boosted trees on each set of features, beside published numbers if there are any."""
    table = Table("boosted trees on", "AUC", "accuracy", "R30", "R50")
    if published:
        table.add_column("published: AUC, acc., R30, R50")
    for name, x in columns.items():
        truth, score = boosted_trees(x, y_true)
        table.add_row(
            name,
            str(roc_auc(truth, score)),
            str(accuracy(truth, score)),
            *(str(background_rejection(truth, score, signal_efficiency=e)) for e in (0.3, 0.5)),
            *([published[name]] if published else ()),
        )
    return table


def figure(jets: Seen, path: str) -> None:
    """Mass, multiplicity, tau32 and constituent pT of both classes."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from course_utils.plotting import plot_distributions

    of_constituent = np.repeat(jets.y_true, jets.n_constituents)
    panels = (
        ("jet mass $m$ / GeV", jets.mass, jets.y_true, np.linspace(0, 300, 61)),
        ("number of constituents", jets.n_constituents, jets.y_true, np.linspace(0, 120, 41)),
        (r"$\tau_{32}$", jets.tau32, jets.y_true, np.linspace(0, 1, 51)),
        (
            "constituent $p_T$ / GeV",
            jets.constituent_pt,
            of_constituent,
            np.geomspace(0.5, 600, 61),
        ),
    )
    drawn, axes = plt.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
    for ax, (label, values, truth, bins) in zip(axes.flat, panels, strict=True):
        plot_distributions(values[truth == 1], values[truth == 0], bins=bins, label=label, ax=ax)
    axes[1, 1].set(xscale="log", yscale="log", ylim=(1e-6, 0.1), ylabel="fraction per bin")
    axes[1, 1].get_legend().remove()  # it counts jets; these are constituents
    drawn.savefig(path, dpi=150)


def main() -> None:
    """Read the command line, print the tables, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=None, help="how many; by default all there are")
    parser.add_argument(
        "--figure", default="fidelity.png", help="file to draw (default: %(default)s)"
    )
    arguments = parser.parse_args()
    jets = seen(arguments.jets)
    console = Console(width=150)
    console.print(f"{len(jets.y_true)} jets, half to train, half to test")
    console.print(pt_table(jets.pt, jets.y_true))
    console.print(shape_table(jets))
    console.print(tagger_table(jets.columns, jets.y_true, PUBLISHED))
    figure(jets, arguments.figure)
    console.print(f"figure: {arguments.figure}")


if __name__ == "__main__":
    main()
