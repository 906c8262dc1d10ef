"""From reconstructed objects to the sample's jets: leading anti-kT jet, cuts, truth match."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from course_utils.jetfile import N_CONSTITUENTS
from course_utils.simulation.detector import EnergyFlow, pt_eta_phi
from course_utils.substructure import vectors

Array = NDArray[np.float64]

# With 7 TeV beams no jet of 500 GeV has its axis beyond abs(eta) 3.4. What lies beyond 4.2 cannot
# be part of one, and need not be clustered.
_REACH_ABS_ETA = 4.2


@dataclass(frozen=True)
class LeadingJets:
    """The hardest jet of each event, where it passed the cuts.

    ``momentum`` has shape (n_jets, 4) and ``constituents`` (n_jets, 200, 4): ``(E, px, py, pz)``
    in GeV, constituents by falling pT, padded with zeros. ``event`` has shape (n_jets,).
    """

    momentum: Array
    constituents: NDArray[np.float32]
    event: NDArray[np.int64]


def leading_jets(
    flow: EnergyFlow, *, radius: float, pt_range: tuple[float, float], max_abs_eta: float
) -> LeadingJets:
    """Leading anti-kT jets (arXiv:0802.1189, E scheme) inside the cuts.

    The jet is the hardest of its whole event: one above ``pt_range`` (GeV) vetoes the event.
    ``pt_range[0]`` must be 500 GeV or more. Of more than 200 constituents the hardest are kept.
    """
    if pt_range[0] < 500:
        raise ValueError(f"Expected a jet threshold of 500 GeV or more, got {pt_range[0]} GeV.")
    near = abs(pt_eta_phi(flow.momentum)[1]) < _REACH_ABS_ETA
    momentum, event = flow.momentum[near], flow.event[near]
    jet, member = _anti_kt(momentum, event, flow.n_events, radius=radius, min_pt=pt_range[0])
    n_jets = jet[-1] + 1 if len(jet) else 0
    of_jet = np.stack(
        [np.bincount(jet, momentum[member, axis], minlength=n_jets) for axis in range(4)], axis=-1
    )
    jet_event = np.zeros(n_jets, dtype=np.int64)
    jet_event[jet] = event[member]
    pt, eta, _ = pt_eta_phi(of_jet)
    hardest_first = np.lexsort((-pt, jet_event))
    leading = hardest_first[np.unique(jet_event[hardest_first], return_index=True)[1]]
    kept = leading[(pt[leading] < pt_range[1]) & (abs(eta[leading]) < max_abs_eta)]

    row = np.full(n_jets, -1)
    row[kept] = np.arange(len(kept))
    inside = row[jet] >= 0
    constituents = _padded(momentum[member[inside]], row[jet[inside]], len(kept))
    return LeadingJets(of_jet[kept], constituents, jet_event[kept])


def matched_top(
    jets: LeadingJets, tops: Array, quarks: Array, *, radius: float
) -> tuple[NDArray[np.bool_], Array]:
    """Which jets hold a whole top: it and its three quarks within ``radius`` of the jet's axis.

    ``tops`` has shape (n_events, 2, 4) and ``quarks`` (n_events, 2, 3, 4). Returns the matches,
    shape (n_jets,), and the matched top's momentum, shape (n_jets, 4), zero without a match.
    """
    partons = np.concatenate([tops[:, :, None], quarks], axis=2)[jets.event]
    axis = jets.momentum[:, None, None]
    holds = (_delta_r(partons, axis) < radius).all(axis=2)
    top = np.take_along_axis(tops[jets.event], holds.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    matched = holds.any(axis=1)
    return matched, np.where(matched[:, None], top, 0.0)


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


def _delta_r(a: Array, b: Array) -> Array:
    """Distance in (eta, phi) between momenta of shapes (..., 4) that broadcast."""
    (_, eta_a, phi_a), (_, eta_b, phi_b) = pt_eta_phi(a), pt_eta_phi(b)
    return np.hypot(eta_a - eta_b, (phi_a - phi_b + np.pi) % (2 * np.pi) - np.pi)
