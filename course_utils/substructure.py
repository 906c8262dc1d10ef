"""What is inside a jet: N-subjettiness and soft drop, through FastJet and its contributed packages.

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
    sequence = _reclustered(jets)
    taus = sequence.njettiness(njets=list(range(1, n_max + 1)), beta=beta, R0=radius)
    return ak.to_numpy(taus)


def soft_drop_mass(
    jets: ArrayLike, *, symmetry_cut: float = 0.1, beta: float = 0.0, radius: float = 0.8
) -> NDArray[np.float64]:
    """Mass of each jet after soft drop: without the soft radiation at wide angles.

    The jet is clustered with Cambridge/Aachen and taken apart step by step. Of the two branches of
    a step the softer one is dropped as long as its share of the transverse momentum,
    min(pT1, pT2) / (pT1 + pT2), is not above symmetry_cut * (dR12 / radius)^beta (arXiv:1402.2657).

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.
    symmetry_cut, beta : float
        The condition. With ``beta`` 0 it is that of the modified mass drop tagger (1307.0007).
    radius : float
        Radius of the jets.

    Returns
    -------
    array of shape (n_jets,)
        In GeV; zero for a jet of a single branch.

    Examples
    --------
    Two prongs of 100 GeV, 0.4 apart, have a mass of 200 sin(0.2) = 39.734 GeV. They keep it, and
    lose a third one of 1 GeV at the edge:

    >>> def massless(pt, phi):
    ...     return [pt, pt * np.cos(phi), pt * np.sin(phi), 0]
    >>> jet = [[massless(100, 0.2), massless(100, -0.2), massless(1, 0.8)]]
    >>> soft_drop_mass(jet)
    array([39.734])
    """
    jets = np.asarray(jets, dtype=np.float64)
    if len(jets) == 0:
        return np.zeros(0)
    groomed = _reclustered(jets).exclusive_jets_softdrop_grooming(
        njets=1, beta=beta, symmetry_cut=symmetry_cut, R0=radius
    )
    return np.maximum(ak.to_numpy(groomed.msoftdrop).astype(np.float64), 0.0)


def _reclustered(jets: ArrayLike) -> fastjet.ClusterSequence:
    """Each jet's constituents clustered with Cambridge/Aachen, all of them into one jet."""
    jets = np.asarray(jets, dtype=np.float64)
    if jets.ndim != 3 or jets.shape[2] != 4:
        raise ValueError(f"Expected jets of shape (n_jets, n_constituents, 4), got {jets.shape}.")
    real = jets[..., 0] > 0
    # A radius no jet exceeds keeps all constituents in one jet.
    return fastjet.ClusterSequence(
        vectors(jets[real], real.sum(axis=1)),
        fastjet.JetDefinition(fastjet.cambridge_algorithm, 10.0),
    )


def vectors(momentum: NDArray[np.float64], counts: NDArray[np.int64]) -> ak.Array:
    """Momenta as FastJet reads them: from flat rows ``(E, px, py, pz)``, ``counts`` per event."""
    fields = dict(zip(("E", "px", "py", "pz"), momentum.T, strict=True))
    return ak.unflatten(ak.zip(fields, with_name="Momentum4D"), counts)
