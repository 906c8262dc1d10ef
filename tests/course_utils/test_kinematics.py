"""Four-momenta: what no choice of coordinates or of observer may change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils import kinematics

finite = {"allow_nan": False, "allow_infinity": False}
angles = st.floats(-50, 50, **finite)


@pytest.fixture(scope="module")
def jets() -> np.ndarray:
    """Jets of 3 to 20 massive constituents each, padded to 30."""
    rng = np.random.default_rng(1)
    shape = (50, 30)
    jets = kinematics.from_pt_eta_phi_mass(
        rng.exponential(30, shape) + 0.5,
        rng.normal(0.7, 0.3, shape),
        rng.normal(3.0, 0.3, shape),
        np.full(shape, 0.14),
    )
    jets[np.arange(30) >= rng.integers(3, 21, size=(50, 1))] = 0
    return jets


def boost(momenta: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """The momenta as an observer at -velocity sees them, by the general Lorentz matrix."""
    speed2 = velocity @ velocity
    gamma = 1 / np.sqrt(1 - speed2)
    matrix = np.empty((4, 4))
    matrix[0, 0] = gamma
    matrix[0, 1:] = matrix[1:, 0] = gamma * velocity
    matrix[1:, 1:] = np.eye(3) + (gamma - 1) * np.outer(velocity, velocity) / speed2
    return momenta @ matrix


def turned(momenta: np.ndarray, angle: float) -> np.ndarray:
    """The momenta in a detector turned by an angle about the beam."""
    energy, px, py, pz = np.moveaxis(momenta, -1, 0)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([energy, cos * px - sin * py, sin * px + cos * py, pz], axis=-1)


@given(st.floats(0, 1e4), st.floats(0, 1e4), angles, angles)
def test_transverse_mass_is_the_mass_of_two_particles_across_the_beam(pt_a, pt_b, phi_a, phi_b):
    both = kinematics.from_pt_eta_phi_mass([pt_a, pt_b], 0.0, [phi_a, phi_b])
    found = kinematics.transverse_mass(pt_a, phi_a, pt_b, phi_b)
    assert found == pytest.approx(kinematics.jet_mass(both), abs=1e-3, rel=1e-6)
    assert found == kinematics.transverse_mass(pt_b, phi_b, pt_a, phi_a)
    turned_by_full_circles = kinematics.transverse_mass(pt_a, phi_a + 4 * np.pi, pt_b, phi_b)
    assert found == pytest.approx(turned_by_full_circles, abs=1e-3)


def test_transverse_mass_reaches_twice_the_geometric_mean_back_to_back():
    masses = kinematics.transverse_mass([[10], [40]], [0.0, np.pi], 90.0, 0.0)
    np.testing.assert_allclose(masses, [[0, 60], [0, 120]], atol=1e-12)


def test_collider_coordinates_and_back_is_the_identity(jets):
    back = kinematics.from_pt_eta_phi_mass(
        kinematics.pt(jets), kinematics.eta(jets), kinematics.phi(jets), 0.14 * (jets[..., 0] > 0)
    )
    np.testing.assert_allclose(back, jets, rtol=1e-9, atol=1e-9)


def test_padding_has_zero_pt_eta_and_phi_and_is_quiet():
    nothing = np.zeros((2, 3, 4), dtype=np.float32)
    for coordinate in (kinematics.pt, kinematics.eta, kinematics.phi):
        np.testing.assert_array_equal(coordinate(nothing), np.zeros((2, 3)))


def test_eta_along_the_beam_is_its_limit_and_is_quiet():
    beam = [[5, 0, 0, 5], [5, 0, 0, -5], [0, 0, 0, 0], [1e300, 1e-300, 0, 1e300]]
    np.testing.assert_array_equal(kinematics.eta(beam), [np.inf, -np.inf, 0, np.inf])


def test_eta_is_minus_log_tan_half_the_polar_angle():
    theta = np.linspace(0.01, np.pi - 0.01, 99)
    direction = np.stack([theta * 0 + 1, np.sin(theta), theta * 0, np.cos(theta)], axis=-1)
    expected = -np.log(np.tan(theta / 2))
    np.testing.assert_allclose(kinematics.eta(direction), expected, atol=1e-12)


@pytest.mark.parametrize(("px", "py", "expected"), [(1, 0, 0), (0, 1, 0.5), (0, -1, -0.5)])
def test_phi_is_the_angle_from_px_towards_py(px, py, expected):
    assert kinematics.phi([1, px, py, 7]) == pytest.approx(expected * np.pi)


@pytest.mark.parametrize("py", [0.0, -0.0, 1e-20, -1e-20])
def test_phi_opposite_to_px_is_minus_pi_never_plus_pi(py):
    assert -np.pi <= kinematics.phi([1.0, -1.0, py, 0.0]) < np.pi


@given(angles, angles)
def test_delta_phi_lies_in_the_half_open_circle_and_is_the_same_direction(a, b):
    difference = kinematics.delta_phi(a, b)
    assert -np.pi <= difference < np.pi
    assert np.exp(1j * difference) == pytest.approx(np.exp(1j * (a - b)), abs=1e-12)


def test_delta_phi_is_positive_when_the_first_is_ahead():
    assert kinematics.delta_phi(0.3, 0.1) == pytest.approx(0.2)


def test_delta_phi_just_below_minus_pi_does_not_round_to_plus_pi():
    just_below = np.nextafter(-np.pi, -4)
    assert just_below < -np.pi
    assert -np.pi <= kinematics.delta_phi(just_below, 0) < np.pi


def test_delta_phi_of_single_precision_angles_is_computed_in_double():
    assert kinematics.delta_phi(np.float32(1), np.float32(2)).dtype == np.float64


@given(st.floats(-np.pi, np.pi, **finite))
def test_jet_pt_eta_and_mass_do_not_know_where_phi_begins(jets, angle):
    there = turned(jets, angle)
    for observable in (kinematics.jet_pt, kinematics.jet_eta, kinematics.jet_mass):
        np.testing.assert_allclose(observable(there), observable(jets), rtol=1e-9)
    rotation = kinematics.delta_phi(kinematics.jet_phi(there), kinematics.jet_phi(jets))
    np.testing.assert_allclose(kinematics.delta_phi(rotation, angle), 0, atol=1e-9)


@given(st.tuples(*[st.floats(-0.5, 0.5, **finite)] * 3).filter(lambda v: np.hypot(*v[:2]) > 1e-3))
def test_jet_mass_is_invariant_under_a_boost(jets, velocity):
    there = boost(jets, np.array(velocity))
    np.testing.assert_allclose(kinematics.jet_mass(there), kinematics.jet_mass(jets), rtol=1e-7)


def test_boost_along_the_beam_leaves_pt_and_shifts_every_massless_eta_by_the_rapidity():
    massless = kinematics.from_pt_eta_phi_mass([10.0, 20.0], [-1.0, 0.5], [0.1, 2.0])
    there = boost(massless, np.array([0, 0, 0.6]))
    np.testing.assert_allclose(kinematics.pt(there), kinematics.pt(massless))
    shift = kinematics.eta(there) - kinematics.eta(massless)
    np.testing.assert_allclose(shift, np.arctanh(0.6))


def test_jets_do_not_depend_on_the_order_of_constituents_or_on_padding(jets):
    more = np.concatenate([np.zeros((50, 5, 4)), jets[:, ::-1]], axis=1)
    for observable in (kinematics.jet_pt, kinematics.jet_eta, kinematics.jet_mass):
        np.testing.assert_allclose(observable(more), observable(jets), rtol=1e-12)


def test_a_jet_of_one_constituent_is_that_constituent(jets):
    first = jets[:, :1]
    np.testing.assert_array_equal(kinematics.jet_momentum(first), jets[:, 0])
    np.testing.assert_array_equal(kinematics.jet_eta(first), kinematics.eta(jets[:, 0]))
    np.testing.assert_array_equal(kinematics.jet_phi(first), kinematics.phi(jets[:, 0]))


def test_single_precision_jets_are_summed_in_double(jets):
    single = jets.astype(np.float32)
    exactly = single.astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(kinematics.jet_momentum(single), exactly, rtol=1e-13)
    np.testing.assert_allclose(kinematics.jet_mass(single), kinematics.jet_mass(jets), rtol=1e-3)


def test_massless_jets_have_mass_zero_where_rounding_makes_them_lighter_than_light():
    rng = np.random.default_rng(2)
    light = kinematics.from_pt_eta_phi_mass(rng.uniform(500, 700, (100, 1)), 1.3, 0.7)
    light = light.astype(np.float32)
    squared = np.square(light[:, 0], dtype=np.float64) @ [1, -1, -1, -1]
    assert (squared < 0).any()
    masses = kinematics.jet_mass(light)
    assert (masses[squared < 0] == 0).all()
    assert (masses < 1).all()


def test_an_empty_jet_is_all_zero():
    empty = np.zeros((1, 5, 4))
    for observable in (kinematics.jet_pt, kinematics.jet_eta, kinematics.jet_phi):
        assert observable(empty) == [0]
    assert kinematics.jet_mass(empty) == [0]


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 200, 3), ()])
def test_arrays_that_are_not_jets_are_refused_with_the_shape_that_came(shape):
    with pytest.raises(ValueError, match=r"got \(" + ", ".join(map(str, shape))):
        kinematics.jet_mass(np.zeros(shape))


@pytest.mark.parametrize("shape", [(), (5,), (3, 2)])
def test_momenta_without_four_components_are_refused(shape):
    with pytest.raises(ValueError, match="last axis"):
        kinematics.pt(np.zeros(shape))
