"""How well scores separate signal from background, each number with its error.

All functions take ``y_true`` (1 or True for signal, 0 or False for background) and ``y_score``
(higher is more signal-like, on any monotone scale), both of shape ``(n_jets,)``. They raise
``ValueError`` for anything else: other labels, NaN, infinities, a missing class.

"Background rejection" is the inverse of the false-positive rate, 1/eps_B; it is not 1 - eps_B.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = [
    "AucDifference",
    "Measurement",
    "Rejection",
    "accuracy",
    "background_rejection",
    "compare_auc",
    "roc_auc",
    "roc_curve",
]


@dataclass(frozen=True)
class Measurement:
    """A value with its standard error; as text, rounded to what the error allows (PDG rule).

    Examples
    --------
    >>> print(Measurement(0.983243, 0.000871))
    0.9832 ± 0.0009
    """

    value: float
    error: float

    def __str__(self) -> str:
        digits = max(_pdg_decimals(self.error), 0) if self.error > 0 else 4
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"


@dataclass(frozen=True)
class AucDifference:
    """AUC of tagger a minus AUC of tagger b on the same jets, and the p-value of no difference."""

    difference: float
    error: float
    p_value: float


@dataclass(frozen=True)
class Rejection:
    """Background rejection 1/eps_B with its interval.

    Where too little background survives to measure it, ``is_limit`` is True and ``value``,
    ``low`` and ``high`` all hold the lower limit.

    Examples
    --------
    >>> print(Rejection(264.97, low=231.3, high=304.5, is_limit=False))
    265 +40 -34
    >>> print(Rejection(871.0, low=871.0, high=871.0, is_limit=True))
    > 871
    """

    value: float
    low: float
    high: float
    is_limit: bool

    def __str__(self) -> str:
        if self.is_limit:
            return f"> {_floor_to_three_digits(self.value):.10g}"
        up, down = self.high - self.value, self.value - self.low
        digits = _pdg_decimals(min(up, down) or up)  # nothing below a rejection of 1
        shown = [f"{round(number, digits):.{max(digits, 0)}f}" for number in (self.value, up, down)]
        return "{} +{} -{}".format(*shown)


def roc_curve(
    y_true: ArrayLike, y_score: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The ROC curve with a point for every distinct score, from (0, 0) to (1, 1).

    Jets of equal score stay together: a threshold takes all of them or none.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See the top of this module.

    Returns
    -------
    false_positive_rate, true_positive_rate : arrays of shape (n_distinct_scores + 1,)
        Fractions of background and of signal with a score of at least the threshold.
    thresholds : array of shape (n_distinct_scores + 1,)
        Falling; the first is infinite and selects nothing.

    Examples
    --------
    >>> false_positive_rate, true_positive_rate, _ = roc_curve([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9])
    >>> true_positive_rate
    array([0. , 0.5, 0.5, 1. , 1. ])
    >>> false_positive_rate
    array([0. , 0. , 0.5, 0.5, 1. ])
    """
    is_signal, score = _checked(y_true, y_score)
    ties = _tied_scores(is_signal, score)
    background = _cumulated_from_the_top(ties.background)
    signal = _cumulated_from_the_top(ties.signal)
    thresholds = np.concatenate(([np.inf], ties.scores[::-1]))
    return background / background[-1], signal / signal[-1], thresholds


def roc_auc(y_true: ArrayLike, y_score: ArrayLike) -> Measurement:
    """Area under the ROC curve: the chance that a signal jet outscores a background jet.

    A tie counts one half (midranks). The error is that of DeLong et al., Biometrics 44 (1988)
    837, in the N log N form of Sun and Xu, IEEE Signal Process. Lett. 21 (2014) 1389. It is 0
    when the classes separate completely.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See the top of this module; at least two jets of each class.

    Examples
    --------
    Signal wins 3 of the 4 possible duels:

    >>> roc_auc([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9]).value
    0.75
    """
    is_signal, score = _checked(y_true, y_score)
    ties = _tied_scores(is_signal, score)
    _require_two_of_each(ties)
    area = _exact_area(ties)
    outscored, outscoring = _placements(ties)
    spread = [
        counts @ (placement - area) ** 2 / (counts.sum() - 1) / counts.sum()
        for counts, placement in ((ties.signal, outscored), (ties.background, outscoring))
    ]
    return Measurement(area, math.sqrt(sum(spread)))


