"""Event images beside circles that are drawn pixel by pixel."""

from __future__ import annotations

import subprocess
import sys
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from course_utils import kinematics
from course_utils.images import (
    COLOURS,
    PAINTING_ORDER,
    circle_radii,
    colours,
    event_images,
    painting,
)
from course_utils.images import events as module
from course_utils.samples import Kind

ROOT = Path(__file__).resolve().parents[3]
EDGES = [20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 250, 300, 350, 400, 450, 500]


def some_events(seed, n_events=5, n_objects=9):
    """Objects of any kind all over the detector, many of them near phi = pi."""
    rng = np.random.default_rng(seed)
    shape = (n_events, n_objects)
    kinds = rng.integers(0, 6, shape)
    pt = rng.exponential(90, shape) * (kinds > 0)
    phi = np.where(rng.random(shape) < 0.3, np.pi, 0) + rng.normal(0, 0.3, shape)
    return kinematics.from_pt_eta_phi_mass(pt, rng.normal(0, 2.5, shape), phi), kinds


def painted_by_hand(momenta, kinds, n_pixels, *, order=PAINTING_ORDER, wrap=True, eta_max=5.0):
    """Every pixel asks every object whether it belongs to it; the distance in phi is circular."""
    images = np.zeros((len(momenta), n_pixels, n_pixels), np.uint8)
    centre = np.arange(n_pixels) + 0.5
    for image, event, kind in zip(images, momenta, kinds, strict=True):
        pt, eta, phi = (f(event) for f in (kinematics.pt, kinematics.eta, kinematics.phi))
        x = (eta + eta_max) * (n_pixels / (2 * eta_max))
        y = (phi + np.pi) * (n_pixels / (2 * np.pi))
        bins = 1 + sum(pt >= edge for edge in EDGES)
        radius = np.maximum(2 * bins * n_pixels / 224, np.sqrt(0.5))
        for number in order:
            for k in np.flatnonzero(kind == number):
                along = abs(centre - y[k])
                if wrap:
                    along = np.minimum(along, n_pixels - along)
                across = centre - x[k]
                image[across[:, None] ** 2 + along**2 <= radius[k] ** 2] = number
    return images


def differing_pixels(a, b):
    return np.count_nonzero(a != b)


# ---------------------------------------------------------------- circles


@pytest.mark.parametrize("n_pixels", [224, 112, 64, 33])
@pytest.mark.parametrize("wrap", [True, False])
def test_pictures_are_those_that_are_painted_by_hand(n_pixels, wrap):
    momenta, kinds = some_events(1)
    images = event_images(momenta, kinds, n_pixels=n_pixels, wrap=wrap)
    expected = painted_by_hand(momenta, kinds, n_pixels, wrap=wrap)
    assert (images.shape, images.dtype) == ((5, n_pixels, n_pixels), np.uint8)
    assert np.count_nonzero(expected) > 0.02 * expected.size
    assert differing_pixels(images, expected) <= 2  # a centre exactly on the edge of a circle


@limits(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([64, 112]), st.permutations(PAINTING_ORDER))
def test_any_order_is_painted_as_by_hand(seed, n_pixels, order):
    momenta, kinds = some_events(seed, n_events=2)
    images = event_images(momenta, kinds, n_pixels=n_pixels, order=order)
    assert differing_pixels(images, painted_by_hand(momenta, kinds, n_pixels, order=order)) <= 2


def test_numpy_alone_paints_the_same_pixels(monkeypatch):
    momenta, kinds = some_events(2, n_events=30)
    compiled = {
        (n, wrap): event_images(momenta, kinds, n_pixels=n, wrap=wrap)
        for n in (224, 64)
        for wrap in (True, False)
    }
    monkeypatch.setattr(module, "painter", lambda: painting.painted)
    for (n, wrap), images in compiled.items():
        again = event_images(momenta, kinds, n_pixels=n, wrap=wrap)
        np.testing.assert_array_equal(again, images)


def test_events_are_painted_where_numba_is_not_installed():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from course_utils.images import event_images\n"
        "print(np.count_nonzero(event_images([[[30., 30, 0, 0]]], [[4]], n_pixels=224)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found = int(done.stdout)
    momenta = np.array([[[30.0, 30, 0, 0]]])
    assert found == np.count_nonzero(event_images(momenta, [[4]], n_pixels=224))
    assert found == pytest.approx(np.pi * 4**2, rel=0.15)


