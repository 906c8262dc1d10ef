"""Tracks, towers and energy flow, of particles made by hand whose answer is known."""

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
    NEUTRON,
    PHOTON,
    PION,
    four_momentum,
    gun,
    many_events,
    one_event,
)

from course_utils.simulation.card import ECAL, HADRON, HCAL, Calorimeter, Card
from course_utils.simulation.detector import _smeared, pt_eta_phi, reconstruct
from course_utils.simulation.propagation import leaving_solenoid

ETA, PHI = 0.33, 1.0  # in the middle of a tower, 0.3 to 0.4 and 50 to 60 degrees


def calorimeter(sigma: float = 0.0, threshold: float = 0.0) -> Calorimeter:
    """One that measures every energy equally well: ``sigma`` and ``threshold`` in GeV."""
    return Calorimeter((), ((0.0, 0.0, sigma),), min_energy=threshold, min_significance=1.0)


PERFECT = Card(ecal=calorimeter(), hcal=calorimeter())


def seen(particles, *, card=None, seed=1):
    return reconstruct(particles, rng=np.random.default_rng(seed), card=card)


def energies(flow):
    """Of each event, by falling energy: shape (n_events, most objects), zeros behind."""
    order = np.lexsort((-flow.momentum[:, 0], flow.event))
    counts = np.bincount(flow.event, minlength=flow.n_events)
    table = np.zeros((flow.n_events, counts.max(initial=1)))
    table[np.arange(table.shape[1]) < counts[:, None]] = flow.momentum[order, 0]
    return table


def beside(*, charged, pt, neutral, energy, n_events=400):
    """A charged particle, and a neutral one that hits the calorimeter where it does."""
    track = four_momentum([pt], ETA, PHI)
    eta, phi, _ = leaving_solenoid(track, np.zeros((1, 3)), np.array([-1]), Card())
    photon = four_momentum([energy / np.cosh(eta[0])], eta, phi)
    negative = charged if charged in (ELECTRON, MUON) else -charged
    return many_events(n_events, [negative, neutral], np.concatenate([track, photon]))


# ---------------------------------------------------------------- resolution and efficiency


def test_photon_energy_has_the_resolution_of_the_card():
    energy = seen(gun(PHOTON, pt=100.0)).momentum[:, 0]
    true = 100.0 * np.cosh(ETA)
    expected = ECAL.sigma(np.array([true]), np.array([ETA]))[0]
    assert len(energy) == 4000
    assert energy.mean() == pytest.approx(true, abs=4 * expected / np.sqrt(4000))
    assert energy.std() == pytest.approx(expected, rel=0.1)


def test_neutral_hadron_energy_has_the_resolution_of_the_card():
    flow = seen(gun(NEUTRON, pt=100.0))
    expected = HCAL.sigma(np.array([100 * np.cosh(ETA)]), np.array([ETA]))[0]
    assert flow.momentum[:, 0].std() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("eta", "efficiency"), [(0.33, 0.95), (1.93, 0.85)])
def test_charged_particles_are_found_with_the_efficiency_of_the_card(eta, efficiency):
    abs_eta = np.full(1, eta)
    assert HADRON.efficiency_at(np.array([5.0]), abs_eta) == efficiency
    assert HADRON.efficiency_at(np.array([0.05]), abs_eta) == 0
    assert HADRON.efficiency_at(np.array([5.0]), np.array([2.6])) == 0
    # Muons leave nothing in the towers, so that what is reconstructed was a track.
    expected = 0.99 if eta < 1.5 else 0.98
    assert len(seen(gun(MUON, pt=5.0, eta=eta)).event) / 4000 == pytest.approx(expected, abs=0.01)


def test_smearing_keeps_mean_and_width_and_stays_positive():
    draws = _smeared(np.full(200_000, 2.0), np.full(200_000, 1.0), np.random.default_rng(7))
    assert draws.min() > 0
    assert draws.mean() == pytest.approx(2.0, rel=0.01)
    assert draws.std() == pytest.approx(1.0, rel=0.02)