def compare_auc(y_true: ArrayLike, y_score_a: ArrayLike, y_score_b: ArrayLike) -> AucDifference:
    """Difference of two AUCs on the *same* jets, with DeLong's paired error and p-value.

    Two taggers often fail on the same jets, so the error of the difference is smaller than the
    two errors in quadrature. Scores that order the jets alike give error 0 and p-value 1.

    Parameters
    ----------
    y_true, y_score_a, y_score_b : arrays of shape (n_jets,)
        See the top of this module; at least two jets of each class.

    Returns
    -------
    AucDifference
        The p-value is two-sided, from the normal approximation.

    Examples
    --------
    >>> compare_auc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], [1, 4, 3, 9])
    AucDifference(difference=0.0, error=0.0, p_value=1.0)
    """
    is_signal, score_a, score_b = _checked(y_true, y_score_a, y_score_b)
    area, shift = [], np.zeros(len(is_signal))
    for sign, score in ((1, score_a), (-1, score_b)):
        ties = _tied_scores(is_signal, score)
        _require_two_of_each(ties)
        area.append(_exact_area(ties))
        outscored, outscoring = _placements(ties)
        shift += sign * np.where(is_signal, outscored[ties.of_jet], outscoring[ties.of_jet])
    difference = area[0] - area[1]
    by_class = (shift[is_signal], shift[~is_signal])
    error = math.sqrt(sum(np.var(each, ddof=1) / len(each) for each in by_class))
    return AucDifference(difference, error, _two_sided_p_value(difference, error))


def background_rejection(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    signal_efficiency: float = 0.5,
    confidence: float = 0.6827,
) -> Rejection:
    """Background rejection 1/eps_B at a signal efficiency, interpolated on the full ROC curve.

    The interval is Clopper and Pearson's, Biometrika 26 (1934) 404, on the number of background
    jets that survive; between two points of the ROC curve that number is not whole, and the beta
    quantiles of the interval carry on smoothly. It does not hold the fluctuation of the
    threshold, which comes from the finite number of signal jets. With less than one surviving
    jet the result is a one-sided lower limit at the same confidence, never infinite.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See the top of this module.
    signal_efficiency : float in (0, 1]
        Fraction of signal jets to keep: 0.5 gives R50, 0.3 gives R30.
    confidence : float in (0, 1)
        Coverage of the interval or limit.

    Examples
    --------
    Half of the signal scores above 0.5, and one background jet of four does as well:

    >>> rejection = background_rejection([1, 1, 0, 0, 0, 0], [0.9, 0.1, 0.95, 0.2, 0.3, 0.4])
    >>> rejection.value
    4.0
    """
    _require_fraction("signal_efficiency", signal_efficiency, 0 < signal_efficiency <= 1)
    _require_fraction("confidence", confidence, 0 < confidence < 1)
    is_signal, score = _checked(y_true, y_score)
    ties = _tied_scores(is_signal, score)
    background = _cumulated_from_the_top(ties.background)
    signal = _cumulated_from_the_top(ties.signal)
    efficiency = signal / signal[-1]
    # The first point that reaches the efficiency, so that background which only follows it at
    # the same efficiency is not counted; np.interp would take the last.
    after = int(np.searchsorted(efficiency, signal_efficiency))
    step = np.s_[after - 1 : after + 1]
    survivors = float(np.interp(signal_efficiency, efficiency[step], background[step]))
    return _rejection_from_counts(survivors, int(background[-1]), confidence)


def accuracy(y_true: ArrayLike, y_score: ArrayLike, *, threshold: float = 0.5) -> Measurement:
    """Fraction of jets on their right side of the threshold, with its binomial error.

    A jet counts as signal when its score is at least the threshold. One class alone is allowed.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See the top of this module.
    threshold : float
        0.5 suits a score that is a probability.

    Examples
    --------
    >>> accuracy([0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9])
    Measurement(value=0.75, error=0.21650635094610965)
    """
    is_signal, score = _checked(y_true, y_score, both_classes=False)
    correct = float(np.mean((score >= threshold) == is_signal))
    return Measurement(correct, math.sqrt(correct * (1 - correct) / len(score)))


class _TiedScores(NamedTuple):
    """Jets grouped by equal score: the distinct scores, rising, and what has each of them."""

    scores: NDArray[np.float64]  # (n_distinct,)
    signal: NDArray[np.int64]  # (n_distinct,) signal jets with this score
    background: NDArray[np.int64]  # (n_distinct,)
    of_jet: NDArray[np.intp]  # (n_jets,) index into the three above


