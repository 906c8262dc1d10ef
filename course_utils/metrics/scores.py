"""How well scores separate signal from background, each number with its error.

All functions take ``y_true`` (1 or True for signal, 0 or False for background) and ``y_score``
(higher is more signal-like, on any monotone scale), both of shape ``(n_jets,)``. They raise
``ValueError`` for anything else: other labels, NaN, infinities, a missing class.

"Background rejection" is the inverse of the false-positive rate, 1/eps_B; it is not 1 - eps_B.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.metrics import intervals
from course_utils.metrics.differences import p_values_of_differences, paired_error
from course_utils.metrics.measurement import AucDifference, Measurement, Rejection

__all__ = [
    "AucDifference",
    "Measurement",
    "OrderedScores",
    "Rejection",
    "accuracy",
    "background_rejection",
    "compare_auc",
    "ordered",
    "roc_auc",
    "roc_curve",
]


@dataclass(frozen=True)
class OrderedScores:
    """Jets in the order of their scores: one sort, which every metric of these scores shares.

    Made by `ordered`; `roc_auc`, `roc_curve` and `background_rejection` are shorthands for one
    metric alone.

    Attributes
    ----------
    is_signal : array of shape (n_jets,)
    order : array of shape (n_jets,)
        Jets by rising score.
    scores : array of shape (n_distinct_scores,)
        The distinct scores, rising.
    ends : array of shape (n_distinct_scores,)
        Where the jets of each score end in ``order``.
    signal, background : arrays of shape (n_distinct_scores + 1,)
        Jets below each score, and below none: from 0 to all.
    """

    is_signal: NDArray[np.bool_]
    order: NDArray[np.intp]
    scores: NDArray[np.float64]
    ends: NDArray[np.intp]
    signal: NDArray[np.int64]
    background: NDArray[np.int64]

    @property
    def n_signal(self) -> int:
        return int(self.signal[-1])

    @property
    def n_background(self) -> int:
        return int(self.background[-1])

    def auc(self) -> Measurement:
        """See `roc_auc`."""
        self._require_two_of_each()
        area = self.area()
        outscored, outscoring = self._placements()
        variance = sum(
            # Not a dot product: on a busy machine its threads wait for each other.
            float(np.sum(counts * np.square(placement - area))) / (n - 1) / n
            for counts, placement, n in (
                (np.diff(self.signal), outscored, self.n_signal),
                (np.diff(self.background), outscoring, self.n_background),
            )
        )
        return Measurement(area, math.sqrt(variance))

    def area(self) -> float:
        """The AUC without its error; equal orderings give bit-equal numbers."""
        wins = int(np.diff(self.signal) @ (self.background[1:] + self.background[:-1]))
        return wins / (2 * self.n_signal * self.n_background)  # whole numbers until here

    def placements(self) -> NDArray[np.float64]:
        """DeLong's V10 of each signal jet and V01 of each background jet, shape (n_jets,).

        Each is the fraction of the other class on the correct side of a jet; ties count one half.
        Their means are the AUC in either class; their covariance is that of two taggers' AUCs.
        """
        outscored, outscoring = self._placements()
        n_tied = np.diff(self.ends, prepend=0)
        placed = np.empty(len(self.order))
        in_order = self.is_signal[self.order]
        placed[self.order] = np.where(
            in_order, np.repeat(outscored, n_tied), np.repeat(outscoring, n_tied)
        )
        return placed

    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """See `roc_curve`."""
        above_b, above_s = (n[-1] - n[::-1] for n in (self.background, self.signal))
        thresholds = np.concatenate(([np.inf], self.scores[::-1]))
        return above_b / self.n_background, above_s / self.n_signal, thresholds

    def rejection(
        self,
        signal_efficiency: float,
        *,
        confidence: float = 0.6827,
        interval: str = "clopper-pearson",
    ) -> Rejection:
        """See `background_rejection`."""
        _require_fraction("signal_efficiency", signal_efficiency, 0 < signal_efficiency <= 1)
        _require_fraction("confidence", confidence, 0 < confidence < 1)
        if interval not in ("clopper-pearson", "bootstrap"):
            raise ValueError(f"Expected interval clopper-pearson or bootstrap; got {interval!r}.")
        survivors = float(self.survivors(np.array([signal_efficiency]))[0])
        if survivors < 1:
            return intervals.lower_limit(survivors, self.n_background, confidence)
        if interval == "clopper-pearson":
            return intervals.clopper_pearson(survivors, self.n_background, confidence)
        counts = self.n_signal, self.n_background
        return intervals.bootstrap(self.survivors, *counts, signal_efficiency, confidence)

    def survivors(self, signal_efficiencies: NDArray[np.float64]) -> NDArray[np.float64]:
        """Background jets that survive at each signal efficiency; linear between ROC points."""
        signal = self.n_signal - self.signal[::-1]  # from the top: rising
        # The first point that reaches the efficiency, so that background which only follows it at
        # the same efficiency is not counted; np.interp would take the last.
        wanted = np.asarray(signal_efficiencies) * self.n_signal
        after = np.searchsorted(signal, wanted - 1e-9 * self.n_signal).clip(1)
        steps = signal[after] - signal[after - 1]
        part = ((wanted - signal[after - 1]) / steps).clip(0, 1)
        high, low = (self.n_background - self.background[::-1][at] for at in (after, after - 1))
        return low + part * (high - low)

    def _require_two_of_each(self) -> None:
        if min(self.n_signal, self.n_background) < 2:
            raise ValueError("Expected at least two rows of each class; one alone has no spread.")

    def _placements(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """V10 and V01 at each distinct score: Sun and Xu's midranks, here as running sums."""
        outscored = self.background[1:] + self.background[:-1]
        outscoring = 2 * self.n_signal - self.signal[1:] - self.signal[:-1]
        return outscored / (2 * self.n_background), outscoring / (2 * self.n_signal)


