"""w_tagging, its window and w_top_qcd: what is inside the jets, and which jets know each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

import itertools

from particle_gun import four_momentum
from recipes import with_units

from course_utils.jetfile import TTV, JetFile
from course_utils.kinematics import jet_eta, jet_mass, jet_pt
from course_utils.metrics import roc_auc
from course_utils.samples import SAMPLES, count_jets, load_jets, small_sample
from course_utils.simulation.clustering import LeadingJets
from course_utils.simulation.collisions import Collisions
from course_utils.simulation.decays import hadronic_w
from course_utils.simulation.production import produce
from course_utils.simulation.truth import TRUTHS, contained_quarks
from course_utils.substructure import n_subjettiness, tau_ratio

NAMES = ("w_tagging", "w_tagging_window", "w_top_qcd")
EDGES = (300, 400, 600, 800, 1000)


def read_small(name):
    with JetFile(small_sample(name), sample=name) as file:
        return file.read()


@pytest.fixture(scope="module")
def coarse():
    return read_small("w_tagging")


@pytest.fixture(scope="module")
def window():
    return read_small("w_tagging_window")


@pytest.fixture(scope="module")
def three():
    return read_small("w_top_qcd")


def invariant_mass(momentum):
    return np.sqrt(momentum[..., 0] ** 2 - (momentum[..., 1:] ** 2).sum(axis=-1))


# ---------------------------------------------------------------- truth


@pytest.mark.parametrize(("sample", "process"), [("w_tagging", "signal"), ("w_top_qcd", "w_400")])
def test_the_two_quarks_of_a_w_have_its_momentum(sample, process):
    recipe = SAMPLES[sample].recipe
    record = Collisions(recipe.process(process), recipe, seed=3).batch(20)
    bosons, quarks = hadronic_w(record)
    assert bosons.shape == (20, 1, 4)
    assert quarks.shape == (20, 1, 2, 4)
    assert np.median(invariant_mass(bosons)) == pytest.approx(80.4, abs=3)
    # A gluon that the quarks radiate is not among them.
    np.testing.assert_allclose(
        np.median(abs(quarks.sum(axis=2) - bosons)[..., 0] / bosons[..., 0]), 0, atol=0.02
    )


def test_a_w_that_decays_to_leptons_is_a_fault_of_the_recipe():
    recipe = SAMPLES["w_top_qcd"].recipe
    process = recipe.process("w_300")
    leptons = tuple(
        s.replace("24:onIfAny = 1 2 3 4 5", "24:onIfAny = 11") for s in process.settings
    )
    record = Collisions(replace(process, settings=leptons), recipe, seed=3).batch(2)
    with pytest.raises(ValueError, match="one W boson per event, with two quarks"):
        hadronic_w(record)


def test_without_its_coupling_the_decay_of_w_prime_to_wz_is_closed():
    """Pythia's default for it is 0: what the recipe says must not be lost."""
    recipe = SAMPLES["w_tagging"].recipe
    process = recipe.process("signal")
    without = tuple(s for s in process.settings if "coup2WZ" not in s)
    assert len(without) == len(process.settings) - 1
    with pytest.raises(ValueError, match="could not start signal"):
        Collisions(replace(process, settings=without), recipe, seed=3).batch(1)


def test_quarks_of_the_particle_with_most_of_them_in_the_jet_are_counted():
    """Two tops; the first jet has all quarks of one and one of the other, the second jet none."""
    pt = 100.0
    quarks = four_momentum(
        pt, [[[0, 0.5, 0.9], [0.2, 2.0, 2.2]]], [[[3.1, -3.1, 3.1], [3.1, 0.0, 0.0]]]
    )
    tops = quarks.sum(axis=2)
    axis = four_momentum(300, [0.1, -1.5], [3.1, 0.0])
    jets = LeadingJets(axis, np.zeros((2, 1, 4)), np.array([0, 0]), *np.zeros((2, 2)))
    n_inside, momentum = contained_quarks(jets, tops, quarks, radius=1.0)
    assert n_inside.tolist() == [3, 0]
    np.testing.assert_array_equal(momentum, [tops[0, 0], np.zeros(4)])
    assert contained_quarks(jets, tops, quarks, radius=0.6)[0].tolist() == [2, 0]


