"""Images as the studies of lessons 05 and 06 drew them: one function for each recipe."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.images.drawing import jet_images

__all__ = ["et_images", "rebinned", "trimmed_images"]


def trimmed_images(
    jets: ArrayLike,
    *,
    radius: float = 0.3,
    min_fraction: float = 0.05,
    n_pixels: int = 25,
    half_width: float = 1.25,
    rotate: bool = True,
    flip: bool = True,
    workers: int = 1,
) -> NDArray[np.float32]:
    """Images of trimmed jets in GeV, after Jet-Images (arXiv:1511.05190, section 3).

    Each jet is trimmed and clustered into kT subjets of the same radius. The hardest subjet is the
    origin, the second is turned straight down, and the half with more pT is mirrored to the right.
    The constituents are turned, not the picture: interpolating pixels would spread their pT. The
    sum of the pixels is the jet's scalar pT, since no image is normalised.

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV, trimmed already or not: trimming again changes nothing. (In the
        small samples, whose momenta are rounded, it takes a little more from one jet in thirty:
        towers are often exactly one radius apart.) Zero rows are padding.
    radius, min_fraction : float
        Radius of the subjets, and the share of the jet's pT below which one is removed.
    n_pixels, half_width, rotate, flip, workers
        See `jet_images`. By default a pixel is a tower of 0.1 x 0.1.

    Returns
    -------
    array of shape (n_jets, n_pixels, n_pixels), float32
        pT in GeV; the first axis of an image is eta', the second phi'. A jet with one subjet, as
        half of the QCD jets have, is turned by its principal axis.

    Raises
    ------
    ValueError
        As `jet_images`.

    Examples
    --------
    A prong of 100 GeV with another of 50 GeV beside it, and one of 4 GeV that is trimmed away:

    >>> from course_utils import kinematics
    >>> jet = kinematics.from_pt_eta_phi_mass([[100, 50, 4]], [[0, 0.6, -0.6]], 0.0)
    >>> image = trimmed_images(jet, n_pixels=5)[0]
    >>> np.argwhere(image).tolist(), image[image > 0]
    ([[2, 1], [2, 2]], array([ 50., 100.], dtype=float32))
    """
    # FastJet takes a second to load, and other images do without.
    from course_utils import substructure

    kept = substructure.trimmed(jets, radius=radius, min_fraction=min_fraction)
    return jet_images(
        kept,
        n_pixels=n_pixels,
        half_width=half_width,
        rotate=rotate,
        flip=flip,
        normalise=False,
        subjets=substructure.subjets(kept, radius=radius),
        workers=workers,
    )


def et_images(
    jets: ArrayLike, *, n_pixels: int = 40, half_width: float = 1.0, workers: int = 1
) -> NDArray[np.float32]:
    """Images of the transverse energy in GeV, centred and neither turned nor normalised.

    The first study of W jets in several ranges of pT drew them so. Pixels reach some hundred GeV:
    scale them before a network sees them.

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.
    n_pixels, half_width, workers
        See `jet_images`.

    Returns
    -------
    array of shape (n_jets, n_pixels, n_pixels), float32
        E sin(theta) in GeV, summed in each pixel.

    Raises
    ------
    ValueError
        As `jet_images`.

    Examples
    --------
    >>> from course_utils import kinematics
    >>> jet = kinematics.from_pt_eta_phi_mass([[30, 10]], 0.0, [[3.0, -3.0]])
    >>> et_images(jet, n_pixels=2).sum(axis=(1, 2))
    array([40.], dtype=float32)
    """
    return jet_images(
        jets,
        n_pixels=n_pixels,
        half_width=half_width,
        rotate=False,
        flip=False,
        normalise=False,
        intensity="et",
        workers=workers,
    )


def rebinned(images: ArrayLike, n_pixels: int) -> NDArray:
    """Sum neighbouring pixels: images of ``n_pixels`` a side, of the same window.

    A network on 20 x 20 pixels costs a fifth of one on 40 x 40.

    Parameters
    ----------
    images : array of shape (n_jets, n, n)
    n_pixels : int
        A divisor of n.

    Returns
    -------
    array of shape (n_jets, n_pixels, n_pixels)
        With the same sums, and of the same type.

    Raises
    ------
    ValueError
        If the images are not square, or n is no multiple of ``n_pixels``.

    Examples
    --------
    >>> rebinned(np.ones((1, 4, 4)), 2)
    array([[[4., 4.],
            [4., 4.]]])
    """
    images = np.asarray(images)
    n = images.shape[-1]
    if images.ndim != 3 or images.shape[1] != n or n_pixels < 1 or n % n_pixels:
        raise ValueError(
            f"Expected images of shape (n_jets, n, n) with n a multiple of {n_pixels}; "
            f"got {images.shape}."
        )
    size = n // n_pixels
    blocks = images.reshape(len(images), n_pixels, size, n_pixels, size)
    return blocks.sum(axis=(2, 4), dtype=images.dtype)
