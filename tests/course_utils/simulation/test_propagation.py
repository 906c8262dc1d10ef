"""The way through the solenoid: straight lines, and helices against the Lorentz force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")

from particle_gun import four_momentum

from course_utils.kinematics import delta_phi
from course_utils.simulation.card import Card
from course_utils.simulation.propagation import leaving_solenoid

CARD = Card()
RADIUS, HALF_LENGTH = CARD.radius, CARD.half_length
GEV_PER_METRE = 0.299792458 * CARD.field_tesla  # pT of a circle with a radius of 1 m


def out(pt, eta, phi, *, charge=0, vertex=(0.0, 0.0, 0.0), card=CARD):
    """Eta and phi of leaving, and whether the vertex is inside; ``vertex`` in m."""
    momentum = np.atleast_2d(four_momentum(pt, eta, phi))
    vertex = np.broadcast_to(vertex, (len(momentum), 3)) * 1000.0
    charge = np.broadcast_to(charge, len(momentum))
    return leaving_solenoid(momentum, vertex, charge, card)


def shower(n, *, rng):
    """Particles of all momenta and directions from anywhere inside; the softest curl."""
    pt, eta = rng.exponential(1.0, n) + 0.05, rng.normal(0, 1.2, n)
    angle, distance = rng.uniform(-np.pi, np.pi, n), RADIUS * rng.uniform(0, 0.95, n)
    along = HALF_LENGTH * rng.uniform(-0.95, 0.95, n)
    vertex = np.stack([distance * np.cos(angle), distance * np.sin(angle), along], axis=-1)
    return pt, eta, rng.uniform(-np.pi, np.pi, n), vertex


def by_lorentz_force(pt, eta, phi, charge, vertex):
    """The same by integration: a track that turns by charge x field / pT for each metre."""

    def motion(_, state):
        return [np.cos(state[3]), np.sin(state[3]), np.sinh(eta), -charge * GEV_PER_METRE / pt]

    def side(_, state):
        return np.hypot(state[0], state[1]) - RADIUS

    def end(_, state):
        return abs(state[2]) - HALF_LENGTH

    side.terminal = end.terminal = True
    way = solve_ivp(
        motion, (0, 1e3), [*vertex, phi], events=(side, end), rtol=1e-9, atol=1e-9, max_step=0.05
    )
    x, y, z = way.y[:3, -1]
    return np.arcsinh(z / np.hypot(x, y)), np.arctan2(y, x)


# ---------------------------------------------------------------- straight lines


def test_a_straight_line_from_the_beam_spot_keeps_its_direction():
    eta, phi = (grid.ravel() for grid in np.meshgrid([-4.5, -1.0, 0.0, 0.3, 3.0], [-3.1, 0.0, 2.0]))
    found = out(5.0, eta, phi)
    np.testing.assert_allclose(found[0], eta, atol=1e-12)
    np.testing.assert_allclose(found[1], phi, atol=1e-12)
    assert found[2].all()


@pytest.mark.parametrize(
    ("vertex", "eta", "phi", "exit_point"),
    [
        ((0.5, 0.0, 0.0), 0.0, 0.0, (RADIUS, 0.0, 0.0)),  # outwards
        ((0.5, 0.0, 0.0), 0.0, np.pi, (-RADIUS, 0.0, 0.0)),  # through the beam spot
        ((0.69, 0.0, 0.0), 0.0, np.pi / 2, (0.69, 0.92, 0.0)),  # 0.6 and 0.8 of the radius
        ((0.0, 0.0, 1.0), np.arcsinh(1.0), 0.0, (RADIUS, 0.0, 1 + RADIUS)),
        ((0.3, 0.0, 3.0), np.arcsinh(1.0), 0.0, (0.81, 0.0, HALF_LENGTH)),  # the end is nearer
        ((0.3, 0.0, 3.0), -np.arcsinh(8.0), 0.0, (0.3 + 6.51 / 8, 0.0, -HALF_LENGTH)),
    ],
)
def test_a_displaced_neutral_flies_straight_to_the_side_or_to_an_end(vertex, eta, phi, exit_point):
    x, y, z = exit_point
    found = out(3.0, eta, phi, vertex=vertex)
    assert found[0][0] == pytest.approx(np.arcsinh(z / np.hypot(x, y)), abs=1e-9)
    assert delta_phi(found[1][0], np.arctan2(y, x)) == pytest.approx(0, abs=1e-9)


def test_the_field_does_not_bend_what_has_no_charge():
    pt, eta, phi, vertex = shower(50, rng=np.random.default_rng(1))
    without_field = replace(CARD, field_tesla=0.0)
    neutral = out(pt, eta, phi, vertex=vertex)
    for charge in (-1, 1):
        straight = out(pt, eta, phi, vertex=vertex, charge=charge, card=without_field)
        np.testing.assert_array_equal(straight, neutral)
        hard = out(np.full(50, 5e4), eta, phi, vertex=vertex, charge=charge)
        np.testing.assert_allclose(hard[0], neutral[0], atol=1e-3)
        np.testing.assert_allclose(delta_phi(hard[1], neutral[1]), 0, atol=1e-3)


def test_along_the_beam_pipe_nothing_divides_by_zero():
    along = np.array([[5.0, 0.0, 0.0, 5.0], [5.0, 0.0, 0.0, -5.0]])
    for charge in (0, 1):
        eta, phi, inside = leaving_solenoid(along, np.zeros((2, 3)), np.full(2, charge), CARD)
        assert (eta * [1, -1] > 20).all()
        assert np.isfinite(phi).all()
        assert inside.all()


# ---------------------------------------------------------------- helices


def test_a_helix_agrees_with_the_lorentz_force_from_anywhere_inside():
    rng = np.random.default_rng(2)
    pt, eta, phi, vertex = shower(60, rng=rng)
    charge = rng.choice([-1, 1], 60)
    expected = np.array([*map(by_lorentz_force, pt, eta, phi, charge, vertex)]).T
    found = out(pt, eta, phi, charge=charge, vertex=vertex)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(delta_phi(found[1], expected[1]), 0, atol=1e-5)


@pytest.mark.parametrize("charge", [-1, 1])
def test_a_helix_from_the_beam_spot_has_the_closed_form(charge):
    """A chord of the solenoid's radius: the track turns by twice its angle to the chord."""
    pt, eta, phi = np.array([0.4, 1.0, 5.0, 500.0]), np.array([0.3, -0.8, 0.0, 0.9]), 0.4
    circle = pt / GEV_PER_METRE
    half_turn = np.arcsin(RADIUS / (2 * circle))
    found = out(pt, eta, phi, charge=charge)
    np.testing.assert_allclose(found[1], phi - charge * half_turn, atol=1e-9)
    z = 2 * half_turn * circle * np.sinh(eta)
    np.testing.assert_allclose(found[0], np.arcsinh(z / RADIUS), atol=1e-9)


