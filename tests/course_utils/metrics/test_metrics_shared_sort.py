"""One sort for many metrics, and the bootstrap interval that needs no resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils import metrics
from course_utils.metrics import intervals


def tagged(rng, n_signal, n_background, *, separation=1.5, decimals=None):
    y_true = np.repeat([1, 0], [n_signal, n_background])
    y_score = rng.normal(size=len(y_true)) + separation * y_true
    return y_true, y_score if decimals is None else y_score.round(decimals)


@pytest.mark.parametrize("decimals", [None, 1])
def test_metrics_of_one_sort_are_bit_for_bit_those_of_single_calls(decimals):
    sample = tagged(np.random.default_rng(1), 300, 500, decimals=decimals)
    tagger = metrics.ordered(*sample)
    assert tagger.auc() == metrics.roc_auc(*sample)
    for efficiency in (0.3, 0.5):
        for interval in ("clopper-pearson", "bootstrap"):
            assert tagger.rejection(efficiency, interval=interval) == metrics.background_rejection(
                *sample, signal_efficiency=efficiency, interval=interval
            )
    for one, other in zip(tagger.roc(), metrics.roc_curve(*sample), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_mean_placement_of_either_class_is_the_auc():
    y_true, y_score = tagged(np.random.default_rng(2), 70, 90, decimals=1)
    tagger = metrics.ordered(y_true, y_score)
    for label in (0, 1):
        assert tagger.placements()[y_true == label].mean() == pytest.approx(tagger.auc().value)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_at_an_efficiency_the_signal_can_reach_the_survivors_are_a_whole_number(
    n_signal, kept, seed
):
    kept = min(kept, n_signal)
    y_true, y_score = tagged(np.random.default_rng(seed), n_signal, 40)
    threshold = np.sort(y_score[y_true == 1])[-kept]
    expected = np.count_nonzero(y_score[y_true == 0] >= threshold)
    tagger = metrics.ordered(y_true, y_score)
    assert tagger.survivors(np.array([kept / n_signal]))[0] == pytest.approx(expected, abs=1e-6)


def test_an_efficiency_that_rounding_makes_too_large_lets_no_background_in():
    # From the top: 7 signal jets, 50 background jets, 93 signal jets.
    assert 0.07 * 100 > 7
    y_true = np.repeat([1, 0, 1], [7, 50, 93])
    tagger = metrics.ordered(y_true, -np.arange(150.0))
    assert tagger.survivors(np.array([0.07]))[0] == 0


@pytest.mark.parametrize(("n_signal", "efficiency"), [(4000, 0.5), (200, 0.5), (4000, 0.3)])
def test_the_bootstrap_interval_is_that_of_resampled_jets(n_signal, efficiency):
    rng = np.random.default_rng(3)
    y_true, y_score = tagged(rng, n_signal, 4000)
    drawn = []
    for _ in range(600):
        signal = rng.choice(y_score[y_true == 1], n_signal)
        background = rng.choice(y_score[y_true == 0], 4000)
        sample = np.repeat([1, 0], [n_signal, 4000]), np.concatenate([signal, background])
        drawn.append(metrics.background_rejection(*sample, signal_efficiency=efficiency).value)
    low, high = np.quantile(drawn, [0.15865, 0.84135])
    measured = metrics.background_rejection(
        y_true, y_score, signal_efficiency=efficiency, interval="bootstrap"
    )
    # 600 resamplings know their quantiles to about 6 % of the spread, where they are not lumpy.
    assert measured.low == pytest.approx(low, abs=0.2 * (high - low))
    assert measured.high == pytest.approx(high, abs=0.2 * (high - low))


def test_few_signal_jets_widen_the_bootstrap_interval_and_not_clopper_pearsons():
    y_true, y_score = tagged(np.random.default_rng(4), 50, 50_000)
    exact = metrics.background_rejection(y_true, y_score)
    resampled = metrics.background_rejection(y_true, y_score, interval="bootstrap")
    assert exact.value == resampled.value
    assert resampled.high - resampled.low > 2 * (exact.high - exact.low)


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**32 - 1), st.floats(0.02, 1))
def test_the_bootstrap_interval_is_finite_and_holds_its_value(n_signal, n_background, seed, cut):
    sample = tagged(np.random.default_rng(seed), n_signal, n_background, decimals=1)
    measured = metrics.background_rejection(*sample, signal_efficiency=cut, interval="bootstrap")
    assert 0 < measured.low <= measured.value <= measured.high < np.inf


def test_all_background_surviving_is_a_rejection_of_one():
    everything = intervals.bootstrap(lambda eff: np.full(len(eff), 50.0), 50, 50, 1.0, 0.68)
    assert (everything.value, everything.low) == (1.0, 1.0)


def test_an_unknown_interval_is_refused():
    with pytest.raises(ValueError, match="clopper-pearson or bootstrap; got 'wald'"):
        metrics.background_rejection([0, 1], [0.1, 0.2], interval="wald")
