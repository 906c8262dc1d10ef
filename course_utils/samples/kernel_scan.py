"""Scores that come with the course: the networks of lesson 05, of all kernels and seeds.

``benchmarks/kernel_scan.py`` trained them and wrote the file. Fifty trainings take a quarter of an
hour of one core, which a lesson does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["KernelScan", "load_kernel_scan"]

_FILE: Final = Path(__file__).parent / "data" / "kernel_scan.npz"
_NOT_FEATURES: Final = ("y_true", "event", "sizes", "paddings", "scores")


@dataclass(frozen=True, eq=False)
class KernelScan:
    """Test jets of ``w_tagging_window``, and how each network of the scan orders them.

    Attributes
    ----------
    y_true : array of shape (n_jets,), int8
        1 for a W, 0 for QCD.
    features : mapping from str to array of shape (n_jets,), float32
        ``mass``, ``pt`` and ``ungroomed_mass`` in GeV, ``tau21``, ``n_towers``, and of the two
        hardest subjets the distance ``delta_R`` and the second one's share ``z`` of the jet's pT;
        both are 0 if there is one subjet only.
    event : array of shape (n_jets,), int64
        Equal for jets of one collision.
    sizes : array of shape (n_sizes,)
        Of the first kernel, in pixels.
    paddings : tuple of str
        ``"valid"`` and ``"same"``.
    scores : array of shape (n_paddings, n_sizes, n_seeds, n_jets), uint8
        The place of each jet's score, from 0 (QCD) to 255 (W), in steps that are finest at the
        top.
    """

    y_true: NDArray[np.int8]
    features: Mapping[str, NDArray[np.float32]]
    event: NDArray[np.int64]
    sizes: NDArray[np.int64]
    paddings: tuple[str, ...]
    scores: NDArray[np.uint8]


def load_kernel_scan() -> KernelScan:
    """Read the scan that comes with the course.

    Examples
    --------
    >>> scan = load_kernel_scan()
    >>> scan.paddings, scan.sizes
    (('valid', 'same'), array([ 3,  5,  7, 11, 15]))
    >>> scan.scores.shape[:2], scan.scores.shape[3] == len(scan.y_true)
    ((2, 5), True)
    """
    with np.load(_FILE) as file:
        arrays = {name: file[name] for name in file.files}
    return KernelScan(
        y_true=arrays["y_true"].astype(np.int8),
        features={
            name: values.astype(np.float32)
            for name, values in arrays.items()
            if name not in _NOT_FEATURES
        },
        event=arrays["event"].astype(np.int64),
        sizes=arrays["sizes"].astype(np.int64),
        paddings=tuple(str(name) for name in arrays["paddings"]),
        scores=arrays["scores"],
    )
