"""Distributions, scores, ROC curves and training curves.

Signal and background have the same two colours everywhere. They come from the palette of Okabe and
Ito (jfly.uni-koeln.de/color) and differ in lightness too, so colour-blind readers and grey prints
keep them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BACKGROUND_COLOUR",
    "CURVE_COLOURS",
    "SIGNAL_COLOUR",
    "plot_distributions",
    "plot_history",
    "plot_rejection",
    "plot_roc",
    "plot_scores",
    "plot_training_curve",
]

SIGNAL_COLOUR = "#D55E00"
BACKGROUND_COLOUR = "#0072B2"
#: For several taggers in one figure: the rest of the palette, so none looks like a class.
CURVE_COLOURS = ("#009E73", "#CC79A7", "#56B4E9", "#000000", "#E69F00")


class TrainingRecord(Protocol):
    """The columns of a training that are drawn, as in `course_utils.training.History`."""

    loss: Sequence[float]
    accuracy: Sequence[float]
    val_loss: Sequence[float]
    val_accuracy: Sequence[float]
    val_loss_error: float
    val_accuracy_error: float


def plot_distributions(
    signal: ArrayLike,
    background: ArrayLike,
    *,
    bins: int | ArrayLike = 50,
    label: str,
    names: tuple[str, str] = ("top", "QCD"),
    unit: str = "jets",
    ax: Axes | None = None,
) -> Axes:
    """Draw one quantity for signal and background, each histogram with an area of 1.

    Parameters
    ----------
    signal, background : arrays of shape (n,)
        The quantity, one number per jet. Values outside `bins` are not drawn but count in the area.
    bins : int or array of edges
        A number of bins covers the range of both classes.
    label : str
        Horizontal axis label, with symbol and unit.
    names : (str, str)
        Names of the two classes in the legend.
    unit : str
        What legend and axis call a row of the data, such as "events".
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Bands are one standard deviation of the bin contents, ``sqrt(n)``.

    Raises
    ------
    ValueError
        If a class is empty or holds a number that is not finite.

    Examples
    --------
    >>> ax = plot_distributions([170, 172, 175], [20, 30, 90], label="$m$ [GeV]")
    >>> ax.get_ylabel()
    'fraction of jets per bin'
    >>> plt.close(ax.figure)
    """
    ax = _axes(ax)
    samples = [
        _finite(values, name) for values, name in zip((signal, background), names, strict=True)
    ]
    edges = np.histogram_bin_edges(np.concatenate(samples), bins)
    for values, name, colour in zip(
        samples, names, (SIGNAL_COLOUR, BACKGROUND_COLOUR), strict=True
    ):
        counts = np.histogram(values, edges)[0]
        height, error = counts / len(values), np.sqrt(counts) / len(values)
        ax.stairs(height, edges, color=colour, label=f"{name} ({len(values):,} {unit})")
        low, high = np.maximum(height - error, 0.0), height + error
        ax.stairs(high, edges, baseline=low, color=colour, alpha=0.3, fill=True, linewidth=0)
    ax.set(xlabel=label, ylabel=f"fraction of {unit} per bin", xlim=(edges[0], edges[-1]))
    ax.set_ylim(bottom=0, top=1.3 * ax.dataLim.ymax)  # room for the legend
    ax.legend()
    return ax


def plot_scores(
    y_true: ArrayLike, y_score: ArrayLike, *, bins: int | ArrayLike = 40, ax: Axes | None = None
) -> Axes:
    """Draw the output of a tagger for signal and background jets, on a logarithmic scale.

    Parameters
    ----------
    y_true : array of shape (n_jets,)
        1 signal, 0 background.
    y_score : array of shape (n_jets,)
        Higher is more signal-like.
    bins : int or array of edges
        See :func:`plot_distributions`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = plot_scores([1, 1, 0, 0], [0.9, 0.6, 0.4, 0.1], bins=10)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['top (2 jets)', 'QCD (2 jets)']
    >>> plt.close(ax.figure)
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score)
    if y_true.shape != y_score.shape or y_true.ndim != 1:
        raise ValueError(f"Expected a label per score; got {y_true.shape} and {y_score.shape}.")
    ax = plot_distributions(
        y_score[y_true == 1], y_score[y_true == 0], bins=bins, label="network output", ax=ax
    )
    smallest = 1 / max(np.bincount(y_true == 1))  # one jet of the larger class
    ax.set(yscale="log", ylim=(smallest / 2, 2))
    return ax


