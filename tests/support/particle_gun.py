"""Particles made by hand, for a detector that has not seen a collision."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.simulation.collisions import Particles

ELECTRON, MUON, NEUTRINO, PHOTON, PION, NEUTRON = 11, 13, 14, 22, 211, 2112


def four_momentum(
    pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, mass: float = 0.0
) -> NDArray[np.float64]:
    """``(E, px, py, pz)``, shape (..., 4)."""
    pt, eta, phi = np.broadcast_arrays(np.asarray(pt, float), eta, phi)
    energy = np.hypot(pt * np.cosh(eta), mass)
    return np.stack([energy, pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=-1)


def one_event(
    pdg_id: ArrayLike, momentum: NDArray[np.float64], vertex: ArrayLike = (0.0, 0.0, 0.0)
) -> Particles:
    """Particles of shape (n, 4), in one event."""
    return many_events(1, pdg_id, momentum, vertex)


def many_events(
    n_events: int,
    pdg_id: ArrayLike,
    momentum: NDArray[np.float64],
    vertex: ArrayLike = (0.0, 0.0, 0.0),
) -> Particles:
    """The same event so many times; ``vertex`` in mm, one or one of each particle."""
    n = len(momentum)
    return Particles(
        momentum=np.tile(momentum, (n_events, 1)),
        vertex=np.tile(np.broadcast_to(vertex, (n, 3)).astype(float), (n_events, 1)),
        pdg_id=np.tile(np.broadcast_to(pdg_id, n), n_events).astype(np.int32),
        event=np.repeat(np.arange(n_events), n),
        n_events=n_events,
    )


def gun(
    pdg_id: int, n_events: int = 4000, *, pt: float = 50.0, eta: float = 0.33, phi: float = 1.0
) -> Particles:
    """The same particle in many events, alone."""
    return many_events(n_events, pdg_id, four_momentum([pt], eta, phi))
