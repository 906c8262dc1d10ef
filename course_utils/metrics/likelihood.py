"""The likelihood ratio of a few observables, from histograms of jets whose class is known.

No cut on the same observables selects better than one on the ratio of their densities (Neyman and
Pearson, Phil. Trans. R. Soc. A 231 (1933) 289). With histograms in place of the densities there is
a price: a bin with few jets learns them by heart, and those that filled the histograms look better
separated than others. `cross_fitted_likelihood` takes each jet's ratio from other jets' histograms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.metrics.scores import checked

__all__ = ["LikelihoodRatio", "cross_fitted_likelihood", "likelihood_ratio"]

Bins = int | Sequence[int | ArrayLike]


@dataclass(frozen=True, eq=False)
class LikelihoodRatio:
    """Logarithm of the density of signal over that of background, bin by bin.

    Attributes
    ----------
    edges : tuple of arrays
        Of each observable, rising; a value that equals an edge belongs to the bin above it, and one
        beyond the last edge to the outermost bin.
    log_ratio : array of shape (n_bins_1, ..., n_bins_d)
        0 in an empty bin.
    """

    edges: tuple[NDArray[np.float64], ...]
    log_ratio: NDArray[np.float64]

    def __call__(self, observables: ArrayLike) -> NDArray[np.float64]:
        """Return the log ratio of each jet, shape (n_jets,), for observables as they were fitted.

        Raises
        ------
        ValueError
            If the number of observables is not that of the fit, or one is not finite.
        """
        values = _columns(observables)
        if values.shape[1] != len(self.edges):
            raise ValueError(
                f"Expected {len(self.edges)} observables, as in the fit; got {values.shape[1]}."
            )
        return self.log_ratio[_bin_of(values, self.edges)]


def likelihood_ratio(
    y_true: ArrayLike,
    observables: ArrayLike,
    *,
    bins: Bins = 10,
    prior: float = 0.5,
    weights: ArrayLike | None = None,
) -> LikelihoodRatio:
    """Fit the ratio to jets of known class. Apply it to other jets only.

    Parameters
    ----------
    y_true : array of shape (n_jets,)
        1 signal, 0 background.
    observables : array of shape (n_jets, n_observables) or (n_jets,)
        Finite numbers in any units.
    bins : int, or one entry per observable
        An entry is a number of bins, or an array of edges. Bins by number hold equal shares of the
        two classes together, each counting one half; fewer where many jets have the same value.
    prior : float
        Jets of the smaller class added to each bin, with as large a share of the other: no ratio is
        0/0 or infinite.
    weights : array of shape (n_jets,), optional
        Not negative; their scale in either class makes no difference.

    Raises
    ------
    ValueError
        If a class is missing, a shape is wrong, a value is not finite, or edges do not rise.

    Examples
    --------
    Of three signal jets two are in the upper bin, of three background jets none. With half a jet
    more in each bin the ratio there is 2.5 / 0.5:

    >>> fitted = likelihood_ratio([1, 1, 1, 0, 0, 0], [2, 5, 6, 1, 2, 3], bins=[[0, 4, 9]])
    >>> np.exp(fitted([1, 6])).round(3)
    array([0.429, 5.   ])
    """
    values, is_signal, weight = _sample(y_true, observables, weights)
    return _fitted(values, is_signal, weight, _per_observable(bins, values.shape[1]), prior)


def cross_fitted_likelihood(
    y_true: ArrayLike,
    observables: ArrayLike,
    *,
    rng: np.random.Generator,
    bins: Bins = 10,
    n_folds: int = 2,
    groups: ArrayLike | None = None,
    prior: float = 0.5,
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Log likelihood ratio of every jet, each from histograms of the other folds.

    Parameters
    ----------
    y_true, observables, bins, prior, weights
        See `likelihood_ratio`.
    rng : numpy.random.Generator, for the folds
    n_folds : int
        At least 2: more folds leave more jets for each fit.
    groups : array of shape (n_jets,), optional
        Jets of one group stay in one fold: those of the same collision know of each other.

    Returns
    -------
    array of shape (n_jets,)
        Scores for `roc_auc` and the other metrics.

    Raises
    ------
    ValueError
        As `likelihood_ratio`; also with too few groups, or one class outside a fold.
    """
    values, is_signal, weight = _sample(y_true, observables, weights)
    fold = _folds(len(values), groups, n_folds, rng)
    asked = _per_observable(bins, values.shape[1])
    scores = np.empty(len(values))
    for number in range(n_folds):
        here, others = fold == number, fold != number
        if len(np.unique(is_signal[others])) < 2:
            raise ValueError(
                f"Expected jets of both classes outside each of {n_folds} folds; one class is "
                f"missing there. Use more jets or smaller groups."
            )
        fitted = _fitted(values[others], is_signal[others], weight[others], asked, prior)
        scores[here] = fitted(values[here])
    return scores


