"""Objects of events that are made by hand: isolation, smearing, tags, what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from particle_gun import (
    ELECTRON,
    MUON,
    NEUTRINO,
    PHOTON,
    PION,
    four_momentum,
    many_events,
    one_event,
)

from course_utils import kinematics
from course_utils.samples import SAMPLES, Kind
from course_utils.simulation import objects as module
from course_utils.simulation.collisions import Particles, seen_particles
from course_utils.simulation.decays import BOTTOM
from course_utils.simulation.objects import find_objects, holding, isolated_leptons, same_event

RECIPE = SAMPLES["events"].recipe
EXACT = replace(
    RECIPE,
    selection=replace(
        RECIPE.selection, jet_resolution=(0.0, 0.0), soft_noise=0.0, tagged=(1.0, 0.0, 0.0)
    ),
)
DARK_MATTER, B_HADRON, C_HADRON = 52, 511, 411


def nothing(n_events=1):
    return many_events(n_events, [], np.empty((0, 4)))


@pytest.fixture
def hadrons(monkeypatch):
    """A function: heavy hadrons that the event record is to hold, those with b and those with c."""

    def put(*, b=None, c=None):
        by_quark = {BOTTOM: b or nothing(), BOTTOM - 1: c or nothing()}
        monkeypatch.setattr(module, "last_hadrons", lambda record, quark: by_quark[quark])

    put()
    return put


def found(particles, recipe=EXACT, seed=0):
    seen = seen_particles(particles, rng=np.random.default_rng(0))
    return find_objects(seen, None, recipe, rng=np.random.default_rng(seed))


def momenta_of(objects, *kinds):
    return objects.momentum[np.isin(objects.kind, kinds)]


# ---------------------------------------------------------------- leptons


@pytest.mark.parametrize(
    ("pdg_id", "pt", "eta", "is_one"),
    [
        (ELECTRON, 21, 0.0, True),
        (-MUON, 21, -2.4, True),
        (MUON, 19, 0.0, False),
        (ELECTRON, 50, 2.6, False),
        (PION, 50, 0.0, False),
        (15, 50, 0.0, False),
    ],
)
def test_leptons_are_electrons_and_muons_inside_the_cuts(pdg_id, pt, eta, is_one):
    particles = one_event([pdg_id], four_momentum([pt], eta, 3.0))
    assert isolated_leptons(particles, RECIPE.selection).tolist() == [is_one]


@pytest.mark.parametrize(
    ("distance", "pt", "is_isolated"), [(0.29, 4.1, False), (0.29, 3.9, True), (0.31, 400, True)]
)
def test_a_lepton_has_little_around_it(distance, pt, is_isolated):
    """A tenth of 40 GeV within 0.3, across phi = pi, and only from its own event."""
    momentum = four_momentum([40, pt], [0.5, 0.5], [3.1, 3.1 + distance])
    particles = many_events(3, [MUON, PION], momentum)
    only = isolated_leptons(particles, RECIPE.selection)
    assert only.tolist() == [is_isolated, False] * 3
    apart = Particles(
        particles.momentum[:2], particles.vertex[:2], particles.pdg_id[:2], np.arange(2), 2
    )
    assert isolated_leptons(apart, RECIPE.selection).tolist() == [True, False]


def test_two_leptons_close_together_are_both_lost():
    momentum = four_momentum([40, 30], [0.0, 0.0], [0.0, 0.2])
    particles = one_event([MUON, -MUON], momentum)
    assert not isolated_leptons(particles, RECIPE.selection).any()


def test_a_lepton_is_no_part_of_a_jet_and_a_lost_one_is(hadrons):
    momentum = four_momentum([60, 50, 40], [0, 0, 1.5], [0, 2, -2])
    objects = found(one_event([PION, ELECTRON, MUON], momentum))
    assert len(momenta_of(objects, Kind.LEPTON)) == 2
    np.testing.assert_allclose(kinematics.pt(momenta_of(objects, Kind.JET)), [60])
    lost = found(one_event([PION, 13], four_momentum([60, 50], [0, 3.0], [0, 2])))
    np.testing.assert_allclose(np.sort(kinematics.pt(momenta_of(lost, Kind.JET))), [50, 60])


# ---------------------------------------------------------------- jets and what is missing


def test_jets_are_clustered_within_their_radius_and_cut(hadrons):
    momentum = four_momentum([30, 20, 24, 90], [0, 0.3, -2, 4.6], [0, 0, 2, 1])
    objects = found(one_event([PION, PHOTON, PION, PION], momentum))
    (jet,) = momenta_of(objects, Kind.JET)
    expected = momentum[:2].sum(axis=0)
    np.testing.assert_allclose(jet[1:], expected[1:])
    assert jet[0] == pytest.approx(np.linalg.norm(expected[1:]))  # massless


def test_missing_momentum_is_that_of_the_invisible(hadrons):
    momentum = four_momentum([70, 50, 20, 120, 30], [0.3, -1, 2, 1, 6], [0.1, 2, -2, -1, 3])
    particles = one_event([PION, PION, NEUTRINO, DARK_MATTER, PION], momentum)
    invisible = momentum[2:]
    balanced = Particles(
        np.concatenate([momentum, -momentum.sum(axis=0, keepdims=True)]),
        np.zeros((6, 3)),
        np.append(particles.pdg_id, PION).astype(np.int32),
        np.zeros(6, np.int64),
        1,
    )
    objects = found(balanced)
    (missing,) = momenta_of(objects, Kind.MISSING_ENERGY)
    np.testing.assert_allclose(missing[1:3], invisible.sum(axis=0)[1:3], atol=1e-9)
    assert missing[3] == 0
    assert missing[0] == pytest.approx(np.hypot(*missing[1:3]))


def test_resolution_falls_with_pt_and_shows_in_what_is_missing(hadrons):
    recipe = replace(EXACT, selection=replace(EXACT.selection, jet_resolution=(0.8, 0.05)))
    for pt in (64.0, 400.0):
        momentum = four_momentum([pt, pt], [0, 0], [0, np.pi])
        objects = found(many_events(3000, [PION, PION], momentum), recipe)
        measured = kinematics.pt(momenta_of(objects, Kind.JET)) / pt
        sigma = np.sqrt(0.64 / pt + 0.05**2)
        assert measured.mean() == pytest.approx(1, abs=5 * sigma / np.sqrt(6000))
        assert measured.std() == pytest.approx(sigma, rel=0.05)
        missing = momenta_of(objects, Kind.MISSING_ENERGY)
        assert missing[:, 1].std() == pytest.approx(np.sqrt(2) * sigma * pt, rel=0.06)
        np.testing.assert_allclose(missing[:, 2], 0, atol=1e-9)


def test_soft_noise_is_in_each_component(hadrons):
    recipe = replace(EXACT, selection=replace(EXACT.selection, soft_noise=8.0))
    missing = momenta_of(found(nothing(4000), recipe), Kind.MISSING_ENERGY)
    assert missing.shape == (4000, 4)
    np.testing.assert_allclose(missing[:, 1:3].std(axis=0), 8, rtol=0.05)
    assert abs(np.corrcoef(missing[:, 1], missing[:, 2])[0, 1]) < 0.06


# ---------------------------------------------------------------- tags


def test_tags_are_drawn_by_the_hadrons_of_a_jet(hadrons):
    """Jets with a b hadron, with both, with a c hadron, with none; and one where no tracker is."""
    n = 6000
    eta, phi = [0, 0.5, -1, 2, 2.6], [0, 1.5, 3.1, -1.5, -3]
    particles = many_events(n, [PION] * 5, four_momentum([80] * 5, eta, phi))
    b = many_events(n, [B_HADRON] * 3, four_momentum([30] * 3, [0.1, 0.5, 2.6], [0.3, 1.5, -3]))
    c = many_events(n, [C_HADRON] * 2, four_momentum([9] * 2, [0.5, -1], [1.4, 3.1 - 2 * np.pi]))
    hadrons(b=b, c=c)
    objects = found(particles, RECIPE)
    jets = np.isin(objects.kind, (Kind.JET, Kind.B_JET))
    nearest = abs(kinematics.eta(objects.momentum)[jets, None] - np.array(eta)).argmin(axis=1)
    tagged = objects.kind[jets] == Kind.B_JET
    rates = np.array([tagged[nearest == i].mean() for i in range(5)])
    expected = np.array([0.7, 0.7, 0.12, 0.01, 0])
    np.testing.assert_allclose(rates, expected, atol=5 * np.sqrt(0.21 / n))
    assert abs(rates[3] - 0.01) < 5 * np.sqrt(0.01 / n)
    assert rates[4] == 0


def test_a_hadron_belongs_to_the_jets_of_its_own_event():
    axis = four_momentum([50, 50], [0, 0], [0, 0])
    hadron = one_event([B_HADRON], four_momentum([20], [0.39], [0]))
    assert holding(axis, np.array([0, 1]), hadron, radius=0.4).tolist() == [True, False]
    assert not holding(axis, np.array([0, 1]), hadron, radius=0.38).any()


def test_pairs_are_all_of_the_same_event():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 9, 30), np.sort(rng.integers(0, 9, 40))
    pairs = set(zip(*(each.tolist() for each in same_event(left, right)), strict=True))
    assert pairs == {(i, j) for i in range(30) for j in range(40) if left[i] == right[j]}
    assert [len(each) for each in same_event(left, right[:0])] == [0, 0]