@pytest.mark.parametrize(
    ("pt", "radius"),
    [
        (0, 2),
        (19.9, 2),
        (20, 4),
        (200, 22),
        (249.9, 22),
        (250, 24),
        (499, 32),
        (500, 34),
        (9e9, 34),
    ],
)
def test_a_circle_grows_by_two_pixels_a_bin_and_stops_at_500_gev(pt, radius):
    assert circle_radii(pt) == radius
    assert circle_radii([pt], n_pixels=112) == [radius / 2]


def test_no_circle_is_empty_however_small_the_picture():
    rng = np.random.default_rng(0)
    direction = rng.uniform(-4, 4, 400), rng.uniform(-np.pi, np.pi, 400)
    momenta = kinematics.from_pt_eta_phi_mass(5.0, *direction)[:, None]
    images = event_images(momenta, np.ones((400, 1), int), n_pixels=16)
    assert images.any(axis=(1, 2)).all()


def test_turning_an_event_about_the_beam_moves_the_picture_around():
    momenta, kinds = some_events(3)
    steps = 37
    angle = steps * 2 * np.pi / 112
    energy, px, py, pz = np.moveaxis(momenta, -1, 0)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([energy, cos * px - sin * py, sin * px + cos * py, pz], axis=-1)
    images = event_images(momenta, kinds, n_pixels=112)
    moved = event_images(turned, kinds, n_pixels=112)
    assert differing_pixels(moved, np.roll(images, steps, axis=2)) <= 4
    assert differing_pixels(moved, images) > 1000


def test_without_wrapping_a_circle_at_pi_is_cut():
    event = kinematics.from_pt_eta_phi_mass([[90.0]], 0.0, np.pi - 0.01)
    whole, cut = (event_images(event, [[2]], wrap=wrap)[0] for wrap in (True, False))
    assert np.count_nonzero(cut) == pytest.approx(np.count_nonzero(whole) / 2, rel=0.1)
    assert not cut[:, :100].any()
    assert whole[:, :10].any()
    assert whole[:, -10:].any()


def test_the_first_axis_is_eta_and_the_second_phi():
    event = kinematics.from_pt_eta_phi_mass([[30.0]], 2.5, -np.pi / 2)
    rows, columns = event_images(event, [[4]], n_pixels=100)[0].nonzero()
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((75, 25), abs=0.5)
    row = event_images(event, [[4]], n_pixels=100, eta_max=2.5)[0].nonzero()[0]
    assert row.max() == 99  # on the edge: half of it is outside
    beyond = kinematics.from_pt_eta_phi_mass([[30.0]], 4.0, 0.0)
    assert not event_images(beyond, [[4]], eta_max=2.5).any()


def test_what_flies_along_the_beam_is_not_in_the_picture():
    assert not event_images([[[50.0, 0, 0, 50.0]]], [[2]]).any()


# ---------------------------------------------------------------- what lies on top


def test_the_numbers_are_those_of_the_kinds():
    names = [Kind(number).name for number in PAINTING_ORDER]
    assert names == ["MISSING_ENERGY", "JET", "B_JET", "PHOTON", "LEPTON"]
    assert len(COLOURS) == len(Kind)


@pytest.mark.parametrize("order", [(1, 4), (4, 1), (4,)])
def test_what_is_painted_last_lies_on_top(order):
    event = kinematics.from_pt_eta_phi_mass([[60.0, 60.0]], 0.0, 1.0)
    image = event_images(event, [[4, 1]], order=order)
    assert set(np.unique(image)) == {0, order[-1]}


def test_padding_is_not_painted():
    momenta, kinds = some_events(4)
    more = np.concatenate([momenta, np.zeros((5, 3, 4))], axis=1)
    images = event_images(more, np.pad(kinds, ((0, 0), (0, 3))))
    np.testing.assert_array_equal(images, event_images(momenta, kinds))


# ---------------------------------------------------------------- memory, threads, faults


@pytest.mark.parametrize("n_events", [0, 1, 700])
def test_any_number_of_events_is_painted_into_given_memory(n_events):
    momenta, kinds = some_events(5, n_events=n_events, n_objects=4)
    images = event_images(momenta, kinds, n_pixels=32)
    out = np.full((n_events, 32, 32), 7, np.uint8)
    assert event_images(momenta, kinds, n_pixels=32, out=out, workers=2) is out
    np.testing.assert_array_equal(out, images)
    for i in range(0, n_events, 300):
        alone = event_images(momenta[i : i + 1], kinds[i : i + 1], n_pixels=32)
        np.testing.assert_array_equal(alone[0], images[i])


