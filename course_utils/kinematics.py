"""Four-momenta: from ``(E, px, py, pz)`` to ``(pt, eta, phi, mass)`` and back, and sums over jets.

``momenta`` are arrays of shape (..., 4), ``jets`` of shape (n_jets, n_constituents, 4); the last
axis is ``(E, px, py, pz)`` in GeV. Angles are in radians. Results are float64 of the shape that
is left, whatever comes in: the mass of a jet is a small difference of large numbers. Zero rows are
padding: they have ``pt = eta = phi = 0`` and add nothing to a sum. Another last axis, or jets
without an axis of constituents, raise ValueError.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "delta_phi",
    "eta",
    "from_pt_eta_phi_mass",
    "jet_eta",
    "jet_mass",
    "jet_momentum",
    "jet_phi",
    "jet_pt",
    "phi",
    "pt",
    "transverse_mass",
]


def pt(momenta: ArrayLike) -> NDArray[np.float64]:
    """Transverse momentum, the part of the momentum perpendicular to the beam.

    Examples
    --------
    >>> pt([[13, 3, 4, 12], [0, 0, 0, 0]])
    array([5., 0.])
    """
    _, px, py, _ = _components(momenta)
    return np.hypot(px, py)


def eta(momenta: ArrayLike) -> NDArray[np.float64]:
    r"""Pseudorapidity :math:`\eta = \operatorname{arsinh}(p_z / p_T)`.

    0 for a padding row, and the limit, plus or minus infinity, for a momentum along the beam.

    Examples
    --------
    A momentum at 90 degrees to the beam, one along the beam, and a padding row:

    >>> eta([[5, 3, 4, 0], [7, 0, 0, -7], [0, 0, 0, 0]])
    array([  0., -inf,   0.])
    """
    _, px, py, pz = _components(momenta)
    transverse = np.hypot(px, py)
    along_beam = np.where(pz == 0, 0.0, np.copysign(np.inf, pz))
    # A ratio beyond the largest double is the same limit, reached from the other side.
    with np.errstate(over="ignore"):
        slope = np.divide(pz, transverse, out=along_beam, where=transverse > 0)
    return np.arcsinh(slope)


def phi(momenta: ArrayLike) -> NDArray[np.float64]:
    r"""Azimuth around the beam, in :math:`[-\pi, \pi)`.

    Examples
    --------
    >>> phi([[5, 0, 5, 0], [5, -5, 0, 0]]) / np.pi
    array([ 0.5, -1. ])
    """
    _, px, py, _ = _components(momenta)
    return _wrapped(np.arctan2(py, px))


def delta_phi(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    r"""Azimuth of ``a`` as seen from ``b``, the short way round, in :math:`[-\pi, \pi)`.

    ``a`` and ``b`` are on any branch and broadcast.

    Examples
    --------
    Two directions on either side of the cut at pi are neighbours:

    >>> delta_phi([3.1], [-3.1]).round(3)
    array([-0.083])
    """
    return _wrapped(np.subtract(a, b, dtype=np.float64))


def from_pt_eta_phi_mass(
    pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, mass: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Four-momenta from collider coordinates.

    The arguments broadcast; ``pt`` and ``mass`` in GeV and not negative, ``eta`` finite.

    Examples
    --------
    >>> from_pt_eta_phi_mass(3.0, 0.0, 0.0, 4.0)
    array([5., 3., 0., 0.])
    """
    arguments = (np.asarray(x, dtype=np.float64) for x in (pt, eta, phi, mass))
    pt, eta, phi, mass = np.broadcast_arrays(*arguments)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    energy = np.hypot(pt * np.cosh(eta), mass)
    return np.stack([energy, px, py, pz], axis=-1)


