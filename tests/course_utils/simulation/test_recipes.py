"""A sample of another kind is an entry in the catalogue, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from particle_gun import one_event

from course_utils.jetfile import JetFile
from course_utils.kinematics import eta, jet_mass, jet_pt, phi
from course_utils.samples import (
    SAMPLES,
    Process,
    Recipe,
    Rounding,
    Sample,
    find,
    load_frame,
    load_jets,
)
from course_utils.simulation.clustering import leading_jets
from course_utils.simulation.detector import DETECTORS, EnergyFlow
from course_utils.simulation.production import produce

W_TO_QUARKS = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
INVISIBLE_Z = ("23:onMode = off", "23:onIfAny = 12 14 16")
WINDOWS = ((300.0, 400.0), (400.0, 600.0))


def of_window(number: int, first_stream: int) -> tuple[Process, ...]:
    """A W, a top and a QCD process in one range of the jet pT."""
    window = WINDOWS[number]
    common = {
        "pthat": (0.9 * window[0], 1.15 * window[1]),
        "jet_pt": window,
        "n_leading": 2,
    }
    return (
        Process(
            f"w_{number}", "ZW", True, first_stream,
            ("WeakDoubleBoson:ffbar2ZW = on", *INVISIBLE_Z, *W_TO_QUARKS),
            columns={"label_W": 1, "label_top": 0, "pt_range": number}, **common,
        ),
        Process(
            f"top_{number}", "ttbar", True, first_stream + 1,
            ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *W_TO_QUARKS),
            columns={"label_W": 0, "label_top": 1, "pt_range": number}, **common,
        ),
        Process(
            f"qcd_{number}", "QCD dijets", False, first_stream + 2, ("HardQCD:all = on",),
            columns={"label_W": 0, "label_top": 0, "pt_range": number}, **common,
        ),
    )  # fmt: skip


THREE_CLASSES = Sample(
    name="three_classes",
    title="W, top and QCD jets in two ranges of pT",
    reference="a test",
    rounding=Rounding(10, 15),
    columns=("label_W", "label_top", "pt_range", "file"),
    recipe=Recipe(
        processes=(*of_window(0, 0), *of_window(1, 10)),
        unit_jets=(2, 2, 4, 2, 2, 4),
        collision_energy=13_000.0,
        settings=("PartonLevel:MPI = off",),
        jet_radius=1.0,
        jet_pt=(300.0, 600.0),
        jet_abs_eta=2.0,
        match="W or top process",
        detector="towers",
        trimming=(0.3, 0.05),
    ),
)


@pytest.fixture(scope="module")
def three_classes(tmp_path_factory):
    """32 jets: two units of each of six processes; the sample is known while the tests run."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SAMPLES, THREE_CLASSES.name, THREE_CLASSES)
        patch.setenv("JET_DATA", str(root))
        produce(
            THREE_CLASSES.name,
            root / THREE_CLASSES.name / "train.h5",
            n_jets=32,
            seed=1,
            progress=False,
            executor=ThreadPoolExecutor(1),
        )
        yield load_jets(THREE_CLASSES.name)


def test_every_class_and_range_has_its_share(three_classes):
    columns = three_classes.columns
    assert tuple(columns) == THREE_CLASSES.columns
    for number in (0, 1):
        here = columns["pt_range"] == number
        counts = [int(columns[name][here].sum()) for name in ("label_W", "label_top")]
        assert (counts, int(here.sum())) == ([4, 4], 16)
    np.testing.assert_array_equal(three_classes.y_true, columns["label_W"] + columns["label_top"])
    assert load_frame(THREE_CLASSES.name).shape == (32, 806 + 4)


def test_jets_are_in_the_range_of_their_own_process(three_classes):
    pt = jet_pt(three_classes.jets)
    for number, (low, high) in enumerate(WINDOWS):
        here = three_classes.columns["pt_range"] == number
        assert ((pt > low - 0.1) & (pt < high + 0.1))[here].all()


def test_constituents_are_towers(three_classes):
    real = three_classes.jets[three_classes.jets[..., 0] > 0].astype(np.float64)
    for angle, step in ((eta(real), 0.1), (phi(real), 2 * np.pi / 63)):
        ring = (angle + (5.0 if step == 0.1 else np.pi)) / step - 0.5
        np.testing.assert_allclose(ring, np.round(ring), atol=1e-3)


def test_provenance_names_all_that_was_asked_for(three_classes):
    path = find(THREE_CLASSES.name, "train")
    with JetFile(path) as file:
        found = file.provenance
    assert found["cuts"].startswith("leading anti-kT R=1.0 jet, pT (300.0, 600.0) GeV, trimmed")
    assert found["top_1"] == (
        "ttbar, pTHat (360.0, 690.0) GeV, jet pT (400.0, 600.0) GeV, 2 leading jets"
    )
    assert "towers of 0.1 x 0.1" in found["detector"]
    assert found["events_tried_qcd_0"] > 0


def test_another_process_changes_no_jet_of_those_before(three_classes, tmp_path, monkeypatch):
    """The random numbers belong to the stream of a process, not to its place in the list."""
    first = THREE_CLASSES.recipe.processes[2]
    alone = replace(
        THREE_CLASSES, recipe=replace(THREE_CLASSES.recipe, processes=(first,), unit_jets=(4,))
    )
    monkeypatch.setitem(SAMPLES, THREE_CLASSES.name, alone)
    path = produce(
        THREE_CLASSES.name,
        tmp_path / "alone.h5",
        n_jets=8,
        seed=1,
        progress=False,
        executor=ThreadPoolExecutor(1),
    )
    with JetFile(path) as file:
        jets = file.read().jets
    columns = three_classes.columns
    same = (three_classes.y_true == 0) & (columns["pt_range"] == 0)
    assert_same_set(jets, three_classes.jets[same])


def assert_same_set(left, right):
    def ordered(jets):
        return jets[np.argsort(jets[:, 0, 1])]

    np.testing.assert_array_equal(ordered(left), ordered(right))


def test_trimming_and_cuts_are_of_the_trimmed_jet():
    """A soft prong far away is removed; with it goes the pT that lifted the jet above the cut."""
    pt = np.array([300.0, 14.0])
    angle = np.array([0.0, 0.8])
    momentum = np.stack([pt, pt * np.cos(angle), pt * np.sin(angle), np.zeros(2)], axis=-1)
    flow = EnergyFlow(momentum, np.zeros(2, np.int64), 1)
    recipe = THREE_CLASSES.recipe
    found = leading_jets(flow, recipe, jet_pt=(295.0, 305.0))
    assert jet_mass(found.constituents) == pytest.approx(0, abs=0.1)
    assert found.ungroomed_mass[0] > 45
    assert len(leading_jets(flow, recipe, jet_pt=(301.0, 400.0)).event) == 0


def test_towers_add_energies_and_lose_neutrinos_and_muons():
    momentum = np.array([[10.0, 10, 0, 0], [5.0, 5, 0, 0], [7.0, 0, 7, 0], [9.0, 0, 0, 9.0]])
    particles = one_event([22, 211, 12, 22], momentum)
    (tower,) = DETECTORS["towers"].reconstruct(particles, rng=np.random.default_rng(0)).momentum
    assert tower[0] == pytest.approx(15.0)  # one at the end of the beam pipe is lost, too
    assert np.linalg.norm(tower[1:]) == pytest.approx(tower[0])
