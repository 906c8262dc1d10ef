"""Matrices of shares, each with its error."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_utils.plotting import plot_matrix


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_each_entry_says_its_number_and_error_where_it_stands():
    values = np.array([[0.75, 0.25, 0.0], [0.1, 0.2, 0.7]])
    ax = plot_matrix(values, values / 100, ("W", "top"), ("QCD", "W", "top"), label="share")
    shown = {text.get_position(): text.get_text().split() for text in ax.texts}
    assert shown[(2, 1)] == ["0.700", "±", "0.007"]
    assert len(shown) == 6
    assert [label.get_text() for label in ax.get_yticklabels()] == ["W", "top"]
    assert ax.images[0].get_clim() == (0, 1)


def test_an_empty_class_is_drawn_empty():
    values = np.array([[1.0, 0.0], [np.nan, np.nan]])
    ax = plot_matrix(values, 0 * values, ("QCD", "W"), ("QCD", "W"), label="", high=0.8)
    assert len(ax.texts) == 2
    assert ax.figure.axes == [ax]


@pytest.mark.parametrize("diverging", [False, True])
def test_each_number_stands_out_from_its_colour(diverging):
    values = np.linspace(0, 1, 11)[None]
    names = [str(number) for number in range(11)]
    ax = plot_matrix(values, values, [""], names, label="", diverging=diverging)

    def luminance(colour):
        linear = np.array(to_rgb(colour))
        linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722) + 0.05

    for value, text in zip(values[0], ax.texts, strict=True):
        pair = sorted(luminance(each) for each in (ax.images[0].to_rgba(value), text.get_color()))
        assert pair[1] / pair[0] > 4.5  # WCAG 2.1, level AA


def test_the_middle_of_a_diverging_scale_is_white():
    ax = plot_matrix([[0.5]], [[0.1]], ["a"], ["b"], label="", low=0.2, high=0.8, diverging=True)
    assert min(ax.images[0].to_rgba(0.5)) > 0.95


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shape"):
        plot_matrix([[1.0]], [[0.1]], ("QCD", "W"), ("QCD",), label="")
