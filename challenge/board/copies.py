"""Teams that hand in each other's work: a list for the instructor to ask about, not a verdict.

Every team has a quota, so someone may open several teams to get more tries. The files of such teams
are identical or order the jets almost alike; independent trainings of one architecture do not.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from challenge.board.order import one_of_each_network
from challenge.store import Record

__all__ = ["LookAlike", "look_alikes"]

_JETS_THAT_TELL: Final = 20_000
_ALIKE: Final = 0.999  # rank correlation; two trainings of one network reach about 0.98


@dataclass(frozen=True)
class LookAlike:
    """Entries of two teams that are too alike. ``correlation`` is 1 for identical files."""

    first: Record
    second: Record
    correlation: float
    identical: bool


def look_alikes(
    scored: Iterable[Record],
    scores_of: Callable[[str], ArrayLike],
    *,
    threshold: float = _ALIKE,
) -> list[LookAlike]:
    """Pairs of entries of different teams whose files are the same or order the jets alike.

    The same file is found wherever it was handed in, also where the Ladder did not take it; the
    order is compared for the best entry of each network. No label is used. The sign of the scores
    does not matter.

    Parameters
    ----------
    scored : iterable of Record
        Every scored one; the challenge's own, and what was withdrawn, are left out.
    scores_of : function
        Maps the SHA-256 of a file to its scores, shape (n_jets,).
    threshold : float
        Two files are alike if their rank correlation (Spearman) is at least this.

    Returns
    -------
    list of LookAlike
        The most alike first.
    """
    own = [each for each in scored if each.may_stand and not each.is_baseline]
    best = sorted(one_of_each_network(own), key=lambda each: each.id)
    keys = list(dict.fromkeys(each.sha256 for each in best))
    correlations = _rank_correlations([_thinned(scores_of(key)) for key in keys])
    row = {key: at for at, key in enumerate(keys)}
    found = [
        LookAlike(first, second, 1.0, identical=True)
        for first, second in itertools.combinations(own, 2)
        if first.team != second.team and first.sha256 == second.sha256
    ]
    found += [
        LookAlike(first, second, min(float(alike), 1.0), identical=False)
        for first, second in itertools.combinations(best, 2)
        if first.team != second.team
        and first.sha256 != second.sha256
        and (alike := abs(correlations[row[first.sha256], row[second.sha256]])) >= threshold
    ]
    return sorted(found, key=lambda each: (-each.correlation, each.first.id, each.second.id))


def _thinned(scores: ArrayLike) -> NDArray[np.float64]:
    """Enough jets for a verdict; copied, so that the rest of the file can leave memory."""
    values = np.asarray(scores, np.float64)
    return values[:: max(len(values) // _JETS_THAT_TELL, 1)].copy()


def _rank_correlations(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Spearman's correlation of all pairs; a constant column correlates with itself alone."""
    if not columns:
        return np.empty((0, 0))
    ranks = np.stack([stats.rankdata(each) for each in columns])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    correlations = unit @ unit.T
    np.fill_diagonal(correlations, 1.0)
    return correlations
