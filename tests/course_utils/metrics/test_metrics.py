"""Metrics against brute force, scikit-learn, scipy and toys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course_utils import metrics


def toy(rng, n_signal=60, n_background=80, separation=1.0):
    y_true = np.concatenate((np.ones(n_signal, np.int8), np.zeros(n_background, np.int8)))
    return y_true, rng.normal(size=len(y_true)) + separation * y_true


def brute_force_delong(y_true, y_score):
    """Every duel of a signal with a background jet, as the 1988 paper writes it."""
    signal, background = y_score[y_true == 1], y_score[y_true == 0]
    duels = (signal[:, None] > background) + 0.5 * (signal[:, None] == background)
    v10, v01 = duels.mean(axis=1), duels.mean(axis=0)
    return duels.mean(), v10, v01


few_values = st.integers(-3, 3).map(float)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def samples(draw, values=few_values):
    """Labels with two jets of each class at least, and scores that often tie."""
    labels = [0, 0, 1, 1, *draw(st.lists(st.integers(0, 1), max_size=30))]
    scores = draw(st.lists(values, min_size=len(labels), max_size=len(labels)))
    return np.array(labels), np.array(scores)


# --- AUC -----------------------------------------------------------------------------------


@given(samples())
def test_auc_and_its_error_are_those_of_all_duels_counted_under_heavy_ties(sample):
    area, v10, v01 = brute_force_delong(*sample)
    variance = np.var(v10, ddof=1) / len(v10) + np.var(v01, ddof=1) / len(v01)
    measured = metrics.roc_auc(*sample)
    assert measured.value == pytest.approx(area, abs=1e-14)
    assert measured.error == pytest.approx(np.sqrt(variance), abs=1e-9)


@given(samples(values=finite))
def test_auc_agrees_with_scikit_learn_for_any_finite_scores(sample):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    # scikit-learn subtracts neighbouring scores and overflows; ranks say the same.
    expected = sklearn_metrics.roc_auc_score(sample[0], stats.rankdata(sample[1]))
    assert metrics.roc_auc(*sample).value == pytest.approx(expected, abs=1e-12)


@given(samples(), st.integers(0, 2**32 - 1))
def test_auc_does_not_depend_on_the_order_of_the_jets(sample, seed):
    y_true, y_score = sample
    order = np.random.default_rng(seed).permutation(len(y_true))
    assert metrics.roc_auc(y_true[order], y_score[order]) == metrics.roc_auc(y_true, y_score)


@given(samples())
def test_auc_is_invariant_under_a_monotone_map_of_the_scores(sample):
    y_true, y_score = sample
    assert metrics.roc_auc(y_true, np.exp(y_score)) == metrics.roc_auc(y_true, y_score)


@given(samples())
def test_auc_of_flipped_scores_is_one_minus_auc(sample):
    y_true, y_score = sample
    there, back = metrics.roc_auc(y_true, y_score), metrics.roc_auc(y_true, -y_score)
    assert back.value == pytest.approx(1 - there.value, abs=1e-15)
    assert back.error == pytest.approx(there.error, abs=1e-9)


def test_constant_scores_have_auc_one_half_without_spread():
    assert metrics.roc_auc([0, 1, 0, 1], np.zeros(4)) == metrics.Measurement(0.5, 0.0)


def test_separated_classes_have_auc_one():
    assert metrics.roc_auc([0, 0, 1, 1], [1, 2, 3, 4]) == metrics.Measurement(1.0, 0.0)


def test_plus_and_minus_zero_tie_and_the_largest_floats_do_not_overflow():
    assert metrics.roc_auc([0, 1, 0, 1], [0.0, -0.0, 0.0, -0.0]).value == 0.5
    assert metrics.roc_auc([0, 0, 1, 1], [-1.7e308, -1, 1, 1.7e308]).value == 1


def test_delong_intervals_cover_the_true_auc_in_68_percent_of_2000_toys():
    rng = np.random.default_rng(20260301)
    truth = stats.norm.cdf(1.0 / np.sqrt(2))
    toys = [metrics.roc_auc(*toy(rng)) for _ in range(2000)]
    covered = np.mean([abs(each.value - truth) < each.error for each in toys])
    assert covered == pytest.approx(0.6827, abs=0.02)


# --- comparison of two AUCs ----------------------------------------------------------------


@given(samples(), st.randoms(use_true_random=False))
def test_paired_error_is_that_of_all_duels_counted(sample, random):
    y_true, score_a = sample
    score_b = np.array([float(random.randint(-3, 3)) for _ in y_true])
    area_a, v10_a, v01_a = brute_force_delong(y_true, score_a)
    area_b, v10_b, v01_b = brute_force_delong(y_true, score_b)
    variance = sum(np.var(each, ddof=1) / len(each) for each in (v10_a - v10_b, v01_a - v01_b))
    compared = metrics.compare_auc(y_true, score_a, score_b)
    assert compared.difference == pytest.approx(area_a - area_b, abs=1e-14)
    assert compared.error == pytest.approx(np.sqrt(variance), abs=1e-8)
    assert 0 <= compared.p_value <= 1


def test_identical_scores_differ_by_nothing_with_certainty():
    y_true, y_score = toy(np.random.default_rng(1))
    nothing = metrics.AucDifference(0.0, 0.0, 1.0)
    assert metrics.compare_auc(y_true, y_score, y_score) == nothing
    assert metrics.compare_auc(y_true, y_score, 3 * y_score + 1) == nothing


def test_swapping_the_taggers_swaps_only_the_sign():
    rng = np.random.default_rng(2)
    y_true, y_score = toy(rng)
    noisy = y_score + rng.normal(size=len(y_score))
    there, back = (
        metrics.compare_auc(y_true, y_score, noisy),
        metrics.compare_auc(y_true, noisy, y_score),
    )
    assert there.difference > 0
    assert (back.difference, back.error, back.p_value) == (
        -there.difference,
        there.error,
        there.p_value,
    )


def test_opposite_perfect_taggers_differ_with_p_value_zero():
    compared = metrics.compare_auc([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert compared == metrics.AucDifference(1.0, 0.0, 0.0)


def test_p_values_are_uniform_when_two_taggers_are_equally_good():
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(500):
        y_true, common = toy(rng)
        noise = rng.normal(size=(2, len(y_true)))
        p_values.append(metrics.compare_auc(y_true, common + noise[0], common + noise[1]).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


# --- ROC curve -----------------------------------------------------------------------------


@given(samples())
def test_roc_points_are_the_fractions_at_or_above_each_threshold(sample):
    y_true, y_score = sample
    false_positive_rate, true_positive_rate, thresholds = metrics.roc_curve(y_true, y_score)
    assert thresholds[0] == np.inf
    np.testing.assert_array_equal(thresholds[1:], np.unique(y_score)[::-1])
    for background, signal, threshold in zip(
        false_positive_rate, true_positive_rate, thresholds, strict=True
    ):
        assert background == np.mean(y_score[y_true == 0] >= threshold)
        assert signal == np.mean(y_score[y_true == 1] >= threshold)


@given(samples())
def test_the_area_under_the_roc_points_is_the_auc(sample):
    false_positive_rate, true_positive_rate, _ = metrics.roc_curve(*sample)
    area = np.trapezoid(true_positive_rate, false_positive_rate)
    assert area == pytest.approx(metrics.roc_auc(*sample).value, abs=1e-12)


def test_roc_curve_is_scikit_learns_with_every_point_kept():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    sample = toy(np.random.default_rng(4), 300, 400)
    theirs = sklearn_metrics.roc_curve(*sample, drop_intermediate=False)
    for ours, expected in zip(metrics.roc_curve(*sample), theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-15)


# --- background rejection ------------------------------------------------------------------


@pytest.mark.parametrize("signal_efficiency", [0.1, 0.3, 0.5, 0.9])
def test_random_tagger_rejects_one_over_efficiency(signal_efficiency):
    rng = np.random.default_rng(5)
    y_true, y_score = toy(rng, 40_000, 40_000, separation=0)
    measured = metrics.background_rejection(
        y_true, y_score, signal_efficiency=signal_efficiency, confidence=0.9999
    )
    assert measured.low < 1 / signal_efficiency < measured.high


@given(samples(), st.integers(1, 10).map(lambda tenths: tenths / 10))
def test_rejection_is_ordered_finite_and_invariant_under_a_monotone_map(sample, efficiency):
    y_true, y_score = sample
    measured = metrics.background_rejection(y_true, y_score, signal_efficiency=efficiency)
    assert 1 <= measured.low <= measured.value <= measured.high < np.inf
    assert measured == metrics.background_rejection(
        y_true, np.exp(y_score), signal_efficiency=efficiency
    )


def test_ties_of_both_classes_are_interpolated_along_the_roc():
    # One score for all: the ROC is the diagonal, and half of 10 background jets survive.
    y_true = np.repeat([0, 1], 10)
    assert metrics.background_rejection(y_true, np.zeros(20)).value == 2


def test_background_that_only_follows_at_the_same_efficiency_is_not_counted():
    # From the top: one signal, then two backgrounds at unchanged efficiency, then one signal.
    y_true, y_score = [1, 0, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert metrics.background_rejection(y_true, y_score, signal_efficiency=0.5).is_limit
    beyond = metrics.background_rejection(y_true, y_score, signal_efficiency=0.51)
    assert beyond.value == pytest.approx(2)


@pytest.mark.parametrize(("survivors", "n_background"), [(1, 10), (7, 400), (10, 10)])
@pytest.mark.parametrize("confidence", [0.6827, 0.95])
def test_interval_is_scipys_clopper_pearson(survivors, n_background, confidence):
    y_true = np.concatenate(([1, 1], np.zeros(n_background)))
    y_score = np.concatenate(([1, 1], np.full(survivors, 2.0), np.zeros(n_background - survivors)))
    exact = stats.binomtest(survivors, n_background).proportion_ci(confidence, method="exact")
    measured = metrics.background_rejection(
        y_true, y_score, signal_efficiency=1, confidence=confidence
    )
    assert measured.value == pytest.approx(n_background / survivors)
    assert 1 / measured.high == pytest.approx(exact.low)
    assert 1 / measured.low == pytest.approx(exact.high)
    assert not measured.is_limit


def test_without_survivors_the_rejection_is_the_one_sided_lower_limit():
    y_true = np.repeat([0, 1], [100, 10])
    measured = metrics.background_rejection(y_true, y_true.astype(float), confidence=0.9)
    # (1 - p)^100 = 0.1 is the largest fraction p that leaves no survivor in 10 % of cases.
    limit = 1 / (1 - 0.1 ** (1 / 100))
    assert (measured.value, measured.low, measured.high) == pytest.approx((limit,) * 3)
    assert measured.is_limit


def test_less_than_one_surviving_jet_is_a_limit_too():
    # Nine signal jets above, then one background jet tied with 91 more: a tenth survives at 0.1.
    y_true = np.concatenate((np.ones(100), np.zeros(100)))
    y_score = np.concatenate((np.ones(9), np.zeros(91), [0.0], np.full(99, -1.0)))
    measured = metrics.background_rejection(y_true, y_score, signal_efficiency=0.1)
    assert measured.is_limit
    assert measured.value < 100


def test_more_confidence_widens_the_interval():
    sample = toy(np.random.default_rng(6), 1000, 1000)
    narrow = metrics.background_rejection(*sample)
    wide = metrics.background_rejection(*sample, confidence=0.95)
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high


# --- accuracy, text, and what is refused ------------------------------------------------------


def test_accuracy_counts_a_score_at_the_threshold_as_signal():
    assert metrics.accuracy([1, 1, 0, 0], [0.5, 0.4, 0.4, 0.5]).value == 0.5
    assert metrics.accuracy([1, 1], [0.5, 0.6]) == metrics.Measurement(1.0, 0.0)
    assert metrics.accuracy([1, 0], [5, -5], threshold=0.0).value == 1


def test_accuracy_error_is_the_spread_of_toys():
    rng = np.random.default_rng(7)
    measured = [metrics.accuracy(*toy(rng)) for _ in range(2000)]
    spread = np.std([each.value for each in measured])
    assert np.mean([each.error for each in measured]) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.983243, 0.000871, "0.9832 ± 0.0009"),
        (0.983243, 0.00123, "0.9832 ± 0.0012"),
        (0.98, 0.0096, "0.980 ± 0.010"),
        (1.0, 0.0, "1.0000 ± 0.0000"),
        (523.4, 41.0, "523 ± 41"),
    ],
)
def test_a_measurement_shows_the_digits_its_error_allows(value, error, text):
    assert str(metrics.Measurement(value, error)) == text


@pytest.mark.parametrize(
    ("rejection", "text"),
    [
        (metrics.Rejection(264.97, 231.3, 304.5, False), "265 +40 -34"),
        (metrics.Rejection(2013.9, 1450.0, 2890.0, False), "2000 +900 -600"),
        (metrics.Rejection(2.134, 2.1, 2.169, False), "2.134 +0.035 -0.034"),
        (metrics.Rejection(1.0, 1.0, 1.2, False), "1.00 +0.20 -0.00"),
        (metrics.Rejection(8719.4, 8719.4, 8719.4, True), "> 8710"),
    ],
)
def test_a_rejection_shows_the_digits_its_interval_allows(rejection, text):
    assert str(rejection) == text


@pytest.mark.parametrize(
    "function", [metrics.roc_auc, metrics.roc_curve, metrics.background_rejection, metrics.accuracy]
)
@pytest.mark.parametrize(
    ("y_true", "y_score", "complaint"),
    [
        ([0, 1, 0, 1], [0.1, np.nan, 0.2, 0.3], "1 of 4 are NaN or infinite"),
        ([0, 1, 0, 1], [0.1, np.inf, 0.2, -np.inf], "2 of 4 are NaN or infinite"),
        ([0, 1, 2, 1], [0.1, 0.2, 0.3, 0.4], "labels 0 .* and 1"),
        ([0, 1, np.nan, 1], [0.1, 0.2, 0.3, 0.4], "labels 0 .* and 1"),
        ([0, 1, 0], [0.1, 0.2], r"shape \(3,\); got \(2,\)"),
        ([0, 1], [[0.1], [0.2]], r"got \(2, 1\).*needs \[:, 0\]"),
        ([], [], "n_jets > 0"),
        ([[0, 1]], [0.1, 0.2], r"got \(1, 2\)"),
    ],
)
def test_bad_input_is_refused_with_what_came(function, y_true, y_score, complaint):
    with pytest.raises(ValueError, match=complaint):
        function(y_true, y_score)


@pytest.mark.parametrize("function", [metrics.roc_auc, metrics.roc_curve])
def test_one_class_alone_is_refused(function):
    with pytest.raises(ValueError, match="both classes"):
        function([1, 1, 1], [0.1, 0.2, 0.3])


def test_a_single_jet_of_a_class_has_no_delong_error():
    with pytest.raises(ValueError, match="at least two"):
        metrics.roc_auc([1, 0, 0], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="at least two"):
        metrics.compare_auc([1, 1, 0], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])


def test_nan_in_either_score_of_a_comparison_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        metrics.compare_auc([0, 1, 0, 1], [1, 2, 3, 4], [1, np.nan, 3, 4])


@pytest.mark.parametrize("option", [{"signal_efficiency": 0.0}, {"signal_efficiency": 1.1}])
def test_impossible_efficiencies_are_refused(option):
    with pytest.raises(ValueError, match="signal_efficiency between 0 and 1"):
        metrics.background_rejection([0, 1], [0.1, 0.2], **option)


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence between 0 and 1"):
        metrics.background_rejection([0, 1], [0.1, 0.2], confidence=confidence)
