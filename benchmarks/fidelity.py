"""How close the generated top-tagging jets come to the public ones: tables and a figure.

    python benchmarks/fidelity.py [--jets 200000] [--network lorentznet.npz]
                                  [--json before.json] [--figure fidelity.png]

Every number that is published about the public jets (`published.py`), beside that of the jets that
`course_utils.samples` finds (the training split, generated or public), with the error of the
difference. The kT trees and the published network see a random part of both classes. Boosted trees
learn from half of the jets and are tested on the other half. The jets are read in blocks, and only
what is needed is kept.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import published
from boosted_trees import boosted_trees
from fingerprints import (
    CLASSES,
    Comparison,
    bootstrap_errors,
    compared,
    mass_alone_comparisons,
    mass_comparisons,
    multiplicity_comparisons,
    network_comparisons,
    node_comparisons,
    pt_comparisons,
    tagger_comparisons,
    tree_nodes,
)
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from course_utils.kinematics import jet_mass, jet_pt
from course_utils.metrics import Measurement
from course_utils.samples import stream_jets
from course_utils.substructure import n_subjettiness, soft_drop_mass

JETS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Part:
    """A random part of the jets, with their constituents."""

    keys: np.ndarray  # (n_jets,), random, rising
    y_true: np.ndarray  # (n_jets,)
    jets: np.ndarray  # (n_jets, n_constituents, 4), GeV

    def with_block(self, keys: np.ndarray, y_true: np.ndarray, jets: np.ndarray) -> Part:
        """Both together."""
        pairs = ((self.keys, keys), (self.y_true, y_true), (self.jets, jets))
        return Part(*map(np.concatenate, pairs))

    def drawn(self, n: int) -> Part:
        """At most `n` jets of each class, those with the lowest keys, in their order."""
        order = np.argsort(self.keys)
        is_top = self.y_true[order] == 1
        rank = np.where(is_top, np.cumsum(is_top), np.cumsum(~is_top))
        rows = order[rank <= n]
        return Part(self.keys[rows], self.y_true[rows], self.jets[rows])

    def balanced(self, n: int) -> Part:
        """Equally many jets of both classes, at most `n`."""
        return self.drawn(min(n, *np.bincount(self.y_true, minlength=2)))


@dataclass(frozen=True)
class Seen:
    """What is kept of all jets, one row for each, and a part of them."""

    columns: dict[str, np.ndarray]
    part: Part


def measured(y_true: np.ndarray, jets: np.ndarray) -> dict[str, np.ndarray]:
    """Label, pT and mass in GeV, multiplicity, and the inputs of the boosted trees by their names.

    The betas are those of the N-subjettiness taggers (arXiv:1704.08249).
    """
    mass, pt = jet_mass(jets), jet_pt(jets)
    taus = {beta: n_subjettiness(jets, n_max=5, beta=beta) for beta in (0.5, 1.0, 2.0)}
    few, many = published.SUBSTRUCTURE
    return {
        "y_true": y_true,
        "pt": pt,
        "mass": mass,
        "n_constituents": (jets[..., 0] > 0).sum(axis=1),
        few: np.column_stack([soft_drop_mass(jets), taus[1.0][:, 1:3], pt]),
        many: np.column_stack([mass, pt, *taus.values()]),
    }


def seen(n_jets: int | None, n_kept: int) -> Seen:
    """The first jets of the training split, all by default; `n_kept` of each class as a part."""
    blocks, part, rng = [], None, np.random.default_rng(0)
    left = n_jets if n_jets is not None else np.inf
    stream = stream_jets("top_tagging", "train", batch_size=JETS_AT_ONCE)
    for table in tqdm(stream, unit="block", desc="reading", disable=None):
        table = table[: min(len(table), left)]
        blocks.append(measured(table.y_true, table.jets))
        block = rng.random(len(table)), table.y_true, table.jets
        part = (part.with_block(*block) if part else Part(*block)).drawn(n_kept)
        left -= len(table)
        if left <= 0:
            break
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return Seen(columns, part.balanced(n_kept))


def comparison_table(title: str, comparisons: list[Comparison]) -> Table:
    """A row for each quantity."""
    table = Table(title=title, title_justify="left")
    table.add_column("quantity", min_width=38)
    for header, width in (("these jets", 20), ("public", 10), ("difference", 20)):
        table.add_column(header, justify="right", min_width=width)
    table.add_column("in errors", justify="right")
    for row in comparisons:
        public = "" if row.public is None else f"{row.public:g}"
        off = row.difference
        ratio = f"{off.value / off.error:+.1f}" if off and off.error else ""
        table.add_row(row.quantity, str(row.here), public, str(off or ""), ratio)
    return table


def as_numbers(sections: dict[str, list[Comparison]]) -> dict[str, dict[str, dict]]:
    """The same as `comparison_table` for other programs: value and interval of each quantity."""
    return {
        title: {
            row.quantity: {
                "value": row.here.value,
                "low": row.low,
                "high": row.high,
                "public": row.public,
                "public_error": row.public_error,
            }
            for row in rows
        }
        for title, rows in sections.items()
    }


def missing_network(path: Path | None) -> str | None:
    """Say what is missing and where it comes from; None if the weights are there."""
    if path is not None and path.is_file():
        return None
    reason = "no --network was given" if path is None else f"{path} is not there"
    return (
        f"No table of the network that learnt from the public jets (LorentzNet, arXiv:2201.08187): "
        f"{reason}. Its weights are logs/top/pretrained/best-val-model.pt of "
        "https://github.com/sdogsq/LorentzNet-release; benchmarks/public_network.py says how to "
        "save them as a .npz file for --network."
    )


def network_section(path: Path, part: Part) -> list[Comparison]:
    """Scores of the published network, and the averages that its first layer remembers."""
    from public_network import (  # PyTorch, which nothing else here needs
        EDGE_AVERAGES,
        PublicNetwork,
        edge_averages,
        edge_sums,
        public_edge_averages,
        read_weights,
    )

    weights = read_weights(path)
    rows = network_comparisons(part.y_true, PublicNetwork(weights).scores(part.jets))
    sums = np.array([edge_sums(jet) for jet in part.jets])
    errors = bootstrap_errors(lambda drawn: edge_averages(sums[drawn]), part.y_true)
    numbers = zip(
        EDGE_AVERAGES, edge_averages(sums), errors, public_edge_averages(weights), strict=True
    )
    jets = {"jets": len(sums), "public_jets": published.NORMALISED_JETS}
    return rows + [
        compared(f"edge average, {name}", Measurement(float(here), float(error)), public, **jets)
        for name, here, error, public in numbers
    ]


def sections_of(jets: Seen, nodes: list[np.ndarray], of_nodes: np.ndarray) -> dict[str, list]:
    """All comparisons that need nothing from outside, by the title of their table."""
    of = jets.columns
    sections = {
        "jet pT / GeV": pt_comparisons(of["pt"], of["y_true"]),
        "jet mass / GeV": mass_comparisons(of["mass"], of["y_true"]),
        "likelihood ratio of the mass alone": mass_alone_comparisons(of["mass"], of["y_true"]),
        "constituents": [
            *multiplicity_comparisons(of["n_constituents"], of["y_true"]),
            *node_comparisons(nodes, of_nodes),
        ],
    }
    for name, public in published.SUBSTRUCTURE.items():
        tested = boosted_trees(of[name], of["y_true"])
        sections[f"boosted trees on {name}"] = tagger_comparisons(
            *tested, public, published.TEST_JETS
        )
    return sections


def _mass_steps(ax, edges: np.ndarray) -> None:
    """Between two published quantiles the share of public jets is known: draw it per bin."""
    for name, colour in (("top", "darkred"), ("QCD", "navy")):
        levels, masses = map(np.array, zip(*published.MASS_QUANTILES[name].items(), strict=True))
        share = np.diff(levels) / np.diff(masses) * np.diff(edges)[0]
        ax.stairs(
            share, masses, baseline=None, color=colour, linestyle="--", label=f"public {name}"
        )
    ax.legend()


def _pt_laws(ax, edges: np.ndarray) -> None:
    """The published power laws, in fractions per bin."""
    for name, colour in (("top", "darkred"), ("QCD", "navy")):
        power = edges ** (published.PT_SLOPES[name] + 1)
        share = np.diff(power) / (power[-1] - power[0])
        ax.plot((edges[1:] + edges[:-1]) / 2, share, "--", color=colour, label=f"public {name}")
    ax.legend()


def _medians(ax, median: float) -> None:
    """The median pT of the kT nodes and the public one; counts in the legend would be of nodes."""
    ax.axvline(median, color="black", label="median of both")
    ax.axvline(published.NODE_MEDIANS["pT"], color="black", linestyle="--", label="public")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles, [label.split(" (")[0] for label in labels])
    ax.set(xscale="log", ylabel="fraction of nodes per bin")


def figure(jets: Seen, nodes: list[np.ndarray], of_nodes: np.ndarray, path: Path) -> None:
    """Jet pT, mass, multiplicity and pT of the kT nodes; what is published about them dashed."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from course_utils.plotting import plot_distributions

    of, node_pt = jets.columns, published.NODE_QUANTITIES.index("pT")
    flat = np.concatenate(nodes)[:, node_pt]
    of_flat = np.repeat(of_nodes, [len(each) for each in nodes])
    panels = (
        ("jet $p_T$ / GeV", of["pt"], of["y_true"], np.linspace(*published.PT_CUTS, 21)),
        ("jet mass $m$ / GeV", of["mass"], of["y_true"], np.linspace(0, 300, 61)),
        ("number of constituents", of["n_constituents"], of["y_true"], np.linspace(0, 120, 41)),
        ("$p_T$ of kT nodes / GeV", flat, of_flat, np.geomspace(0.5, 700, 61)),
    )
    drawn, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    for ax, (label, values, truth, bins) in zip(axes.flat, panels, strict=True):
        plot_distributions(values[truth == 1], values[truth == 0], bins=bins, label=label, ax=ax)
    _pt_laws(axes[0, 0], panels[0][-1])
    _mass_steps(axes[0, 1], panels[1][-1])
    _medians(axes[1, 1], float(np.median(flat)))
    drawn.savefig(path, dpi=150)


