"""Fingerprints of the public jets: what is measured, and how it is put beside the public value."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastjet")
pytest.importorskip("sklearn")
import fidelity
import fingerprints
import published
from fingerprints import Comparison, compared

from course_utils.kinematics import from_pt_eta_phi_mass
from course_utils.metrics import Measurement, Rejection


def power_law(rng, n, slope, low=550.0, high=650.0):
    ends = np.array([low, high]) ** (slope + 1)
    return (ends[0] + rng.random(n) * (ends[1] - ends[0])) ** (1 / (slope + 1))


@pytest.mark.parametrize("slope", [-3.48, 0.0, 5.0])
def test_the_fit_finds_the_slope_of_a_power_law_within_its_error(slope):
    rng = np.random.default_rng(1)
    fits = [fingerprints.power_law_slope(power_law(rng, 1000, slope), 550, 650) for _ in range(100)]
    pulls = np.array([(fit.value - slope) / fit.error for fit in fits])
    assert abs(pulls.mean()) < 0.3
    assert 0.8 < pulls.std() < 1.2


def test_jets_outside_of_the_cuts_do_not_change_the_slope():
    pt = power_law(np.random.default_rng(1), 1000, -3.0)
    outside = np.concatenate([[540.0], pt, [700.0]])
    fit = fingerprints.power_law_slope
    assert fit(outside, 550, 650) == fit(pt, 550, 650)


def test_jets_that_follow_a_power_law_have_a_chi2_of_one_per_bin_and_others_more():
    rng = np.random.default_rng(2)
    follow = [
        fingerprints.chi2_per_bin(power_law(rng, 5000, -3.0), -3.0, 550, 650) for _ in range(50)
    ]
    assert np.mean(follow) == pytest.approx(0.95, abs=0.15)
    assert fingerprints.chi2_per_bin(power_law(rng, 5000, 3.0), -3.0, 550, 650) > 5


def test_a_bootstrap_error_of_a_mean_is_the_standard_error_within_the_classes():
    y_true = np.repeat([0, 1], 200)
    values = 10.0 * y_true + np.random.default_rng(3).normal(size=400)
    error = fingerprints.bootstrap_errors(lambda rows: values[rows].mean(), y_true, rounds=400)
    assert error == pytest.approx(1 / math.sqrt(400), rel=0.15)


def test_a_difference_has_the_error_of_both_samples():
    row = compared("mass", Measurement(5.0, 0.3), 4.0, jets=900, public_jets=900)
    assert row.difference.value == 1.0
    assert row.difference.error == pytest.approx(0.3 * math.sqrt(2))


def test_a_rejection_is_compared_with_the_side_of_its_interval_that_faces_the_public_one():
    row = Comparison("R30", Rejection(300.0, low=250.0, high=400.0, is_limit=False), 350.0)
    assert row.difference == Measurement(-50.0, 100.0)
    assert (row.low, row.high) == (250.0, 400.0)


def test_a_limit_has_no_difference():
    row = Comparison("R30", Rejection(300.0, low=300.0, high=300.0, is_limit=True), 350.0)
    assert row.difference is None


def test_the_likelihood_ratio_orders_normal_distributions_as_well_as_the_value_itself():
    rng = np.random.default_rng(4)
    y_true = rng.integers(0, 2, 40_000)
    values = rng.normal(size=40_000) + y_true  # AUC = Phi(1 / sqrt 2) = 0.7602
    (auc,) = fingerprints.tagger_comparisons(
        *fingerprints.likelihood_ratio(values, y_true), {"AUC": 0.7602}, 10**9
    )
    assert abs(auc.difference.value) < 4 * auc.difference.error


def test_the_best_accuracy_does_not_depend_on_the_share_of_signal():
    y_true = np.array([1, 1, 0, 0, 0, 0, 0, 0])
    y_score = np.array([0.9, 0.4, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert fingerprints.best_accuracy(y_true, y_score).value == pytest.approx((1 + 5 / 6) / 2)


def test_an_equal_mix_counts_both_classes_alike():
    n, y_true = np.array([10, 10, 10, 30]), np.array([1, 1, 1, 0])
    *means, mix = fingerprints.multiplicity_comparisons(n, y_true)
    assert [row.here.value for row in means] == [10, 30]
    assert mix.here.value == (100 + 900) / (10 + 30)


def test_the_tree_of_two_constituents_has_three_nodes():
    jet = np.zeros((5, 4), np.float32)
    jet[:2] = from_pt_eta_phi_mass([300.0, 100.0], [0.0, 0.3], 0.0)
    p, pt, share, eta = fingerprints.tree_nodes(jet).T
    assert sorted(pt) == pytest.approx([100, 300, 400])
    assert share.max() == 1
    assert eta[np.argmin(pt)] == pytest.approx(0.3)
    assert p == pytest.approx(pt * np.cosh(eta))


def test_a_constituent_beyond_the_radius_is_not_in_the_tree():
    jet = from_pt_eta_phi_mass([300.0, 100.0, 5.0], [0.0, 0.3, 1.5], 0.0)
    assert len(fingerprints.tree_nodes(jet)) == 3


def test_a_part_holds_as_many_jets_of_either_class_whatever_the_blocks():
    y_true = np.array([1] * 70 + [0] * 30)
    keys, jets = np.random.default_rng(5).random(100), np.arange(100.0)
    part = fidelity.Part(keys[:50], y_true[:50], jets[:50]).drawn(20)
    part = part.with_block(keys[50:], y_true[50:], jets[50:]).drawn(20)
    whole = fidelity.Part(keys, y_true, jets).drawn(20)
    assert part.jets.tolist() == whole.jets.tolist()
    assert np.bincount(part.y_true).tolist() == [20, 20]
    assert np.all(np.diff(part.keys) > 0)
    assert np.bincount(fidelity.Part(keys, y_true, jets).balanced(99).y_true).tolist() == [30, 30]


@pytest.mark.parametrize("path", [None, Path("nowhere.npz")])
def test_without_the_weights_a_sentence_says_where_they_come_from(path):
    assert "https://github.com/sdogsq/LorentzNet-release" in fidelity.missing_network(path)


@pytest.mark.slow
def test_the_script_runs_on_the_jets_that_come_with_the_course(tmp_path, monkeypatch, capsys):
    numbers, drawn = tmp_path / "numbers.json", tmp_path / "drawn.png"
    arguments = f"fidelity.py --jets 600 --tree-jets 50 --json {numbers} --figure {drawn}"
    monkeypatch.setattr("sys.argv", arguments.split())
    fidelity.main()
    assert "no --network was given" in " ".join(capsys.readouterr().out.split())
    sections = json.loads(numbers.read_text())
    assert sections["jet pT / GeV"]["top, slope"]["public"] == published.PT_SLOPES["top"]
    assert drawn.stat().st_size > 0
