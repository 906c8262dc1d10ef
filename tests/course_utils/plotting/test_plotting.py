"""Figures, read back from the Axes: areas, errors, directions, and nothing shown."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_utils import metrics, plotting
from course_utils.training import History

RNG = np.random.default_rng(3)
SIGNAL, BACKGROUND = RNG.normal(172, 10, 4000), RNG.exponential(60, 1000)


@pytest.fixture(autouse=True)
def no_figure_survives(monkeypatch):
    """Close what a test draws, and fail if anything is shown."""

    def shown(*args, **kwargs):
        raise AssertionError("a plotting function called plt.show()")

    monkeypatch.setattr(plt, "show", shown)
    yield
    plt.close("all")


@pytest.fixture
def curve():
    y_true = RNG.permutation(np.repeat([0, 1], 500))
    fpr, tpr, _ = metrics.roc_curve(y_true, RNG.normal(1.5 * y_true))
    return fpr, tpr


def steps(ax):
    """Heights, edges and colour of every histogram line; the bands are filled patches."""
    return [
        (*patch.get_data()[:2], patch.get_edgecolor()[:3])
        for patch in ax.patches
        if not patch.get_fill()
    ]


def test_signal_and_background_are_drawn_each_in_its_colour_with_area_one():
    ax = plotting.plot_distributions(SIGNAL, BACKGROUND, bins=30, label="$m$ [GeV]")
    (signal, edges, red), (background, _, blue) = steps(ax)
    assert (red, blue) == (to_rgb(plotting.SIGNAL_COLOUR), to_rgb(plotting.BACKGROUND_COLOUR))
    assert signal.sum() == pytest.approx(1)
    assert background.sum() == pytest.approx(1)
    assert np.average((edges[1:] + edges[:-1]) / 2, weights=signal) == pytest.approx(172, abs=5)


def test_values_outside_the_bins_count_in_the_normalisation():
    ax = plotting.plot_distributions([1, 1, 9, 9], [1, 1], bins=[0, 2], label="x")
    assert [heights.sum() for heights, *_ in steps(ax)] == [0.5, 1]


def test_histogram_band_is_the_square_root_of_the_count():
    ax = plotting.plot_distributions(np.full(25, 1.0), np.full(4, 1.0), bins=[0, 2], label="x")
    bands = [patch.get_data() for patch in ax.patches if patch.get_fill()]
    assert [float(band.values[0]) for band in bands] == pytest.approx([1 + 0.2, 1 + 0.5])
    assert [float(band.baseline[0]) for band in bands] == pytest.approx([1 - 0.2, 1 - 0.5])


def test_legend_tells_the_number_of_jets_behind_each_class():
    ax = plotting.plot_distributions(SIGNAL, BACKGROUND, label="x", names=("W", "QCD"))
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["W (4,000 jets)", "QCD (1,000 jets)"]


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf]])
def test_a_histogram_of_nothing_or_of_nan_is_refused_by_class_name(values):
    with pytest.raises(ValueError, match="for QCD"):
        plotting.plot_distributions([1.0], values, label="x")


def test_scores_of_label_one_are_the_signal():
    ax = plotting.plot_scores([1, 1, 1, 0], [0.9, 0.9, 0.8, 0.1], bins=np.linspace(0, 1, 11))
    (signal, *_), (background, *_) = steps(ax)
    assert signal.argmax() == 9
    assert background.argmax() == 1
    assert ax.get_yscale() == "log"


def test_scores_without_a_label_each_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        plotting.plot_scores([1, 0, 1], [0.5, 0.5])


def test_roc_is_drawn_as_given_and_its_band_holds_it(curve):
    fpr, tpr = curve
    ax = plotting.plot_roc(fpr, tpr, n_signal=500, n_background=500, label="net")
    np.testing.assert_array_equal(ax.lines[-1].get_data(), curve)
    x, y = ax.collections[0].get_paths()[0].vertices.T
    assert (y >= 0).all()
    assert (y <= 1).all()
    middle = np.abs(x - 0.5) < 0.01
    assert y[middle].min() < np.interp(0.5, fpr, tpr) < y[middle].max()


def test_roc_band_shrinks_with_the_square_root_of_the_sample():
    x = np.linspace(0, 1, 1001)

    def width(n):
        ax = plotting.plot_roc(x, x, n_signal=n, n_background=n, label="chance")
        vertices = ax.collections[0].get_paths()[0].vertices
        return np.ptp(vertices[np.isclose(vertices[:, 0], 0.5), 1])

    assert width(1000) / width(100_000) == pytest.approx(10, rel=2e-3)
    assert width(100_000) == pytest.approx(2 * np.sqrt(2 * 0.25 / 100_000), rel=1e-4)


def test_second_roc_joins_the_first_with_one_line_of_chance(curve):
    ax = plotting.plot_roc(*curve, n_signal=500, n_background=500, label="a")
    again = plotting.plot_roc(*curve, n_signal=500, n_background=500, label="b", ax=ax)
    assert again is ax
    assert [line.get_label() for line in ax.lines] == ["chance", "a", "b"]


def test_rejection_is_one_over_the_false_positive_rate(curve):
    ax = plotting.plot_rejection(*curve, n_signal=500, n_background=500, label="net")
    efficiency, rejection = ax.lines[0].get_data()
    np.testing.assert_array_equal(efficiency, curve[1][curve[0] > 0])
    assert (rejection >= 1).all()
    assert np.isfinite(rejection).all()
    assert rejection.max() == pytest.approx(1 / curve[0][curve[0] > 0].min())


def band_at(ax, x):
    """Lower and upper edge of the latest band, where it passes x."""
    vertices = ax.collections[-1].get_paths()[0].vertices
    half = len(vertices) // 2  # there along one edge, back along the other
    edges = (half_way[np.argsort(half_way[:, 0], kind="stable")]
             for half_way in (vertices[:half], vertices[half:]))  # fmt: skip
    low, high = sorted(float(np.interp(x, *edge.T)) for edge in edges)
    return low, high


def test_rejection_band_is_the_wilson_interval_if_the_signal_has_no_error():
    from scipy.stats import binomtest

    curve = [0, 0.02, 1], [0, 0.5, 1]
    ax = plotting.plot_rejection(*curve, n_signal=10**9, n_background=500, label="net")
    oracle = binomtest(10, 500).proportion_ci(0.682689492, method="wilson")
    assert band_at(ax, 0.5) == pytest.approx((1 / oracle.high, 1 / oracle.low), rel=1e-3)


@pytest.mark.parametrize("n_jets", [60, 2000])  # a staircase, and nearly a smooth curve
def test_bands_hold_the_true_curve_as_often_as_one_standard_deviation_should(n_jets):
    from scipy.stats import norm

    y_true, n = np.repeat([0, 1], n_jets), {"n_signal": n_jets, "n_background": n_jets}
    held = {}
    for seed in range(60):
        scores = np.random.default_rng(seed).normal(1.5 * y_true)
        fpr, tpr, _ = metrics.roc_curve(y_true, scores)
        roc = plotting.plot_roc(fpr, tpr, **n, label="net")
        for x in (0.1, 0.3, 0.6):
            low, high = band_at(roc, x)
            held.setdefault(("roc", x), []).append(low < norm.sf(norm.isf(x) - 1.5) < high)
        rejection = plotting.plot_rejection(fpr, tpr, **n, label="net")
        for y in (0.5, 0.7, 0.9):
            low, high = band_at(rejection, y)
            held.setdefault(("rejection", y), []).append(
                low < 1 / norm.sf(norm.isf(y) + 1.5) < high
            )
        plt.close("all")
    # 0.68 with a standard error of 0.06 each; a band that explodes holds everything
    assert all(0.5 < np.mean(each) < 0.88 for each in held.values()), held
    assert 0.6 < np.mean([*held.values()]) < 0.78


def test_a_band_on_few_jets_stays_as_wide_as_they_allow():
    y_true, scores = np.repeat([0, 1], 20), RNG.normal(1.5 * np.repeat([0, 1], 20))
    curve = metrics.roc_curve(y_true, scores)[:2]
    ax = plotting.plot_roc(*curve, n_signal=20, n_background=20, label="net")
    widths = [high - low for low, high in (band_at(ax, x) for x in np.linspace(0.02, 0.98, 97))]
    assert max(widths) < 0.6


@pytest.mark.parametrize("plot", ["plot_roc", "plot_rejection"])
def test_rates_that_fall_or_differ_in_length_are_refused(plot):
    counts = {"n_signal": 9, "n_background": 9}
    for fpr, tpr in [([1, 0], [0, 1]), ([0, 1], [0, 0.5, 1]), ([0, np.nan, 1], [0, 0.5, 1])]:
        with pytest.raises(ValueError, match=r"metrics\.roc_curve"):
            getattr(plotting, plot)(fpr, tpr, label="net", **counts)


def test_training_curve_counts_epochs_from_one_and_bands_the_validation_only():
    ax = plotting.plot_training_curve([0.7, 0.5], [0.8, 0.6], label="loss", error=0.1)
    training, validation = (line.get_data() for line in ax.lines)
    np.testing.assert_array_equal(training, ([1, 2], [0.7, 0.5]))
    np.testing.assert_array_equal(validation, ([1, 2], [0.8, 0.6]))
    (band,) = ax.collections
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(0.9)


def test_a_figure_of_events_says_events():
    history = History([0.7, 0.5], [0.5, 0.8], [0.7, 0.6], [0.5, 0.7])
    for ax in (
        *plotting.plot_history(history, unit="events"),
        plotting.plot_distributions([1, 2], [3, 4], label="x", unit="events"),
    ):
        words = [text.get_text() for text in ax.get_legend().get_texts()] + [ax.get_ylabel()]
        assert "events" in " ".join(words)
        assert "jets" not in " ".join(words)


def test_training_curve_of_unequal_lengths_is_refused():
    with pytest.raises(ValueError, match="got 2 and 1"):
        plotting.plot_training_curve([0.7, 0.5], [0.8], label="loss")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2, 0 black to 1 white."""
    rgb = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], rgb))


def test_signal_and_background_differ_in_grey_too_and_stand_out_from_white():
    signal, background = map(luminance, (plotting.SIGNAL_COLOUR, plotting.BACKGROUND_COLOUR))
    assert signal - background > 0.05
    assert 1.05 / (max(signal, background) + 0.05) > 3
