"""Several trainings of each setting: what is drawn is what was measured."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils.plotting import plot_over_seeds

VALUES = np.array([[0.80, 0.82, 0.84], [0.90, 0.90, 0.90]])


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def half_lengths(bars):
    """Half the length of each vertical error bar."""
    return [np.ptp(segment[:, 1]) / 2 for segment in bars.lines[2][0].get_segments()]


def test_thick_bars_are_errors_of_the_mean_and_thin_ones_add_the_jets_in_quadrature(ax):
    plot_over_seeds([3, 11], VALUES, jets_error=[0.03, 0.04], label="valid", ax=ax)
    thick, thin = ax.containers
    of_mean = 0.02 / np.sqrt(3)
    np.testing.assert_allclose(half_lengths(thick), [of_mean, 0], atol=1e-12)
    np.testing.assert_allclose(half_lengths(thin), [np.hypot(of_mean, 0.03), 0.04], atol=1e-12)


def test_every_training_is_a_dash_above_its_setting(ax):
    plot_over_seeds([3, 11], VALUES, label="valid", ax=ax)
    dashes = next(line for line in ax.lines if line.get_marker() == "_")
    np.testing.assert_array_equal(dashes.get_xdata(), [3, 3, 3, 11, 11, 11])
    np.testing.assert_array_equal(dashes.get_ydata(), VALUES.ravel())


def test_one_seed_has_no_spread_and_keeps_the_error_from_the_jets(ax):
    plot_over_seeds([3, 11], VALUES[:, :1], jets_error=0.05, label="valid", ax=ax)
    thick, thin = ax.containers
    assert half_lengths(thick) == [0, 0]
    np.testing.assert_allclose(half_lengths(thin), 0.05)


def test_values_without_a_row_per_setting_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, n_seeds\), one row per setting"):
        plot_over_seeds([3, 5, 11], VALUES, label="valid")
