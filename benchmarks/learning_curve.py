"""Learning curves: AUC of the course's taggers against the number of training jets.

    python benchmarks/learning_curve.py [--train] [--figure docs/learning_curve.png]

With ``--train``, the `CURVES` of `learning_curve_taggers` are trained on jets of the training
split, stopped early on validation jets and tested on the whole test split, all three found by
`course_utils.samples` (generated or public). A row is written to the results file after each
training, and one that was killed goes on there. Without it, the tables of the rows there are.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from learning_curve_inputs import SAMPLE
from learning_curve_taggers import CURVES
from learning_curve_training import SEEDS, Row, read_rows, train_all

from course_utils.metrics.measurement import Measurement
from course_utils.samples import data_root

# AUC at 1.2 million training jets, arXiv:1902.09914, Table 1 and section 3.2.
PUBLISHED = {
    "CNN, N-subjettiness 8": 0.981,
    "N-subjettiness 6": 0.979,
    "TopoDNN": 0.972,
    "mass + N-subjettiness": 0.967,
}
DECADES = ((1000, 10_000), (10_000, 100_000))


@dataclass(frozen=True)
class Point:
    """All seeds of one tagger at one size; ``spread`` is their standard deviation, nan if one."""

    n_jets: int
    n_seeds: int
    auc: float
    spread: float
    auc_error: float
    r30: float
    n_background_left: float  # of all seeds together, at a signal efficiency of 30 %


def points(rows: list[Row], tagger: str) -> list[Point]:
    """The curve of a tagger, by rising size."""
    found = []
    for size in sorted({row.n_jets for row in rows if row.tagger == tagger}):
        here = [row for row in rows if (row.tagger, row.n_jets) == (tagger, size)]
        aucs = np.array([row.auc for row in here])
        spread = float(aucs.std(ddof=1)) if len(here) > 1 else np.nan
        # Background efficiencies are averaged, not rejections: those of few jets are skewed.
        left = np.mean([1 / row.r30 for row in here])
        found.append(
            Point(
                size,
                len(here),
                aucs.mean(),
                spread,
                float(np.mean([row.auc_error for row in here])),
                1 / left,
                left * here[0].n_test / 2,
            )
        )
    return found


def exponent(curve: list[Point], low: int, high: int) -> Measurement | None:
    """c in 1 - AUC ~ n^-c between two sizes; None without two seeds at either."""
    ends = [point for point in curve if point.n_jets in (low, high) and point.n_seeds > 1]
    if len(ends) < 2:
        return None
    first, last = (1 - point.auc for point in ends)
    relative = [point.spread / (1 - point.auc) / np.sqrt(point.n_seeds) for point in ends]
    decades = np.log(high / low)
    return Measurement(np.log(first / last) / decades, np.hypot(*relative) / decades)


def markdown(rows: list[Row]) -> str:
    """The tables: AUC and R30 of each tagger at each size, and how fast they rise."""
    curves = {tagger: points(rows, tagger) for tagger in CURVES}
    sizes = sorted({row.n_jets for row in rows})
    lines = [_line("training jets", *curves), _line("---", *["---"] * len(curves))]
    lines += [_line(str(size), *(_auc(c, size) for c in curves.values())) for size in sizes]
    lines += ["", _line("R30, training jets", *curves), _line("---", *["---"] * len(curves))]
    lines += [_line(str(size), *(_r30(c, size) for c in curves.values())) for size in sizes]
    lines += ["", _line("c in 1 - AUC ~ n^-c", *curves), _line("---", *["---"] * len(curves))]
    for low, high in DECADES:
        found = (exponent(curve, low, high) for curve in curves.values())
        lines.append(_line(f"{low} to {high}", *(str(c) if c else "" for c in found)))
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _auc(curve: list[Point], size: int) -> str:
    for point in curve:
        if point.n_jets == size:
            spread = f"± {point.spread:.4f} " if point.n_seeds > 1 else ""
            return f"{point.auc:.4f} {spread}({point.n_seeds})"
    return ""


def _r30(curve: list[Point], size: int) -> str:
    for point in curve:
        if point.n_jets == size:
            return f"{point.r30:.0f} ± {point.r30 / np.sqrt(point.n_background_left):.0f}"
    return ""


def figure(rows: list[Row], path: Path) -> None:
    """1 - AUC of each tagger against the number of training jets, and the published points."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FixedLocator

    from course_utils.plotting import CURVE_COLOURS

    drawn, ax = plt.subplots(figsize=(8.5, 5.4), layout="constrained")
    for tagger, colour, marker in zip(CURVES, CURVE_COLOURS, "osD^", strict=False):
        curve = points(rows, tagger)
        n_jets = np.array([point.n_jets for point in curve])
        loss = np.array([1 - point.auc for point in curve])
        spread = np.nan_to_num([point.spread for point in curve])
        delong = np.array([point.auc_error for point in curve])
        style = {"color": colour, "marker": marker, "linewidth": 1}
        ax.errorbar(n_jets, loss, spread, label=f"{tagger}, generated jets", **style)
        ax.fill_between(n_jets, loss - delong, loss + delong, color=colour, alpha=0.2, linewidth=0)
    auc = np.array(list(PUBLISHED.values()))
    label = "published, public jets (arXiv:1902.09914)"
    ax.plot(0 * auc + 1.2e6, 1 - auc, "*", markersize=11, color="0.3", label=label)
    for name, value in PUBLISHED.items():
        ax.text(1.02, 1 - value, name, transform=ax.get_yaxis_transform(), va="center")
    ax.set(xscale="log", yscale="log", xlabel="training jets", ylabel="1 - AUC", xlim=(700, 1.6e6))
    ax.yaxis.set_major_locator(FixedLocator([0.015, 0.02, 0.03, 0.04, 0.05, 0.06]))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("")
    ax.grid(alpha=0.3)
    ax.legend()
    drawn.savefig(path, dpi=110)


def main() -> None:
    """Read the command line; train what is missing, print and draw what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", action="store_true", help="what the results file lacks")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path(__file__).with_suffix(".jsonl"),
        help="a row per training (default: beside this script)",
    )
    parser.add_argument("--figure", type=Path, help="draw the curves into this file")
    parser.add_argument(
        "--inputs",
        type=Path,
        default=data_root() / SAMPLE / "learning_curve",
        help="folder for what the taggers read, 7 kB per jet (default: beside the jets)",
    )
    parser.add_argument("--sizes", type=int, nargs="+", choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--taggers", nargs="+", choices=CURVES, default=list(CURVES))
    options = parser.parse_args()
    if options.train:
        train_all(options.sizes, options.taggers, options.results, options.inputs)
    rows = read_rows(options.results)
    print(markdown(rows))
    if options.figure is not None:
        figure(rows, options.figure)


if __name__ == "__main__":
    main()
