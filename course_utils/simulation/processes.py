"""What to collide: the processes behind each sample, and Pythia 8 set up for them.

A sample is a signal process, a background process and the cuts that define a jet of it.
Numbers follow the Top Quark Tagging Reference Dataset (arXiv:1902.09914, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import awkward as ak
import numpy as np
import pythia8mc
from numpy.typing import NDArray

TOP, W_BOSON = 6, 24
LAST_COPY, OUTGOING = 62, 23  # Pythia status codes: top before its decay, parton of a hard decay


@dataclass(frozen=True)
class Process:
    """A hard process in Pythia's own words.

    ``pthat`` is the window (GeV) in the transverse momentum of the hard 2 -> 2 scattering. It
    shapes the jet pT spectrum: leading jets reach their window from far below through initial-state
    radiation, at a steeply rising price. The windows here give the quantiles of the public files.
    """

    name: str
    settings: tuple[str, ...]
    pthat: tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """Two processes at one collider, and which of their jets belong to the sample."""

    name: str
    signal: Process
    background: Process
    settings: tuple[str, ...]  # Pythia settings common to both
    jet_radius: float
    jet_pt: tuple[float, float]  # GeV, of the reconstructed leading jet
    jet_abs_eta: float


TOP_TAGGING = Sample(
    name="top_tagging",
    signal=Process(
        "ttbar, both tops to hadrons",
        ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5"),
        pthat=(500.0, 750.0),
    ),
    background=Process("QCD dijets", ("HardQCD:all = on",), pthat=(500.0, 700.0)),
    settings=("Beams:eCM = 14000.", "PartonLevel:MPI = off"),
    jet_radius=0.8,
    jet_pt=(550.0, 650.0),
    jet_abs_eta=2.0,
)

SAMPLES = {sample.name: sample for sample in (TOP_TAGGING,)}


@dataclass(frozen=True)
class Particles:
    """Particles of many events in flat arrays, grouped by event.

    ``momentum`` has shape (n_particles, 4), ``(E, px, py, pz)`` in GeV; ``event`` is the index of
    the event each belongs to, never falling, below ``n_events``.
    """

    momentum: NDArray[np.float64]
    pdg_id: NDArray[np.int32]
    event: NDArray[np.int64]
    n_events: int


def pythia(process: Process, sample: Sample, *, seed: int) -> pythia8mc.Pythia:
    """A Pythia 8 generator ready to run; ``seed`` from 1 to 900 000 000.

    Raises ``ValueError`` when Pythia does not know a setting or cannot start.
    """
    generator = pythia8mc.Pythia("", False)
    low, high = process.pthat
    lines = (
        "Print:quiet = on",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        f"PhaseSpace:pTHatMin = {low}",
        f"PhaseSpace:pTHatMax = {high}",
        *sample.settings,
        *process.settings,
    )
    for line in lines:
        if not generator.readString(line):
            raise ValueError(f"Pythia does not know the setting {line!r} of {process.name}.")
    if not generator.init():
        raise ValueError(f"Pythia could not start {process.name} with {lines}.")
    return generator


def batches(generator: pythia8mc.Pythia, *, size: int) -> Iterator[ak.Array]:
    """Endless event records of ``size`` collisions each; failed ones are skipped by Pythia."""
    while True:
        yield generator.nextBatch(size).prt


def final_state(record: ak.Array) -> Particles:
    """The particles that reach the detector (status > 0)."""
    return _select(record, ak.flatten(record.status).to_numpy() > 0)


def hadronic_tops(record: ak.Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Top and antitop of every event, and the three quarks of each decay.

    Returns
    -------
    tops : array of shape (n_events, 2, 4)
        ``(E, px, py, pz)`` in GeV of the last copy before the decay; top first.
    quarks : array of shape (n_events, 2, 3, 4)
        The b quark and the two quarks of the W.

    Raises ``ValueError`` if an event does not hold exactly two tops decaying to hadrons.
    """
    pdg_id, status = _flat(record.id), _flat(record.status)
    mother = _flat(record.mother1 + _offsets(record))
    tops = _select(record, (abs(pdg_id) == TOP) & (abs(status) == LAST_COPY))
    is_quark = (abs(pdg_id) < TOP) & (abs(status) == OUTGOING)
    is_quark &= np.isin(abs(pdg_id[mother]), (TOP, W_BOSON))
    quarks = _select(record, is_quark)
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


def _flat(array: ak.Array) -> NDArray:
    return ak.flatten(array).to_numpy()


def _offsets(record: ak.Array) -> ak.Array:
    """Position of each event's first particle in the flattened record."""
    counts = ak.num(record).to_numpy()
    return ak.Array(np.cumsum(counts) - counts)


def _select(record: ak.Array, chosen: NDArray[np.bool_]) -> Particles:
    counts = ak.num(record).to_numpy()
    momentum = ak.flatten(record.p)
    return Particles(
        momentum=np.stack(
            [momentum[axis].to_numpy()[chosen] for axis in ("e", "px", "py", "pz")], axis=-1
        ),
        pdg_id=_flat(record.id)[chosen],
        event=np.repeat(np.arange(len(record)), counts)[chosen],
        n_events=len(record),
    )
