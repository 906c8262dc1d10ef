"""What an entry of the catalogue says: a sample, its recipe, its processes.

Strings and numbers only: the entries name the code that carries them out, so that a list of samples
costs no import.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["EventSelection", "Process", "Recipe", "Rounding", "Sample"]


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
        jet in ``jet_pt`` comes from outside. Where more jets of an event may be taken, one of the
        leading ones inside is enough.
    jet_pt : (low, high), optional
        Window in GeV of the jets of this process; by default that of the recipe.
    n_leading : int
        How many of the hardest jets of an event may be taken.
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
    n_leading: int = 1
    columns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EventSelection:
    """What the objects of an event are, and which events are kept; the recipe has the jets' cuts.

    Attributes
    ----------
    lepton_pt, lepton_abs_eta : float
        Least transverse momentum in GeV and largest pseudorapidity of an electron or muon.
    isolation : (radius, fraction)
        All else within this radius has at most this fraction of the lepton's pT.
    jet_resolution : (a, b)
        The relative resolution of a jet's pT is sqrt(a^2 / pT + b^2), pT in GeV.
    tagged : (b, c, light)
        Probability that a jet with a b hadron, with only a c hadron, or with neither is tagged.
    tag_abs_eta : float
        No jet is tagged beyond.
    soft_noise : float
        Standard deviation in GeV of what is added to each component of the missing momentum.
    n_leptons, min_b_jets : int
        Exactly so many leptons, and at least so many tagged jets.
    min_mt, min_ht : float
        Least transverse mass of lepton and missing momentum, and least sum of the jets' pT, in GeV.
    """

    lepton_pt: float
    lepton_abs_eta: float
    isolation: tuple[float, float]
    jet_resolution: tuple[float, float]
    tagged: tuple[float, float, float]
    tag_abs_eta: float
    soft_noise: float
    n_leptons: int
    min_b_jets: int
    min_mt: float
    min_ht: float

    @property
    def described(self) -> str:
        """All of it in words, for the provenance of a file."""
        (radius, fraction), (stochastic, constant) = self.isolation, self.jet_resolution
        rates = " / ".join(f"{100 * rate:g}" for rate in self.tagged)
        return (
            f"{self.n_leptons} lepton (pT > {self.lepton_pt:g} GeV, abs(eta) < "
            f"{self.lepton_abs_eta:g}, at most {fraction:g} of its pT within {radius:g}), at least "
            f"{self.min_b_jets} b jet, mT > {self.min_mt:g} GeV, HT > {self.min_ht:g} GeV; tags of "
            f"b / c / light jets {rates} %, abs(eta) < {self.tag_abs_eta:g}; jet pT smeared by "
            f"sqrt({stochastic:g}^2 / pT + {constant:g}^2); missing energy with "
            f"{self.soft_noise:g} GeV of noise"
        )


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
        A key of `course_utils.simulation.units.CONTENTS`: what a row of the file is.
    n_constituents : int
        How many constituents of a jet its file has room for; the hardest are kept.
    trimming : (radius, fraction), optional
        kT subjets of this radius with less than this fraction of the jet pT are dropped
        (arXiv:0912.1342). Cuts are on the trimmed jet.
    mass, soft_drop_mass : (low, high), optional
        Windows in GeV of the jet as it is kept; None: no cut.
    selection : EventSelection, optional
        Of complete events, where a row of the file is one; None where it is a jet.
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
    n_constituents: int = 200
    trimming: tuple[float, float] | None = None
    mass: tuple[float, float] | None = None
    soft_drop_mass: tuple[float, float] | None = None
    selection: EventSelection | None = None

    @property
    def shares(self) -> dict[str, int]:
        """Jets of each process in the smallest file there can be.

        Examples
        --------
        >>> from course_utils.samples import SAMPLES
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
    momentum. ``n_jets`` says how many jets there are for training; ``shares`` says how many parts
    of the sample serve for training, validation and test.
    """

    momentum_bits: int
    energy_bits: int
    n_jets: int = 1200
    shares: tuple[int, int, int] = (3, 1, 1)

    @property
    def sizes(self) -> dict[str, int]:
        """Jets of each split.

        Examples
        --------
        >>> Rounding(momentum_bits=10, energy_bits=15).sizes
        {'train': 1200, 'val': 400, 'test': 400}
        """
        part = self.n_jets // self.shares[0]
        return {
            split: part * share
            for split, share in zip(("train", "val", "test"), self.shares, strict=True)
        }


@dataclass(frozen=True)
class Sample:
    """What there is to know about a sample before any of it is on this machine.

    Attributes
    ----------
    doi, licence : str
        Of the public files. Without a DOI there are none, and the jets are made here.
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
    >>> from course_utils.samples import SAMPLES
    >>> SAMPLES["top_tagging"].n_jets["train"]
    1211000
    """

    name: str
    title: str
    reference: str
    recipe: Recipe
    rounding: Rounding
    doi: str = ""
    licence: str = ""
    public_gigabytes: float = 0.0
    n_jets: Mapping[str, int] = field(default_factory=dict)
    fetched_as: Literal["jet files", "CMS ntuples"] = "jet files"
    most_files: int | None = None
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