def test_single_precision_is_taken_too():
    momenta, kinds = some_events(6)
    single = event_images(momenta.astype(np.float32), kinds.astype(np.int8), n_pixels=64)
    assert differing_pixels(single, event_images(momenta, kinds, n_pixels=64)) <= 2


@pytest.mark.parametrize(
    ("momenta", "kinds", "options", "message"),
    [
        (np.ones((2, 3, 3)), np.ones((2, 3), int), {}, r"n_objects, 4\) .* got \(2, 3, 3\)"),
        (np.ones((2, 3, 4)), np.ones((2, 4), int), {}, r"got \(2, 3, 4\) and \(2, 4\)"),
        (np.ones((2, 3, 4)), np.ones((2, 3)), {}, "kinds as whole numbers from 0 to 5"),
        (np.ones((2, 3, 4)), np.full((2, 3), 6), {}, "kinds as whole numbers from 0 to 5"),
        (np.ones((2, 3, 4)), np.full((2, 3), -1), {}, "kinds as whole numbers from 0 to 5"),
        (np.full((2, 3, 4), np.nan), np.ones((2, 3), int), {}, "one of event 0 is nan"),
        (np.ones((2, 3, 4)), np.ones((2, 3), int), {"n_pixels": 0}, "n_pixels from 1"),
        (np.ones((2, 3, 4)), np.ones((2, 3), int), {"eta_max": 0}, "eta_max above 0"),
        (np.ones((2, 3, 4)), np.ones((2, 3), int), {"workers": 0}, "at least 1 worker"),
        (np.ones((2, 3, 4)), np.ones((2, 3), int), {"order": (1, 1)}, "different kinds"),
        (np.ones((2, 3, 4)), np.ones((2, 3), int), {"order": (0, 1)}, "different kinds"),
        (np.ones((2, 3, 4)), np.ones((2, 3), int), {"out": np.zeros((2, 4, 4))}, "uint8 array"),
    ],
)
def test_a_wrong_shape_or_option_is_refused(momenta, kinds, options, message):
    with pytest.raises(ValueError, match=message):
        event_images(momenta, kinds, **options)


# ---------------------------------------------------------------- colours


def test_a_pixel_has_the_colour_of_its_kind():
    momenta, kinds = some_events(7)
    palette = event_images(momenta, kinds, n_pixels=64)
    batch, last = colours(palette), colours(palette[0], channels_last=True)
    assert (batch.shape, batch.dtype) == ((5, 3, 64, 64), np.float32)
    np.testing.assert_array_equal(np.moveaxis(batch[0], 0, -1), last)
    for kind in np.unique(palette):
        here = last[palette[0] == kind]
        np.testing.assert_allclose(here, np.broadcast_to(COLOURS[kind], here.shape) / np.array(255))
    assert (last[palette[0] == 0] == 0).all()
    assert batch.max() <= 1


def test_colours_differ():
    table = np.array(COLOURS, float)
    distance = np.linalg.norm(table[:, None] - table, axis=-1)
    assert distance[np.triu_indices(len(table), 1)].min() > 80


@pytest.mark.parametrize(
    ("palette", "table", "message"),
    [
        (np.full((2, 2), 6), None, "numbers from 0 to 5, .* 6 colours; got 6 to 6"),
        (np.full((2, 2), -1), None, "numbers from 0 to 5"),
        (np.full((2, 2), 1.0), None, "whole numbers of shape"),
        (np.full(2, 1), None, "whole numbers of shape"),
        (np.full((2, 2), 1), [0, 1], "a table of shape"),
    ],
)
def test_numbers_without_a_colour_are_refused(palette, table, message):
    with pytest.raises(ValueError, match=message):
        colours(palette, table=table)


def test_bins_and_half_pixels_are_those_of_the_description():
    """One soft particle in the middle of a pixel: its circle of two pixels holds 13 centres."""
    n_pixels = 225  # odd: eta 0 is in the middle of a pixel
    event = kinematics.from_pt_eta_phi_mass([[10.0]], 0.0, 0.0)
    image = event_images(event, [[1]], n_pixels=n_pixels)[0]
    rows, columns = image.nonzero()
    assert len(rows) == 13
    assert rows.mean() == columns.mean() == floor(n_pixels / 2)
