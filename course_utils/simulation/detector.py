"""A fast detector: what the tracker and the calorimeters make of the particles of many events.

Tracks bend in the solenoid, are found and smeared; towers collect what reaches the calorimeters;
energy flow keeps every track and adds the tower energy that the tracks do not explain
(Delphes 3, arXiv:1307.6346, sections 3.1 to 3.3). Nothing loops over particles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from course_utils.simulation.card import (
    ELECTRON,
    HADRON,
    MUON,
    Array,
    Calorimeter,
    Card,
    Towers,
)
from course_utils.simulation.collisions import Particles

# By abs(PDG id), for what Pythia leaves undecayed: charge of the particle (its antiparticle has
# the opposite one) and the share of its energy that a shower leaves in the ECal.
_LAST_ID = 4000
_CHARGE = np.zeros(_LAST_ID + 1, dtype=np.int64)
_CHARGE[[11, 13, 3112, 3312, 3334]] = -1
_CHARGE[[211, 321, 2212, 3222]] = 1
_ECAL_SHARE = np.zeros(_LAST_ID + 1)
_ECAL_SHARE[[11, 22, 111]] = 1.0
_ECAL_SHARE[[310, 3122]] = 0.3
_SHOWERS = np.ones(_LAST_ID + 1, dtype=bool)
_SHOWERS[[12, 13, 14, 16]] = False  # muons and neutrinos cross the calorimeters


_GRID = Towers(np.linspace(-5.0, 5.0, 101), np.full(100, 63))


@dataclass(frozen=True)
class EnergyFlow:
    """Reconstructed objects of many events, massless, in flat arrays grouped by event.

    ``momentum`` has shape (n_objects, 4), ``(E, px, py, pz)`` in GeV; ``event`` never falls.
    """

    momentum: Array
    event: NDArray[np.int64]
    n_events: int


@dataclass(frozen=True)
class _Tracks:
    pt: Array  # GeV, as measured
    eta: Array  # at the beam line
    phi: Array
    resolution: Array  # relative, of pt
    kind: NDArray[np.int64]  # abs(PDG id)
    event: NDArray[np.int64]
    cell: NDArray[np.int64]  # tower it points to, numbered through all events


def reconstruct(
    particles: Particles, *, rng: np.random.Generator, card: Card | None = None
) -> EnergyFlow:
    """Energy-flow objects of every event: tracks, and neutral excesses of the towers.

    What leaves the detector beyond abs(eta) 4.8, neutrinos, and deposits under the towers'
    thresholds are lost. Muons stay as tracks.
    """
    card = card or Card()
    kind = np.minimum(abs(particles.pdg_id), _LAST_ID)
    charge = _CHARGE[kind] * np.sign(particles.pdg_id)
    pt, eta, phi = pt_eta_phi(particles.momentum)
    tower = card.towers.index(*_at_calorimeter(pt, eta, phi, charge, card))
    cell = np.where(tower >= 0, particles.event * card.towers.n_towers + tower, -1)

    tracks = _tracks(pt, eta, phi, kind, particles.event, cell, charge != 0, rng)
    objects = [(tracks.pt, tracks.eta, tracks.phi, tracks.event)]
    hits = (cell >= 0) & _SHOWERS[kind]
    kind, cell, energy = kind[hits], cell[hits], particles.momentum[hits, 0]
    for calorimeter, ecal_share in ((card.ecal, True), (card.hcal, False)):
        share = _ECAL_SHARE if ecal_share else _SHOWERS - _ECAL_SHARE
        deposit = (cell, energy * share[kind])
        objects.append(_neutral_excess(deposit, tracks, share, calorimeter, card, rng))
    return _grouped(objects, particles.n_events)


def plain_towers(particles: Particles, *, rng: np.random.Generator) -> EnergyFlow:
    """Calorimeter towers of 0.1 x 0.1 to abs(eta) 5, as in Jet-Images (arXiv:1511.05190).

    Energies add up as numbers; each tower is a massless object at its centre. Neutrinos and muons
    leave nothing; nothing bends, nothing is smeared, so ``rng`` is not used.
    """
    kind = np.minimum(abs(particles.pdg_id), _LAST_ID)
    _, eta, phi = pt_eta_phi(particles.momentum)
    tower = _GRID.index(eta, phi)
    seen = (tower >= 0) & _SHOWERS[kind]
    cell = particles.event[seen] * _GRID.n_towers + tower[seen]
    cells, energy = _summed(cell, particles.momentum[seen, 0])
    eta, phi = _GRID.centre(cells % _GRID.n_towers)
    return _grouped(
        [(energy / np.cosh(eta), eta, phi, cells // _GRID.n_towers)], particles.n_events
    )


def pt_eta_phi(momentum: Array) -> tuple[Array, Array, Array]:
    """Transverse momentum (GeV), pseudorapidity and azimuth of momenta, shape (..., 4)."""
    px, py, pz = momentum[..., 1], momentum[..., 2], momentum[..., 3]
    pt = np.maximum(np.hypot(px, py), 1e-9)
    return pt, np.arcsinh(pz / pt), np.arctan2(py, px)


def _at_calorimeter(
    pt: Array, eta: Array, phi: Array, charge: NDArray[np.int64], card: Card
) -> tuple[Array, Array]:
    """``(eta, phi)`` of the point where a particle from the beam line leaves the solenoid.

    A helix of diameter d = 2 pT / (0.3 B) (GeV, T, m) that has turned by psi is d sin(psi / 2)
    away from the beam line and psi d sinh(eta) / 2 along it. It leaves through the barrel or the
    end cap, whichever comes first.
    """
    diameter = 2 * pt / (0.3 * card.field_tesla)
    pitch = diameter / 2 * np.maximum(abs(np.sinh(eta)), 1e-9)
    barrel = 2 * np.arcsin(np.minimum(card.radius / diameter, 1.0))
    end_cap = card.half_length / pitch
    turn = np.where(diameter < card.radius, end_cap, np.minimum(barrel, end_cap))
    outwards = diameter * np.sin(turn / 2)
    eta_bent = np.arcsinh(np.sign(eta) * turn * pitch / np.maximum(abs(outwards), 1e-9))
    phi_bent = phi - charge * turn / 2 + np.pi * (outwards < 0)
    return np.where(charge == 0, eta, eta_bent), np.where(charge == 0, phi, phi_bent)


def _tracks(
    pt: Array,
    eta: Array,
    phi: Array,
    kind: NDArray[np.int64],
    event: NDArray[np.int64],
    cell: NDArray[np.int64],
    charged: NDArray[np.bool_],
    rng: np.random.Generator,
) -> _Tracks:
    candidates = np.flatnonzero(charged & (cell >= 0) & (abs(eta) < 2.5))
    efficiency, resolution = np.empty((2, len(candidates)))
    of_kind = kind[candidates]
    for tracking, chosen in (
        (ELECTRON, of_kind == 11),
        (MUON, of_kind == 13),
        (HADRON, (of_kind != 11) & (of_kind != 13)),
    ):
        which = candidates[chosen]
        efficiency[chosen] = tracking.efficiency_at(pt[which], abs(eta[which]))
        resolution[chosen] = tracking.resolution_at(pt[which], abs(eta[which]))
    found = rng.random(len(candidates)) < efficiency
    track, resolution = candidates[found], resolution[found]
    return _Tracks(
        pt=_smeared(pt[track], resolution * pt[track], rng),
        eta=eta[track],
        phi=phi[track],
        resolution=resolution,
        kind=kind[track],
        event=event[track],
        cell=cell[track],
    )


def _smeared(mean: Array, sigma: Array, rng: np.random.Generator) -> Array:
    """Log-normal draws of given mean and standard deviation: a smearing that stays positive."""
    width_squared = np.log1p((sigma / mean) ** 2)
    draws = rng.standard_normal(len(mean))
    return mean * np.exp(np.sqrt(width_squared) * draws - width_squared / 2)


def _neutral_excess(
    deposit: tuple[NDArray[np.int64], Array],
    tracks: _Tracks,
    share: Array,
    calorimeter: Calorimeter,
    card: Card,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    """``(pt, eta, phi, event)`` of the tower energy that no track explains.

    A tower's energy is smeared, and seen above the thresholds. The tracks of the particles that
    leave all their energy here are subtracted; what is left counts as neutral if it passes the
    thresholds again, its significance measured in the errors of tower and tracks together.
    """
    cells, energy = _summed(*deposit)
    eta, phi = card.towers.random_point(cells % card.towers.n_towers, rng)
    energy = _smeared(energy, calorimeter.sigma(energy, abs(eta)), rng)
    sigma = calorimeter.sigma(energy, abs(eta))
    seen = energy > np.maximum(calorimeter.min_energy, calorimeter.min_significance * sigma)
    cells, energy, sigma, eta, phi = (a[seen] for a in (cells, energy, sigma, eta, phi))

    explaining = share[tracks.kind] == 1.0
    track_energy = (tracks.pt * np.cosh(tracks.eta))[explaining]
    variance = (tracks.resolution[explaining] * track_energy) ** 2
    slot = np.minimum(np.searchsorted(cells, tracks.cell[explaining]), len(cells) - 1)
    here = cells[slot] == tracks.cell[explaining] if len(cells) else slice(0, 0)
    excess = energy - np.bincount(slot[here], track_energy[here], minlength=len(cells))
    sigma = np.sqrt(sigma**2 + np.bincount(slot[here], variance[here], minlength=len(cells)))
    kept = excess > np.maximum(calorimeter.min_energy, calorimeter.min_significance * sigma)
    pt = excess[kept] / np.cosh(eta[kept])
    return pt, eta[kept], phi[kept], cells[kept] // card.towers.n_towers


def _summed(cell: NDArray[np.int64], energy: Array) -> tuple[NDArray[np.int64], Array]:
    """Cells with energy in them, in order, and the sum in each."""
    total = np.bincount(cell, energy)
    cells = np.flatnonzero(total)
    return cells, total[cells]


def _grouped(
    objects: list[tuple[Array, Array, Array, NDArray[np.int64]]], n_events: int
) -> EnergyFlow:
    pt, eta, phi, event = (np.concatenate(parts) for parts in zip(*objects, strict=True))
    order = np.argsort(event, kind="stable")
    pt, eta, phi, event = pt[order], eta[order], phi[order], event[order]
    momentum = np.stack(
        [pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=-1
    )
    return EnergyFlow(momentum, event, n_events)


@dataclass(frozen=True)
class Detector:
    """A detector that a recipe may name: what it is, for the provenance, and the function."""

    title: str
    reconstruct: Callable[..., EnergyFlow]


DETECTORS: Final[Mapping[str, Detector]] = {
    "energy flow": Detector(Card().name, reconstruct),
    "towers": Detector("calorimeter towers of 0.1 x 0.1, not smeared", plain_towers),
}