@pytest.mark.parametrize("charge", [-1, 1])
def test_a_curler_leaves_through_the_end_cap(charge):
    """Below 0.34 GeV the circle is narrower than the solenoid."""
    pt, eta, phi = np.array([0.1, 0.2, 0.33]), np.array([0.3, -0.5, 0.05]), 0.4
    circle = pt / GEV_PER_METRE
    turn = HALF_LENGTH / abs(np.sinh(eta)) / circle
    distance = 2 * circle * abs(np.sin(turn / 2))
    found = out(pt, eta, phi, charge=charge)
    np.testing.assert_allclose(np.sinh(found[0]) * distance, np.copysign(HALF_LENGTH, eta))
    # The chord's direction, or the opposite one where more than a full turn has passed.
    np.testing.assert_allclose(np.sin(found[1] - phi + charge * turn / 2), 0, atol=1e-9)


def test_the_antiparticle_flies_the_mirrored_way():
    pt, eta, phi, vertex = shower(200, rng=np.random.default_rng(3))
    found = out(pt, eta, phi, charge=1, vertex=vertex)
    mirrored = out(pt, eta, -phi, charge=-1, vertex=vertex * [1, -1, 1])
    np.testing.assert_allclose(mirrored[0], found[0], atol=1e-9)
    np.testing.assert_allclose(delta_phi(mirrored[1], -found[1]), 0, atol=1e-9)


@pytest.mark.parametrize("charge", [-1, 0, 1])
def test_a_turn_about_the_beam_line_turns_only_phi(charge):
    pt, eta, phi, vertex = shower(200, rng=np.random.default_rng(4))
    angle = 2.3
    turn = [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    found = out(pt, eta, phi, charge=charge, vertex=vertex)
    turned = out(pt, eta, phi + angle, charge=charge, vertex=vertex @ turn)
    np.testing.assert_allclose(turned[0], found[0], atol=1e-6)
    np.testing.assert_allclose(delta_phi(turned[1], found[1] + angle), 0, atol=1e-6)


# ---------------------------------------------------------------- what is lost


@pytest.mark.parametrize("charge", [-1, 0, 1])
@pytest.mark.parametrize(
    ("vertex", "inside"),
    [
        ((1.149, 0.0, 0.0), True),
        ((1.151, 0.0, 0.0), False),
        ((0.9, 0.9, 0.0), False),  # each coordinate inside, the distance not
        ((0.0, 0.0, 3.509), True),
        ((0.0, 0.0, -3.511), False),
        ((5.0, 0.0, 20.0), False),
    ],
)
def test_a_vertex_outside_the_solenoid_is_told(charge, vertex, inside):
    assert out(5.0, 0.3, 1.0, charge=charge, vertex=vertex)[2].tolist() == [inside]


def test_no_particles_are_no_fault():
    eta, phi, inside = leaving_solenoid(np.zeros((0, 4)), np.zeros((0, 3)), np.zeros(0, int), CARD)
    assert len(eta) == len(phi) == len(inside) == 0
