"""Likelihood ratios from histograms, where the densities or the answer are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course_utils.metrics import cross_fitted_likelihood, likelihood_ratio, roc_auc


def gaussians(rng, n_jets, shifts):
    """Half signal, half background; signal is shifted by so many standard deviations."""
    y_true = np.repeat([1, 0], n_jets // 2)
    return y_true, rng.normal(size=(n_jets, len(shifts))) + y_true[:, None] * np.array(shifts)


def best_auc(shifts):
    """Of the exact likelihood ratio of two Gaussians with these distances."""
    return stats.norm.cdf(np.linalg.norm(shifts) / math.sqrt(2))


# --- known answers --------------------------------------------------------------------------


def test_ratio_of_two_gaussians_is_that_of_their_integrals_in_every_bin():
    y_true, values = gaussians(np.random.default_rng(1), 40_000, [1.0])
    edges = np.linspace(-2, 3, 11)
    fitted = likelihood_ratio(y_true, values, bins=[edges])
    open_edges = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    signal, background = (np.diff(stats.norm.cdf(open_edges, loc=shift)) for shift in (1, 0))
    error = np.sqrt((1 / signal + 1 / background) / 20_000)
    pulls = (fitted.log_ratio - np.log(signal / background)) / error
    assert (pulls**2).sum() < stats.chi2.ppf(0.999, 10)
    assert (abs(pulls) > 0.01).any()


@pytest.mark.parametrize(
    ("shifts", "bins", "loss"),
    [([1.0], 30, 0.002), ([1.0, 0.8], 12, 0.008), ([1, 0.8, 0.6], 6, 0.02)],
)
def test_likelihood_of_independent_gaussians_reaches_the_best_auc(shifts, bins, loss):
    """In one, two and three dimensions; wide bins lose a little, and nothing is gained."""
    y_true, values = gaussians(np.random.default_rng(2), 40_000, shifts)
    score = cross_fitted_likelihood(y_true, values, bins=bins, rng=np.random.default_rng(3))
    area = roc_auc(y_true, score)
    assert best_auc(shifts) - loss - 3 * area.error < area.value
    assert area.value < best_auc(shifts) + 3 * area.error


def test_two_observables_tell_together_what_neither_tells_alone():
    """Signal has two observables of one sign, in 80 % of the jets; background in 20 %."""
    rng, n_jets = np.random.default_rng(4), 10_000
    y_true = rng.integers(0, 2, n_jets)
    alike = rng.random(n_jets) < np.where(y_true == 1, 0.8, 0.2)
    x = rng.uniform(-1, 1, n_jets)
    y = rng.random(n_jets) * np.sign(x) * np.where(alike, 1, -1)
    edges = [-1, 0, 1]
    together = cross_fitted_likelihood(y_true, np.column_stack([x, y]), bins=[edges] * 2, rng=rng)
    area = roc_auc(y_true, together)
    assert area.value == pytest.approx(0.8, abs=3 * area.error)  # p^2 + p (1 - p)
    for alone in (x, y):
        score = cross_fitted_likelihood(y_true, alone, bins=[edges], rng=rng)
        assert roc_auc(y_true, score).value == pytest.approx(0.5, abs=0.03)


def test_fine_bins_overfit_and_cross_fitting_shows_it():
    """The trap: pure noise in 25 x 25 bins looks like knowledge to the jets that filled them."""
    rng = np.random.default_rng(5)
    y_true, noise = gaussians(rng, 2000, [0, 0])
    in_sample = roc_auc(y_true, likelihood_ratio(y_true, noise, bins=25)(noise))
    honest = roc_auc(y_true, cross_fitted_likelihood(y_true, noise, bins=25, rng=rng))
    assert in_sample.value > 0.8
    assert abs(honest.value - 0.5) < 3 * honest.error


def test_jets_of_one_collision_betray_each_other_unless_they_share_a_fold():
    rng = np.random.default_rng(6)
    y_true, noise = gaussians(rng, 1000, [0, 0])
    y_true, noise, event = np.repeat(y_true, 2), np.repeat(noise, 2, axis=0), np.arange(2000) // 2
    leaky = cross_fitted_likelihood(y_true, noise, bins=25, rng=rng)
    honest = cross_fitted_likelihood(y_true, noise, bins=25, rng=rng, groups=event)
    assert roc_auc(y_true, leaky).value > 0.6
    assert roc_auc(y_true, honest).value == pytest.approx(0.5, abs=0.06)


# --- bins and weights -----------------------------------------------------------------------


def test_an_empty_bin_says_nothing_and_none_is_infinite():
    fitted = likelihood_ratio([1, 1, 0, 0, 0], [1, 1, 3, 3, 3], bins=[[0, 2, 4, 6]])
    assert fitted([5]) == 0
    assert np.isfinite(fitted.log_ratio).all()
    assert fitted([1]) > 0 > fitted([3])
    np.testing.assert_array_equal(fitted([-100, 100]), fitted([0, 6]))  # the outermost bins


def test_half_of_the_jets_at_zero_are_a_bin_of_their_own():
    """Half of the QCD jets have a single subjet, and the distance of the two is 0."""
    distance = np.array([0.5, 0.6, 0.4, 0.7, 0, 0, 0.3, 0.8])
    fitted = likelihood_ratio([1, 1, 1, 1, 0, 0, 0, 0], distance, bins=4)
    assert fitted([0]) < fitted([1e-9])
    assert fitted.edges[0][1] == pytest.approx(0, abs=1e-300)


def test_bins_hold_equal_shares_of_both_classes_together():
    rng = np.random.default_rng(7)
    y_true = np.repeat([1, 0], [1000, 9000])
    values = rng.normal(size=10_000) + 2 * y_true
    inner = likelihood_ratio(y_true, values, bins=5).edges[0][1:-1]
    share = 0.5 * np.array(
        [
            np.diff(np.searchsorted(np.sort(values[y_true == label]), [-9, *inner, 9]))
            / np.count_nonzero(y_true == label)
            for label in (0, 1)
        ]
    ).sum(axis=0)
    np.testing.assert_allclose(share, 0.2, atol=2e-3)


@given(st.integers(0, 2**32 - 1))
def test_a_monotone_change_of_scale_changes_no_score(seed):
    rng = np.random.default_rng(seed)
    y_true, values = gaussians(rng, 60, [1, 0.5])
    plain, stretched = (likelihood_ratio(y_true, x, bins=4)(x) for x in (values, np.exp(values)))
    np.testing.assert_array_equal(plain, stretched)


def test_weights_are_repeated_jets_and_their_scale_is_free():
    rng = np.random.default_rng(8)
    y_true, values = gaussians(rng, 200, [1, 0])
    times = rng.integers(1, 4, 200)
    edges = [np.linspace(-3, 4, 6)] * 2
    weighted = likelihood_ratio(y_true, values, weights=times, bins=edges, prior=1e-9)
    scaled = likelihood_ratio(y_true, values, weights=7.0 * times, bins=edges, prior=1e-9)
    repeated = likelihood_ratio(
        np.repeat(y_true, times), np.repeat(values, times, axis=0), bins=edges, prior=1e-9
    )
    filled = abs(repeated.log_ratio) < 10
    np.testing.assert_allclose(weighted.log_ratio[filled], repeated.log_ratio[filled], atol=1e-6)
    np.testing.assert_allclose(weighted.log_ratio, scaled.log_ratio)
    quantiles = likelihood_ratio(y_true, values, weights=times), likelihood_ratio(y_true, values)
    assert not np.array_equal(quantiles[0].edges[0], quantiles[1].edges[0])


def test_scores_follow_the_generator_and_no_global_seed():
    y_true, values = gaussians(np.random.default_rng(9), 200, [1])
    first, again, other = (
        cross_fitted_likelihood(y_true, values, rng=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# --- faults ---------------------------------------------------------------------------------

GOOD = {"y_true": [0, 1, 0, 1], "observables": [1.0, 2, 3, 4]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_true": [1, 1, 1, 1]}, "both classes"),
        ({"observables": [1, 2, 3]}, r"shape \(4, n_observables\), one row per label"),
        ({"observables": [1, np.nan, 3, 4]}, "1 of 4 jets .* such as -1"),
        ({"observables": np.ones((2, 2, 2))}, "column_stack"),
        ({"bins": 0}, "at least 1 bin"),
        ({"bins": [3, 3]}, "each of 1 observables"),
        ({"bins": [[0, 2, 1]]}, "rising edges"),
        ({"prior": 0}, "prior above 0"),
        ({"weights": [1, 1, -1, 1]}, "weights of at least 0"),
        ({"weights": [1, 0, 1, 0]}, "all of them are 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(changed, message):
    asked = GOOD | changed
    with pytest.raises(ValueError, match=message):
        likelihood_ratio(asked.pop("y_true"), asked.pop("observables"), **asked)


def test_fold_faults_say_what_to_do():
    rng = np.random.default_rng(0)
    y_true, values = GOOD.values()
    with pytest.raises(ValueError, match="n_folds from 2 to 2, the number of groups; got 3"):
        cross_fitted_likelihood(y_true, values, rng=rng, n_folds=3, groups=[0, 0, 1, 1])
    with pytest.raises(ValueError, match="Use more jets or smaller groups"):
        cross_fitted_likelihood(y_true, values, rng=rng, groups=[0, 1, 0, 1])
    with pytest.raises(ValueError, match="one group per jet"):
        cross_fitted_likelihood(y_true, values, rng=rng, groups=[0, 1])
    with pytest.raises(ValueError, match="Expected 1 observables, as in the fit; got 2"):
        likelihood_ratio(y_true, values)(np.ones((3, 2)))
