"""What to collide: the processes behind each sample, and Pythia 8 set up for them.

A sample is a signal process, a background process and the cuts that define a jet of it.
The numbers of `top_tagging` follow the Top Quark Tagging Reference Dataset (arXiv:1902.09914,
section 2), the cuts of `hbb` follow what is done with the CMS sample of H->bb jets
(doi:10.7483/OPENDATA.CMS.JGJX.MS7Q).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import awkward as ak
import numpy as np
import pythia8mc
from numpy.typing import NDArray


@dataclass(frozen=True)
class Process:
    """A hard process in Pythia's own words.

    ``pthat`` is the window (GeV) in the transverse momentum of the hard 2 -> 2 scattering. It
    shapes the jet pT spectrum: leading jets reach their window from far below through initial-state
    radiation, at a steeply rising price.
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
    collision_energy: float  # GeV, in the centre of mass
    settings: tuple[str, ...]  # Pythia settings common to both, besides that energy
    jet_radius: float
    jet_pt: tuple[float, float]  # GeV, of the reconstructed leading jet
    jet_abs_eta: float
    match: str  # in words: which of the signal's jets count, see `truth`
    soft_drop_mass: tuple[float, float] | None = None  # GeV, of the same jet; None: no cut
    unit_jets: tuple[int, int] = (500, 500)  # signal and background in a unit of production

    @property
    def common_settings(self) -> tuple[str, ...]:
        """The collider and what else both processes share, in Pythia's words."""
        return (f"Beams:eCM = {self.collision_energy:.0f}.", *self.settings)


TOP_TAGGING = Sample(
    name="top_tagging",
    signal=Process(
        "ttbar, both tops to hadrons",
        ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5"),
        pthat=(500.0, 750.0),
    ),
    background=Process("QCD dijets", ("HardQCD:all = on",), pthat=(500.0, 700.0)),
    collision_energy=14_000.0,
    settings=("PartonLevel:MPI = off",),
    jet_radius=0.8,
    jet_pt=(550.0, 650.0),
    jet_abs_eta=2.0,
    match="top and its three quarks within R",
)


def _harder(power: float) -> tuple[str, ...]:
    """Settings that draw hard scatterings more often, by pTHat to this power, without weights."""
    return ("PhaseSpace:bias2Selection = on", f"PhaseSpace:bias2SelectionPow = {power}")


# Spectra: the public sample adds resonances of many masses to QCD in many slices of pT, all
# without weights, so that jets up to 2 TeV occur. Here both spectra are made harder by a power of
# pTHat; the two powers were chosen so that the jet pT of both classes is the same (AUC of the jet
# pT alone 0.49). The windows do not shape the jets at 300 GeV: started at 120 GeV, fewer than one
# in 100 of the jets below 320 GeV came from below 160 GeV. The Z is invisible, so that the Higgs
# boson is the leading jet. No multiparton interactions, as in top_tagging: a choice, not the public
# sample's.
HBB = Sample(
    name="hbb",
    signal=Process(
        "HZ, H to bb, Z to neutrinos, drawn by pTHat^2",
        (
            "HiggsSM:ffbar2HZ = on",
            "25:onMode = off",
            "25:onIfMatch = 5 -5",
            "23:onMode = off",
            "23:onIfAny = 12 14 16",
            *_harder(2.0),
        ),
        pthat=(160.0, 2500.0),
    ),
    background=Process(
        "QCD dijets, drawn by pTHat^3",
        ("HardQCD:all = on", *_harder(3.0)),
        pthat=(160.0, 2500.0),
    ),
    collision_energy=13_000.0,
    settings=("PartonLevel:MPI = off",),
    jet_radius=0.8,
    jet_pt=(300.0, 2000.0),
    jet_abs_eta=2.4,
    soft_drop_mass=(40.0, 200.0),
    match="Higgs boson and its two b quarks within R",
    unit_jets=(100, 300),
)

SAMPLES = {sample.name: sample for sample in (TOP_TAGGING, HBB)}


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
        *sample.common_settings,
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
    return select(record, ak.flatten(record.status).to_numpy() > 0)


def select(record: ak.Array, chosen: NDArray[np.bool_]) -> Particles:
    """The chosen entries of an event record; ``chosen`` counts through the flattened record."""
    counts = ak.num(record).to_numpy()
    momentum = ak.flatten(record.p)
    return Particles(
        momentum=np.stack(
            [momentum[axis].to_numpy()[chosen] for axis in ("e", "px", "py", "pz")], axis=-1
        ),
        pdg_id=ak.flatten(record.id).to_numpy()[chosen],
        event=np.repeat(np.arange(len(record)), counts)[chosen],
        n_events=len(record),
    )
