"""From reconstructed objects to the sample's jets: the leading anti-kT jet, and the cuts."""

from __future__ import annotations

from dataclasses import dataclass, fields

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from course_utils.jetfile import N_CONSTITUENTS
from course_utils.simulation.detector import EnergyFlow, pt_eta_phi
from course_utils.simulation.processes import Sample
from course_utils.substructure import soft_drop_mass, vectors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LeadingJets:
    """The hardest jet of each event, where it passed the cuts.

    ``momentum`` has shape (n_jets, 4) and ``constituents`` (n_jets, 200, 4): ``(E, px, py, pz)``
    in GeV, constituents by falling pT, padded with zeros. ``event`` and ``soft_drop_mass`` (GeV;
    nan for a sample without a cut on it) have shape (n_jets,).
    """

    momentum: Array
    constituents: NDArray[np.float32]
    event: NDArray[np.int64]
    soft_drop_mass: Array

    def __getitem__(self, rows: NDArray) -> LeadingJets:
        """The jets of a mask or an index array."""
        return LeadingJets(*(getattr(self, field.name)[rows] for field in fields(self)))


def leading_jets(flow: EnergyFlow, sample: Sample) -> LeadingJets:
    """Leading anti-kT jets (arXiv:0802.1189, E scheme) inside the sample's cuts.

    The jet is the hardest of its whole event: one above the window in pT vetoes the event. Of more
    than 200 constituents the hardest are kept, and the soft drop mass is that of those.
    """
    jets = _hardest_jets(flow, sample)
    if sample.soft_drop_mass is None:
        return jets
    low, high = sample.soft_drop_mass
    return jets[(jets.soft_drop_mass > low) & (jets.soft_drop_mass < high)]


def _hardest_jets(flow: EnergyFlow, sample: Sample) -> LeadingJets:
    min_pt, max_pt = sample.jet_pt
    # No jet has more energy than a beam: what lies beyond here is part of none above min_pt and
    # need not be clustered.
    reach = np.arccosh(sample.collision_energy / 2 / min_pt) + sample.jet_radius
    near = abs(pt_eta_phi(flow.momentum)[1]) < reach
    momentum, event = flow.momentum[near], flow.event[near]
    jet, member = _anti_kt(momentum, event, flow.n_events, radius=sample.jet_radius, min_pt=min_pt)
    n_jets = jet[-1] + 1 if len(jet) else 0
    of_jet = np.stack(
        [np.bincount(jet, momentum[member, axis], minlength=n_jets) for axis in range(4)], axis=-1
    )
    jet_event = np.zeros(n_jets, dtype=np.int64)
    jet_event[jet] = event[member]
    pt, eta, _ = pt_eta_phi(of_jet)
    hardest_first = np.lexsort((-pt, jet_event))
    leading = hardest_first[np.unique(jet_event[hardest_first], return_index=True)[1]]
    kept = leading[(pt[leading] < max_pt) & (abs(eta[leading]) < sample.jet_abs_eta)]

    row = np.full(n_jets, -1)
    row[kept] = np.arange(len(kept))
    inside = row[jet] >= 0
    constituents = _padded(momentum[member[inside]], row[jet[inside]], len(kept))
    mass = soft_drop_mass(constituents) if sample.soft_drop_mass else np.full(len(kept), np.nan)
    return LeadingJets(of_jet[kept], constituents, jet_event[kept], mass)


def _anti_kt(
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


def _padded(momentum: Array, jet: NDArray[np.int64], n_jets: int) -> NDArray[np.float32]:
    """Constituents sorted by falling pT, jet after jet, and padded to a common length."""
    order = np.lexsort((-np.hypot(momentum[:, 1], momentum[:, 2]), jet))
    counts = np.bincount(jet, minlength=n_jets)
    rank = np.arange(len(jet)) - np.repeat(np.cumsum(counts) - counts, counts)
    fits = rank < N_CONSTITUENTS
    padded = np.zeros((n_jets, N_CONSTITUENTS, 4), dtype=np.float32)
    padded[jet[order][fits], rank[fits]] = momentum[order][fits]
    return padded