def transverse_mass(
    pt_a: ArrayLike, phi_a: ArrayLike, pt_b: ArrayLike, phi_b: ArrayLike
) -> NDArray[np.float64]:
    r"""Transverse mass of two massless particles, such as a lepton and the missing momentum.

    :math:`m_T = \sqrt{2 p_{T,a} p_{T,b} (1 - \cos\Delta\phi)}`, in GeV. The arguments
    broadcast. For the products of a W boson it ends near the W mass.

    Examples
    --------
    Back to back, at right angles, and parallel:

    >>> transverse_mass(40, [0, np.pi / 2, np.pi], 40, np.pi).round(2)
    array([80.  , 56.57,  0.  ])
    """
    half = np.sin(np.subtract(phi_a, phi_b, dtype=np.float64) / 2)
    return 2 * np.sqrt(np.multiply(pt_a, pt_b, dtype=np.float64)) * abs(half)


def jet_momentum(jets: ArrayLike) -> NDArray[np.float64]:
    """Four-momentum of each jet: the sum over its constituents.

    Shape (n_jets, 4).

    Examples
    --------
    >>> jet_momentum([[[50, 50, 0, 0], [50, -50, 0, 0], [0, 0, 0, 0]]])
    array([[100.,   0.,   0.,   0.]])
    """
    jets = np.asarray(jets)
    if jets.ndim < 2 or jets.shape[-1] != 4:
        raise ValueError(
            f"Expected jets of shape (n_jets, n_constituents, 4); got {jets.shape}."
            " Each constituent is (E, px, py, pz)."
        )
    return jets.sum(axis=-2, dtype=np.float64)


def jet_pt(jets: ArrayLike) -> NDArray[np.float64]:
    """Transverse momentum of each jet, from the summed four-momentum of its constituents.

    Not the sum of the constituents' pt: transverse vectors can cancel.

    Examples
    --------
    >>> jet_pt([[[3, 3, 0, 0], [4, 0, 4, 0]]])
    array([5.])
    """
    return pt(jet_momentum(jets))


def jet_eta(jets: ArrayLike) -> NDArray[np.float64]:
    """Pseudorapidity of each jet, from the summed four-momentum of its constituents.

    See :func:`eta` for a jet along the beam.

    Examples
    --------
    Two constituents mirrored at the transverse plane:

    >>> jet_eta([[[13, 5, 0, 12], [13, 5, 0, -12]]])
    array([0.])
    """
    return eta(jet_momentum(jets))


def jet_phi(jets: ArrayLike) -> NDArray[np.float64]:
    r"""Azimuth of each jet, in :math:`[-\pi, \pi)`, from its summed four-momentum.

    Examples
    --------
    >>> jet_phi([[[1, 1, 0, 0], [1, 0, 1, 0]]]) / np.pi
    array([0.25])
    """
    return phi(jet_momentum(jets))


def jet_mass(jets: ArrayLike) -> NDArray[np.float64]:
    """Invariant mass of each jet, from the summed four-momentum of its constituents.

    Rounding can push m**2 of a massless jet below zero; such jets get 0.

    Examples
    --------
    Two back-to-back photons of 50 GeV have the mass of one 100 GeV particle:

    >>> jet_mass([[[50, 50, 0, 0], [50, -50, 0, 0]]])
    array([100.])
    """
    energy, px, py, pz = _components(jet_momentum(jets))
    momentum = np.sqrt(px**2 + py**2 + pz**2)
    # (E - p)(E + p) loses fewer digits than E**2 - p**2 when the two are close.
    return np.sqrt(np.maximum((energy - momentum) * (energy + momentum), 0.0))


def _components(momenta: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """The four components, as doubles, along the last axis."""
    momenta = np.asarray(momenta)
    if momenta.ndim == 0 or momenta.shape[-1] != 4:
        raise ValueError(f"Expected (E, px, py, pz) as the last axis; got shape {momenta.shape}.")
    return tuple(momenta[..., i].astype(np.float64) for i in range(4))


def _wrapped(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same direction, expressed in [-pi, pi)."""
    wrapped = np.mod(angle + np.pi, 2 * np.pi) - np.pi
    # The remainder of a tiny negative number rounds up to the full circle.
    return np.where(wrapped >= np.pi, -np.pi, wrapped)[()]
