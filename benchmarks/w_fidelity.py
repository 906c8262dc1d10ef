"""What is in w_tagging, its window and w_top_qcd: a table, a figure, and likelihoods.

    python benchmarks/w_fidelity.py [--jets 20000] [--figure docs/w_jets.png]

Takes the training jets found by `course_utils.samples`, generated or of the small samples. The
published numbers beside them are those of Jet-Images (arXiv:1511.05190) that it states in words;
its own jets are not public.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from rich.console import Console
from rich.table import Table

from course_utils.images import trimmed_images
from course_utils.jetfile import JetTable
from course_utils.kinematics import jet_mass, jet_pt
from course_utils.metrics import background_rejection, cross_fitted_likelihood, roc_auc
from course_utils.samples import load_jets
from course_utils.substructure import n_subjettiness, tau_ratio

EDGES = (300, 400, 600, 800, 1000)  # GeV, of the ranges of w_top_qcd
COLOURS = {"QCD": "0.35", "W": "tab:blue", "top": "tab:red"}


def classes(table: JetTable) -> dict[str, np.ndarray]:
    """A mask for each class that there is, by its name."""
    if "label_top" not in table.columns:
        return {"QCD": table.y_true == 0, "W": table.y_true == 1}
    is_w, is_top = (table.columns[name] == 1 for name in ("label_W", "label_top"))
    return {"QCD": ~is_w & ~is_top, "W": is_w, "top": is_top}


def tau21(table: JetTable) -> np.ndarray:
    """Ratio of two to one, by the jet's own constituents."""
    return tau_ratio(n_subjettiness(table.jets, n_max=2), 2)


def summary(samples: dict[str, JetTable]) -> Table:
    """Medians and shares of every class, and of every range."""
    columns = ("sample", "class", "jets", "pT", "mass, 10/50/90 %", "65-95 GeV / %", "tau21")
    shown = Table(*columns, "constituents", "all quarks inside / %")
    for name, table in samples.items():
        pt, mass, ratio = jet_pt(table.jets), jet_mass(table.jets), tau21(table)
        number = (table.jets[..., 0] > 0).sum(axis=1)
        inside = table.columns["n_quarks_inside"]
        of_range = table.columns.get("pt_range", np.zeros(len(table), int))
        for which in np.unique(of_range):
            label = f"{name} {EDGES[which]}" if "pt_range" in table.columns else name
            for kind, mask in classes(table).items():
                here = mask & (of_range == which)
                quarks = {"QCD": None, "W": 2, "top": 3}[kind]
                shown.add_row(
                    label,
                    kind,
                    str(here.sum()),
                    f"{np.median(pt[here]):.0f}",
                    " ".join(f"{m:.0f}" for m in np.percentile(mass[here], (10, 50, 90))),
                    f"{100 * ((mass > 65) & (mass < 95))[here].mean():.1f}",
                    f"{np.median(ratio[here]):.2f}",
                    f"{number[here].mean():.0f}",
                    "" if quarks is None else f"{100 * (inside[here] == quarks).mean():.0f}",
                )
    return shown


def likelihoods(table: JetTable) -> Table:
    """How well mass and tau21 separate the jets of the window, by cross-fitted likelihoods."""
    rng = np.random.default_rng(1)
    mass, ratio = jet_mass(table.jets), tau21(table)
    shown = Table("likelihood of", "bins", "AUC", "R50")
    for name, values, bins in (
        ("mass", mass, 20),
        ("tau21", ratio, 20),
        ("mass, tau21", np.column_stack([mass, ratio]), 6),
        ("mass, tau21", np.column_stack([mass, ratio]), 10),
        ("mass, tau21", np.column_stack([mass, ratio]), 25),
    ):
        score = cross_fitted_likelihood(
            table.y_true, values, bins=bins, rng=rng, groups=table.columns["event"]
        )
        rejection = background_rejection(table.y_true, score)
        shown.add_row(name, str(bins), str(roc_auc(table.y_true, score)), str(rejection))
    return shown


