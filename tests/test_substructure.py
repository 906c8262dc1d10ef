"""Soft drop against its definition, taken step by step, and against what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from course_utils.kinematics import delta_phi, from_pt_eta_phi_mass, jet_mass, phi, pt
from course_utils.substructure import soft_drop_mass


def some_jets(n_jets: int = 40, n_constituents: int = 25, seed: int = 0) -> np.ndarray:
    """Two prongs and wide soft radiation, some of it beyond what is padding."""
    rng = np.random.default_rng(seed)
    shape = (n_jets, n_constituents)
    prong = rng.choice([-0.2, 0.2], shape) * rng.uniform(0, 1, (n_jets, 1))
    jets = from_pt_eta_phi_mass(
        rng.exponential(20, shape) + 0.5,
        rng.normal(0.3, 0.2, shape),
        3.1 + prong + rng.normal(0, 0.15, shape),  # across the cut in phi
    )
    jets[np.arange(n_constituents) >= rng.integers(2, n_constituents, n_jets)[:, None]] = 0
    return jets


def rapidity(p: np.ndarray) -> float:
    return np.arctanh(p[3] / p[0])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.hypot(rapidity(a) - rapidity(b), delta_phi(phi(a), phi(b))))


def soft_drop_by_hand(constituents: np.ndarray, *, cut: float, beta: float) -> float:
    """Merge the closest two until one is left; walk back along the harder branch."""
    nodes = [(p, None) for p in constituents if p[0] > 0]
    while len(nodes) > 1:
        pairs = [(i, j) for j in range(len(nodes)) for i in range(j)]
        i, j = min(pairs, key=lambda pair: distance(nodes[pair[0]][0], nodes[pair[1]][0]))
        merged = (nodes[i][0] + nodes[j][0], (nodes[i], nodes[j]))
        nodes = [node for k, node in enumerate(nodes) if k not in (i, j)] + [merged]
    momentum, branches = nodes[0]
    while branches:
        soft, hard = sorted(branches, key=lambda node: float(pt(node[0])))
        share = pt(soft[0]) / (pt(soft[0]) + pt(hard[0]))
        if share > cut * (distance(soft[0], hard[0]) / 0.8) ** beta:
            return float(jet_mass(momentum[None, None])[0])
        momentum, branches = hard
    return 0.0


@pytest.mark.parametrize(("cut", "beta"), [(0.1, 0.0), (0.3, 0.0), (0.1, 1.0)])
def test_soft_drop_mass_is_that_of_the_definition(cut: float, beta: float) -> None:
    jets = some_jets()
    expected = [soft_drop_by_hand(jet, cut=cut, beta=beta) for jet in jets]
    found = soft_drop_mass(jets, symmetry_cut=cut, beta=beta)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    assert (found < jet_mass(jets) - 0.1).sum() > 5  # something was dropped


def test_without_a_condition_nothing_is_dropped() -> None:
    jets = some_jets()
    np.testing.assert_allclose(
        soft_drop_mass(jets, symmetry_cut=0.0), jet_mass(jets), rtol=1e-6, atol=1e-3
    )


def test_a_single_constituent_has_no_soft_drop_mass_and_no_jets_give_none() -> None:
    single = np.zeros((1, 5, 4))
    single[0, 0] = (100, 100, 0, 0)
    assert soft_drop_mass(single).tolist() == [0.0]
    assert soft_drop_mass(np.zeros((0, 200, 4))).shape == (0,)


def test_jets_without_four_momenta_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(n_jets, n_constituents, 4\)"):
        soft_drop_mass(np.zeros((3, 4)))
