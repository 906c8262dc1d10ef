"""Jets, and the match to the top quark, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("fastjet", reason="needs the extra 'simulation'")
pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")

from particle_gun import four_momentum

from course_utils.samples import SAMPLES
from course_utils.simulation.clustering import LeadingJets, leading_jets
from course_utils.simulation.detector import EnergyFlow
from course_utils.simulation.truth import matched_top

TOP_TAGGING, HBB = (SAMPLES[name].recipe for name in ("top_tagging", "hbb"))


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


@pytest.mark.parametrize(
    ("top_phi", "matches"),
    [
        (0.4, True),  # a quark 0.7 from the top is 1.1 from the jet
        (-0.4, False),  # one 1.1 from the top is 0.7 from the jet
        (0.9, False),  # the top itself is outside
    ],
)
def test_the_top_is_matched_to_the_jet_and_the_quarks_to_the_top(top_phi, matches):
    jets = jets_along(four_momentum([600.0], 0.2, 0.0))
    top = four_momentum([610.0], 0.2, top_phi)
    far = four_momentum([610.0], 0.2, np.pi)
    quark = 1.1 if top_phi > 0 else 0.7
    quarks = four_momentum([200.0] * 3, 0.2, np.array([top_phi, top_phi, quark]))
    matched, _ = matched_top(
        jets, np.stack([top, far], axis=1), np.stack([quarks, far[[0, 0, 0]]])[None], radius=0.8
    )
    assert matched.tolist() == [matches]
