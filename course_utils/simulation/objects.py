"""The objects of a complete event: isolated leptons, jets with b tags, missing energy.

Numbers in place of a simulated detector: a lepton is measured exactly, a jet's pT is smeared, a tag
is drawn by the hadrons in the jet, and noise is added to what is missing. Every function works on
many events in flat arrays, grouped by event.
"""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from course_utils.samples import EventSelection, Kind, Recipe
from course_utils.simulation.clustering import anti_kt
from course_utils.simulation.collisions import Particles
from course_utils.simulation.decays import BOTTOM, CHARM, last_hadrons
from course_utils.simulation.detector import pt_eta_phi
from course_utils.simulation.truth import delta_r

Array = NDArray[np.float64]

_ELECTRON, _MUON = 11, 13
_SOFTEST = 0.4  # of the least pT of a jet: what smearing can lift above it


@dataclass(frozen=True)
class Objects:
    """Reconstructed objects of many events, massless.

    ``momentum`` has shape (n_objects, 4), ``(E, px, py, pz)`` in GeV; ``kind`` holds numbers of
    `course_utils.samples.Kind`; ``event`` is the index of the event each belongs to.
    """

    momentum: Array
    kind: NDArray[np.int64]
    event: NDArray[np.int64]
    n_events: int


def find_objects(
    particles: Particles, record: ak.Array, recipe: Recipe, *, rng: np.random.Generator
) -> Objects:
    """Leptons, jets and the missing momentum of every event; the last has no momentum along z.

    ``particles`` are those that are seen; ``record`` is asked for the heavy hadrons.
    """
    selection = recipe.selection
    is_lepton = isolated_leptons(particles, selection)
    low, high = recipe.jet_pt
    true, event = _jets(particles, ~is_lepton, radius=recipe.jet_radius, min_pt=_SOFTEST * low)
    jets = true * _smearing(pt_eta_phi(true)[0], selection, rng)[:, None]
    pt, eta, _ = pt_eta_phi(jets)
    kept = (pt > low) & (pt < high) & (abs(eta) < recipe.jet_abs_eta)
    true, jets, event = true[kept], jets[kept], event[kept]
    tagged = rng.random(len(jets)) < tag_probabilities(jets, event, record, recipe)
    missing = -_summed(particles.momentum, particles.event, particles.n_events)
    missing -= _summed(jets - true, event, particles.n_events)
    missing += selection.soft_noise * rng.standard_normal(missing.shape)
    missing[:, [0, 3]] = 0
    return Objects(
        momentum=_massless(np.concatenate([particles.momentum[is_lepton], jets, missing])),
        kind=np.concatenate(
            [
                np.full(np.count_nonzero(is_lepton), Kind.LEPTON),
                np.where(tagged, Kind.B_JET, Kind.JET),
                np.full(len(missing), Kind.MISSING_ENERGY),
            ]
        ),
        event=np.concatenate([particles.event[is_lepton], event, np.arange(len(missing))]),
        n_events=particles.n_events,
    )


def isolated_leptons(particles: Particles, selection: EventSelection) -> NDArray[np.bool_]:
    """Which particles are electrons or muons inside the cuts with little else around them."""
    pt, eta, _ = pt_eta_phi(particles.momentum)
    found = np.isin(abs(particles.pdg_id), (_ELECTRON, _MUON))
    found &= (pt > selection.lepton_pt) & (abs(eta) < selection.lepton_abs_eta)
    leptons = np.flatnonzero(found)
    radius, fraction = selection.isolation
    lepton, other = same_event(particles.event[leptons], particles.event)
    distance = delta_r(particles.momentum[leptons[lepton]], particles.momentum[other])
    near = (distance < radius) & (leptons[lepton] != other)
    around = np.bincount(lepton[near], pt[other[near]], minlength=len(leptons))
    found[leptons[around > fraction * pt[leptons]]] = False
    return found


def holding(
    jets: Array, event: NDArray[np.int64], hadrons: Particles, *, radius: float
) -> NDArray[np.bool_]:
    """Which jets have one of the hadrons within ``radius`` of their axis."""
    jet, hadron = same_event(event, hadrons.event)
    near = delta_r(jets[jet], hadrons.momentum[hadron]) < radius
    return np.bincount(jet[near], minlength=len(jets)) > 0


def same_event(
    left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of entries, one of each, with the same number of the event; ``right`` never falls.

    >>> same_event(np.array([2, 0]), np.array([0, 0, 1, 2]))
    (array([0, 1, 1]), array([3, 0, 1]))
    """
    first, last = (np.searchsorted(right, left, side=side) for side in ("left", "right"))
    n_partners = last - first
    of_left = np.repeat(np.arange(len(left)), n_partners)
    within = np.arange(len(of_left)) - np.repeat(np.cumsum(n_partners) - n_partners, n_partners)
    return of_left, first[of_left] + within


def _jets(
    particles: Particles, used: NDArray[np.bool_], *, radius: float, min_pt: float
) -> tuple[Array, NDArray[np.int64]]:
    """Momenta of the anti-kT jets of the particles that are used, and the event of each."""
    momentum, event = particles.momentum[used], particles.event[used]
    jet, member = anti_kt(momentum, event, particles.n_events, radius=radius, min_pt=min_pt)
    n_jets = jet[-1] + 1 if len(jet) else 0
    of_jet = np.zeros(n_jets, dtype=np.int64)
    of_jet[jet] = event[member]
    return _summed(momentum[member], jet, n_jets), of_jet


def _smearing(pt: Array, selection: EventSelection, rng: np.random.Generator) -> Array:
    """By what each jet's momentum is multiplied."""
    stochastic, constant = selection.jet_resolution
    relative = np.sqrt(stochastic**2 / pt + constant**2)
    return np.maximum(1 + relative * rng.standard_normal(len(pt)), 0.0)


def tag_probabilities(
    jets: Array, event: NDArray[np.int64], record: ak.Array, recipe: Recipe
) -> Array:
    """How often each jet would be tagged, by the hadrons within its radius; shape (n_jets,)."""
    holds_b, holds_c = (
        holding(jets, event, last_hadrons(record, quark), radius=recipe.jet_radius)
        for quark in (BOTTOM, CHARM)
    )
    of_b, of_c, of_light = recipe.selection.tagged
    probability = np.where(holds_b, of_b, np.where(holds_c, of_c, of_light))
    inside = abs(pt_eta_phi(jets)[1]) < recipe.selection.tag_abs_eta
    return np.where(inside, probability, 0.0)


def _summed(momentum: Array, to: NDArray[np.int64], n: int) -> Array:
    """The sum of the momenta that go to each of n places, shape (n, 4)."""
    sums = [np.bincount(to, each, minlength=n) for each in momentum.T]
    return np.stack(sums, axis=-1).astype(np.float64)  # of nothing, bincount gives integers


def _massless(momentum: Array) -> Array:
    energy = np.linalg.norm(momentum[:, 1:], axis=1, keepdims=True)
    return np.concatenate([energy, momentum[:, 1:]], axis=1)
