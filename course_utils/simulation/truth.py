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
from course_utils.simulation.collisions import Particles, select
from course_utils.simulation.detector import pt_eta_phi

Array = NDArray[np.float64]

TOP, W_BOSON, HIGGS, BOTTOM, CHARM = 6, 24, 25, 5, 4
LAST_COPY, OUTGOING = 62, 23  # Pythia status codes: before its decay; parton of a hard decay


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


TRUTHS: Final[Mapping[str, Callable[..., TruthMatch]]] = {
    "process": process_truth,
    "hadronic top": top_truth,
    "H to bb": hbb_truth,
}


def hadronic_tops(record: ak.Array) -> tuple[Array, Array]:
    """Top and antitop of every event, and the three quarks of each decay.

    Returns
    -------
    tops : array of shape (n_events, 2, 4)
        ``(E, px, py, pz)`` in GeV of the last copy before the decay; top first.
    quarks : array of shape (n_events, 2, 3, 4)
        The b quark and the two quarks of the W.

    Raises ``ValueError`` if an event does not hold exactly two tops decaying to hadrons.
    """
    pdg_id, status, mother = _flat(record.id), _flat(record.status), _mothers(record)
    tops = select(record, (abs(pdg_id) == TOP) & (abs(status) == LAST_COPY))
    is_quark = (abs(pdg_id) < TOP) & (abs(status) == OUTGOING)
    is_quark &= np.isin(abs(pdg_id[mother]), (TOP, W_BOSON))
    quarks = select(record, is_quark)
    if len(tops.event) != 2 * len(record) or len(quarks.event) != 6 * len(record):
        raise ValueError("Expected two tops per event, each with three quarks; check the decays.")
    # A quark belongs to the top whose charge conjugation its mother (t or W+) shares.
    from_antitop = (pdg_id[mother] < 0)[is_quark]
    order = np.lexsort((from_antitop, quarks.event))
    top_order = np.lexsort((tops.pdg_id < 0, tops.event))
    return (
        tops.momentum[top_order].reshape(-1, 2, 4),
        quarks.momentum[order].reshape(-1, 2, 3, 4),
    )


def higgs_to_bb(record: ak.Array) -> tuple[Array, Array]:
    """The Higgs boson of every event, and the two b quarks of its decay.

    Returns
    -------
    higgs : array of shape (n_events, 4)
        ``(E, px, py, pz)`` in GeV of the last copy before the decay.
    quarks : array of shape (n_events, 2, 4)

    Raises ``ValueError`` if an event does not hold exactly one Higgs boson decaying to b quarks.
    """
    pdg_id, status = _flat(record.id), _flat(record.status)
    from_higgs = pdg_id[_mothers(record)] == HIGGS
    higgs = select(record, (pdg_id == HIGGS) & (abs(status) == LAST_COPY))
    quarks = select(record, (abs(pdg_id) == BOTTOM) & (abs(status) == OUTGOING) & from_higgs)
    if len(higgs.event) != len(record) or len(quarks.event) != 2 * len(record):
        raise ValueError("Expected one Higgs boson per event, with two b quarks; check the decays.")
    return higgs.momentum, quarks.momentum.reshape(-1, 2, 4)


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
    near = _delta_r(tops, jets.momentum[:, None]) < radius
    holds = near & (_delta_r(quarks, tops[:, :, None]) < radius).all(axis=2)
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
    matched = (_delta_r(partons, jets.momentum[:, None]) < radius).all(axis=1)
    return matched, np.where(matched[:, None], higgs[jets.event], 0.0)


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


def last_hadrons(record: ak.Array, quark: int) -> Particles:
    """Hadrons with a quark of this kind (4 or 5), as they are just before their weak decay.

    An excited hadron, or a B meson that oscillates, is followed by another one with the quark and
    does not count; nor does one of a quark and its own antiquark, which decays strongly.
    """
    kind = abs(_flat(record.id))
    tens, hundreds, thousands = (kind // place % 10 for place in (10, 100, 1000))
    meson = (thousands == 0) & (hundreds == quark) & (tens != quark)
    holds = (kind > 100) & (kind < 10**6) & (meson | (thousands == quark))
    goes_on = np.zeros(len(kind), bool)
    goes_on[_mothers(record)[holds]] = True
    return select(record, holds & ~goes_on)


def _hadrons_inside(hadrons: Particles, jets: LeadingJets, radius: float) -> NDArray[np.int64]:
    """How many of the hadrons lie within ``radius`` of each jet's axis."""
    jet = np.full(hadrons.n_events, -1)
    jet[jets.event] = np.arange(len(jets.event))
    of_jet = jet[hadrons.event]
    found = of_jet >= 0
    distance = _delta_r(hadrons.momentum[found], jets.momentum[of_jet[found]])
    return np.bincount(of_jet[found][distance < radius], minlength=len(jets.event))


def _flat(array: ak.Array) -> NDArray:
    return ak.flatten(array).to_numpy()


def _mothers(record: ak.Array) -> NDArray[np.int64]:
    """Place of each particle's first mother in the flattened record."""
    counts = ak.num(record).to_numpy()
    return _flat(record.mother1) + np.repeat(np.cumsum(counts) - counts, counts)


def _delta_r(a: Array, b: Array) -> Array:
    """Distance in (eta, phi) between momenta of shapes (..., 4) that broadcast."""
    (_, eta_a, phi_a), (_, eta_b, phi_b) = pt_eta_phi(a), pt_eta_phi(b)
    return np.hypot(eta_a - eta_b, (phi_a - phi_b + np.pi) % (2 * np.pi) - np.pi)