def _sample(
    y_true: ArrayLike, observables: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    (is_signal,) = checked(y_true)
    values = _columns(observables)
    if len(values) != len(is_signal):
        raise ValueError(
            f"Expected observables of shape ({len(is_signal)}, n_observables), one row per label; "
            f"got {values.shape}."
        )
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    if weight.shape != is_signal.shape or not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(
            f"Expected finite weights of at least 0, shape ({len(is_signal)},); got {weight.shape}."
        )
    if not (weight[is_signal].sum() > 0 and weight[~is_signal].sum() > 0):
        raise ValueError("Expected weights above 0 in both classes; in one, all of them are 0.")
    return values, is_signal, weight


def _columns(observables: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(observables, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(
            f"Expected observables of shape (n_jets, n_observables) or (n_jets,); "
            f"got {values.shape}. Put arrays side by side with numpy.column_stack."
        )
    if n_bad := np.count_nonzero(~np.isfinite(values).all(axis=1)):
        raise ValueError(
            f"Expected finite observables; {n_bad} of {len(values)} jets have one that is NaN or "
            f"infinite. Give those a number of their own, such as -1."
        )
    return values


def _per_observable(bins: Bins, n_observables: int) -> list[int | ArrayLike]:
    asked = [bins] * n_observables if isinstance(bins, int | np.integer) else list(bins)
    if len(asked) != n_observables:
        raise ValueError(
            f"Expected bins for each of {n_observables} observables, numbers or arrays of edges; "
            f"got {len(asked)}."
        )
    return asked


def _fitted(
    values: NDArray[np.float64],
    is_signal: NDArray[np.bool_],
    weight: NDArray[np.float64],
    bins: list[int | ArrayLike],
    prior: float,
) -> LikelihoodRatio:
    if not prior > 0:
        raise ValueError(f"Expected a prior above 0, such as 0.5; got {prior}.")
    of_class = (is_signal, ~is_signal)
    share = sum(mine * weight / weight[mine].sum() for mine in of_class)
    edges = tuple(
        _edges(column, share, asked) for column, asked in zip(values.T, bins, strict=True)
    )
    shape = tuple(len(each) - 1 for each in edges)
    where = np.ravel_multi_index(_bin_of(values, edges), shape)
    signal, background = (np.bincount(where, mine * share, np.prod(shape)) for mine in of_class)
    least = prior / min(map(np.count_nonzero, of_class))
    return LikelihoodRatio(edges, np.log((signal + least) / (background + least)).reshape(shape))


def _edges(
    values: NDArray[np.float64], share: NDArray[np.float64], asked: int | ArrayLike
) -> NDArray[np.float64]:
    if isinstance(asked, int | np.integer):
        if asked < 1:
            raise ValueError(f"Expected at least 1 bin; got {asked}.")
        steps = np.arange(1, asked) / asked
        quantiles = np.quantile(values, steps, weights=share, method="inverted_cdf")
        # Just above a jet: where many jets have the lowest value, they are a bin of their own.
        inner = np.unique(np.nextafter(quantiles, np.inf))
        return np.concatenate([[-np.inf], inner[inner <= values.max()], [np.inf]])
    edges = np.asarray(asked, np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"Expected an array of at least 2 rising edges; got {asked!r}.")
    return edges


def _bin_of(
    values: NDArray[np.float64], edges: tuple[NDArray[np.float64], ...]
) -> tuple[NDArray[np.intp], ...]:
    return tuple(
        np.searchsorted(each[1:-1], column, side="right")
        for column, each in zip(values.T, edges, strict=True)
    )


def _folds(
    n_jets: int, groups: ArrayLike | None, n_folds: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    group = np.arange(n_jets) if groups is None else np.asarray(groups)
    if group.shape != (n_jets,):
        raise ValueError(f"Expected one group per jet, shape ({n_jets},); got {group.shape}.")
    names, of_jet = np.unique(group, return_inverse=True)
    if not 2 <= n_folds <= len(names):
        raise ValueError(
            f"Expected n_folds from 2 to {len(names)}, the number of groups; got {n_folds}."
        )
    return (rng.permutation(len(names)) % n_folds)[of_jet]