# ---------------------------------------------------------------- thresholds


@pytest.mark.parametrize(("kind", "threshold"), [(PHOTON, 0.5), (NEUTRON, 1.0)])
def test_a_lone_neutral_is_seen_above_the_threshold_of_its_calorimeter(kind, threshold):
    card = Card(ecal=calorimeter(threshold=0.5), hcal=calorimeter(threshold=1.0))
    pt = threshold / np.cosh(ETA)
    assert len(seen(gun(kind, 10, pt=0.99 * pt), card=card).event) == 0
    above = seen(gun(kind, 10, pt=1.01 * pt), card=card)
    np.testing.assert_allclose(above.momentum[:, 0], 1.01 * threshold)
    assert above.event.tolist() == list(range(10))


def test_what_is_measured_below_one_standard_deviation_is_lost():
    """E = sigma(E) is a quadratic equation; its solution is the least energy there is."""
    a, b, c = HCAL.resolution[0]
    least = (b**2 + np.sqrt(b**4 + 4 * (1 - a**2) * c**2)) / (2 * (1 - a**2))
    energy = seen(gun(NEUTRON, 4000, pt=2.0)).momentum[:, 0]
    assert 1000 < len(energy) < 3000
    assert least < energy.min() < 1.01 * least


def test_energies_of_one_tower_add_up_before_the_threshold():
    pair = many_events(1, [NEUTRON, NEUTRON], four_momentum([0.6, 0.6], ETA, PHI))
    card = replace(PERFECT, hcal=calorimeter(threshold=1.0))
    np.testing.assert_allclose(energies(seen(pair, card=card)), [[1.2 * np.cosh(ETA)]])
    assert len(seen(gun(NEUTRON, 10, pt=0.6), card=card).event) == 0


# ---------------------------------------------------------------- tracks and towers


def test_energy_flow_does_not_count_a_charged_hadron_twice():
    """A little more than once: where the HCal measures too much, the rest becomes a neutral."""
    ratio = energies(seen(gun(PION, pt=20.0))).sum(axis=1) / (20 * np.cosh(ETA))
    assert 1 < np.median(ratio) < 1.05
    assert 1 < ratio.mean() < 1.08
    assert ratio.max() < 1.8


def test_a_track_better_than_the_calorimeter_is_kept_and_subtracted():
    """The sum is the calorimeter's energy, whatever the track was measured as."""
    card = replace(PERFECT, hcal=calorimeter(sigma=2.0))
    both = beside(charged=PION, pt=5.0, neutral=NEUTRON, energy=50.0, n_events=4000)
    flow = energies(seen(both, card=card))
    assert flow.shape == (4000, 2)
    found = flow[:, 1] > 0
    assert found.mean() == pytest.approx(0.95, abs=0.02)
    neutral, track = flow[found].T
    true = 5.0 * np.cosh(ETA)
    resolution = HADRON.resolution_at(np.array([5.0]), np.array([ETA]))[0]
    assert track.mean() == pytest.approx(true, abs=4 * true * resolution / np.sqrt(4000))
    assert track.std() == pytest.approx(true * resolution, rel=0.1)
    total = neutral + track
    assert total.mean() == pytest.approx(50 + true, abs=4 * 2 / np.sqrt(4000))
    assert total.std() == pytest.approx(2.0, rel=0.1)
    assert abs(np.corrcoef(total, track)[0, 1]) < 0.1
    # Where the track was not found, all of the energy is one neutral object.
    assert flow[~found, 0].mean() == pytest.approx(50 + true, abs=4 * 2 / np.sqrt((~found).sum()))


def test_a_track_worse_than_the_calorimeter_is_given_the_energy_of_its_tower():
    """A calorimeter without errors: the energy is true, though the track's was not."""
    flow = seen(gun(PION, 400, pt=5.0), card=PERFECT)
    np.testing.assert_allclose(flow.momentum[:, 0], 5 * np.cosh(ETA))
    assert flow.event.tolist() == list(range(400))
    _, eta, phi = pt_eta_phi(flow.momentum)
    is_track = np.isclose(eta, ETA) & np.isclose(phi, PHI)  # a neutral is anywhere in the tower
    assert is_track.mean() == pytest.approx(0.95, abs=0.05)


