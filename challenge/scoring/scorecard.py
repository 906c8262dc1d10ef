"""Scores and hidden labels -> the scorecard of one submission."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from course_utils.metrics import Measurement, OrderedScores, Rejection, ordered

__all__ = ["Scorecard", "auc_text", "card_of", "score"]


@dataclass(frozen=True)
class Scorecard:
    """What the challenge says about one submission.

    Attributes
    ----------
    auc : Measurement
        Area under the ROC curve with its DeLong error. It decides the rank.
    r50, r30 : Rejection
        Background rejection at 50 % and 30 % signal efficiency, with 68 % intervals.
    """

    auc: Measurement
    r50: Rejection
    r30: Rejection

    def __str__(self) -> str:
        return f"AUC {auc_text(self.auc)}, R50 {self.r50}, R30 {self.r30}"


def auc_text(auc: Measurement) -> str:
    """AUC and error to 4 decimals, which is all that an open leaderboard shows.

    Examples
    --------
    >>> auc_text(Measurement(0.98324291, 0.00018))
    '0.9832 ± 0.0002'
    """
    return f"{auc.value:.4f} ± {auc.error:.4f}"


def score(y_true: ArrayLike, y_score: ArrayLike) -> Scorecard:
    """The scorecard of some scores.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_jets,)
        Labels (1 signal, 0 background; at least two of each) and finite scores.

    Raises
    ------
    ValueError
        If the arrays are anything else.

    Examples
    --------
    >>> card = score([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9])
    >>> card.auc.value
    0.75
    """
    return card_of(ordered(y_true, y_score))


def card_of(tagger: OrderedScores) -> Scorecard:
    """The scorecard of scores that are in order already."""
    return Scorecard(auc=tagger.auc(), r50=tagger.rejection(0.5), r30=tagger.rejection(0.3))