def command_line() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, help="how many; by default all there are")
    parser.add_argument(
        "--network", type=Path, metavar="WEIGHTS.npz", help="LorentzNet; see public_network.py"
    )
    each = "of each class (default: %(default)s)"
    parser.add_argument("--network-jets", type=int, default=2000, help=f"jets it sees, {each}")
    parser.add_argument("--tree-jets", type=int, default=1000, help=f"jets as kT trees, {each}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument(
        "--figure", type=Path, default="fidelity.png", help="file to draw (default: %(default)s)"
    )
    return parser.parse_args()


def main() -> None:
    """Read the command line, print the tables, draw the figure."""
    options, console = command_line(), Console(width=120)
    jets = seen(options.jets, max(options.network_jets, options.tree_jets))
    y_true = jets.columns["y_true"]
    numbers = ", ".join(f"{np.sum(y_true == label)} {name}" for name, label in CLASSES.items())
    part = jets.part.balanced(options.tree_jets)
    nodes = [tree_nodes(jet) for jet in tqdm(part.jets, unit="jet", desc="kT trees", disable=None)]
    sections = sections_of(jets, nodes, part.y_true)
    missing = missing_network(options.network)
    if not missing:
        seen_by_network = jets.part.balanced(options.network_jets)
        title = f"the published LorentzNet on {len(seen_by_network.y_true)} jets"
        sections[title] = network_section(options.network, seen_by_network)
    console.print(f"{numbers} jets, {len(nodes)} as kT trees")
    for title, rows in sections.items():
        console.print(comparison_table(title, rows))
    if missing:
        console.print(missing)
    if options.json:
        options.json.write_text(json.dumps(as_numbers(sections), indent=1) + "\n")
    figure(jets, nodes, part.y_true, options.figure)
    console.print(f"figure: {options.figure}")


if __name__ == "__main__":
    main()