def test_a_neutral_beside_a_worse_track_is_taken_for_part_of_it():
    both = beside(charged=PION, pt=20.0, neutral=NEUTRON, energy=30.0)
    flow = energies(seen(both, card=PERFECT))
    np.testing.assert_allclose(flow, np.full((400, 1), 30 + 20 * np.cosh(ETA)))


def test_worse_tracks_share_what_the_tower_holds_by_their_momenta():
    pions = four_momentum([20.0, 10.0], ETA, PHI)
    flow = energies(seen(many_events(400, [PION, PION], pions), card=PERFECT))
    np.testing.assert_allclose(flow.sum(axis=1), 30 * np.cosh(ETA))
    found = flow[:, 1] > 0
    assert found.mean() == pytest.approx(0.95**2, abs=0.06)
    assert np.median(flow[found, 0] / flow[found, 1]) == pytest.approx(2, rel=0.02)


def test_electron_and_photon_in_a_tower_are_one_object_where_the_track_is_worse():
    """At 50 GeV the track is good to 9 %, the ECal of the card to 1.4 %."""
    true = 30 + 50 * np.cosh(ETA)
    both = beside(charged=ELECTRON, pt=50.0, neutral=PHOTON, energy=30.0)
    np.testing.assert_allclose(energies(seen(both, card=PERFECT)), np.full((400, 1), true))
    flow = energies(seen(both))
    assert flow.shape == (400, 1)
    assert flow.std() == pytest.approx(ECAL.sigma(np.array([true]), np.array([ETA]))[0], rel=0.2)


def test_electron_and_photon_in_a_tower_are_two_objects_where_the_track_is_better():
    card = replace(PERFECT, ecal=calorimeter(sigma=2.0))
    both = beside(charged=ELECTRON, pt=5.0, neutral=PHOTON, energy=30.0)
    flow = energies(seen(both, card=card))
    found = flow[:, 1] > 0
    assert found.mean() == pytest.approx(0.95, abs=0.05)
    assert np.median(flow[found], axis=0) == pytest.approx([30, 5 * np.cosh(ETA)], rel=0.05)


def test_a_track_takes_nothing_from_the_other_calorimeter():
    both = beside(charged=PION, pt=20.0, neutral=PHOTON, energy=30.0)
    flow = energies(seen(both, card=PERFECT))
    np.testing.assert_allclose(flow, np.tile([30.0, 20 * np.cosh(ETA)], (400, 1)))


def test_a_muon_is_kept_as_it_was_measured_and_takes_nothing_from_a_tower():
    both = beside(charged=MUON, pt=40.0, neutral=PHOTON, energy=30.0)
    flow = energies(seen(both, card=PERFECT))
    found = flow[:, 1] > 0
    assert found.mean() == pytest.approx(0.99, abs=0.02)
    muon, photon = flow[found].T
    np.testing.assert_allclose(photon, 30.0)
    np.testing.assert_allclose(flow[~found, 0], 30.0)
    assert muon.mean() == pytest.approx(40 * np.cosh(ETA), rel=0.01)
    assert muon.std() == pytest.approx(0.0215 * 40 * np.cosh(ETA), rel=0.15)


# ---------------------------------------------------------------- what is lost, and where it lies


@pytest.mark.parametrize("kind", [NEUTRINO, PHOTON, MUON])
def test_neutrinos_and_particles_beyond_the_calorimeters_are_lost(kind):
    eta = 0.3 if kind == NEUTRINO else 5.2
    assert len(seen(gun(kind, eta=eta)).event) == 0


