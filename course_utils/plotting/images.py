"""Jet images: eta' to the right, phi' upwards, and one colour scale for all figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, SymLogNorm
from numpy.typing import ArrayLike, NDArray

from course_utils.plotting import BACKGROUND_COLOUR, SIGNAL_COLOUR

__all__ = ["plot_image", "plot_image_difference"]

_DIVERGING = LinearSegmentedColormap.from_list(
    "background to signal", [BACKGROUND_COLOUR, "white", SIGNAL_COLOUR]
)


def plot_image(
    image: ArrayLike,
    *,
    half_width: float = 0.8,
    low: float = 1e-4,
    high: float = 1.0,
    label: str = "fraction of the jet $p_T$",
    ax: Axes | None = None,
) -> Axes:
    """Draw a jet image, or an average of many, on a logarithmic scale; empty pixels are white.

    Parameters
    ----------
    image : array of shape (n_pixels, n_pixels)
        Axis 0 is eta', axis 1 is phi', as `course_utils.images.jet_images` returns them.
    half_width : float
        The image reaches from ``-half_width`` to ``half_width``.
    low, high : float
        Ends of the colour scale, by default the same in every figure.
    label : str
        Label of the colour scale; if empty, no scale is drawn.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the image does not have two axes, or a pixel is negative or not finite.

    Examples
    --------
    >>> ax = plot_image([[0, 0.7], [0, 0.3]], label="")
    >>> ax.get_ylabel()
    "$\\\\phi'$ [rad]"
    >>> plt.close(ax.figure)
    """
    pixels = _pixels(image)
    if (pixels < 0).any():
        raise ValueError("Expected pixels of 0 or more; for differences use plot_image_difference.")
    filled = np.ma.masked_equal(pixels, 0)
    return _draw(filled, half_width, label, ax, cmap="viridis_r", norm=LogNorm(low, high))


def plot_image_difference(
    difference: ArrayLike,
    *,
    half_width: float = 0.8,
    high: float | None = None,
    log: bool = True,
    label: str = "signal minus background",
    ax: Axes | None = None,
) -> Axes:
    """Draw a difference of images, in the colours of signal (positive) and background (negative).

    Parameters
    ----------
    difference : array of shape (n_pixels, n_pixels)
        Axis 0 is eta', axis 1 is phi'.
    half_width, label, ax
        See `plot_image`.
    high : float, optional
        End of the colour scale on both sides, by default the largest difference.
    log : bool
        Whether the scale is linear up to a hundredth of ``high``, then logarithmic. A linear scale
        leaves noise pale: choose it where small values mean nothing.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = plot_image_difference([[-0.5, 0], [0, 0.5]])
    >>> ax.images[0].get_clim()
    (-0.5, 0.5)
    >>> plt.close(ax.figure)
    """
    pixels = _pixels(difference)
    high = high or float(np.abs(pixels).max()) or 1.0
    ends = {"vmin": -high, "vmax": high}
    if not log:
        return _draw(pixels, half_width, label, ax, cmap=_DIVERGING, norm=Normalize(**ends))
    norm = SymLogNorm(high / 100, **ends)
    decades = 10.0 ** np.arange(np.ceil(np.log10(high / 100)), np.floor(np.log10(high)) + 1)
    ticks = [*-decades[::-1], 0, *decades]  # none in the linear part, where they would collide
    return _draw(pixels, half_width, label, ax, ticks, cmap=_DIVERGING, norm=norm)


def _pixels(image: ArrayLike) -> NDArray[np.float64]:
    """Return the image as an array; refuse stacks, and pixels that have no colour."""
    pixels = np.asarray(image, dtype=np.float64)
    if pixels.ndim != 2 or not np.isfinite(pixels).all():
        raise ValueError(f"Expected one image of finite numbers; got the shape {pixels.shape}.")
    return pixels


def _draw(
    pixels: NDArray[np.float64],
    half_width: float,
    label: str,
    ax: Axes | None,
    ticks: list[float] | None = None,
    **scale: object,
) -> Axes:
    """Draw pixels in the square window, with the first axis to the right."""
    if ax is None:
        ax = plt.subplots(figsize=(5, 4), layout="constrained")[1]
    extent = (-half_width, half_width, -half_width, half_width)
    drawn = ax.imshow(pixels.T, origin="lower", extent=extent, interpolation="nearest", **scale)
    ax.set(xlabel=r"$\eta'$", ylabel=r"$\phi'$ [rad]")
    if label:
        ax.figure.colorbar(drawn, ax=ax, label=label, shrink=0.85, ticks=ticks)
    return ax
