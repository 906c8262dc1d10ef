"""What an entry of the catalogue says: a sample, its recipe, its processes.

Strings and numbers only: the entries name the code that carries them out, so that a list of samples
costs no import.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Process", "Recipe", "Rounding", "Sample"]


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
    momentum. ``n_jets`` says how many jets there are for training; a third as many each serve for
    validation and test.
    """

    momentum_bits: int
    energy_bits: int
    n_jets: int = 1200


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
