"""What the trainings of ``w_top_qcd_trainings.py`` read: images, Lund planes, classes, ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_utils import substructure
from course_utils.images import et_images, rebinned
from course_utils.jetfile import JetTable


@dataclass(frozen=True)
class Jets:
    """What the trainings read of one split: three inputs, and the class of each jet."""

    inputs: dict[str, NDArray[np.float32]]
    is_w: NDArray[np.bool_]
    is_top: NDArray[np.bool_]
    pt_range: NDArray[np.intp]
    n_quarks: NDArray[np.intp]

    def rows(self, *, pt_range: int = -1, kind: str = "W", n_quarks: int = -1) -> NDArray[np.intp]:
        """Rows of the signal and of QCD."""
        signal = self.is_w if kind == "W" else self.is_top
        if n_quarks >= 0:
            signal = signal & (self.n_quarks == n_quarks)
        chosen = signal | ~(self.is_w | self.is_top)
        return np.flatnonzero(chosen & ((self.pt_range == pt_range) | (pt_range < 0)))


def prepared(table: JetTable) -> Jets:
    """Images and Lund planes of all jets."""
    pixels = rebinned(et_images(table.jets), 20)[:, None]
    planes = substructure.lund_plane(table.jets)
    lund = substructure.lund_images(planes, substructure.LundBins(radius=1.0))[:, None]
    inputs = {"GeV": pixels, "GeV / 100": pixels / 100, "Lund plane": lund}
    inputs["share of the sum x 20"] = 20 * pixels / pixels.sum(axis=(2, 3), keepdims=True)
    names = ("label_W", "label_top", "pt_range", "n_quarks_inside")
    is_w, is_top, pt_range, n_quarks = (table.columns[name].astype(int) for name in names)
    return Jets(inputs, is_w == 1, is_top == 1, pt_range, n_quarks)
