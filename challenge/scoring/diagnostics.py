"""What a scorecard does not say: the ROC curve, performance by pT and mass, mass sculpting.

All of it gives away single labels, so it waits for the reveal; `challenge.scoring.budget` says what
may be shown before.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.metrics import Measurement, OrderedScores, Rejection, ordered

__all__ = ["Bin", "Diagnostics", "Sculpting", "diagnose", "mass_sculpting", "performance_in_bins"]

PT_EDGES: Final = (550.0, 575.0, 600.0, 625.0, 650.0)  # GeV: the range of the sample
MASS_EDGES: Final = (0.0, 50.0, 100.0, 140.0, 200.0, 300.0)

_FEWEST: Final = 20  # jets behind a number that is shown
_MASS_BINS: Final = 20
_PERMUTATIONS: Final = 500
_ROC_POINTS: Final = 200
_FEWEST_IN_A_CURVE: Final = 4


@dataclass(frozen=True)
class Bin:
    """Performance on the jets of one range of pT or mass.

    Attributes
    ----------
    low, high : float
        Edges in GeV.
    n_signal, n_background : int
        Jets in the range.
    auc : Measurement or None
    r50 : Rejection or None
        At 50 % signal efficiency of the range itself. None where fewer than 20 jets of a class
        (AUC) or 20 surviving background jets (R50) are left: such a cell stays blank.
    """

    low: float
    high: float
    n_signal: int
    n_background: int
    auc: Measurement | None
    r50: Rejection | None


@dataclass(frozen=True)
class Sculpting:
    """How much a cut on the score changes the shape of the background's mass spectrum.

    Attributes
    ----------
    divergence : float
        Jensen-Shannon divergence in bits of passing and failing background, at 50 % signal
        efficiency.
    z : float
        Its distance in standard deviations from that of a score that ignores the jets.
    """

    divergence: float
    z: float


@dataclass(frozen=True)
class Diagnostics:
    """Details of an entry after the reveal: ROC curve, bins, mass sculpting.

    ``r50`` and ``r30`` have the intervals of the bootstrap, which also hold the fluctuation of
    the threshold. Without jets (a challenge made from labels) the bins are empty and
    ``sculpting`` is None.
    """

    roc: tuple[tuple[float, float], ...]  # (signal efficiency, 1 / background efficiency)
    r50: Rejection
    r30: Rejection
    by_pt: tuple[Bin, ...] = ()
    by_mass: tuple[Bin, ...] = ()
    sculpting: Sculpting | None = None


def diagnose(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    pt: ArrayLike | None = None,
    mass: ArrayLike | None = None,
) -> Diagnostics:
    """Everything about one submission, for after the reveal.

    Parameters
    ----------
    labels, scores : arrays of shape (n_jets,)
    pt, mass : arrays of shape (n_jets,), optional
        In GeV; without them there are no bins and no sculpting.
    """
    tagger = ordered(labels, scores)
    resampled = [tagger.rejection(each, interval="bootstrap") for each in (0.5, 0.3)]
    if pt is None or mass is None:
        return Diagnostics(_curve(tagger), *resampled)
    return Diagnostics(
        _curve(tagger),
        *resampled,
        by_pt=performance_in_bins(labels, scores, pt, PT_EDGES),
        by_mass=performance_in_bins(labels, scores, mass, MASS_EDGES),
        sculpting=mass_sculpting(labels, scores, mass),
    )


def performance_in_bins(
    labels: ArrayLike, scores: ArrayLike, column: ArrayLike, edges: Sequence[float]
) -> tuple[Bin, ...]:
    """AUC and R50 of the jets between each two edges, as if there were no others.

    Parameters
    ----------
    labels, scores, column : arrays of shape (n_jets,)
        ``column`` is what the jets are sorted into bins by, such as pT in GeV.
    edges : sequence of float
        Rising; a jet on an edge belongs to the bin above.
    """
    is_signal, scores, column = np.asarray(labels) == 1, np.asarray(scores), np.asarray(column)
    return tuple(
        _bin(low, high, is_signal[inside], scores[inside])
        for low, high in itertools.pairwise(edges)
        for inside in [(column >= low) & (column < high)]
    )


def mass_sculpting(
    labels: ArrayLike, scores: ArrayLike, mass: ArrayLike, *, signal_efficiency: float = 0.5
) -> Sculpting | None:
    """How a cut on the score bends the mass spectrum of the background.

    The Jensen-Shannon divergence between the background that passes and that which fails, in 20
    bins of equal background, says how much; but a score that knows nothing of the mass has a
    divergence above 0 too, more of it the fewer jets pass. So it is given as its distance from the
    divergences of cuts that pass as many jets blindly (a permutation test; the passing jets per
    bin are then multivariate hypergeometric, so that no jet is permuted).

    Returns
    -------
    Sculpting or None
        None where fewer than 20 background jets pass, or fail.
    """
    is_signal, scores, mass = np.asarray(labels) == 1, np.asarray(scores), np.asarray(mass)
    threshold = np.quantile(scores[is_signal], 1 - signal_efficiency)
    background, passes = mass[~is_signal], scores[~is_signal] >= threshold
    n_pass = int(np.count_nonzero(passes))
    if min(n_pass, len(passes) - n_pass) < _FEWEST:
        return None
    edges = np.unique(np.quantile(background, np.arange(1, _MASS_BINS) / _MASS_BINS))
    which = np.searchsorted(edges, background, side="right")
    total = np.bincount(which, minlength=len(edges) + 1)
    passed = np.bincount(which[passes], minlength=len(total))
    rng = np.random.default_rng(0)  # the same null each time: a verdict must not change
    blind = rng.multivariate_hypergeometric(total, n_pass, size=_PERMUTATIONS)
    null = _divergence(blind, total)
    divergence = float(_divergence(passed, total))
    spread = float(null.std())
    return Sculpting(divergence, (divergence - float(null.mean())) / spread if spread else 0.0)


def _curve(tagger: OrderedScores) -> tuple[tuple[float, float], ...]:
    """Efficiencies and rejections to draw, from where they are more than a step of one jet."""
    efficiencies = np.linspace(0, 1, _ROC_POINTS + 1)[1:]
    survivors = tagger.survivors(efficiencies)
    return tuple(
        (float(efficiency), float(tagger.n_background / left))
        for efficiency, left in zip(efficiencies, survivors, strict=True)
        if left >= _FEWEST_IN_A_CURVE
    )


def _bin(low: float, high: float, is_signal: NDArray[np.bool_], scores: NDArray) -> Bin:
    n_signal = int(np.count_nonzero(is_signal))
    n_background = len(is_signal) - n_signal
    auc = r50 = None
    if min(n_signal, n_background) >= _FEWEST:
        tagger = ordered(is_signal, scores)
        auc = tagger.auc()
        if tagger.survivors(np.array([0.5]))[0] >= _FEWEST:
            r50 = tagger.rejection(0.5)
    return Bin(low, high, n_signal, n_background, auc, r50)


def _divergence(passed: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Jensen-Shannon divergence, in bits, of passing and failing histograms; last axis: bins."""
    p, q = (each / each.sum(axis=-1, keepdims=True) for each in (passed, total - passed))
    middle = (p + q) / 2

    def relative_entropy(one: NDArray[np.float64]) -> NDArray[np.float64]:
        ratio = np.divide(one, middle, out=np.ones_like(one), where=one > 0)
        return np.sum(one * np.log2(ratio), axis=-1)

    return (relative_entropy(p) + relative_entropy(q)) / 2