def test_qcd_jets_hold_no_quarks_of_anything():
    jets = LeadingJets(np.ones((3, 4)), np.zeros((3, 1, 4)), np.zeros(3, int), *np.zeros((2, 3)))
    truth = TRUTHS["quarks inside"](None, jets, radius=1.0, is_signal=False)
    assert truth.kept.all()
    assert not truth.y_true.any()
    assert not truth.columns["n_quarks_inside"].any()


# ---------------------------------------------------------------- which jets know each other


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """80 jets of w_tagging, in units of ten of each process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SAMPLES, "w_tagging", with_units("w_tagging", 10, 10))
        path = tmp_path_factory.mktemp("made") / "train.h5"
        produce(
            "w_tagging", path, n_jets=80, seed=4, progress=False, executor=ThreadPoolExecutor(1)
        )
        with JetFile(path, sample="w_tagging") as file:
            return file.read()


def test_jets_of_one_collision_share_its_number_and_others_do_not(made):
    events, n_jets = np.unique(made.columns["event"], return_counts=True)
    assert set(n_jets) == {1, 2}
    for event in events[n_jets == 2]:
        pair = made[made.columns["event"] == event]
        assert not pair.y_true.any()  # one jet of a W', two of QCD
        assert len(set(pair.columns["file"])) == 1
        px, py = pair.jets[..., 1].sum(axis=1), pair.jets[..., 2].sum(axis=1)
        assert np.dot(*np.stack([px, py], axis=1)) < 0  # back to back


@pytest.mark.parametrize("name", NAMES)
def test_no_collision_is_in_two_classes_or_files_of_a_split(name):
    table = read_small(name)
    for ttv in TTV.values():
        here = table[table.ttv == ttv]
        source = np.stack([here.columns["event"], here.columns["file"], here.y_true])
        assert len(np.unique(source, axis=1).T) == len(np.unique(here.columns["event"]))
        signal = here.columns["event"][here.y_true == 1]
        assert len(np.unique(signal)) == len(signal)


@pytest.mark.parametrize("name", NAMES)
def test_no_jet_is_in_two_splits(name):
    """The splits are generated apart, so that no collision can be in two of them."""
    jets = read_small(name).jets[:, :5].reshape(-1, 20)
    assert len(np.unique(jets, axis=0)) == len(jets)


# ---------------------------------------------------------------- w_tagging


@pytest.mark.parametrize("name", ["w_tagging", "w_tagging_window"])
def test_trimmed_jets_are_in_the_window_of_pt(name):
    table = read_small(name)
    assert table.jets.shape[1:] == (100, 4)
    pt = jet_pt(table.jets)
    assert ((pt > 249.5) & (pt < 300.5)).all()  # rounded momenta
    assert (abs(jet_eta(table.jets)) < 2.01).all()
    assert (table.jets[:, -1] == 0).all()  # room for every constituent
    assert (table.columns["ungroomed_mass"] > jet_mass(table.jets) - 1).all()
    assert table.y_true.mean() == 0.5


def test_w_jets_have_the_mass_of_the_w_and_qcd_jets_have_not(coarse):
    mass, is_w = jet_mass(coarse.jets), coarse.y_true == 1
    assert np.median(mass[is_w]) == pytest.approx(78.5, abs=1)  # neutrinos, and what is trimmed
    assert ((mass > 65) & (mass < 95))[is_w].mean() == pytest.approx(0.82, abs=0.04)
    assert np.median(mass[~is_w]) == pytest.approx(35, abs=4)
    assert ((mass > 65) & (mass < 95))[~is_w].mean() == pytest.approx(0.147, abs=0.03)
    ungroomed = coarse.columns["ungroomed_mass"]
    assert np.median(ungroomed[is_w]) == pytest.approx(81.5, abs=2)
    assert np.median(ungroomed[~is_w]) == pytest.approx(53, abs=4)


def test_window_holds_jets_of_the_w_mass_only_and_as_the_coarse_sample_has_them(coarse, window):
    mass = jet_mass(window.jets)
    assert ((mass > 64.8) & (mass < 95.2)).all()
    tau21 = tau_ratio(n_subjettiness(window.jets, n_max=2), 2)
    assert roc_auc(window.y_true, -tau21).value == pytest.approx(0.81, abs=0.03)
    of_coarse = jet_mass(coarse.jets)
    inside = (of_coarse > 65) & (of_coarse < 95)
    for label in (0, 1):
        medians = [
            np.median(m[y == label])
            for m, y in ((mass, window.y_true), (of_coarse[inside], coarse.y_true[inside]))
        ]
        assert medians[0] == pytest.approx(medians[1], abs=2)


def test_pt_tells_next_to_nothing(coarse):
    pt = jet_pt(coarse.jets)
    assert roc_auc(coarse.y_true, pt).value == pytest.approx(0.53, abs=0.03)


def test_nearly_every_w_jet_holds_both_quarks_and_a_few_none(coarse):
    inside = coarse.columns["n_quarks_inside"][coarse.y_true == 1]
    assert (inside == 2).mean() == pytest.approx(0.93, abs=0.03)
    assert 0 < (inside == 0).mean() < 0.03
    w_mass = invariant_mass(coarse.truth[coarse.columns["n_quarks_inside"] > 0].astype(float))
    assert np.median(w_mass) == pytest.approx(80.4, abs=0.5)
    assert not coarse.truth[coarse.columns["n_quarks_inside"] == 0].any()


# ---------------------------------------------------------------- w_top_qcd


def test_every_class_and_range_has_as_many_jets(three):
    columns = three.columns
    assert set(columns["pt_range"]) == {0, 1, 2, 3}
    kind = columns["label_W"] + 2 * columns["label_top"]
    for ttv in TTV.values():
        cells = (4 * kind + columns["pt_range"])[three.ttv == ttv]
        assert len(set(np.bincount(cells).tolist())) == 1
    np.testing.assert_array_equal(three.y_true, columns["label_W"] + columns["label_top"])


def test_pt_range_says_between_which_edges_a_jet_is(three):
    pt = jet_pt(three.jets)
    for number, (low, high) in enumerate(itertools.pairwise(EDGES)):
        here = three.columns["pt_range"] == number
        assert ((pt > 0.998 * low) & (pt < 1.002 * high))[here].all()
        medians = [
            np.median(
                pt[here & (three.columns["label_W"] + 2 * three.columns["label_top"] == kind)]
            )
            for kind in (0, 1, 2)
        ]
        assert max(medians) / min(medians) < 1.07  # one power of pTHat for all


def test_top_at_300_gev_is_a_mixture(three):
    """Of radius 1 and 2 m / pT = 1, most tops do not fit into a jet: keep n_quarks_inside."""
    columns = three.columns
    complete = [
        (columns["n_quarks_inside"] == 3)[(columns["label_top"] == 1) & (columns["pt_range"] == n)]
        for n in range(4)
    ]
    shares = [each.mean() for each in complete]
    assert shares[0] == pytest.approx(0.42, abs=0.11)
    assert shares[3] == pytest.approx(0.87, abs=0.08)
    assert shares[0] < shares[1] < min(shares[2:])
    w_jets = columns["n_quarks_inside"][columns["label_W"] == 1]
    assert w_jets.max() == 2
    assert (w_jets == 2).mean() > 0.85


def test_mass_rises_from_qcd_over_w_to_top(three):
    mass = jet_mass(three.jets)
    w, top = (np.median(mass[three.columns[name] == 1]) for name in ("label_W", "label_top"))
    assert w == pytest.approx(86, abs=5)
    assert top == pytest.approx(172, abs=6)


# ---------------------------------------------------------------- loading


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_load_like_any_other(name, monkeypatch, tmp_path):
    monkeypatch.setenv("JET_DATA", str(tmp_path))  # nothing there: the small sample serves
    table = load_jets(name, "test", stop=10)
    assert len(table) == 10
    assert tuple(table.columns) == SAMPLES[name].columns
    n_train = SAMPLES[name].rounding.n_jets
    assert [count_jets(name, split) for split in TTV] == [n_train, n_train // 3, n_train // 3]