def _checked(
    y_true: ArrayLike, *y_scores: ArrayLike, both_classes: bool = True
) -> tuple[NDArray, ...]:
    labels = np.asarray(y_true)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"Expected y_true of shape (n_jets,), n_jets > 0; got {labels.shape}.")
    is_signal = labels == 1
    if not np.all(is_signal | (labels == 0)):
        raise ValueError("Expected labels 0 (background) and 1 (signal); y_true holds others.")
    if both_classes and (is_signal.all() or not is_signal.any()):
        raise ValueError("Expected jets of both classes; y_true holds only one.")
    return is_signal, *(_checked_score(each, len(labels)) for each in y_scores)


def _checked_score(y_score: ArrayLike, n_jets: int) -> NDArray[np.float64]:
    score = np.asarray(y_score, dtype=np.float64)
    if score.shape != (n_jets,):
        raise ValueError(
            f"Expected one score per label, shape ({n_jets},); got {score.shape}. "
            "A network's output of shape (n_jets, 1) needs [:, 0]."
        )
    n_bad = n_jets - np.count_nonzero(np.isfinite(score))
    if n_bad:
        raise ValueError(f"Expected finite scores; {n_bad} of {n_jets} are NaN or infinite.")
    return score


def _require_two_of_each(ties: _TiedScores) -> None:
    if min(ties.signal.sum(), ties.background.sum()) < 2:
        raise ValueError("Expected at least two jets of each class; one alone has no spread.")


def _require_fraction(name: str, value: float, holds: bool) -> None:
    if not holds:
        raise ValueError(f"Expected {name} between 0 and 1; got {value}.")


def _tied_scores(is_signal: NDArray[np.bool_], score: NDArray[np.float64]) -> _TiedScores:
    scores, of_jet = np.unique(score, return_inverse=True)
    everything = np.bincount(of_jet, minlength=len(scores))
    signal = np.bincount(of_jet[is_signal], minlength=len(scores))
    return _TiedScores(scores, signal, everything - signal, of_jet)


def _cumulated_from_the_top(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(counts[::-1])))


def _exact_area(ties: _TiedScores) -> float:
    # Whole numbers until the last division: equal orderings give bit-equal areas.
    twice_outscored = 2 * np.cumsum(ties.background) - ties.background
    wins = int(ties.signal @ twice_outscored)
    return wins / (2 * int(ties.signal.sum()) * int(ties.background.sum()))


def _placements(ties: _TiedScores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DeLong's V10 and V01 at each distinct score: what a jet with this score would be worth.

    The fraction of background it outscores, and the fraction of signal that outscores it, with
    ties counted one half: Sun and Xu's differences of midranks, here as running sums.
    """
    outscored = np.cumsum(ties.background) - ties.background / 2
    outscoring = ties.signal.sum() - np.cumsum(ties.signal) + ties.signal / 2
    return outscored / ties.background.sum(), outscoring / ties.signal.sum()


def _two_sided_p_value(difference: float, error: float) -> float:
    if difference == 0:
        return 1.0
    return float(2 * stats.norm.sf(abs(difference) / error)) if error > 0 else 0.0


def _rejection_from_counts(survivors: float, n_background: int, confidence: float) -> Rejection:
    if survivors < 1:
        limit = 1 / _upper_fraction(survivors, n_background, confidence)
        return Rejection(limit, limit, limit, is_limit=True)
    tail = (1 - confidence) / 2
    highest = _upper_fraction(survivors, n_background, 1 - tail)
    lowest = float(stats.beta.ppf(tail, survivors, n_background - survivors + 1))
    return Rejection(n_background / survivors, 1 / highest, 1 / lowest, is_limit=False)


def _upper_fraction(survivors: float, n_background: int, confidence: float) -> float:
    if survivors >= n_background:
        return 1.0
    return float(stats.beta.ppf(confidence, survivors + 1, n_background - survivors))


def _pdg_decimals(error: float) -> int:
    """Decimals that show an error by the Particle Data Group's rule: 1 digit, or 2 if small."""
    exponent = math.floor(math.log10(error))
    return (1 if error / 10.0**exponent < 3.55 else 0) - exponent


def _floor_to_three_digits(limit: float) -> float:
    step = 10.0 ** (math.floor(math.log10(limit)) - 2)
    return math.floor(limit / step) * step