def plot_roc(
    false_positive_rate: ArrayLike,
    true_positive_rate: ArrayLike,
    *,
    n_signal: int,
    n_background: int,
    label: str,
    colour: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the ROC curve in the unit square, with the diagonal of pure chance.

    Parameters
    ----------
    false_positive_rate, true_positive_rate : arrays of shape (n_points,)
        Rising from 0 to 1, as :func:`course_utils.metrics.roc_curve` returns them.
    n_signal, n_background : int
        Number of jets behind the two rates; they set the width of the band.
    label, colour : str
        Name and colour of the curve.
    ax : Axes, optional
        Where to draw; a new figure otherwise. Call again with the same one to compare taggers.

    Returns
    -------
    Axes
        The band is one standard deviation of the curve at a fixed false positive rate x: the
        Wilson interval of the true positive rate, and how far the curve rises or falls within the
        Wilson interval of x, added in quadrature. On many jets this is the variance
        ``y(1-y)/n_signal + (dy/dx)**2 x(1-x)/n_background`` (Hsieh and Turnbull, Annals of
        Statistics 24 (1996) 25); on few jets, where the curve is a staircase, a slope says nothing.

    Examples
    --------
    >>> ax = plot_roc([0, 0, 1], [0, 1, 1], n_signal=10, n_background=10, label="perfect")
    >>> ax.get_xlabel()
    'false positive rate $\\\\varepsilon_B$'
    >>> plt.close(ax.figure)
    """
    fpr, tpr = _rates(false_positive_rate, true_positive_rate)
    fresh = ax is None
    ax = _axes(ax)
    if fresh:
        ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="chance")
    (line,) = ax.plot(fpr, tpr, color=colour, label=label)
    x = np.linspace(0, 1, 201)
    y = np.interp(x, fpr, tpr)
    by_signal = _wilson_interval(y, n_signal)
    by_background = [np.interp(edge, fpr, tpr) for edge in _wilson_interval(x, n_background)]
    low, high = _in_quadrature(y, by_signal, by_background)
    low, high = np.maximum(low, 0), np.minimum(high, 1)
    ax.fill_between(x, low, high, color=line.get_color(), alpha=0.3, linewidth=0)
    ax.set(xlabel=r"false positive rate $\varepsilon_B$", xlim=(0, 1))
    ax.set(ylabel=r"true positive rate $\varepsilon_S$", ylim=(0, 1))
    ax.legend(loc="lower right")
    return ax


def plot_rejection(
    false_positive_rate: ArrayLike,
    true_positive_rate: ArrayLike,
    *,
    n_signal: int,
    n_background: int,
    label: str,
    colour: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw background rejection against signal efficiency: the ROC curve of tagger papers.

    Parameters
    ----------
    false_positive_rate, true_positive_rate : arrays of shape (n_points,)
        Rising from 0 to 1, as :func:`course_utils.metrics.roc_curve` returns them.
    n_signal, n_background : int
        Number of jets behind the two rates; they set the width of the band.
    label, colour : str
        Name and colour of the curve.
    ax : Axes, optional
        Where to draw; a new figure otherwise. Call again with the same one to compare taggers.

    Returns
    -------
    Axes
        The band is one standard deviation of the rejection at a fixed signal efficiency, as in
        :func:`plot_roc`, on a logarithmic scale. The curve ends where no background is left;
        beyond that the sample gives only a lower limit.

    Examples
    --------
    >>> curve = [0, 0.5, 1], [0, 1, 1]
    >>> ax = plot_rejection(*curve, n_signal=10, n_background=10, label="a cut")
    >>> ax.get_yscale()
    'log'
    >>> plt.close(ax.figure)
    """
    fpr, tpr = _rates(false_positive_rate, true_positive_rate)
    ax = _axes(ax)
    kept = fpr > 0
    x, y = fpr[kept], tpr[kept]
    (line,) = ax.plot(y, 1 / x, color=colour, label=label)
    # Less than half a jet of background cannot be told from none.
    by_signal = [
        np.log(np.maximum(np.interp(edge, tpr, fpr), 0.5 / n_background))
        for edge in _wilson_interval(y, n_signal)
    ]
    by_background = np.log(_wilson_interval(x, n_background))
    low, high = np.exp(_in_quadrature(np.log(x), by_signal, by_background))
    high = np.minimum(high, 1)
    ax.fill_between(y, 1 / high, 1 / low, color=line.get_color(), alpha=0.3, linewidth=0)
    ax.set(xlabel=r"signal efficiency $\varepsilon_S$", xlim=(0, 1), yscale="log")
    ax.set(ylabel=r"background rejection $1/\varepsilon_B$")
    ax.set_ylim(bottom=1)
    ax.legend()
    return ax


def plot_training_curve(
    training: Sequence[float],
    validation: Sequence[float],
    *,
    label: str,
    error: float = 0.0,
    unit: str = "jets",
    ax: Axes | None = None,
) -> Axes:
    """Draw loss or accuracy after each epoch, in training and validation.

    Parameters
    ----------
    training, validation : sequences of n_epochs numbers
        For example ``history.loss`` and ``history.val_loss``.
    label : str
        Vertical axis label.
    error : float
        Standard error of one validation point, drawn as a band: for a mean over n jets, the
        spread from jet to jet divided by ``sqrt(n)``.
    unit : str
        What the legend calls a row of the data, such as "events".
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = plot_training_curve([0.7, 0.5], [0.7, 0.6], label="loss")
    >>> len(ax.lines)
    2
    >>> plt.close(ax.figure)
    """
    if len(training) != len(validation):
        raise ValueError(f"Expected as many epochs; got {len(training)} and {len(validation)}.")
    ax = _axes(ax)
    epochs = np.arange(1, len(training) + 1)
    ax.plot(epochs, training, color="0.45", linestyle="--", label=f"training {unit}")
    ax.plot(epochs, validation, color="black", label=f"validation {unit}")
    middle = np.asarray(validation, dtype=float)
    ax.fill_between(epochs, middle - error, middle + error, color="black", alpha=0.2, linewidth=0)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="epoch", ylabel=label)
    ax.legend()
    return ax