def histogram(ax: Axes, values: np.ndarray, edges: np.ndarray, colour: str, label: str) -> None:
    """Density of the values, with the statistical error of every bin."""
    counts = np.histogram(values, edges)[0]
    scale = 1 / (max(len(values), 1) * np.diff(edges))
    ax.stairs(counts * scale, edges, color=colour, label=label)
    centres = (edges[1:] + edges[:-1]) / 2
    ax.errorbar(centres, counts * scale, np.sqrt(counts) * scale, fmt="none", color=colour, lw=0.8)


def draw(samples: dict[str, JetTable], path: Path) -> None:
    """Spectra, masses, tau21 and contained quarks, in six panels."""
    coarse, window, three = samples.values()
    figure, axes = plt.subplots(2, 3, figsize=(12, 6.6), layout="constrained")
    for ax, table, values, edges, label in (
        (axes[0, 0], coarse, jet_pt(coarse.jets), np.linspace(250, 300, 11), "jet pT / GeV"),
        (axes[0, 1], coarse, jet_mass(coarse.jets), np.linspace(0, 160, 33), "trimmed mass / GeV"),
        (axes[0, 2], window, tau21(window), np.linspace(0, 1, 26), "tau21, 65 < m < 95 GeV"),
        (axes[1, 1], three, jet_mass(three.jets), np.linspace(0, 300, 31), "mass / GeV"),
    ):
        for kind, mask in classes(table).items():
            histogram(ax, values[mask], edges, COLOURS[kind], kind)
        ax.set(xlabel=label, ylabel="density", ylim=(0, None))
        ax.legend(frameon=False)
    _spectra(axes[1, 0], three)
    _contained(axes[1, 2], three)
    axes[0, 1].set_title("w_tagging")
    axes[1, 1].set_title("w_top_qcd, all ranges")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _spectra(ax: Axes, three: JetTable) -> None:
    pt = jet_pt(three.jets)
    for kind, mask in classes(three).items():
        for which, (low, high) in enumerate(pairwise(EDGES)):
            here = mask & (three.columns["pt_range"] == which)
            label = kind if which == 0 else ""
            histogram(ax, pt[here], np.linspace(low, high, 6), COLOURS[kind], label)
    ax.set(xlabel="jet pT / GeV", ylabel="density in each range", ylim=(0, None))
    ax.legend(frameon=False)


def _contained(ax: Axes, three: JetTable) -> None:
    ranges = [f"{low}-{high}" for low, high in pairwise(EDGES)]
    for kind, n_quarks in (("W", 2), ("top", 3)):
        masks = [classes(three)[kind] & (three.columns["pt_range"] == n) for n in range(4)]
        share = np.array([(three.columns["n_quarks_inside"][m] == n_quarks).mean() for m in masks])
        error = np.sqrt(share * (1 - share) / [m.sum() for m in masks])
        ax.errorbar(ranges, share, error, fmt="o-", color=COLOURS[kind], label=kind)
    ax.set(xlabel="range of pT / GeV", ylabel="all quarks inside the jet", ylim=(0, 1))
    ax.legend(frameon=False, loc="lower right")


def main() -> None:
    """Read the command line, print the tables, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=None, help="of each; by default all there are")
    parser.add_argument("--figure", type=Path, help="where to write it; by default it is not drawn")
    arguments = parser.parse_args()
    names = ("w_tagging", "w_tagging_window", "w_top_qcd")
    samples = {name: load_jets(name, "train", stop=arguments.jets) for name in names}
    console = Console(width=130)
    console.print(summary(samples))
    console.print(likelihoods(samples["w_tagging_window"]))
    for kind, mask in classes(samples["w_tagging"]).items():
        filled = (trimmed_images(samples["w_tagging"].jets[mask]) > 0).mean()
        console.print(f"{kind}: {100 * filled:.1f} % of the pixels of 25 x 25 are filled")
    if arguments.figure:
        draw(samples, arguments.figure)


if __name__ == "__main__":
    main()
