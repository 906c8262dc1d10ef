"""The images of lessons 05 and 06: what their recipes promise."""

import numpy as np
import pytest

pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from course_utils import kinematics
from course_utils.images import et_images, jet_images, rebinned, trimmed_images
from course_utils.samples import load_jets
from course_utils.substructure import subjets, trimmed

momenta = kinematics.from_pt_eta_phi_mass


@pytest.fixture(scope="module")
def w_jets():
    """Trimmed jets of W bosons and of QCD."""
    table = load_jets("w_tagging", "train")
    return table.jets, table.y_true


def shown(jet, **options):
    """Rows (eta', phi', GeV) of the pixels that are not empty, of one jet."""
    image = trimmed_images(jet, **options)[0]
    return [(*map(int, at), float(image[tuple(at)].round(3))) for at in np.argwhere(image)]


@pytest.mark.parametrize("turn", [0.3, 1.7, 3.0, -2.2])
@pytest.mark.parametrize(("eta", "phi"), [(0.0, 0.0), (1.2, 3.1), (-0.8, -3.1)])
def test_second_subjet_is_straight_below_the_first_wherever_the_jet_is(turn, eta, phi):
    """0.65 away: six pixels and a half below the centre of the middle one."""
    at = np.array([0, 0.65])
    jet = momenta([[150, 100]], [eta + at * np.cos(turn)], [phi + at * np.sin(turn)])
    # pixels reach from -1.25 + 0.1 i: the middle one is 12, and 0.65 below its centre is an edge
    pixels = shown(jet, n_pixels=5)
    assert pixels == [(2, 0, 100.0), (2, 2, 150.0)] or pixels == [(2, 1, 100.0), (2, 2, 150.0)]
    assert [pixel[1:] for pixel in shown(jet, half_width=1.3, n_pixels=13)] == [
        (3, 100.0),
        (6, 150.0),
    ]


def test_the_half_with_more_pt_is_on_the_right():
    jet = momenta([[100, 60, 15, 30]], [[0, 0, -0.55, 0.55]], [[0, -0.6, -0.3, -0.3]])
    mirrored = momenta([[100, 60, 15, 30]], [[0, 0, 0.55, -0.55]], [[0, -0.6, -0.3, -0.3]])
    np.testing.assert_array_equal(trimmed_images(jet), trimmed_images(mirrored))
    image = trimmed_images(jet)[0]
    assert image[13:].sum() == pytest.approx(30)
    assert image[:12].sum() == pytest.approx(15)


def test_axes_are_those_of_the_trimmed_jet():
    """The trap: a soft subjet that is removed must not turn the image of what is left."""
    soft = momenta([[200, 8, 6]], [[0, 0.1, -0.7]], [[0, 0.05, 0.2]])
    alone = momenta([[200, 8]], [[0, 0.1]], [[0, 0.05]])
    np.testing.assert_allclose(trimmed_images(soft), trimmed_images(alone), atol=1e-4)
    with_wrong_axes = jet_images(
        trimmed(soft), n_pixels=25, half_width=1.25, normalise=False, subjets=subjets(soft)
    )
    assert not np.allclose(with_wrong_axes, trimmed_images(alone))


def test_trimming_twice_changes_nothing(w_jets):
    """But for rounding, where towers are exactly one radius apart."""
    jets = w_jets[0][:600]
    once = trimmed(jets)
    np.testing.assert_array_equal(trimmed(once), once)
    changed = (once != jets).any(axis=(1, 2))
    assert changed.mean() < 0.06
    assert (kinematics.jet_pt(once) > 0.9 * kinematics.jet_pt(jets)).all()


def test_pixels_add_up_to_the_pt_of_the_constituents(w_jets):
    jets = w_jets[0][:300]
    total = kinematics.pt(jets.astype(np.float64)).sum(axis=1)
    inside = trimmed_images(jets).sum(axis=(1, 2))
    assert (inside <= total * (1 + 1e-5)).all()
    assert (inside > 0.97 * total).mean() > 0.98  # few reach beyond the window of +-1.25


def test_three_pixels_in_a_hundred_are_filled(w_jets):
    """As deposited; 12 % was published, which an interpolated rotation of the picture makes."""
    jets, y_true = w_jets
    filled = (trimmed_images(jets) > 0).mean(axis=(1, 2))
    for label in (0, 1):
        assert 0.026 < filled[y_true == label].mean() < 0.037


def test_second_subjets_of_w_jets_are_below_the_centre_on_average(w_jets):
    jets, y_true = w_jets
    w = trimmed_images(jets[y_true == 1]).mean(axis=0)
    qcd = trimmed_images(jets[y_true == 0]).mean(axis=0)
    assert np.unravel_index(w.argmax(), w.shape) == (12, 12)
    difference = w - qcd
    assert difference[11:14, 4:9].sum() > 20  # GeV: W jets have a second prong
    assert difference[12, 12] < -5  # QCD jets have more in the first one


@pytest.mark.parametrize("recipe", [trimmed_images, et_images])
def test_padding_and_empty_jets_are_drawn_as_nothing(recipe):
    assert recipe(np.zeros((2, 10, 4))).sum() == 0
    jet = momenta([[100, 60]], [[0, 0.5]], 0.0)
    np.testing.assert_array_equal(recipe(jet), recipe(np.pad(jet, ((0, 0), (0, 7), (0, 0)))))


# ---------------------------------------------------------------- lesson 06


def test_et_images_are_centred_and_not_turned():
    jet = momenta([[100, 100]], [[0.7, 1.3]], [[3.0, 3.0]])
    image = et_images(jet)[0]
    assert np.argwhere(image).tolist() == [[14, 20], [26, 20]]
    assert image.sum() == pytest.approx(200)


def test_et_images_weigh_by_the_transverse_energy():
    """A massive constituent at eta 0 has its energy as ET, more than its pT."""
    jet = np.array([[[50.0, 30, 0, 0]]])
    assert et_images(jet).sum() == pytest.approx(50)


def test_rebinned_images_are_those_of_wider_pixels(w_jets):
    jets = w_jets[0][:50]
    fine = et_images(jets)
    np.testing.assert_allclose(rebinned(fine, 20), et_images(jets, n_pixels=20), atol=2e-3)
    assert rebinned(fine, 20).dtype == np.float32
    np.testing.assert_array_equal(rebinned(fine, 40), fine)
    np.testing.assert_allclose(rebinned(fine, 1)[:, 0, 0], fine.sum(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 40, 30), (40, 40), (2, 40, 40, 1)])
def test_only_square_images_are_rebinned(shape):
    with pytest.raises(ValueError, match="n a multiple of 20"):
        rebinned(np.zeros(shape), 20)
    with pytest.raises(ValueError, match="multiple of 7"):
        rebinned(np.zeros((1, 40, 40)), 7)