def ordered(y_true: ArrayLike, y_score: ArrayLike) -> OrderedScores:
    """Sort scores once, for many metrics.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See `course_utils.metrics`.

    Examples
    --------
    >>> tagger = ordered([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9])
    >>> tagger.auc().value
    0.75
    """
    return _ordered(*checked(y_true, y_score))


def roc_curve(
    y_true: ArrayLike, y_score: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The ROC curve with a point for every distinct score, from (0, 0) to (1, 1).

    Jets of equal score stay together: a threshold takes all of them or none.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See `course_utils.metrics`.

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
    return ordered(y_true, y_score).roc()


def roc_auc(y_true: ArrayLike, y_score: ArrayLike) -> Measurement:
    """Area under the ROC curve: the chance that a signal jet outscores a background jet.

    A tie counts one half (midranks). The error is that of DeLong et al., Biometrics 44 (1988)
    837, in the N log N form of Sun and Xu, IEEE Signal Process. Lett. 21 (2014) 1389. It is 0
    when the classes separate completely.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See `course_utils.metrics`; at least two jets of each class.

    Examples
    --------
    Signal wins 3 of the 4 possible duels:

    >>> roc_auc([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.9]).value
    0.75
    """
    return ordered(y_true, y_score).auc()


def compare_auc(y_true: ArrayLike, y_score_a: ArrayLike, y_score_b: ArrayLike) -> AucDifference:
    """Difference of two AUCs on the *same* jets, with DeLong's paired error and p-value.

    Two taggers often fail on the same jets, so the error of the difference is smaller than the
    two errors in quadrature. Scores that order the jets alike give error 0 and p-value 1.

    Parameters
    ----------
    y_true, y_score_a, y_score_b : arrays of shape (n_jets,)
        See `course_utils.metrics`; at least two jets of each class.

    Returns
    -------
    AucDifference
        The p-value is two-sided, from the normal approximation.

    Examples
    --------
    >>> compare_auc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], [1, 4, 3, 9])
    AucDifference(difference=0.0, error=0.0, p_value=1.0)
    """
    is_signal, score_a, score_b = checked(y_true, y_score_a, y_score_b)
    area, shift = [], np.zeros(len(is_signal))
    for sign, score in ((1, score_a), (-1, score_b)):  # one after the other: half the memory
        tagger = _ordered(is_signal, score)
        area.append(tagger.auc().value)
        shift += sign * tagger.placements()
    difference = area[0] - area[1]
    error = paired_error((shift[is_signal], shift[~is_signal]))
    return AucDifference(difference, error, float(p_values_of_differences(difference, error)))


def background_rejection(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    signal_efficiency: float = 0.5,
    confidence: float = 0.6827,
    interval: str = "clopper-pearson",
) -> Rejection:
    """Background rejection 1/eps_B at a signal efficiency, interpolated on the full ROC curve.

    Clopper and Pearson's interval, Biometrika 26 (1934) 404, is for the number of background jets
    that survive the threshold. It does not include the fluctuation of the threshold itself, which
    comes from the finite number of signal jets; the bootstrap's interval does. If less than one
    jet survives, the result is a one-sided lower limit at the same confidence, never infinite.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See `course_utils.metrics`.
    signal_efficiency : float in (0, 1]
        Fraction of signal jets to keep: 0.5 gives R50, 0.3 gives R30.
    confidence : float in (0, 1)
        Coverage of the interval or limit.
    interval : {"clopper-pearson", "bootstrap"}
        See `course_utils.metrics.intervals`.

    Examples
    --------
    Half of the signal scores above 0.5, and one background jet of four does as well:

    >>> rejection = background_rejection([1, 1, 0, 0, 0, 0], [0.9, 0.1, 0.95, 0.2, 0.3, 0.4])
    >>> rejection.value
    4.0
    """
    return ordered(y_true, y_score).rejection(
        signal_efficiency, confidence=confidence, interval=interval
    )


def accuracy(y_true: ArrayLike, y_score: ArrayLike, *, threshold: float = 0.5) -> Measurement:
    """Fraction of jets on the correct side of the threshold, with its binomial error.

    A jet counts as signal if its score is at least the threshold. A single class is allowed.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        See `course_utils.metrics`.
    threshold : float
        0.5 suits a score that is a probability.

    Examples
    --------
    >>> accuracy([0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9])
    Measurement(value=0.75, error=0.21650635094610965)
    """
    is_signal, score = checked(y_true, y_score, both_classes=False)
    correct = float(np.mean((score >= threshold) == is_signal))
    return Measurement(correct, math.sqrt(correct * (1 - correct) / len(score)))


def checked(
    y_true: ArrayLike, *y_scores: ArrayLike, both_classes: bool = True
) -> tuple[NDArray, ...]:
    labels = np.asarray(y_true)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"Expected y_true of shape (n_jets,), n_jets > 0; got {labels.shape}.")
    is_signal = labels == 1
    if not np.all(is_signal | (labels == 0)):
        raise ValueError("Expected labels 0 (background) and 1 (signal); y_true holds others.")
    if both_classes and (is_signal.all() or not is_signal.any()):
        raise ValueError("Expected both classes in y_true; it holds only one.")
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


def _require_fraction(name: str, value: float, holds: bool) -> None:
    if not holds:
        raise ValueError(f"Expected {name} between 0 and 1; got {value}.")


def _ordered(is_signal: NDArray[np.bool_], score: NDArray[np.float64]) -> OrderedScores:
    order = np.argsort(score)
    rising = score[order]
    ends = np.flatnonzero(np.append(rising[1:] != rising[:-1], True)) + 1
    signal = np.concatenate(([0], np.cumsum(is_signal[order])[ends - 1]))
    background = np.concatenate(([0], ends)) - signal
    return OrderedScores(is_signal, order, rising[ends - 1], ends, signal, background)
