"""The sample of complete events: single tops with missing energy, and their background."""

from __future__ import annotations

from typing import Final

from course_utils.samples.entry import EventSelection, Process, Recipe, Rounding, Sample

__all__ = ["EVENTS"]

_LEPTONIC_W: Final = ("24:onMode = off", "24:onIfAny = 11 13 15")
_BACKGROUNDS: Final = ("label_ttbar", "label_t_channel", "label_W_jets")


def _background(name: str, title: str, stream: int, settings: tuple[str, ...]) -> Process:
    """A process of the background, with the label of its name."""
    labels = {label: int(label == f"label_{name}") for label in _BACKGROUNDS}
    return Process(
        name=name.lower(),
        title=title,
        is_signal=False,
        stream=stream,
        settings=settings,
        pthat=(40.0, 6500.0) if name == "W_jets" else None,
        columns=labels,
    )


# An excited quark that decays to a top quark and something invisible gives exactly what a single
# top with missing energy looks like. Pythia has no such decay: the channel is added, with a stable
# particle of 50 GeV from its dark sector. At 500 GeV there is something left to learn: one cut on
# the missing energy has an AUC of 0.9, at 1 TeV and beyond of 0.98 and more.
_EXCITED_QUARK: Final = (
    "ExcitedFermion:ug2uStar = on",
    "ExcitedFermion:Lambda = 500.",
    "4000002:m0 = 500.",
    "4000002:mWidth = 15.",
    "4000002:doForceWidth = on",
    "4000002:addChannel = 1 0.5 100 6 52",
    "4000002:onMode = off",
    "4000002:onIfMatch = 6 52",
    "52:m0 = 50.",
    "52:mayDecay = off",
    *_LEPTONIC_W,
)

# The background is shared out by cross section times acceptance: docs/data.md has the numbers, and
# benchmarks/event_rates.py measures them. Wt and the s-channel are missing, the first because
# Pythia does not have it, the second because it is one event in 200.
EVENTS: Final = Sample(
    name="events",
    title="Single tops with missing energy and their background as complete events, pp 13 TeV",
    reference="made for lesson 07",
    columns=(*_BACKGROUNDS, "kind"),
    rounding=Rounding(momentum_bits=7, energy_bits=7, n_jets=12_000, shares=(6, 1, 3)),
    recipe=Recipe(
        processes=(
            Process(
                name="signal",
                title="u* of 500 GeV to a top and an invisible particle of 50 GeV, W to leptons",
                is_signal=True,
                stream=0,
                settings=_EXCITED_QUARK,
                columns=dict.fromkeys(_BACKGROUNDS, 0),
            ),
            _background("ttbar", "ttbar", 1, ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")),
            _background("t_channel", "single top, t-channel", 2, ("Top:qq2tq(t:W) = on",)),
            _background(
                "W_jets",
                "W to leptons and a jet",
                3,
                (
                    "WeakBosonAndParton:qqbar2Wg = on",
                    "WeakBosonAndParton:qg2Wq = on",
                    *_LEPTONIC_W,
                ),
            ),
        ),
        unit_jets=(500, 405, 35, 60),
        collision_energy=13_000.0,
        settings=("PartonLevel:MPI = off",),
        jet_radius=0.4,
        jet_pt=(25.0, 6500.0),
        jet_abs_eta=4.5,
        match="u* process",
        detector="particles",
        content="events",
        n_constituents=16,
        selection=EventSelection(
            lepton_pt=20.0,
            lepton_abs_eta=2.5,
            isolation=(0.3, 0.1),
            jet_resolution=(0.8, 0.05),
            tagged=(0.7, 0.12, 0.01),
            tag_abs_eta=2.5,
            soft_noise=8.0,
            n_leptons=1,
            min_b_jets=1,
            min_mt=30.0,
            min_ht=100.0,
        ),
    ),
)
