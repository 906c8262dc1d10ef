"""Heavy particles and their decays in Pythia's event records."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from course_utils.simulation.collisions import Particles, select

Array = NDArray[np.float64]

TOP, W_BOSON, HIGGS, BOTTOM, CHARM = 6, 24, 25, 5, 4
LAST_COPY, OUTGOING = 62, 23  # Pythia status codes: before its decay; parton of a hard decay


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
    pdg_id, status, mother = flat(record.id), flat(record.status), mothers(record)
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
    pdg_id, status = flat(record.id), flat(record.status)
    from_higgs = pdg_id[mothers(record)] == HIGGS
    higgs = select(record, (pdg_id == HIGGS) & (abs(status) == LAST_COPY))
    quarks = select(record, (abs(pdg_id) == BOTTOM) & (abs(status) == OUTGOING) & from_higgs)
    if len(higgs.event) != len(record) or len(quarks.event) != 2 * len(record):
        raise ValueError("Expected one Higgs boson per event, with two b quarks; check the decays.")
    return higgs.momentum, quarks.momentum.reshape(-1, 2, 4)


def hadronic_w(record: ak.Array) -> tuple[Array, Array]:
    """The W boson of every event, and the two quarks of its decay.

    Returns
    -------
    bosons : array of shape (n_events, 1, 4)
        ``(E, px, py, pz)`` in GeV of the W as it decays.
    quarks : array of shape (n_events, 1, 2, 4)

    Raises ``ValueError`` if an event does not hold exactly one W decaying to quarks.
    """
    pdg_id, status, mother = flat(record.id), flat(record.status), mothers(record)
    is_quark = (abs(pdg_id) < TOP) & (abs(status) == OUTGOING) & (abs(pdg_id[mother]) == W_BOSON)
    decays = np.zeros(len(pdg_id), bool)
    decays[mother[is_quark]] = True
    bosons, quarks = select(record, decays), select(record, is_quark)
    if len(bosons.event) != len(record) or len(quarks.event) != 2 * len(record):
        raise ValueError("Expected one W boson per event, with two quarks; check the decays.")
    return bosons.momentum.reshape(-1, 1, 4), quarks.momentum.reshape(-1, 1, 2, 4)


def holds_tops(record: ak.Array) -> bool:
    """Whether the events are those of top quarks."""
    return bool((abs(flat(record.id)) == TOP).any())


def last_hadrons(record: ak.Array, quark: int) -> Particles:
    """Hadrons with a quark of this kind (4 or 5), as they are just before their weak decay.

    An excited hadron, or a B meson that oscillates, is followed by another one with the quark and
    does not count; nor does one of a quark and its own antiquark, which decays strongly.
    """
    kind = abs(flat(record.id))
    tens, hundreds, thousands = (kind // place % 10 for place in (10, 100, 1000))
    meson = (thousands == 0) & (hundreds == quark) & (tens != quark)
    holds = (kind > 100) & (kind < 10**6) & (meson | (thousands == quark))
    goes_on = np.zeros(len(kind), bool)
    goes_on[mothers(record)[holds]] = True
    return select(record, holds & ~goes_on)


def flat(array: ak.Array) -> NDArray:
    """The entries of all events, one after the other."""
    return ak.flatten(array).to_numpy()


def mothers(record: ak.Array) -> NDArray[np.int64]:
    """Place of each particle's first mother in the flattened record."""
    counts = ak.num(record).to_numpy()
    return flat(record.mother1) + np.repeat(np.cumsum(counts) - counts, counts)