@pytest.mark.parametrize(
    ("vertex", "share"),
    [
        ((1149.0, 0.0, 0.0), 1),
        ((1151.0, 0.0, 0.0), 0),  # mm: behind the solenoid
        ((800.0, 0.0, 3509.0), 1),
        ((800.0, 0.0, 3511.0), 0),
    ],
)
def test_daughters_of_a_k_short_are_lost_where_it_decays_outside_the_solenoid(vertex, share):
    """Two pions fly on as the K0S did; a photon from the collision is seen in any case."""
    along = np.array(vertex) / np.linalg.norm(vertex)
    pions = np.tile([10.0, *(10 * along)], (2, 1))
    photon = four_momentum([30.0], 0.0, np.pi)
    particles = one_event(
        [PION, -PION, PHOTON], np.concatenate([pions, photon]), [vertex, vertex, (0, 0, 0)]
    )
    total = seen(particles, card=PERFECT).momentum[:, 0].sum()
    assert total == pytest.approx(30 + share * 20)


def test_a_displaced_photon_lies_in_the_tower_that_it_hits():
    """Not in that of its direction: it starts 1 m along the beam line, and flies sideways."""
    photon = one_event([PHOTON], four_momentum([20.0], 0.0, PHI), (0.0, 0.0, 1000.0))
    momentum = seen(photon, card=PERFECT).momentum
    _, eta, phi = pt_eta_phi(momentum)
    hit = Card().towers.index(np.arcsinh([1.0 / 1.15]), np.array([PHI]))
    np.testing.assert_array_equal(Card().towers.index(eta, phi), hit)
    np.testing.assert_allclose(momentum[:, 0], 20.0)


def test_tower_positions_are_smeared_over_the_tower_that_was_hit():
    """A tower is 0.1 wide in eta and 10 degrees in phi."""
    _, eta, phi = pt_eta_phi(seen(gun(PHOTON, eta=ETA, phi=PHI)).momentum)
    for value, low, high in ((eta, 0.3, 0.4), (np.degrees(phi), 50, 60)):
        assert low - 1e-9 < value.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < value.max() < high + 1e-9


def test_every_point_of_the_calorimeter_lies_in_the_tower_it_is_drawn_from():
    towers, rng = Card().towers, np.random.default_rng(6)
    every = np.arange(towers.n_towers)
    np.testing.assert_array_equal(towers.index(*towers.random_point(every, rng)), every)


# ---------------------------------------------------------------- symmetries and seeds


def shower(turn=0.0):
    """Fifty particles of all kinds in a cone."""
    rng = np.random.default_rng(8)
    pt, eta, phi = rng.exponential(10, 50) + 1, rng.normal(0, 0.3, 50), rng.normal(0, 0.3, 50)
    kind = rng.choice([PHOTON, NEUTRON, PION, -PION, ELECTRON, MUON], 50)
    return one_event(kind, four_momentum(pt, eta, phi + turn))


def test_the_same_seed_sees_the_same_and_another_one_does_not():
    first, again, other = (seen(shower(), seed=seed).momentum for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_detector_turned_in_phi_by_a_tower_sees_the_same_photons():
    """Half a turn: towers of 10 and of 20 degrees come to lie on each other."""
    photons = shower().pdg_id == PHOTON
    seen_at = [
        np.sort(
            seen(one_event(PHOTON, shower(turn).momentum[photons]), card=PERFECT).momentum[:, 0]
        )
        for turn in (0.0, np.pi)
    ]
    assert len(seen_at[0]) > 3
    np.testing.assert_allclose(*seen_at)


def test_events_do_not_see_each_other():
    """A particle of each of many events in the same tower stays alone in it."""
    flow = seen(gun(PHOTON, 100, pt=10.0), card=PERFECT)
    np.testing.assert_allclose(flow.momentum[:, 0], 10 * np.cosh(ETA))
    assert flow.event.tolist() == list(range(100))


def test_an_event_of_which_nothing_is_left_counts_as_an_event():
    pair = many_events(3, [NEUTRINO], four_momentum([5.0], ETA, PHI))
    flow = seen(pair)
    assert flow.n_events == 3
    assert flow.momentum.shape == (0, 4)
