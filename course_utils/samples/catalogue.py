"""Every sample of the course, described once: what it is, how it is made, where it is fetched.

To add a sample, add an entry here; `course_utils.simulation.truth` needs a function only if the
jets have to be matched to particles in a way that is not there yet. Strings and numbers only: the
entries name the code that carries them out, so that a list of samples costs no import.

The numbers of ``top_tagging`` follow the Top Quark Tagging Reference Dataset (arXiv:1902.09914,
section 2), the cuts of ``hbb`` what is usually done with the CMS sample of H->bb jets
(doi:10.7483/OPENDATA.CMS.JGJX.MS7Q).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "QCD_LABELS",
    "SAMPLES",
    "SPLITS",
    "TRUTH_LABELS",
    "Process",
    "Recipe",
    "Rounding",
    "Sample",
]

SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True)
class Process:
    """A hard process in Pythia's own words, and what its jets are called.

    Attributes
    ----------
    name : str
        A plain name in lower case, unique in its recipe.
    title : str
        For people: it goes into the provenance of the files.
    is_signal : bool
    stream : int
        Number of its sequence of random numbers, unique in its recipe. As long as it stays, adding
        other processes changes none of its jets.
    settings : tuple of str
    pthat : (low, high), optional
        Window in GeV of the transverse momentum of the hard 2 -> 2 scattering. It shapes the jet
        pT spectrum: leading jets reach their window from far below through initial-state
        radiation, at a steeply rising price. None for a resonance.
    parton_jet_pt : (low, high), optional
        Window in GeV of the leading jet of partons while the shower is still at 20 GeV. Events
        outside are given up there, before most of their cost. It must be so wide that next to no
        jet in ``jet_pt`` comes from outside.
    jet_pt : (low, high), optional
        Window in GeV of the jets of this process; by default that of the recipe.
    columns : mapping from str to number
        Columns in which all jets of the process have the same value, such as ``label_W``.
    """

    name: str
    title: str
    is_signal: bool
    stream: int
    settings: tuple[str, ...]
    pthat: tuple[float, float] | None = None
    parton_jet_pt: tuple[float, float] | None = None
    jet_pt: tuple[float, float] | None = None
    columns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How a sample is made here: processes at one collider, a detector, and what a jet is.

    Attributes
    ----------
    processes : tuple of Process
        Any number of them: more than two classes, or one process in several pT windows.
    unit_jets : tuple of int
        Jets of each process in a unit of production. A file holds them in this proportion.
    collision_energy : float
        GeV, in the centre of mass.
    settings : tuple of str
        Pythia settings common to all processes, besides that energy.
    jet_radius, jet_pt, jet_abs_eta
        Of the anti-kT jets; pT window in GeV, of the jet as it is kept.
    match : str
        In words: which jets count as signal.
    truth : str
        A key of `course_utils.simulation.truth.TRUTHS`, which carries that out.
    detector : str
        A key of `course_utils.simulation.detector.DETECTORS`.
    content : str
        A key of `course_utils.simulation.production.CONTENTS`: what a row of the file is.
    n_leading : int
        How many of the hardest jets of an event may be taken.
    trimming : (radius, fraction), optional
        kT subjets of this radius with less than this fraction of the jet pT are dropped
        (arXiv:0912.1342). Cuts are on the trimmed jet.
    mass, soft_drop_mass : (low, high), optional
        Windows in GeV of the jet as it is kept; None: no cut.
    """

    processes: tuple[Process, ...]
    unit_jets: tuple[int, ...]
    collision_energy: float
    settings: tuple[str, ...]
    jet_radius: float
    jet_pt: tuple[float, float]
    jet_abs_eta: float
    match: str
    truth: str = "process"
    detector: str = "energy flow"
    content: str = "jets"
    n_leading: int = 1
    trimming: tuple[float, float] | None = None
    mass: tuple[float, float] | None = None
    soft_drop_mass: tuple[float, float] | None = None

    @property
    def shares(self) -> dict[str, int]:
        """Jets of each process in the smallest file there can be.

        Examples
        --------
        >>> SAMPLES["hbb"].recipe.shares
        {'signal': 1, 'background': 3}
        """
        smallest = math.gcd(*self.unit_jets)
        names = (process.name for process in self.processes)
        return {name: n // smallest for name, n in zip(names, self.unit_jets, strict=True)}

    @property
    def common_settings(self) -> tuple[str, ...]:
        """The collider and what else all processes share, in Pythia's words."""
        return (f"Beams:eCM = {self.collision_energy:.0f}.", *self.settings)

    def process(self, name: str) -> Process:
        """The process of this name."""
        return next(process for process in self.processes if process.name == name)


@dataclass(frozen=True)
class Rounding:
    """How the small sample in the package is rounded, so that it compresses to about 1 MB.

    Numbers keep so many bits behind the leading one. The energy is computed from the rounded
    momentum.
    """

    momentum_bits: int
    energy_bits: int


@dataclass(frozen=True)
class Sample:
    """What there is to know about a sample before any of it is on this machine.

    Attributes
    ----------
    n_jets : mapping from str to int
        Of the public files, by split; empty where a file is as large as one fetches.
    fetched_as : {"jet files", "CMS ntuples"}
        What lies behind the DOI, and so how it is fetched.
    most_files : int, optional
        How many of many public files may be asked for; None: each split is one file.
    columns : tuple of str
        What its files have beyond the public format, in this order.
    labels : tuple of str
        Columns whose sum is 1 in a row that is a jet to use; empty: every row.

    Examples
    --------
    >>> SAMPLES["top_tagging"].n_jets["train"]
    1211000
    """

    name: str
    title: str
    reference: str
    doi: str
    licence: str
    public_gigabytes: float
    recipe: Recipe
    rounding: Rounding
    n_jets: Mapping[str, int] = field(default_factory=dict)
    fetched_as: Literal["jet files", "CMS ntuples"] = "jet files"
    most_files: int | None = None
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def _harder(power: float) -> tuple[str, ...]:
    """Settings that draw hard scatterings more often, by pTHat to this power, without weights."""
    return ("PhaseSpace:bias2Selection = on", f"PhaseSpace:bias2SelectionPow = {power}")


# Spectra: one power of pTHat makes both classes as hard as the public ones (pT^-2.9 and pT^-3.5).
# Multiparton interactions are on, though the paper says that they are neglected: without them the
# constituents are 16 % too hard (docs/data.md).
_TOP_TAGGING: Final = Sample(
    name="top_tagging",
    title="Top Quark Tagging Reference Dataset: boosted tops and QCD jets, pp 14 TeV",
    reference="Kasieczka, Plehn, Thompson, Russell; arXiv:1902.09914",
    doi="10.5281/zenodo.2603256",
    licence="CC-BY-4.0",
    n_jets={"train": 1_211_000, "val": 403_000, "test": 404_000},
    public_gigabytes=1.6,
    rounding=Rounding(momentum_bits=10, energy_bits=15),
    recipe=Recipe(
        processes=(
            Process(
                name="signal",
                title="ttbar, both tops to hadrons, drawn by pTHat^2.65",
                is_signal=True,
                stream=1,
                settings=(
                    "Top:gg2ttbar = on",
                    "Top:qqbar2ttbar = on",
                    "24:onMode = off",
                    "24:onIfAny = 1 2 3 4 5",
                    *_harder(2.65),
                ),
                pthat=(250.0, 1300.0),
                parton_jet_pt=(510.0, 740.0),
            ),
            Process(
                name="background",
                title="QCD dijets, drawn by pTHat^2.65",
                is_signal=False,
                stream=0,
                settings=("HardQCD:all = on", *_harder(2.65)),
                pthat=(250.0, 1300.0),
                parton_jet_pt=(510.0, 740.0),
            ),
        ),
        unit_jets=(500, 500),
        collision_energy=14_000.0,
        settings=("PartonLevel:MPI = on",),
        jet_radius=0.8,
        jet_pt=(550.0, 650.0),
        jet_abs_eta=2.0,
        match="top within R of the jet, its three quarks within R of the top",
        truth="hadronic top",
    ),
)

# The labels of the CMS ntuples. A jet of the signal process that does not hold the Higgs boson has
# none of them.
QCD_LABELS: Final = tuple(f"label_QCD_{name}" for name in ("bb", "b", "cc", "c", "others"))
TRUTH_LABELS: Final = ("label_H_bb", *QCD_LABELS)

# Spectra: the public sample adds resonances of many masses to QCD in many slices of pT, all
# without weights, so that jets up to 2 TeV occur. Here both spectra are made harder by a power of
# pTHat; the two powers were chosen so that the jet pT of both classes is nearly the same (its AUC
# is 0.53). The windows do not shape the jets at 300 GeV: started at 120 GeV, fewer than one
# in 100 of the jets below 320 GeV came from below 160 GeV. The Z is invisible, so that the Higgs
# boson is the leading jet. No multiparton interactions: they would cost four times the time. The
# public sample has them, and pile-up besides.
_HBB: Final = Sample(
    name="hbb",
    title="Boosted H->bb and QCD jets, pp 13 TeV, as in the CMS Open Data record 12102",
    reference="Duarte (CMS); CERN Open Data Portal, HiggsToBBNtupleProducerTool",
    doi="10.7483/OPENDATA.CMS.JGJX.MS7Q",
    licence="CC0-1.0",
    public_gigabytes=245,
    fetched_as="CMS ntuples",
    most_files=27,  # for training; a third as many test files, of which there are 9
    columns=(*TRUTH_LABELS, "sample_isQCD", "fj_pt", "fj_eta", "fj_sdmass", "file"),
    labels=TRUTH_LABELS,
    rounding=Rounding(momentum_bits=9, energy_bits=15),
    recipe=Recipe(
        processes=(
            Process(
                name="signal",
                title="HZ, H to bb, Z to neutrinos, drawn by pTHat^2",
                is_signal=True,
                stream=1,
                settings=(
                    "HiggsSM:ffbar2HZ = on",
                    "25:onMode = off",
                    "25:onIfMatch = 5 -5",
                    "23:onMode = off",
                    "23:onIfAny = 12 14 16",
                    *_harder(2.0),
                ),
                pthat=(160.0, 2500.0),
            ),
            Process(
                name="background",
                title="QCD dijets, drawn by pTHat^3",
                is_signal=False,
                stream=0,
                settings=("HardQCD:all = on", *_harder(3.0)),
                pthat=(160.0, 2500.0),
            ),
        ),
        unit_jets=(100, 300),
        collision_energy=13_000.0,
        settings=("PartonLevel:MPI = off",),
        jet_radius=0.8,
        jet_pt=(300.0, 2000.0),
        jet_abs_eta=2.4,
        soft_drop_mass=(40.0, 200.0),
        match="Higgs boson and its two b quarks within R",
        truth="H to bb",
    ),
)

SAMPLES: Final[Mapping[str, Sample]] = {each.name: each for each in (_TOP_TAGGING, _HBB)}
