"""Tables of shares with their errors, such as a confusion matrix, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

__all__ = ["plot_matrix"]


def plot_matrix(
    values: ArrayLike,
    errors: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    low: float = 0.0,
    high: float = 1.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a matrix, each entry with its number and its error.

    Parameters
    ----------
    values, errors : arrays of shape (n_rows, n_columns)
        An entry that is nan stays empty.
    rows, columns : sequences of str
        Names of the rows, from top to bottom, and of the columns.
    label : str
        Of the colour scale, which reaches from `low` to `high`; its middle is white.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> names = ("QCD", "W")
    >>> ax = plot_matrix([[0.8, 0.2], [0.3, 0.7]], np.full((2, 2), 0.01), names, names, label="")
    >>> ax.texts[0].get_text().split()
    ['0.800', '±', '0.010']
    >>> plt.close(ax.figure)
    """
    values, errors = (np.asarray(each, dtype=np.float64) for each in (values, errors))
    if not values.shape == errors.shape == (len(rows), len(columns)):
        raise ValueError(
            f"Expected values and errors of shape ({len(rows)}, {len(columns)}), as many as there "
            f"are names; got {values.shape} and {errors.shape}."
        )
    if ax is None:
        ax = plt.subplots(figsize=(5, 4), layout="constrained")[1]
    drawn = ax.imshow(values, vmin=low, vmax=high, cmap="PuOr_r", alpha=0.7)
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        text = f"{values[row, column]:.3f}\n± {errors[row, column]:.3f}"
        ax.text(column, row, text, ha="center", va="center")
    ax.set(xticks=range(len(columns)), xticklabels=columns)
    ax.set(yticks=range(len(rows)), yticklabels=rows)
    if label:
        ax.figure.colorbar(drawn, ax=ax, label=label, shrink=0.85)
    return ax
