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
    diverging: bool = False,
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
        Of the colour scale, which reaches from `low` to `high`.
    diverging : bool
        Whether the middle of the scale is white and both ends have a colour, for numbers that mean
        the opposite below it; otherwise the scale begins in white.
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
    drawn = ax.imshow(values, vmin=low, vmax=high, cmap="PuOr_r" if diverging else "Oranges")
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        text = f"{values[row, column]:.3f}\n± {errors[row, column]:.3f}"
        colour = _readable_on(drawn.to_rgba(values[row, column]))
        ax.text(column, row, text, ha="center", va="center", color=colour)
    ax.set(xticks=range(len(columns)), xticklabels=columns)
    ax.set(yticks=range(len(rows)), yticklabels=rows)
    if label:
        ax.figure.colorbar(drawn, ax=ax, label=label, shrink=0.85)
    return ax


def _readable_on(background: tuple[float, ...]) -> str:
    """Return black or white, whichever has the higher contrast (WCAG 2.1, relative luminance)."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in background[:3]]
    luminance = np.dot(linear, (0.2126, 0.7152, 0.0722))
    return "black" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "white"
