"""What is inside a jet: N-subjettiness, through FastJet and its contributed packages.

Needs the extra ``simulation`` (``fastjet``, ``awkward``).
"""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
from fastjet import _swig
from numpy.typing import ArrayLike, NDArray

# FastJet greets on standard output at its first clustering, in the middle of a progress bar.
# Its Python interface reaches the switch through this module only.
_swig.ClusterSequence.set_fastjet_banner_stream(None)


def n_subjettiness(
    jets: ArrayLike, *, n_max: int = 3, beta: float = 1.0, radius: float = 0.8
) -> NDArray[np.float64]:
    """N-subjettiness tau_1 ... tau_n: how well 1, 2, ... n subjets describe each jet.

    tau_N = sum_i pT_i min_k(dR_ik)^beta / sum_i pT_i radius^beta, over the constituents i and N
    axes k: exclusive kT axes, moved to the minimum in one pass (arXiv:1108.2701). A ratio such as
    tau_32 = tau_3 / tau_2 is small for a jet of three prongs.

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.
    n_max : int
        Number of taus.
    beta : float
        Weight of the angle.
    radius : float
        Radius of the jets; it sets the scale.

    Returns
    -------
    array of shape (n_jets, n_max)
        Zero where a jet has no more constituents than axes, up to rounding.

    Examples
    --------
    Two equal prongs 0.4 apart lie 0.2 from their common axis, and on their own two:

    >>> prongs = [[[100, 100, 0, 0], [100, 100 * np.cos(0.4), 100 * np.sin(0.4), 0]]]
    >>> n_subjettiness(prongs, n_max=2).round(6) + 0
    array([[0.25, 0.  ]])
    """
    jets = np.asarray(jets, dtype=np.float64)
    if jets.ndim != 3 or jets.shape[2] != 4:
        raise ValueError(f"Expected jets of shape (n_jets, n_constituents, 4), got {jets.shape}.")
    real = jets[..., 0] > 0
    constituents = vectors(jets[real], real.sum(axis=1))
    # A radius no jet exceeds keeps all constituents in one jet.
    sequence = fastjet.ClusterSequence(
        constituents, fastjet.JetDefinition(fastjet.cambridge_algorithm, 10.0)
    )
    taus = sequence.njettiness(njets=list(range(1, n_max + 1)), beta=beta, R0=radius)
    return ak.to_numpy(taus)


def vectors(momentum: NDArray[np.float64], counts: NDArray[np.int64]) -> ak.Array:
    """Momenta as FastJet reads them: from flat rows ``(E, px, py, pz)``, ``counts`` per event."""
    fields = dict(zip(("E", "px", "py", "pz"), momentum.T, strict=True))
    return ak.unflatten(ak.zip(fields, with_name="Momentum4D"), counts)
