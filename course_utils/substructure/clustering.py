"""What is inside a jet: N-subjettiness, soft drop, subjets, trimming. FastJet does the clustering.

Every function treats each jet by itself, on one core, and takes some 15 kilobytes of memory for
each jet it is given. For very many jets see `course_utils.substructure`.

Needs the extra ``simulation`` (``fastjet``, ``awkward``).
"""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
from fastjet import _swig
from numpy.typing import ArrayLike, NDArray

# FastJet prints a banner at its first clustering, in the middle of a progress bar. Its Python
# interface reaches the switch only through this module.
_swig.ClusterSequence.set_fastjet_banner_stream(None)

_FIELDS = ("E", "px", "py", "pz")


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
        Zero, up to rounding, if a jet has no more constituents than axes.

    Examples
    --------
    Two equal prongs 0.4 apart are 0.2 from a common axis, and lie on two axes of their own:

    >>> prongs = [[[100, 100, 0, 0], [100, 100 * np.cos(0.4), 100 * np.sin(0.4), 0]]]
    >>> n_subjettiness(prongs, n_max=2).round(6) + 0
    array([[0.25, 0.  ]])
    """
    momenta, counts = constituents(jets)
    sequence = clustered(momenta, counts)
    taus = sequence.njettiness(njets=list(range(1, n_max + 1)), beta=beta, R0=radius)
    return ak.to_numpy(taus).reshape(len(counts), n_max)


def tau_ratio(taus: ArrayLike, n: int) -> NDArray[np.float64]:
    """Divide tau_n by tau_(n-1): small for a jet of n prongs.

    Parameters
    ----------
    taus : array of shape (n_jets, n_max)
        As `n_subjettiness` returns them.
    n : int
        At least 2: 2 gives tau21, 3 gives tau32.

    Returns
    -------
    array of shape (n_jets,)
        Close to 0 where tau_(n-1) is 0 up to rounding, since tau_n is 0 as well.

    Examples
    --------
    >>> tau_ratio([[0.4, 0.2, 0.05], [0.4, 0.0, 0.0]], 3)
    array([0.25, 0.  ])
    """
    taus = np.asarray(taus)
    return taus[:, n - 1] / np.maximum(taus[:, n - 2], 1e-9)


def soft_drop_mass(
    jets: ArrayLike, *, symmetry_cut: float = 0.1, beta: float = 0.0, radius: float = 0.8
) -> NDArray[np.float64]:
    """Return the mass of each jet after soft drop, which removes soft radiation at wide angles.

    The jet is clustered with Cambridge/Aachen and taken apart step by step. Each step drops the
    softer of two branches, until its share of the transverse momentum,
    min(pT1, pT2) / (pT1 + pT2), exceeds symmetry_cut * (dR12 / radius)^beta (arXiv:1402.2657).

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.
    symmetry_cut, beta : float
        The condition. With ``beta`` 0 it is the modified mass drop tagger's (arXiv:1307.0007).
    radius : float
        Radius of the jets.

    Returns
    -------
    array of shape (n_jets,)
        In GeV; zero for a jet with a single branch.

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
    momenta, counts = constituents(jets)
    mass, filled = np.zeros(len(counts)), counts > 0  # FastJet fails on an empty jet
    if filled.any():
        groomed = clustered(momenta, counts[filled]).exclusive_jets_softdrop_grooming(
            njets=1, beta=beta, symmetry_cut=symmetry_cut, R0=radius
        )
        mass[filled] = np.maximum(ak.to_numpy(groomed.msoftdrop), 0.0)
    return mass


def subjets(jets: ArrayLike, *, radius: float = 0.3, n: int = 2) -> NDArray[np.float64]:
    """Return the hardest subjets of each jet, found with the kT algorithm.

    The constituents of each jet are clustered again, with kT (hep-ph/9305266), a smaller radius and
    the E scheme. Jet images are centred on the first subjet and turned by the second one; those of
    arXiv:1511.05190 take subjets of radius 0.3, after trimming (see :func:`trimmed`).

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.
    radius : float
        Radius of the subjets.
    n : int
        How many subjets to return.

    Returns
    -------
    array of shape (n_jets, n, 4)
        ``(E, px, py, pz)`` in GeV by falling pT; zeros if a jet has fewer subjets.

    Examples
    --------
    Three prongs of 100 GeV: two of them are 0.1 apart and form one subjet.


    >>> phi = np.array([0, 0.1, 0.5])
    >>> jet = 100 * np.stack([np.ones(3), np.cos(phi), np.sin(phi), np.zeros(3)], axis=-1)
    >>> subjets([jet], n=3)[0, :, 0]
    array([200., 100.,   0.])
    """
    momenta, counts = constituents(jets)
    found = clustered(momenta, counts, fastjet.kt_algorithm, radius).inclusive_jets()
    momentum = np.stack([ak.flatten(found[p]).to_numpy() for p in _FIELDS], axis=-1)
    jet = np.repeat(np.arange(len(counts)), ak.num(found).to_numpy())
    return hardest_rows(momentum, jet, (len(counts), n))


