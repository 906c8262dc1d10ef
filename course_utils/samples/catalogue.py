"""Every sample of the course, described once: what it is, how it is made, where it is fetched.

To add a sample, add an entry here; `course_utils.simulation.truth` needs a function only if the
jets have to be matched to particles in a way that is not there yet. Strings and numbers only: the
entries name the code that carries them out, so that a list of samples costs no import.

The numbers of ``top_tagging`` follow the Top Quark Tagging Reference Dataset (arXiv:1902.09914,
section 2), the cuts of ``hbb`` what is usually done with the CMS sample of H->bb jets
(doi:10.7483/OPENDATA.CMS.JGJX.MS7Q), those of ``w_tagging`` Jet-Images (arXiv:1511.05190).
docs/data.md compares the jets with what is known of the public ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from course_utils.samples.entry import Process, Recipe, Rounding, Sample
from course_utils.samples.event_recipe import EVENTS

__all__ = ["QCD_LABELS", "SAMPLES", "SPLITS", "TRUTH_LABELS"]

SPLITS: Final = ("train", "val", "test")


_W_TO_QUARKS: Final = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
_INVISIBLE_Z: Final = ("23:onMode = off", "23:onIfAny = 12 14 16")
_TOP_PAIRS: Final = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *_W_TO_QUARKS)
_QCD: Final = ("HardQCD:all = on",)


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
                settings=(*_TOP_PAIRS, *_harder(2.65)),
                pthat=(250.0, 1300.0),
                parton_jet_pt=(510.0, 740.0),
            ),
            Process(
                name="background",
                title="QCD dijets, drawn by pTHat^2.65",
                is_signal=False,
                stream=0,
                settings=(*_QCD, *_harder(2.65)),
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
                    *_INVISIBLE_Z,
                    *_harder(2.0),
                ),
                pthat=(160.0, 2500.0),
            ),
            Process(
                name="background",
                title="QCD dijets, drawn by pTHat^3",
                is_signal=False,
                stream=0,
                settings=(*_QCD, *_harder(3.0)),
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

# A W' of 600 GeV at rest gives its W a pT of just below 300 GeV; the Z beside it is invisible.
# Pythia's default for the coupling of W' to WZ is zero. The polarisation of the W is not that of
# WZ production below. Of QCD the two leading jets are taken. Its pTHat begins at 180 GeV, since
# jets gain pT by initial-state radiation: from 230 GeV on, a third of those near 250 GeV would be
# missing (docs/data.md).
_W_TAGGING: Final = Sample(
    name="w_tagging",
    title="Boosted W bosons and QCD jets as calorimeter towers, pp 14 TeV",
    reference="as in de Oliveira, Kagan, Mackey, Nachman, Schwartzman; arXiv:1511.05190",
    columns=("n_quarks_inside", "ungroomed_mass", "event", "file"),
    rounding=Rounding(momentum_bits=10, energy_bits=15, n_jets=2160),
    recipe=Recipe(
        processes=(
            Process(
                name="signal",
                title="W' of 600 GeV to WZ, W to quarks, Z to neutrinos",
                is_signal=True,
                stream=1,
                settings=(
                    "NewGaugeBoson:ffbar2Wprime = on",
                    "34:m0 = 600.",
                    "Wprime:coup2WZ = 1.",
                    "34:onMode = off",
                    "34:onIfMatch = 23 24",
                    *_W_TO_QUARKS,
                    *_INVISIBLE_Z,
                ),
            ),
            Process(
                name="background",
                title="QCD dijets",
                is_signal=False,
                stream=0,
                settings=_QCD,
                pthat=(180.0, 600.0),
                parton_jet_pt=(235.0, 2000.0),
                n_leading=2,
            ),
        ),
        unit_jets=(500, 500),
        collision_energy=14_000.0,
        settings=("PartonLevel:MPI = off",),
        jet_radius=1.0,
        jet_pt=(250.0, 300.0),
        jet_abs_eta=2.0,
        match="W process; n_quarks_inside counts quarks of the W within R of the jet",
        truth="quarks inside",
        detector="towers",
        trimming=(0.3, 0.05),
        n_constituents=100,
    ),
)


def _only_in_window(sample: Sample, name: str, mass: tuple[float, float], stream: int) -> Sample:
    """The jets of a sample with this trimmed mass, from collisions of their own."""
    recipe = sample.recipe
    processes = tuple(
        replace(process, stream=process.stream + stream) for process in recipe.processes
    )
    title = f"{sample.title}, {mass[0]:.0f} < m < {mass[1]:.0f} GeV"
    window = replace(recipe, mass=mass, processes=processes)
    rounding = replace(sample.rounding, n_jets=1800)  # they have more towers
    return replace(sample, name=name, title=title, recipe=window, rounding=rounding)


_W_WINDOW: Final = _only_in_window(_W_TAGGING, "w_tagging_window", (65.0, 95.0), stream=2)

# One power of pTHat for all classes, so that their jets have the same pT in each range. The windows
# in pTHat are wide, and events that cannot give a jet are stopped early.
_PT_EDGES: Final = (300.0, 400.0, 600.0, 800.0, 1000.0)
_Z_AND_W: Final = ("WeakDoubleBoson:ffbar2ZW = on", *_W_TO_QUARKS, *_INVISIBLE_Z)
_CLASSES: Final = (
    ("W", "WZ, W to quarks, Z to neutrinos", _Z_AND_W, {"label_W": 1, "label_top": 0}),
    ("top", "ttbar, both tops to hadrons", _TOP_PAIRS, {"label_W": 0, "label_top": 1}),
    ("QCD", "QCD dijets", _QCD, {"label_W": 0, "label_top": 0}),
)


def _in_range(number: int) -> tuple[Process, ...]:
    """The three classes in one range of the jet pT."""
    low, high = _PT_EDGES[number : number + 2]
    return tuple(
        Process(
            name=f"{name}_{low:.0f}".lower(),
            title=f"{title}, drawn by pTHat^4",
            is_signal=name != "QCD",
            stream=len(_CLASSES) * number + i,
            settings=(*settings, *_harder(4.0)),
            pthat=(0.8 * low, 1.25 * high) if name == "W" else (0.7 * low, 1.4 * high),
            parton_jet_pt=None if name == "W" else (0.88 * low, 1.25 * high),
            jet_pt=(low, high),
            columns=columns | {"pt_range": number},
        )
        for i, (name, title, settings, columns) in enumerate(_CLASSES)
    )


_W_TOP_QCD: Final = Sample(
    name="w_top_qcd",
    title="W, top and QCD jets in four ranges of pT, pp 13 TeV",
    reference="made for lesson 06",
    columns=("label_W", "label_top", "pt_range", "n_quarks_inside", "event", "file"),
    rounding=Rounding(momentum_bits=9, energy_bits=15, n_jets=1080),
    recipe=Recipe(
        processes=tuple(process for number in range(4) for process in _in_range(number)),
        unit_jets=(250,) * 12,
        collision_energy=13_000.0,
        settings=("PartonLevel:MPI = off",),
        jet_radius=1.0,
        jet_pt=(300.0, 1000.0),
        jet_abs_eta=2.0,
        match="W or top process; n_quarks_inside counts quarks of one W or top within R of the jet",
        truth="quarks inside",
    ),
)

SAMPLES: Final[Mapping[str, Sample]] = {
    each.name: each for each in (_TOP_TAGGING, _HBB, _W_TAGGING, _W_WINDOW, _W_TOP_QCD, EVENTS)
}
