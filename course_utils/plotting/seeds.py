"""Several trainings of each setting, with the error from the seeds and that from the jets."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

__all__ = ["plot_over_seeds"]


def plot_over_seeds(
    settings: ArrayLike,
    values: ArrayLike,
    *,
    jets_error: ArrayLike = 0.0,
    label: str,
    colour: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a measure of several trainings against a setting, such as the AUC by kernel size.

    Parameters
    ----------
    settings : array of shape (n_settings,)
        Horizontal positions.
    values : array of shape (n_settings, n_seeds)
        The measure of each training.
    jets_error : array of shape (n_settings,), or a number
        Error of the mean over the seeds that other test jets would make.
    label, colour : str
        Name and colour of the series.
    ax : Axes, optional
        Where to draw; a new figure otherwise. Call again with the same one to compare series.

    Returns
    -------
    Axes
        A dash is one training, a dot the mean over the seeds. Its thick bar is the standard error
        from the seeds, its thin bar that error and ``jets_error`` in quadrature. One seed has no
        spread, and no thick bar.

    Raises
    ------
    ValueError
        If there is not one row of values per setting.

    Examples
    --------
    >>> ax = plot_over_seeds([3, 11], [[0.84, 0.86], [0.83, 0.84]], label="valid")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['valid']
    >>> plt.close(ax.figure)
    """
    x, y = np.asarray(settings, np.float64), np.asarray(values, np.float64)
    if y.ndim != 2 or x.shape != y.shape[:1]:
        raise ValueError(
            f"Expected values of shape ({x.size}, n_seeds), one row per setting; got {y.shape}."
        )
    if ax is None:
        ax = plt.subplots(figsize=(6.5, 4), layout="constrained")[1]
    n_seeds, mean = y.shape[1], y.mean(axis=1)
    from_seeds = y.std(axis=1, ddof=1) / n_seeds**0.5 if n_seeds > 1 else np.zeros(len(y))
    thick = ax.errorbar(x, mean, from_seeds, fmt="o", linewidth=3, color=colour, label=label)
    colour = thick.lines[0].get_color()
    total = np.hypot(from_seeds, jets_error)
    ax.errorbar(x, mean, total, fmt="none", linewidth=1, color=colour)
    ax.plot(np.repeat(x, n_seeds), y.ravel(), "_", color=colour, alpha=0.5)
    ax.legend()
    return ax