def plot_history(history: TrainingRecord, *, unit: str = "jets") -> tuple[Axes, Axes]:
    """Draw the loss and the accuracy of a training, side by side in a new figure.

    Parameters
    ----------
    history : course_utils.training.History
        Or anything with the same columns.
    unit : str
        What the legend calls a row of the data, such as "events".

    Returns
    -------
    (Axes, Axes)
        Loss on the left, accuracy on the right; see :func:`plot_training_curve`.

    Examples
    --------
    >>> from course_utils.training import History
    >>> left, right = plot_history(History([0.7, 0.5], [0.5, 0.8], [0.7, 0.6], [0.5, 0.7]))
    >>> left.get_ylabel(), right.get_ylabel()
    ('loss', 'accuracy')
    >>> plt.close(left.figure)
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for ax, quantity in ((left, "loss"), (right, "accuracy")):
        plot_training_curve(
            getattr(history, quantity),
            getattr(history, f"val_{quantity}"),
            error=getattr(history, f"val_{quantity}_error"),
            label=quantity,
            unit=unit,
            ax=ax,
        )
    return left, right


def _axes(ax: Axes | None) -> Axes:
    """Return the given Axes, or those of a new figure."""
    return plt.subplots(figsize=(6, 4), layout="constrained")[1] if ax is None else ax


def _finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return one class's values as a flat array; refuse what a histogram would silently drop."""
    values = np.ravel(np.asarray(values, dtype=np.float64))
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"Expected finite numbers for {name}; got {len(values)} values of which"
            f" {int(np.isfinite(values).sum())} are finite."
        )
    return values


def _rates(fpr: ArrayLike, tpr: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both rates as arrays; refuse them if they cannot be the axes of one curve."""
    fpr, tpr = np.asarray(fpr, dtype=np.float64), np.asarray(tpr, dtype=np.float64)
    rising = all(np.all(np.diff(rate) >= 0) for rate in (fpr, tpr))
    if fpr.shape != tpr.shape or fpr.ndim != 1 or not rising:
        raise ValueError(
            "Expected the two rates as rising arrays of one length; got shapes"
            f" {fpr.shape} and {tpr.shape}. metrics.roc_curve returns such arrays."
        )
    return fpr, tpr


def _wilson_interval(rate: NDArray[np.float64], n: int) -> tuple[NDArray, NDArray]:
    """Return the one-standard-deviation score interval of a rate (Wilson, JASA 22 (1927) 209)."""
    centre = (rate + 0.5 / n) / (1 + 1 / n)
    half = np.sqrt(rate * (1 - rate) / n + 0.25 / n**2) / (1 + 1 / n)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def _in_quadrature(
    value: NDArray[np.float64], *intervals: Sequence[NDArray[np.float64]]
) -> tuple[NDArray, NDArray]:
    """Return the interval whose two distances from a value are those of all, in quadrature."""
    down = np.sqrt(sum(np.minimum(low - value, 0) ** 2 for low, _ in intervals))
    up = np.sqrt(sum(np.maximum(high - value, 0) ** 2 for _, high in intervals))
    return value - down, value + up