def trimmed(jets: ArrayLike, *, radius: float = 0.3, min_fraction: float = 0.05) -> NDArray:
    """Remove the constituents of soft subjets, which hold much of the pile-up.

    The constituents of each jet are clustered again with the kT algorithm and a smaller radius.
    Subjets below ``min_fraction`` of the jet's transverse momentum are removed (arXiv:0912.1342).

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.
    radius, min_fraction : float
        Radius and least share of a subjet; the defaults are those of arXiv:1511.05190.

    Returns
    -------
    array of the same shape
        The remaining constituents, unchanged, by falling pT, then zeros. float32 stays float32.

    Examples
    --------
    A prong of 4 GeV far from one of 100 GeV is less than a twentieth of the jet:

    >>> trimmed([[[4, 0, 4, 0], [100, 100, 0, 0]]])
    array([[[100., 100.,   0.,   0.],
            [  0.,   0.,   0.,   0.]]])
    """
    jets = np.asarray(jets)
    jets = jets if np.issubdtype(jets.dtype, np.floating) else jets.astype(np.float64)
    momenta, counts = constituents(jets)
    jet, subjet, row = _members(clustered(momenta, counts, fastjet.kt_algorithm, radius), counts)
    px, py = momenta[row, 1], momenta[row, 2]
    subjet_pt = np.hypot(np.bincount(subjet, px), np.bincount(subjet, py))
    jet_pt = np.hypot(*(np.bincount(jet, p, minlength=len(counts)) for p in (px, py)))
    stays = subjet_pt[subjet] >= min_fraction * jet_pt[jet]
    return hardest_rows(jets[_is_real(jets)][row[stays]], jet[stays], jets.shape[:2])


def _members(
    sequence: fastjet.ClusterSequence, counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each constituent's jet, its subjet (counted through all jets), and its row."""
    of_jets = sequence.constituent_index()
    of_subjets = ak.flatten(of_jets, axis=1)
    size = ak.num(of_subjets).to_numpy()
    subjet = np.repeat(np.arange(len(size)), size)
    jet = np.repeat(np.arange(len(counts)), ak.num(of_jets).to_numpy())[subjet]
    first = np.cumsum(counts) - counts
    return jet, subjet, first[jet] + ak.flatten(of_subjets).to_numpy()


def hardest_rows(momentum: NDArray, jet: NDArray[np.int64], shape: tuple[int, int]) -> NDArray:
    """Sort momenta by falling pT into the rows of their jets, cut or padded to ``shape``.

    Parameters
    ----------
    momentum : array of shape (n, 4)
        ``(E, px, py, pz)`` in GeV.
    jet : array of shape (n,)
        The jet that each momentum belongs to.
    shape : (n_jets, n_rows)

    Returns
    -------
    array of shape (n_jets, n_rows, 4)
    """
    order = np.lexsort((-np.hypot(momentum[:, 1], momentum[:, 2]), jet))
    counts = np.bincount(jet, minlength=shape[0])
    rank = np.arange(len(jet)) - np.repeat(np.cumsum(counts) - counts, counts)
    fits = rank < shape[1]
    padded = np.zeros((*shape, 4), momentum.dtype)
    padded[jet[order][fits], rank[fits]] = momentum[order][fits]
    return padded


def constituents(jets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Drop the padding: return all rows ``(E, px, py, pz)``, and how many each jet has."""
    jets = np.asarray(jets)
    if jets.ndim != 3 or jets.shape[2] != 4:
        raise ValueError(f"Expected jets of shape (n_jets, n_constituents, 4), got {jets.shape}.")
    real = _is_real(jets)
    return jets[real].astype(np.float64), real.sum(axis=1)


def _is_real(jets: NDArray) -> NDArray[np.bool_]:
    return jets[..., 0] > 0


def clustered(
    momentum: NDArray[np.float64],
    counts: NDArray[np.int64],
    algorithm: int = fastjet.cambridge_algorithm,
    radius: float = 10.0,  # no jet exceeds it: all constituents stay in one
) -> fastjet.ClusterSequence:
    """Cluster each jet's constituents again; by default with Cambridge/Aachen into one jet."""
    definition = fastjet.JetDefinition(algorithm, radius)
    return fastjet.ClusterSequence(vectors(momentum, counts), definition)


def vectors(momentum: NDArray[np.float64], counts: NDArray[np.int64]) -> ak.Array:
    """Group flat rows ``(E, px, py, pz)`` as FastJet reads them, ``counts`` per event."""
    fields = dict(zip(_FIELDS, momentum.T, strict=True))
    return ak.unflatten(ak.zip(fields, with_name="Momentum4D"), counts)
