"""The quantities of `published.py` for any jets, beside the public values.

Each function returns a list of `Comparison`: a measured number with its error beside the public
one. Arrays have one entry per jet; ``y_true`` is 1 for top and 0 for QCD; energies in GeV.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import fastjet
import numpy as np
import published
from numpy.typing import NDArray
from scipy.optimize import brentq

import course_utils.substructure  # noqa: F401  (it switches off FastJet's banner)
from course_utils.metrics import Measurement, Rejection, ordered, roc_auc
from course_utils.metrics import accuracy as accuracy_of

CLASSES = {"top": 1, "QCD": 0}


@dataclass(frozen=True)
class Comparison:
    """A quantity of our jets beside that of the public ones, if it is published."""

    quantity: str
    here: Measurement | Rejection
    public: float | None = None
    public_error: float = 0.0

    @property
    def low(self) -> float:
        """Lower end of the interval of our jets, 68 %."""
        return self.here.low if isinstance(self.here, Rejection) else self._shifted(-1)

    @property
    def high(self) -> float:
        """Upper end of the interval of our jets, 68 %."""
        return self.here.high if isinstance(self.here, Rejection) else self._shifted(1)

    @property
    def difference(self) -> Measurement | None:
        """Ours minus public with both errors; None without a public value, or for a limit."""
        if self.public is None or getattr(self.here, "is_limit", False):
            return None
        value = self.here.value - self.public
        towards = self.high - self.here.value if value < 0 else self.here.value - self.low
        return Measurement(value, math.hypot(towards, self.public_error))

    def _shifted(self, sign: int) -> float:
        return self.here.value + sign * self.here.error


def compared(
    quantity: str,
    here: Measurement | Rejection,
    public: float | None,
    *,
    jets: int,
    public_jets: int,
) -> Comparison:
    """Give the public value the error that so many jets allow.

    A rejection of half of `public_jets` has Poisson's; anything else ours, scaled.
    """
    if public is None:
        return Comparison(quantity, here)
    if isinstance(here, Rejection):
        error = public * math.sqrt(public / (public_jets / 2))
    else:
        error = here.error * math.sqrt(jets / public_jets)
    return Comparison(quantity, here, public, error)


def bootstrap_errors(
    statistic: Callable[[NDArray[np.intp]], NDArray], y_true: NDArray, *, rounds: int = 100
) -> NDArray[np.float64]:
    """Standard errors of a statistic of jets, which are drawn anew within each class.

    Parameters
    ----------
    statistic : function
        Of row numbers, shape (n_jets,), to an array.
    y_true : array of shape (n_jets,)
    rounds : int
    """
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(y_true == label) for label in np.unique(y_true)]
    drawn = (
        np.concatenate([rng.choice(rows, len(rows)) for rows in classes]) for _ in range(rounds)
    )
    return np.std([statistic(rows) for rows in drawn], axis=0, ddof=1)


def _quantiles(
    name: str, values: NDArray, public: Mapping[float, float], public_jets: int
) -> list[Comparison]:
    """Quantiles of one class, with bootstrap errors."""
    levels = list(public)
    errors = bootstrap_errors(lambda rows: np.quantile(values[rows], levels), np.ones(len(values)))
    return [
        compared(
            f"{name}, {level:.0%} quantile",
            Measurement(float(value), float(error)),
            public[level],
            jets=len(values),
            public_jets=public_jets,
        )
        for level, value, error in zip(levels, np.quantile(values, levels), errors, strict=True)
    ]


# ------------------------------------------------------------------ jet pT


def power_law_slope(pt: NDArray, low: float, high: float) -> Measurement:
    """Exponent a of pT^a between two cuts, by maximum likelihood.

    In t = ln(pT / low) / ln(high / low), the density is exp(k t) with k = (a + 1) ln(high / low),
    and the likelihood is largest where the mean of t is (1 + coth(k / 2)) / 2 - 1 / k. Jets
    outside of the cuts are ignored.
    """
    length = math.log(high / low)
    t = np.log(pt[(pt >= low) & (pt <= high)] / low) / length
    k = brentq(lambda k: _mean_position(k) - t.mean(), -100.0, 100.0)
    return Measurement(k / length - 1, 1 / (math.sqrt(len(t)) * float(t.std()) * length))


def _mean_position(k: float) -> float:
    if abs(k) < 1e-4:
        return 0.5 + k / 12
    return 0.5 + 0.5 / math.tanh(k / 2) - 1 / k


def chi2_per_bin(pt: NDArray, slope: float, low: float, high: float, *, bins: int = 20) -> float:
    """How far a histogram of pT is from a power law with its own number of jets.

    About 1 - 1 / bins if the jets follow it; a real difference grows with the number of jets.
    """
    edges = np.linspace(low, high, bins + 1)
    counts = np.histogram(pt, edges)[0]
    power = edges ** (slope + 1)
    expected = counts.sum() * np.diff(power) / (power[-1] - power[0])
    return float(np.mean((counts - expected) ** 2 / expected))


def pt_comparisons(pt: NDArray, y_true: NDArray) -> list[Comparison]:
    """Slope, agreement with the published power law, and quantiles of the jet pT."""
    rows = []
    for name, label in CLASSES.items():
        here, public = pt[y_true == label], published.PT_SLOPES[name]
        jets = {"jets": len(here), "public_jets": published.TEST_JETS // 2}
        rows.append(
            compared(f"{name}, slope", power_law_slope(here, *published.PT_CUTS), public, **jets)
        )
        bins = 20
        chi2 = chi2_per_bin(here, public, *published.PT_CUTS, bins=bins)
        spread = math.sqrt(2 * (bins - 1)) / bins
        rows.append(
            Comparison(f"{name}, chi2 per bin (target: below 1.5)", Measurement(chi2, spread))
        )
        rows += _quantiles(name, here, published.PT_QUANTILES[name], published.TEST_JETS // 2)
    return rows


# ------------------------------------------------------------------ jet mass


def fraction(inside: NDArray[np.bool_]) -> Measurement:
    """Share of the jets that pass, with its binomial error."""
    share = float(np.mean(inside))
    return Measurement(share, math.sqrt(share * (1 - share) / len(inside)))


def likelihood_ratio(
    values: NDArray, y_true: NDArray, *, bins: int = 40
) -> tuple[NDArray, NDArray[np.float64]]:
    """Labels and scores of every second jet, from histograms of the others.

    The bins hold equally many of those. Shapes (n_jets // 2,); the score is
    ln(density of top / density of QCD).
    """
    learnt, labels = values[::2], y_true[::2]
    inner = np.quantile(learnt, np.linspace(0, 1, bins + 1)[1:-1])
    counts = [
        np.bincount(np.searchsorted(inner, learnt[labels == label]), minlength=bins) + 0.5
        for label in (1, 0)
    ]
    ratio = np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())
    return y_true[1::2], ratio[np.searchsorted(inner, values[1::2])]


def mass_comparisons(mass: NDArray, y_true: NDArray) -> list[Comparison]:
    """Quantiles and shares in ranges of the jet mass."""
    rows = []
    for name, label in CLASSES.items():
        here = mass[y_true == label]
        rows += _quantiles(name, here, published.MASS_QUANTILES[name], published.MASS_JETS // 2)
        for (of, low, high), public in published.MASS_FRACTIONS.items():
            if of == name:
                share = fraction((here > low) & (here < high))
                jets = {"jets": len(here), "public_jets": published.MASS_JETS // 2}
                rows.append(compared(f"{name}, {_range(low, high)}", share, public, **jets))
    return rows


def mass_alone_comparisons(mass: NDArray, y_true: NDArray) -> list[Comparison]:
    """The likelihood ratio of the mass as a tagger."""
    tested = likelihood_ratio(mass, y_true)
    return tagger_comparisons(*tested, published.MASS_ALONE, published.MASS_JETS)


def _range(low: float, high: float) -> str:
    if low == 0:
        return f"share below {high:.0f}"
    return f"share above {low:.0f}" if high == math.inf else f"share in {low:.0f}-{high:.0f}"


# ------------------------------------------------------------------ taggers


def best_accuracy(y_true: NDArray, y_score: NDArray) -> Measurement:
    """Accuracy for equally many jets of both classes, at the threshold where it is highest."""
    tagger = ordered(y_true, y_score)
    wrong, right, _ = tagger.roc()
    at = int(np.argmax(right - wrong))
    fpr, tpr = float(wrong[at]), float(right[at])
    variance = tpr * (1 - tpr) / tagger.n_signal + fpr * (1 - fpr) / tagger.n_background
    return Measurement((tpr + 1 - fpr) / 2, math.sqrt(variance) / 2)


TAGGER_QUANTITIES: dict[str, Callable[[NDArray, NDArray], Measurement | Rejection]] = {
    "AUC": roc_auc,
    "accuracy": accuracy_of,
    "best accuracy": best_accuracy,
    "R30": lambda y_true, y_score: ordered(y_true, y_score).rejection(0.3),
    "R50": lambda y_true, y_score: ordered(y_true, y_score).rejection(0.5),
}


def tagger_comparisons(
    y_true: NDArray, y_score: NDArray, public: Mapping[str, float], public_jets: int
) -> list[Comparison]:
    """AUC, accuracies and rejections, as far as they are published."""
    jets = {"jets": len(y_true), "public_jets": public_jets}
    return [
        compared(name, TAGGER_QUANTITIES[name](y_true, y_score), value, **jets)
        for name, value in public.items()
    ]


def network_comparisons(y_true: NDArray, y_score: NDArray) -> list[Comparison]:
    """Scores of the published network; its rates at one half are not published."""
    passed = y_score >= 0.5
    return [
        *tagger_comparisons(y_true, y_score, published.NETWORK, published.TEST_JETS),
        Comparison("true positive rate at 0.5", fraction(passed[y_true == 1])),
        Comparison("false positive rate at 0.5", fraction(passed[y_true == 0])),
    ]


# ------------------------------------------------------------------ multiplicity and kT trees


def multiplicity_comparisons(n_constituents: NDArray, y_true: NDArray) -> list[Comparison]:
    """Mean number of constituents, and <n^2> / <n> of an equal mix of both classes."""
    n = n_constituents.astype(np.float64)
    rows = []
    for name, label in CLASSES.items():
        here = n[y_true == label]
        mean = Measurement(float(here.mean()), float(here.std() / math.sqrt(len(here))))
        rows.append(Comparison(f"{name}, mean n", mean))

    def statistic(drawn: NDArray[np.intp]) -> NDArray:
        classes = [n[drawn][y_true[drawn] == label] for label in CLASSES.values()]
        return np.divide(*(sum(np.mean(of**power) for of in classes) for power in (2, 1)))

    everything = np.arange(len(n))
    here = Measurement(float(statistic(everything)), float(bootstrap_errors(statistic, y_true)))
    jets = {"jets": len(n), "public_jets": published.NORMALISED_JETS}
    return [*rows, compared("both, <n^2> / <n>", here, published.SQUARE_OVER_MEAN, **jets)]


def tree_nodes(jet: NDArray, *, radius: float = 0.8) -> NDArray[np.float64]:
    """All nodes of the kT tree of a jet, from the root to its constituents.

    The root is the hardest jet that kT finds among the constituents (arXiv:1702.00748).

    Parameters
    ----------
    jet : array of shape (n_constituents, 4)
        ``(E, px, py, pz)``; zero rows are padding.

    Returns
    -------
    array of shape (2 n - 1, 4)
        Columns are `published.NODE_QUANTITIES`; n is the number of constituents below the root.
    """
    real = jet[jet[:, 0] > 0].astype(np.float64)
    particles = [fastjet.PseudoJet(px, py, pz, energy) for energy, px, py, pz in real]
    definition = fastjet.JetDefinition(fastjet.kt_algorithm, radius)
    sequence = fastjet.ClusterSequence(particles, definition)
    root = fastjet.sorted_by_pt(sequence.inclusive_jets())[0]
    nodes, found = [root], []
    while nodes:
        node, parents = nodes.pop(), (fastjet.PseudoJet(), fastjet.PseudoJet())
        found.append((math.hypot(node.pt(), node.pz()), node.pt(), node.E(), node.eta()))
        if node.has_parents(*parents):
            nodes += parents
    return np.array(found) / (1, 1, root.E(), 1)


def node_comparisons(nodes: Sequence[NDArray], y_true: NDArray) -> list[Comparison]:
    """Medians and interquartile ranges of all nodes of the kT trees of an equal mix.

    `nodes` are those of each jet, as `tree_nodes` returns them.
    """

    def statistic(drawn: Iterable[int]) -> NDArray:
        quartiles = np.quantile(np.concatenate([nodes[i] for i in drawn]), (0.25, 0.5, 0.75), 0)
        return np.stack([quartiles[1], quartiles[2] - quartiles[0]])

    here, errors = statistic(range(len(nodes))), bootstrap_errors(statistic, y_true, rounds=50)
    jets = {"jets": len(nodes), "public_jets": published.TRAINING_JETS}
    return [
        compared(
            f"kT nodes, {kind} of {name}",
            Measurement(
                *(float(of[row, published.NODE_QUANTITIES.index(name)]) for of in (here, errors))
            ),
            value,
            **jets,
        )
        for row, (kind, public) in enumerate(
            (("median", published.NODE_MEDIANS), ("IQR", published.NODE_RANGES))
        )
        for name, value in public.items()
    ]
