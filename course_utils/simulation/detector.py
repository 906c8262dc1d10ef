"""A fast detector: what the tracker and the calorimeters make of the particles of many events.

Particles cross the solenoid; tracks are found and smeared; towers collect what reaches the
calorimeters; energy flow combines the two (Delphes 3, arXiv:1307.6346, sections 3.1 to 3.3, as in
version 3.3.2). Nothing loops over particles.
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
from course_utils.simulation.collisions import Particles, seen_particles
from course_utils.simulation.propagation import leaving_solenoid

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


_Objects = tuple[Array, Array, Array, NDArray[np.int64]]  # pt, eta, phi, event
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

    Neutrinos, what leaves the detector beyond abs(eta) 4.9, what is produced outside the solenoid
    and deposits under the towers' thresholds are lost. Muons stay as tracks.
    """
    card = card or Card()
    kind = np.minimum(abs(particles.pdg_id), _LAST_ID)
    charge = _CHARGE[kind] * np.sign(particles.pdg_id)
    eta, phi, inside = leaving_solenoid(particles.momentum, particles.vertex, charge, card)
    tower = np.where(inside, card.towers.index(eta, phi), -1)
    cell = np.where(tower >= 0, particles.event * card.towers.n_towers + tower, -1)
    tracks = _tracks(particles, kind, cell, charge != 0, rng)
    return _grouped(_energy_flow(particles, kind, cell, tracks, card, rng), particles.n_events)


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


def _tracks(
    particles: Particles,
    kind: NDArray[np.int64],
    cell: NDArray[np.int64],
    charged: NDArray[np.bool_],
    rng: np.random.Generator,
) -> _Tracks:
    """The charged particles that are found, with their pT drawn from a normal distribution."""
    pt, eta, phi = pt_eta_phi(particles.momentum)
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
    relative = 1 + resolution * rng.standard_normal(len(candidates))
    found &= relative > 0
    track, resolution, relative = candidates[found], resolution[found], relative[found]
    return _Tracks(
        pt=pt[track] * relative,
        eta=eta[track],
        phi=phi[track],
        resolution=resolution,
        kind=kind[track],
        event=particles.event[track],
        cell=cell[track],
    )


def _smeared(mean: Array, sigma: Array, rng: np.random.Generator) -> Array:
    """Log-normal draws of given mean and standard deviation: a smearing that stays positive."""
    width_squared = np.log1p((sigma / mean) ** 2)
    draws = rng.standard_normal(len(mean))
    return mean * np.exp(np.sqrt(width_squared) * draws - width_squared / 2)


def _energy_flow(
    particles: Particles,
    kind: NDArray[np.int64],
    cell: NDArray[np.int64],
    tracks: _Tracks,
    card: Card,
    rng: np.random.Generator,
) -> list[_Objects]:
    """Tracks and neutral towers, as the class ``Calorimeter`` of Delphes makes them.

    In each tower, the ECal and the HCal settle the tracks of the particles that leave all their
    energy there. Those measured better than the calorimeter would do keep their momentum, which is
    subtracted from its energy. The others share what is left of it. Only where there are none, an
    excess above the thresholds becomes a neutral object at a random point of the tower.
    """
    hit = np.flatnonzero((cell >= 0) & _SHOWERS[kind])
    cells = np.unique(np.concatenate([cell[hit], tracks.cell]))
    hit_slot, slot = np.searchsorted(cells, cell[hit]), np.searchsorted(cells, tracks.cell)
    tower = cells % card.towers.n_towers
    abs_eta = abs(card.towers.centre(tower)[0])
    eta, phi = card.towers.random_point(tower, rng)
    track_energy = tracks.pt * np.cosh(tracks.eta)

    def summed(where: NDArray, energy: Array) -> Array:
        return np.bincount(where, energy, minlength=len(cells))

    scale, objects = np.ones(len(slot)), []
    for calorimeter, share in ((card.ecal, _ECAL_SHARE), (card.hcal, _SHOWERS - _ECAL_SHARE)):
        deposit = summed(hit_slot, particles.momentum[hit, 0] * share[kind[hit]])
        energy = _measured(deposit, calorimeter, abs_eta, rng)
        own = share[tracks.kind] == 1.0
        error = calorimeter.sigma(track_energy, abs_eta[slot])
        worse = own & (error < tracks.resolution * track_energy)
        better = own & ~worse
        energy -= summed(slot[better], track_energy[better])
        shared = summed(slot[worse], track_energy[worse])
        ratio = np.divide(np.maximum(energy, 0), shared, out=np.ones(len(cells)), where=shared > 0)
        scale[worse] = ratio[slot[worse]]
        neutral = (shared == 0) & _counts(energy, calorimeter, abs_eta)
        pt = energy[neutral] / np.cosh(eta[neutral])
        objects.append((pt, eta[neutral], phi[neutral], cells[neutral] // card.towers.n_towers))
    left = scale > 0
    track_objects = (tracks.pt * scale, tracks.eta, tracks.phi, tracks.event)
    return [tuple(column[left] for column in track_objects), *objects]


def _measured(
    deposit: Array, calorimeter: Calorimeter, abs_eta: Array, rng: np.random.Generator
) -> Array:
    """Energy of each tower, smeared; 0 where it does not count."""
    energy, seen = np.zeros_like(deposit), deposit > 0
    sigma = calorimeter.sigma(deposit[seen], abs_eta[seen])
    energy[seen] = _smeared(deposit[seen], sigma, rng)
    return np.where(_counts(energy, calorimeter, abs_eta), energy, 0.0)


def _counts(energy: Array, calorimeter: Calorimeter, abs_eta: Array) -> NDArray[np.bool_]:
    """Whether an energy is above the thresholds."""
    sigma = calorimeter.sigma(np.maximum(energy, 0), abs_eta)
    return energy > np.maximum(calorimeter.min_energy, calorimeter.min_significance * sigma)


def _summed(cell: NDArray[np.int64], energy: Array) -> tuple[NDArray[np.int64], Array]:
    """Cells with energy in them, in order, and the sum in each."""
    total = np.bincount(cell, energy)
    cells = np.flatnonzero(total)
    return cells, total[cells]


def _grouped(objects: list[_Objects], n_events: int) -> EnergyFlow:
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
    reconstruct: Callable[..., EnergyFlow | Particles]


DETECTORS: Final[Mapping[str, Detector]] = {
    "energy flow": Detector(Card().name, reconstruct),
    "towers": Detector("calorimeter towers of 0.1 x 0.1, not smeared", plain_towers),
    "particles": Detector("generated particles to abs(eta) 4.9", seen_particles),
}
