"""From reconstructed objects to the sample's jets: the leading anti-kT jets, and the cuts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from course_utils.jetfile import N_CONSTITUENTS
from course_utils.samples import Recipe
from course_utils.simulation.detector import EnergyFlow, pt_eta_phi
from course_utils.substructure import hardest_rows, soft_drop_mass, trimmed, vectors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LeadingJets:
    """The hardest jets of each event, where they passed the cuts.

    ``momentum`` has shape (n_jets, 4) and ``constituents`` (n_jets, 200, 4): ``(E, px, py, pz)``
    in GeV, constituents by falling pT, padded with zeros; both are of the jet as it is kept, after
    trimming. ``event``, ``soft_drop_mass`` (GeV; nan for a recipe without a cut on it) and
    ``ungroomed_mass`` (GeV) have shape (n_jets,).
    """

    momentum: Array
    constituents: NDArray[np.float32]
    event: NDArray[np.int64]
    soft_drop_mass: Array
    ungroomed_mass: Array

    def __getitem__(self, rows: NDArray) -> LeadingJets:
        """The jets of a mask or an index array."""
        return LeadingJets(*(getattr(self, field.name)[rows] for field in fields(self)))


def leading_jets(
    flow: EnergyFlow,
    recipe: Recipe,
    *,
    jet_pt: tuple[float, float] | None = None,
    n_leading: int = 1,
) -> LeadingJets:
    """Leading anti-kT jets (arXiv:0802.1189, E scheme) inside the recipe's cuts.

    Jets are the hardest of their event before any cut but the lower edge in pT: a jet above the
    window is not replaced by a softer one. Of more than 200 constituents the hardest are kept;
    trimming and the soft drop mass use those. ``jet_pt`` is a window of its own; ``n_leading`` is
    how many jets of an event may be taken.
    """
    low, high = jet_pt or recipe.jet_pt
    jets = _hardest_jets(flow, recipe, min_pt=low, n_leading=n_leading)
    if recipe.trimming:
        jets = _trimmed(jets, *recipe.trimming)
    pt, eta, _ = pt_eta_phi(jets.momentum)
    jets = jets[(pt > low) & (pt < high) & (abs(eta) < recipe.jet_abs_eta)]
    if recipe.mass:
        jets = jets[_inside(recipe.mass, _mass(jets.momentum))]
    if recipe.soft_drop_mass:
        mass = soft_drop_mass(jets.constituents, radius=recipe.jet_radius)
        jets = replace(jets, soft_drop_mass=mass)[_inside(recipe.soft_drop_mass, mass)]
    return jets


def _inside(window: tuple[float, float], values: Array) -> NDArray[np.bool_]:
    return (values > window[0]) & (values < window[1])


def _mass(momentum: Array) -> Array:
    squared = momentum[:, 0] ** 2 - (momentum[:, 1:] ** 2).sum(axis=1)
    return np.sqrt(np.maximum(squared, 0.0))


def _trimmed(jets: LeadingJets, radius: float, fraction: float) -> LeadingJets:
    kept = trimmed(jets.constituents, radius=radius, min_fraction=fraction)
    return replace(jets, momentum=kept.sum(axis=1, dtype=np.float64), constituents=kept)


def _hardest_jets(
    flow: EnergyFlow, recipe: Recipe, *, min_pt: float, n_leading: int
) -> LeadingJets:
    """The ``n_leading`` hardest jets above ``min_pt`` of each event."""
    # No jet has more energy than a beam: what lies beyond here is part of none above min_pt and
    # need not be clustered.
    reach = np.arccosh(recipe.collision_energy / 2 / min_pt) + recipe.jet_radius
    near = abs(pt_eta_phi(flow.momentum)[1]) < reach
    momentum, event = flow.momentum[near], flow.event[near]
    jet, member = anti_kt(momentum, event, flow.n_events, radius=recipe.jet_radius, min_pt=min_pt)
    n_jets = jet[-1] + 1 if len(jet) else 0
    of_jet = np.stack(
        [np.bincount(jet, momentum[member, axis], minlength=n_jets) for axis in range(4)], axis=-1
    )
    jet_event = np.zeros(n_jets, dtype=np.int64)
    jet_event[jet] = event[member]
    hardest_first = np.lexsort((-pt_eta_phi(of_jet)[0], jet_event))
    in_order = jet_event[hardest_first]
    rank = np.arange(n_jets) - np.searchsorted(in_order, in_order)
    kept = hardest_first[rank < n_leading]

    row = np.full(n_jets, -1)
    row[kept] = np.arange(len(kept))
    inside = row[jet] >= 0
    shape = (len(kept), N_CONSTITUENTS)
    constituents = hardest_rows(momentum[member[inside]], row[jet[inside]], shape)
    return LeadingJets(
        momentum=of_jet[kept],
        constituents=constituents.astype(np.float32),
        event=jet_event[kept],
        soft_drop_mass=np.full(len(kept), np.nan),
        ungroomed_mass=_mass(of_jet[kept]),
    )


def anti_kt(
    momentum: Array, event: NDArray[np.int64], n_events: int, *, radius: float, min_pt: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each constituent of each jet above ``min_pt``: number of the jet, row of ``momentum``."""
    counts = np.bincount(event, minlength=n_events)
    sequence = fastjet.ClusterSequence(
        vectors(momentum, counts), fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    )
    index = sequence.constituent_index(min_pt=min_pt)
    first = ak.Array(np.cumsum(counts) - counts)
    rows = ak.flatten(index + first, axis=1)
    jet = np.repeat(np.arange(len(rows)), ak.num(rows).to_numpy())
    return jet, ak.flatten(rows).to_numpy()
