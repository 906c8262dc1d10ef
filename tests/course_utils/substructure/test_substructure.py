"""Substructure against its definitions, taken step by step, and against what it must not see."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from by_hand import cambridge_aachen_by_hand, clustered_by_hand, some_jets

from course_utils.jetfile import JetFile, JetTable, write_jets
from course_utils.kinematics import jet_mass, jet_momentum, jet_pt, pt
from course_utils.substructure import lund_plane, n_subjettiness, soft_drop_mass, subjets, trimmed


def all_substructure(jets: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "tau": n_subjettiness(jets, n_max=4),
        "soft drop": soft_drop_mass(jets),
        "subjets": subjets(jets, n=3),
        "trimmed": trimmed(jets),
        "lund": lund_plane(jets),
    }


def turned(momenta: np.ndarray, angle: float) -> np.ndarray:
    """About the beam."""
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return momenta @ rotation.T


def soft_drop_by_hand(constituents: np.ndarray, *, cut: float, beta: float) -> float:
    """Walk back along the harder branch."""
    node = cambridge_aachen_by_hand(constituents)
    while node.branches:
        softer, harder = node.branches
        share = softer.pt / (softer.pt + harder.pt)
        if share > cut * (node.distance / 0.8) ** beta:
            return float(jet_mass(node.momentum[None, None])[0])
        node = harder
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


@pytest.mark.parametrize("radius", [0.1, 0.3])
def test_subjets_are_those_of_the_kt_algorithm(radius: float) -> None:
    jets = some_jets()
    found = subjets(jets, radius=radius, n=4)
    for jet, of_jet in zip(jets, found, strict=True):
        nodes = clustered_by_hand(jet, power=1, radius=radius)
        nodes = sorted(nodes, key=lambda node: -node.pt)[:4]
        expected = np.zeros((4, 4))
        expected[: len(nodes)] = [node.momentum for node in nodes]
        np.testing.assert_allclose(of_jet, expected, rtol=1e-9, atol=1e-9)
    assert ((found[..., 0] > 0).sum(axis=1) < 4).any()  # there was something to pad
    assert (found[:, 3, 0] > 0).any()  # and something to cut


def test_subjets_are_by_falling_pt_and_together_the_jet() -> None:
    jets = some_jets()
    found = subjets(jets, n=25)
    assert (np.diff(pt(found), axis=1) <= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), jet_momentum(jets), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("min_fraction", [0.05, 0.3])
def test_trimmed_jets_are_those_of_the_definition(min_fraction: float) -> None:
    jets = some_jets().astype(np.float32)
    found = trimmed(jets, min_fraction=min_fraction)
    assert found.shape == jets.shape
    assert found.dtype == jets.dtype
    for jet, kept in zip(jets, found, strict=True):
        double = jet.astype(float)
        cut = min_fraction * jet_pt(double[None])[0]
        hard = [n for n in clustered_by_hand(double, power=1, radius=0.3) if n.pt >= cut]
        rows = [row for node in hard for row in node.rows]
        expected = jet[sorted(rows, key=lambda row: -float(pt(double[row])))]
        np.testing.assert_array_equal(kept[: len(rows)], expected)
        assert not kept[len(rows) :].any()
    assert ((found[..., 0] > 0).sum(axis=1) < (jets[..., 0] > 0).sum(axis=1)).sum() > 5


def test_without_a_cut_trimming_sorts_and_removes_nothing() -> None:
    jets = some_jets()
    found = trimmed(jets, min_fraction=0.0)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(jets, axis=1))
    assert (np.diff(pt(found), axis=1) <= 0).all()


def test_nothing_depends_on_the_direction_around_the_beam() -> None:
    jets = some_jets()
    plain, rotated = all_substructure(jets), all_substructure(turned(jets, 2.0))
    for name in ("subjets", "trimmed"):
        plain[name] = turned(plain[name], 2.0)
    for name, expected in plain.items():
        np.testing.assert_allclose(rotated[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_padding_may_be_anywhere() -> None:
    jets = some_jets()
    spread = np.zeros((len(jets), 60, 4))
    places = np.sort(np.random.default_rng(1).choice(60, jets.shape[1], replace=False))
    spread[:, places] = jets
    plain, padded = all_substructure(jets), all_substructure(spread)
    padded["trimmed"] = padded["trimmed"][:, : jets.shape[1]]
    for name, expected in plain.items():
        np.testing.assert_array_equal(padded[name], expected, err_msg=name)


def test_an_empty_jet_and_one_of_a_single_constituent_have_no_structure() -> None:
    jets = np.zeros((4, 5, 4))
    jets[1, 3] = jets[3, 0] = (100, 0, 100, 0)
    found = all_substructure(jets)
    assert not found["tau"].round(9).any()
    assert not found["soft drop"].any()
    np.testing.assert_array_equal(found["subjets"][1], [[100, 0, 100, 0], [0] * 4, [0] * 4])
    np.testing.assert_array_equal(found["trimmed"][1], [[100, 0, 100, 0]] + 4 * [[0] * 4])
    assert not found["subjets"][[0, 2]].any()
    assert not found["trimmed"][[0, 2]].any()
    assert np.isnan(found["lund"]).all()


def test_an_empty_jet_does_not_move_the_others() -> None:
    jets = some_jets()
    with_empty = np.insert(jets, [0, 7, 40], 0.0, axis=0)
    others = np.delete(np.arange(43), [0, 8, 42])
    for name, found in all_substructure(with_empty).items():
        np.testing.assert_array_equal(found[others], all_substructure(jets)[name], err_msg=name)


def test_no_jets_give_results_of_no_jets() -> None:
    shapes = {name: found.shape for name, found in all_substructure(np.zeros((0, 200, 4))).items()}
    assert shapes == {
        "tau": (0, 4),
        "soft drop": (0,),
        "subjets": (0, 3, 4),
        "trimmed": (0, 200, 4),
        "lund": (0, 30, 2),
    }


def test_two_constituents_are_described_by_two_axes() -> None:
    jets = some_jets()[:, :2]
    taus = n_subjettiness(jets, n_max=4)
    assert (taus[:, 0] > 0.01).any()
    assert not taus[:, 1:].round(6).any()


@pytest.mark.parametrize("function", [n_subjettiness, soft_drop_mass, subjets, trimmed, lund_plane])
def test_jets_without_four_momenta_are_refused(function) -> None:
    with pytest.raises(ValueError, match=r"shape \(n_jets, n_constituents, 4\)"):
        function(np.zeros((3, 4)))


def test_batches_on_all_cores_give_bit_for_bit_the_result_of_one_call(tmp_path: Path) -> None:
    """Read from a file while joblib computes, as the door of the room shows."""
    joblib = pytest.importorskip("joblib", reason="needs the extra 'simulation'")
    jets = np.zeros((len(some_jets()), 200, 4), np.float32)
    jets[:, : some_jets().shape[1]] = some_jets()
    table = JetTable(jets, np.zeros((len(jets), 4)), np.zeros(len(jets)), np.zeros(len(jets)))
    write_jets(tmp_path / "jets.h5", [table], provenance={})
    run = joblib.Parallel(n_jobs=2, max_nbytes=None, return_as="generator")
    for function in (partial(n_subjettiness, n_max=4), soft_drop_mass, lund_plane):
        with JetFile(tmp_path / "jets.h5") as file:
            work = (joblib.delayed(function)(batch.jets) for batch in file.batches(11))
            found = np.concatenate(list(run(work)))
        np.testing.assert_array_equal(found, function(jets))
