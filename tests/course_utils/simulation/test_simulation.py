"""The simulated detector, the jets and the truth match, against physics and definitions."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from course_utils.samples import SAMPLES, Process
from course_utils.simulation.card import ECAL, HADRON, HCAL, Card
from course_utils.simulation.clustering import LeadingJets, leading_jets
from course_utils.simulation.collisions import Particles, batches, final_state, pythia
from course_utils.simulation.detector import EnergyFlow, _at_calorimeter, _smeared, reconstruct
from course_utils.simulation.truth import hadronic_tops, matched_top

TOP_TAGGING, HBB = (SAMPLES[name].recipe for name in ("top_tagging", "hbb"))
PHOTON, PION, NEUTRON, MUON, NEUTRINO = 22, 211, 2112, 13, 14


def four_momentum(pt, eta, phi, mass=0.0):
    pt, eta, phi = np.broadcast_arrays(np.asarray(pt, float), eta, phi)
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    return np.stack([energy, pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=-1)


def one_per_event(pdg_id, pt, eta, phi):
    """A particle gun: each particle in an event of its own."""
    momentum = four_momentum(pt, eta, phi)
    n = len(momentum)
    return Particles(momentum, np.full(n, pdg_id, np.int32), np.arange(n), n)


def gun(pdg_id, n=4000, *, pt=50.0, eta=0.33, phi=1.0):
    return one_per_event(pdg_id, np.full(n, pt), eta, phi)


# Detector


def test_helix_agrees_with_stepping_through_the_field():
    card = Card()
    for pt, eta, charge in [(0.5, 0.3, 1), (2.0, -1.1, -1), (0.3, 0.8, 1), (40.0, 2.0, -1)]:
        x, y, z, direction, step = 0.0, 0.0, 0.0, 0.4, 1e-4
        while np.hypot(x, y) < card.radius and abs(z) < card.half_length:
            x += step * np.cos(direction)
            y += step * np.sin(direction)
            z += step * np.sinh(eta)
            direction -= charge * step * 0.3 * card.field_tesla / pt
        found = _at_calorimeter(
            np.array([pt]), np.array([eta]), np.array([0.4]), np.array([charge]), card
        )
        distance = (found[1] - np.arctan2(y, x) + np.pi) % (2 * np.pi) - np.pi
        assert found[0] == pytest.approx(np.arcsinh(z / np.hypot(x, y)), abs=2e-3)
        assert distance == pytest.approx(0, abs=2e-3)


def test_photon_energy_has_the_resolution_of_the_card():
    flow = reconstruct(gun(PHOTON, pt=100.0), rng=np.random.default_rng(1))
    energy = flow.momentum[:, 0]
    true = 100.0 * np.cosh(0.33)
    expected = ECAL.sigma(np.array([true]), np.array([0.33]))[0]
    assert len(energy) == 4000
    assert energy.mean() == pytest.approx(true, abs=4 * expected / np.sqrt(4000))
    assert energy.std() == pytest.approx(expected, rel=0.1)


def test_neutral_hadron_energy_has_the_resolution_of_the_card():
    flow = reconstruct(gun(NEUTRON, pt=100.0), rng=np.random.default_rng(1))
    expected = HCAL.sigma(np.array([100 * np.cosh(0.33)]), np.array([0.33]))[0]
    assert flow.momentum[:, 0].std() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("eta", "efficiency"), [(0.33, 0.95), (1.93, 0.85)])
def test_charged_hadrons_are_found_with_the_efficiency_of_the_card(eta, efficiency):
    abs_eta = np.full(1, eta)
    assert HADRON.efficiency_at(np.array([5.0]), abs_eta) == efficiency
    assert HADRON.efficiency_at(np.array([0.05]), abs_eta) == 0
    assert HADRON.efficiency_at(np.array([5.0]), np.array([2.6])) == 0
    # Muons leave nothing in the towers, so that what is reconstructed was a track.
    muons = reconstruct(gun(MUON, pt=5.0, eta=eta), rng=np.random.default_rng(2))
    expected = 0.99 if eta < 1.5 else 0.98
    assert len(muons.event) / 4000 == pytest.approx(expected, abs=0.01)


def test_energy_flow_does_not_count_a_charged_hadron_twice():
    flow = reconstruct(gun(PION, pt=20.0), rng=np.random.default_rng(3))
    total = np.bincount(flow.event, flow.momentum[:, 0], minlength=4000)
    assert np.median(total) == pytest.approx(20 * np.cosh(0.33), rel=0.03)
    assert total.mean() == pytest.approx(20 * np.cosh(0.33), rel=0.06)


def test_a_neutral_beside_a_track_is_kept_as_excess():
    both = Particles(
        four_momentum([20.0, 80.0], 0.33, 1.0),
        np.array([PION, NEUTRON], np.int32),
        np.zeros(2, np.int64),
        1,
    )
    totals = [
        reconstruct(both, rng=np.random.default_rng(seed)).momentum[:, 0].sum()
        for seed in range(400)
    ]
    assert np.median(totals) == pytest.approx(100 * np.cosh(0.33), rel=0.05)


def test_neutrinos_and_particles_beyond_the_calorimeters_are_lost():
    rng = np.random.default_rng(4)
    assert len(reconstruct(gun(NEUTRINO), rng=rng).event) == 0
    assert len(reconstruct(gun(PHOTON, eta=5.2), rng=rng).event) == 0


def test_tower_positions_are_smeared_over_the_tower_that_was_hit():
    flow = reconstruct(gun(PHOTON, eta=0.33, phi=1.0), rng=np.random.default_rng(5))
    _, px, py, pz = flow.momentum.T
    eta, phi = np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px)
    assert (eta > 0.3 - 1e-9).all()
    assert (eta < 0.45 + 1e-9).all()
    assert np.ptp(eta) > 0.145
    assert np.floor(np.degrees(phi) / 15).std() == 0


def test_every_point_of_the_calorimeter_lies_in_the_tower_it_is_drawn_from():
    towers, rng = Card().towers, np.random.default_rng(6)
    every = np.arange(towers.n_towers)
    np.testing.assert_array_equal(towers.index(*towers.random_point(every, rng)), every)


def test_smearing_keeps_mean_and_width_and_stays_positive():
    draws = _smeared(np.full(200_000, 2.0), np.full(200_000, 1.0), np.random.default_rng(7))
    assert draws.min() > 0
    assert draws.mean() == pytest.approx(2.0, rel=0.01)
    assert draws.std() == pytest.approx(1.0, rel=0.02)


def test_detector_turned_in_phi_by_a_tower_sees_the_same_jet():
    rng = np.random.default_rng(8)
    pt, eta, phi = rng.exponential(10, 50) + 1, rng.normal(0, 0.3, 50), rng.normal(0, 0.3, 50)

    def seen(turn):
        momentum = four_momentum(pt, eta, phi + turn)
        particles = Particles(momentum, np.full(50, PHOTON, np.int32), np.zeros(50, int), 1)
        flow = reconstruct(particles, rng=np.random.default_rng(9))
        return np.sort(flow.momentum[:, 0])

    # Tower numbers wrap at +-pi, so that the draws come in another order: compare the sums.
    assert seen(np.pi).sum() == pytest.approx(seen(0.0).sum(), rel=0.05)
    assert len(seen(np.pi)) == pytest.approx(len(seen(0.0)), abs=3)


# Clustering


def anti_kt_by_hand(momentum, radius):
    """The definition, one step after the other: sets of constituents of the final jets."""
    jets = [(p, {i}) for i, p in enumerate(momentum)]
    done = []
    while jets:
        p = np.array([jet[0] for jet in jets])
        pt = np.hypot(p[:, 1], p[:, 2])
        rapidity, phi = np.arctanh(p[:, 3] / p[:, 0]), np.arctan2(p[:, 2], p[:, 1])
        d_phi = (phi[:, None] - phi + np.pi) % (2 * np.pi) - np.pi
        distance = np.minimum(pt[:, None] ** -2, pt**-2) * (
            ((rapidity[:, None] - rapidity) ** 2 + d_phi**2) / radius**2
        )
        np.fill_diagonal(distance, pt**-2)
        i, j = np.unravel_index(distance.argmin(), distance.shape)
        if i == j:
            done.append(jets.pop(i))
            continue
        merged = (jets[i][0] + jets[j][0], jets[i][1] | jets[j][1])
        jets = [jet for k, jet in enumerate(jets) if k not in (i, j)] + [merged]
    return sorted(done, key=lambda jet: -np.hypot(*jet[0][1:3]))


def flow_of(events):
    event = np.repeat(np.arange(len(events)), [len(e) for e in events])
    return EnergyFlow(np.concatenate(events), event, len(events))


def test_leading_jets_are_those_of_the_definition():
    rng = np.random.default_rng(10)
    events = []
    for _ in range(60):
        pt = rng.exponential(40, 30) + 5
        phi = np.where(rng.random(30) < 0.5, 3.0, 0.0) + rng.normal(0, 0.5, 30)
        events.append(four_momentum(pt, rng.normal(0.5, 0.5, 30), phi))
    found = leading_jets(flow_of(events), TOP_TAGGING)
    expected = {}
    for number, event in enumerate(events):
        momentum, members = anti_kt_by_hand(event, 0.8)[0]
        pt, eta = np.hypot(*momentum[1:3]), np.arcsinh(momentum[3] / np.hypot(*momentum[1:3]))
        if 550 < pt < 650 and abs(eta) < 2:
            expected[number] = (momentum, len(members))
    assert len(expected) > 5
    assert found.event.tolist() == list(expected)
    for momentum, constituents, number in zip(
        found.momentum, found.constituents, found.event, strict=True
    ):
        np.testing.assert_allclose(momentum, expected[number][0], rtol=1e-9)
        assert (constituents[:, 0] > 0).sum() == expected[number][1]
        np.testing.assert_allclose(constituents.sum(axis=0), momentum, rtol=1e-5)
        pt = np.hypot(constituents[:, 1], constituents[:, 2])
        assert (np.diff(pt) <= 0).all()


def test_a_harder_jet_outside_the_window_vetoes_the_event():
    inside, harder = four_momentum([600.0], 0.0, 0.0), four_momentum([700.0], 0.0, 3.0)
    flow = flow_of([inside, np.concatenate([inside, harder])])
    assert leading_jets(flow, TOP_TAGGING).event.tolist() == [0]


def test_events_without_a_jet_give_an_empty_result():
    soft = four_momentum([20.0], 0.0, 0.0)
    forward = four_momentum([600.0], 2.4, 0.0)
    found = leading_jets(flow_of([soft, forward]), TOP_TAGGING)
    assert found.momentum.shape == (0, 4)
    assert found.constituents.shape == (0, 200, 4)


def test_only_the_200_hardest_constituents_are_kept():
    rng = np.random.default_rng(11)
    event = four_momentum(rng.uniform(1.5, 2.5, 300), rng.normal(0, 0.1, 300), 0.0)
    (kept,) = leading_jets(flow_of([event]), TOP_TAGGING).constituents
    pt = np.sort(np.hypot(event[:, 1], event[:, 2]))[::-1]
    np.testing.assert_allclose(np.hypot(kept[:, 1], kept[:, 2]), pt[:200], rtol=1e-6)


def test_whatever_a_jet_inside_the_cuts_can_hold_is_clustered():
    # The highest energy a beam gives, at the lowest pT: its far edge, 0.7 beyond the axis, counts.
    for sample in (TOP_TAGGING, HBB):
        low = sample.jet_pt[0] + 1
        eta = np.arccosh(sample.collision_energy / 2 / low)
        inside = four_momentum([low + 40], 0.0, 0.0)
        harder = four_momentum([low, 45.0], eta + np.array([0.0, 0.7]), 3.0)
        assert leading_jets(flow_of([harder]), sample).event.size == 0
        assert leading_jets(flow_of([np.concatenate([inside, harder])]), sample).event.size == 0


def jets_along(momentum):
    """One leading jet in each event, known by its momentum alone."""
    n = len(momentum)
    return LeadingJets(
        momentum, np.zeros((n, 200, 4)), np.arange(n), np.full(n, 100.0), np.full(n, 100.0)
    )


@pytest.mark.parametrize(
    ("offsets", "matches"),
    [
        ((0.1, -0.3, 0.5), True),
        ((0.1, -0.3, 0.9), False),  # one quark outside
    ],
)
@pytest.mark.parametrize("axis", [0.0, 3.1, -3.1])  # the wrap at +-pi must not matter
def test_a_top_is_matched_when_all_three_quarks_are_inside(offsets, matches, axis):
    jets = jets_along(four_momentum([600.0], 0.2, axis))
    top = four_momentum([610.0], 0.2, axis)
    far = four_momentum([610.0], 0.2, axis + np.pi)
    quarks = four_momentum([200.0] * 3, 0.2, axis + np.array(offsets))
    tops, decays = np.stack([far, top], axis=1), np.stack([[far[[0, 0, 0]], quarks]])
    matched, truth = matched_top(jets, tops, decays[0][None], radius=0.8)
    assert matched.tolist() == [matches]
    np.testing.assert_allclose(truth[0], top[0] if matches else np.zeros(4))


# Pythia


@pytest.fixture(scope="module")
def ttbar():
    return next(batches(pythia(TOP_TAGGING.process("signal"), TOP_TAGGING, seed=12), size=20))


def invariant_mass(momentum):
    return np.sqrt(momentum[..., 0] ** 2 - (momentum[..., 1:] ** 2).sum(axis=-1))


def test_quarks_belong_to_the_top_they_are_listed_with(ttbar):
    tops, quarks = hadronic_tops(ttbar)
    assert tops.shape == (20, 2, 4)
    assert quarks.shape == (20, 2, 3, 4)
    assert np.median(invariant_mass(tops)) == pytest.approx(172.5, abs=2)
    # Two of the three come from one W. Tails: the W's width, and gluons radiated in the decay.
    w_mass = invariant_mass(quarks[:, :, 1:].sum(axis=2))
    assert (abs(w_mass - 80.4) < 5).mean() > 0.8
    assert np.median(invariant_mass(quarks.sum(axis=2))) == pytest.approx(172.5, abs=4)


def test_final_state_carries_the_beams_energy(ttbar):
    particles = final_state(ttbar)
    energy = np.bincount(particles.event, particles.momentum[:, 0])
    np.testing.assert_allclose(energy, 14_000, rtol=1e-6)


def test_unknown_pythia_setting_is_named():
    wrong = Process("typo", "typo", True, 1, ("Top:gg2ttbra = on",))
    with pytest.raises(ValueError, match="gg2ttbra"):
        pythia(wrong, TOP_TAGGING, seed=1)
