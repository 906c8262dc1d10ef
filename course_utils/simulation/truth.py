"""What a jet really is: the match to the generated particles.

`TRUTHS` holds a function for each kind of match that a recipe may name. It looks at Pythia's event
record and at the jets found in it, and says which jets belong to the sample, which are signal, and
with what labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from course_utils.samples import QCD_LABELS
from course_utils.simulation.clustering import LeadingJets
from course_utils.simulation.collisions import Particles
from course_utils.simulation.decays import (
    BOTTOM,
    CHARM,
    hadronic_tops,
    hadronic_w,
    higgs_to_bb,
    holds_tops,
    last_hadrons,
)
from course_utils.simulation.detector import pt_eta_phi

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TruthMatch:
    """What is known about the leading jets of a batch of events, all of shape (n_jets, ...).

    ``kept`` are the jets that belong to the sample, ``y_true`` is 1 for signal, ``momentum`` is
    that of the particle a signal jet comes from (zeros for others), ``columns`` are what the jet
    file holds beyond the public format.
    """

    kept: NDArray[np.bool_]
    y_true: NDArray[np.int8]
    momentum: Array
    columns: Mapping[str, NDArray] = field(default_factory=dict)


def top_truth(record: ak.Array, jets: LeadingJets, *, radius: float, is_signal: bool) -> TruthMatch:
    """Keep the ttbar jets that come from a complete top, and all QCD jets (arXiv:1902.09914)."""
    n_jets = len(jets.event)
    if not is_signal:
        return TruthMatch(np.ones(n_jets, bool), np.zeros(n_jets, np.int8), np.zeros((n_jets, 4)))
    matched, momentum = matched_top(jets, *hadronic_tops(record), radius=radius)
    return TruthMatch(matched, np.ones(n_jets, np.int8), momentum)


def hbb_truth(record: ak.Array, jets: LeadingJets, *, radius: float, is_signal: bool) -> TruthMatch:
    """All jets, with the labels of the CMS sample (doi:10.7483/OPENDATA.CMS.JGJX.MS7Q).

    A jet of the signal process is ``label_H_bb`` if it holds the Higgs boson and both b quarks, and
    has no label at all otherwise. A QCD jet is labelled by the hadrons in it, see `qcd_labels`.
    """
    n_jets = len(jets.event)
    pt, eta, _ = pt_eta_phi(jets.momentum)
    labels = {name: np.zeros(n_jets, np.int8) for name in QCD_LABELS}
    matched, momentum = np.zeros(n_jets, bool), np.zeros((n_jets, 4))
    if is_signal:
        matched, momentum = matched_higgs(jets, *higgs_to_bb(record), radius=radius)
    else:
        labels = qcd_labels(record, jets, radius=radius)
    columns = {
        "label_H_bb": matched.astype(np.int8),
        **labels,
        "sample_isQCD": np.full(n_jets, not is_signal, np.int8),
        "fj_pt": pt.astype(np.float32),
        "fj_eta": eta.astype(np.float32),
        "fj_sdmass": jets.soft_drop_mass.astype(np.float32),
    }
    return TruthMatch(np.ones(n_jets, bool), matched.astype(np.int8), momentum, columns)


def process_truth(
    record: ak.Array, jets: LeadingJets, *, radius: float, is_signal: bool
) -> TruthMatch:
    """Every jet is what its process is named after; nothing is matched."""
    n_jets = len(jets.event)
    return TruthMatch(
        np.ones(n_jets, bool), np.full(n_jets, is_signal, np.int8), np.zeros((n_jets, 4))
    )


def quarks_truth(
    record: ak.Array, jets: LeadingJets, *, radius: float, is_signal: bool
) -> TruthMatch:
    """Every jet is what its process is named after, and ``n_quarks_inside`` says how much of it.

    It counts the quarks of a W, or of the top with most of them there, within ``radius`` of the
    jet's axis: at 300 GeV, a top jet is often a W alone, or a b quark and one other.
    """
    n_jets = len(jets.event)
    n_inside, momentum = np.zeros(n_jets, np.int32), np.zeros((n_jets, 4))
    if is_signal:
        decays = hadronic_tops if holds_tops(record) else hadronic_w
        n_inside, momentum = contained_quarks(jets, *decays(record), radius=radius)
    return TruthMatch(
        np.ones(n_jets, bool),
        np.full(n_jets, is_signal, np.int8),
        momentum,
        {"n_quarks_inside": n_inside},
    )


TRUTHS: Final[Mapping[str, Callable[..., TruthMatch]]] = {
    "process": process_truth,
    "hadronic top": top_truth,
    "H to bb": hbb_truth,
    "quarks inside": quarks_truth,
}


def matched_top(
    jets: LeadingJets, tops: Array, quarks: Array, *, radius: float
) -> tuple[NDArray[np.bool_], Array]:
    """Which jets come from a complete top: it is within ``radius`` of the jet, its quarks of it.

    The paper measures all distances from the axis of the jet. The light tops among the public jets
    say that it was the top for the quarks (docs/data.md). ``tops`` has shape (n_events, 2, 4) and
    ``quarks`` (n_events, 2, 3, 4). Returns the matches, shape (n_jets,), and the matched top's
    momentum, shape (n_jets, 4), zero without a match.
    """
    tops, quarks = tops[jets.event], quarks[jets.event]
    near = delta_r(tops, jets.momentum[:, None]) < radius
    holds = near & (delta_r(quarks, tops[:, :, None]) < radius).all(axis=2)
    top = np.take_along_axis(tops, holds.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    matched = holds.any(axis=1)
    return matched, np.where(matched[:, None], top, 0.0)


def matched_higgs(
    jets: LeadingJets, higgs: Array, quarks: Array, *, radius: float
) -> tuple[NDArray[np.bool_], Array]:
    """Which jets hold the Higgs boson and its two b quarks within ``radius`` of their axis.

    ``higgs`` has shape (n_events, 4) and ``quarks`` (n_events, 2, 4). Returns the matches, shape
    (n_jets,), and the matched Higgs boson's momentum, shape (n_jets, 4), zero without a match.
    """
    partons = np.concatenate([higgs[:, None], quarks], axis=1)[jets.event]
    matched = (delta_r(partons, jets.momentum[:, None]) < radius).all(axis=1)
    return matched, np.where(matched[:, None], higgs[jets.event], 0.0)


def contained_quarks(
    jets: LeadingJets, particles: Array, quarks: Array, *, radius: float
) -> tuple[NDArray[np.int32], Array]:
    """How many quarks of one particle lie within ``radius`` of each jet's axis; most of them count.

    ``particles`` has shape (n_events, n, 4) and ``quarks`` (n_events, n, n_quarks, 4). Returns the
    numbers, shape (n_jets,), and the particle's momentum, shape (n_jets, 4), zero without a quark.
    """
    axis = jets.momentum[:, None, None]
    inside = (delta_r(quarks[jets.event], axis) < radius).sum(axis=2)
    most = inside.argmax(axis=1)[:, None]
    n_inside = np.take_along_axis(inside, most, axis=1)[:, 0].astype(np.int32)
    momentum = np.take_along_axis(particles[jets.event], most[..., None], axis=1)[:, 0]
    return n_inside, np.where(n_inside[:, None] > 0, momentum, 0.0)


def qcd_labels(
    record: ak.Array, jets: LeadingJets, *, radius: float
) -> dict[str, NDArray[np.int8]]:
    """The five categories of a QCD jet, exactly one of them 1 for each jet.

    Two or more b hadrons within ``radius`` of the axis: ``bb``; one: ``b``; none, but c hadrons:
    ``cc`` or ``c`` in the same way; else ``others``. Hadrons count once, as they decay weakly.
    """
    n_b, n_c = (_hadrons_inside(last_hadrons(record, q), jets, radius) for q in (BOTTOM, CHARM))
    conditions = (n_b >= 2, n_b == 1, n_c >= 2, n_c == 1, np.ones(len(n_b), bool))
    first = np.argmax(np.stack(conditions), axis=0)
    order = ("bb", "b", "cc", "c", "others")
    return {f"label_QCD_{name}": (first == i).astype(np.int8) for i, name in enumerate(order)}


def _hadrons_inside(hadrons: Particles, jets: LeadingJets, radius: float) -> NDArray[np.int64]:
    """How many of the hadrons lie within ``radius`` of each jet's axis."""
    jet = np.full(hadrons.n_events, -1)
    jet[jets.event] = np.arange(len(jets.event))
    of_jet = jet[hadrons.event]
    found = of_jet >= 0
    distance = delta_r(hadrons.momentum[found], jets.momentum[of_jet[found]])
    return np.bincount(of_jet[found][distance < radius], minlength=len(jets.event))


def delta_r(a: Array, b: Array) -> Array:
    """Distance in (eta, phi) between momenta of shapes (..., 4) that broadcast."""
    (_, eta_a, phi_a), (_, eta_b, phi_b) = pt_eta_phi(a), pt_eta_phi(b)
    return np.hypot(eta_a - eta_b, (phi_a - phi_b + np.pi) % (2 * np.pi) - np.pi)
