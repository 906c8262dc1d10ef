"""Figures of images, read back from the Axes: which way is right, which way is up, which colour."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_utils import plotting
from course_utils.plotting import plot_image, plot_image_difference


@pytest.fixture(autouse=True)
def no_figure_survives():
    yield
    plt.close("all")


def value_at(ax, eta, phi):
    """What is drawn at a place, found as a mouse pointer finds it."""
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    rows, columns = image.get_array().shape
    row, column = (
        int((phi - bottom) / (top - bottom) * rows),
        int((eta - left) / (right - left) * columns),
    )
    assert image.origin == "lower"
    return image.get_array()[row, column]


@pytest.mark.parametrize("plot", [plot_image, plot_image_difference])
def test_eta_grows_to_the_right_and_phi_upwards(plot):
    image = np.zeros((4, 4))
    image[3, 0] = 0.5  # largest eta, smallest phi
    ax = plot(image, half_width=0.4)
    assert value_at(ax, 0.39, -0.39) == 0.5
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.4, 0.4), (-0.4, 0.4))
    assert "eta" in ax.get_xlabel()
    assert "phi" in ax.get_ylabel()


def test_empty_pixels_have_no_colour_and_all_images_one_scale():
    one, other = (plot_image([[0, share], [0, 0.3]]) for share in (0.7, 0.002))
    assert one.images[0].get_array().mask.tolist() == [[True, True], [False, False]]
    assert one.images[0].get_clim() == other.images[0].get_clim() == (1e-4, 1)


def test_a_positive_difference_has_the_colour_of_signal():
    ax = plot_image_difference([[-0.2, 0], [0, 0.2]])
    drawn = ax.images[0]
    colours = [drawn.cmap(drawn.norm(value))[:3] for value in (0.2, -0.2, 0)]
    expected = [to_rgb(c) for c in (plotting.SIGNAL_COLOUR, plotting.BACKGROUND_COLOUR, "white")]
    np.testing.assert_allclose(colours, expected, atol=0.01)


@pytest.mark.parametrize("high", [0.3, 1.0, 7e-4, 42.0])
def test_ticks_of_a_logarithmic_difference_keep_their_distance(high):
    figure = plot_image_difference([[high, 0], [0, -high]]).figure
    bar = figure.axes[1]
    low, top = bar.get_ylim()
    ticks = [tick for tick in bar.get_yticks() if low <= tick <= top]
    places = bar.transAxes.inverted().transform(bar.transData.transform([(0, t) for t in ticks]))
    assert len(ticks) in (5, 7)
    assert np.diff(places[:, 1]).min() > 0.1


def test_a_difference_of_nothing_is_drawn_all_the_same():
    assert plot_image_difference(np.zeros((3, 3))).images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(("log", "paleness"), [(False, 0.6), (True, 0.89)])
def test_a_fifth_of_the_largest_difference_is_pale_on_a_linear_scale_only(log, paleness):
    drawn = plot_image_difference([[1.0, 0.2], [0, 0]], log=log).images[0]
    assert drawn.norm(0.2) == pytest.approx(paleness, abs=0.01)


def test_a_colour_scale_is_drawn_where_it_has_a_label():
    assert len(plot_image(np.ones((2, 2))).figure.axes) == 2
    assert len(plot_image(np.ones((2, 2)), label="").figure.axes) == 1


def test_it_draws_into_the_axes_it_is_given():
    _, ax = plt.subplots()
    assert plot_image(np.ones((2, 2)), ax=ax) is ax


@pytest.mark.parametrize("plot", [plot_image, plot_image_difference])
@pytest.mark.parametrize("image", [np.ones(4), np.ones((1, 4, 4)), [[1, np.nan]], [[np.inf, 1]]])
def test_what_is_not_one_finite_image_is_refused(plot, image):
    with pytest.raises(ValueError, match="one image of finite numbers"):
        plot(image)


def test_negative_pixels_are_sent_to_the_other_function():
    with pytest.raises(ValueError, match="plot_image_difference"):
        plot_image([[0.1, -0.1]])
