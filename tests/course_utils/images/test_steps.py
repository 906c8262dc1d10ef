"""Jet images: what no accident of the detector may change, and a slow oracle without vectors."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils import kinematics
from course_utils.images import centred, drawing, flipped, jet_images, pixelated, rotated

angles = st.floats(-20, 20, allow_nan=False)
seeds = st.integers(0, 2**32 - 1)
momenta = kinematics.from_pt_eta_phi_mass


def some_coordinates(seed: int = 0, *, n_jets: int = 20, n_rows: int = 30) -> np.ndarray:
    """Pt, eta, phi of jets that lie anywhere in the detector; padded at the end of each."""
    rng = np.random.default_rng(seed)
    pt = rng.exponential(20, (n_jets, n_rows)) + 0.1
    eta, phi = rng.normal(0, 0.25, (2, n_jets, n_rows)) * [[[1]], [[0.6]]]
    eta += rng.uniform(-2, 2, (n_jets, 1))
    phi += rng.uniform(-np.pi, np.pi, (n_jets, 1))
    pt[np.arange(n_rows) >= rng.integers(3, n_rows, (n_jets, 1))] = 0
    return np.stack([pt, eta, phi])


def some_jets(seed: int = 0, **sizes: int) -> np.ndarray:
    return momenta(*some_coordinates(seed, **sizes))


def image_of_one(jet, *, n_pixels, half_width, rotate, flip, normalise):
    """An image by loops, an eigenvector and a histogram, constituent by constituent."""
    points = []
    for _, px, py, pz in jet.tolist():
        pt = math.sqrt(px * px + py * py)
        if pt > 0:
            points.append((pt, math.asinh(pz / pt), math.atan2(py, px)))
    total = sum(pt for pt, _, _ in points)
    _, _, first = max(points)
    points = [(pt, eta, math.remainder(phi - first, 2 * math.pi)) for pt, eta, phi in points]
    middle = [sum(point[0] * point[axis] for point in points) / total for axis in (1, 2)]
    points = [(pt, eta - middle[0], phi - middle[1]) for pt, eta, phi in points]
    if rotate:
        matrix = sum(pt * np.outer([eta, phi], [eta, phi]) for pt, eta, phi in points)
        a, b = np.linalg.eigh(matrix)[1][:, -1]
        points = [(pt, b * eta - a * phi, a * eta + b * phi) for pt, eta, phi in points]
    for axis in (1, 2) if flip else ():
        if sum(math.copysign(point[0], point[axis]) for point in points) < 0:
            points = [(*p[:axis], -p[axis], *p[axis + 1 :]) for p in points]
    pt, eta, phi = zip(*points, strict=True)
    edges = np.linspace(-half_width, half_width, n_pixels + 1)
    image = np.histogram2d(eta, phi, bins=(edges, edges), weights=pt)[0]
    return image / image.sum() if normalise else image


OPTIONS = {"n_pixels": 40, "half_width": 0.8, "rotate": True, "flip": True, "normalise": True}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"normalise": False},
        {"flip": False},
        {"rotate": False},
        {"rotate": False, "flip": False},
        {"n_pixels": 25, "half_width": 1.25},
        {"n_pixels": 7, "half_width": 0.3, "normalise": False},
    ],
    ids=str,
)
def test_images_are_those_of_the_slow_reference(changed):
    options, jets = OPTIONS | changed, some_jets(1, n_jets=60)
    assert (np.ptp(kinematics.phi(jets), axis=1) > np.pi).any()  # some lie across the cut
    expected = [image_of_one(jet, **options) for jet in jets]
    if options["rotate"] and not options["flip"]:  # either end of an axis may be up
        expected = [np.maximum(image, image[::-1, ::-1]) for image in expected]
        ours = np.maximum(*(x := jet_images(jets, **options), x[:, ::-1, ::-1]))
    else:
        ours = jet_images(jets, **options)
    np.testing.assert_allclose(ours, expected, atol=1e-6, rtol=1e-6)


def test_result_is_single_precision_and_leaves_the_jets_alone():
    jets = some_jets()
    before = jets.copy()
    result = jet_images(jets, n_pixels=11)
    assert result.dtype == np.float32
    assert result.shape == (20, 11, 11)
    np.testing.assert_array_equal(jets, before)


# What may not change -------------------------------------------------------------------------


def assert_same_images(left: np.ndarray, right: np.ndarray) -> None:
    np.testing.assert_allclose(jet_images(left), jet_images(right), atol=1e-6)


@given(seeds, angles)
def test_turning_the_detector_about_the_beam_changes_nothing(seed, angle):
    pt, eta, phi = some_coordinates(seed, n_jets=3)
    assert_same_images(momenta(pt, eta, phi + angle), momenta(pt, eta, phi))


def test_a_jet_across_the_cut_at_pi_is_one_jet():
    pt, eta, phi = some_coordinates()
    phi -= phi.mean(axis=1, keepdims=True)
    for place in (np.pi, -np.pi, 3 * np.pi):
        assert_same_images(momenta(pt, eta, phi + place), momenta(pt, eta, phi))


@given(seeds, st.floats(-3, 3))
def test_a_boost_along_the_beam_changes_nothing(seed, rapidity):
    pt, eta, phi = some_coordinates(seed, n_jets=3)
    assert_same_images(momenta(pt, eta + rapidity, phi), momenta(pt, eta, phi))


@given(seeds, angles, st.sampled_from([1, -1]))
def test_turning_or_mirroring_a_jet_about_its_axis_changes_nothing(seed, angle, mirror):
    pt, eta, phi = some_coordinates(seed, n_jets=3)
    eta, phi = centred(pt, eta, phi)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = cos * eta - sin * phi, mirror * (sin * eta + cos * phi)
    assert_same_images(momenta(pt, *turned), momenta(pt, eta, phi))


@given(seeds)
def test_the_order_of_the_constituents_changes_nothing(seed):
    jets = some_jets(seed, n_jets=3)
    shuffled = jets[:, np.random.default_rng(seed).permutation(jets.shape[1])]
    assert_same_images(shuffled, jets)


@given(seeds, st.integers(0, 40))
def test_more_padding_changes_nothing_wherever_it_is(seed, n_rows):
    jets = some_jets(seed, n_jets=3)
    where = np.random.default_rng(seed).integers(0, jets.shape[1], n_rows)
    assert_same_images(np.insert(jets, where, 0, axis=1), jets)


@given(seeds, st.floats(1e-3, 1e3))
def test_a_normalised_image_does_not_know_the_energy_scale(seed, factor):
    jets = some_jets(seed, n_jets=3)
    assert_same_images(factor * jets, jets)


def test_splitting_a_constituent_in_two_of_the_same_direction_changes_nothing():
    jets = some_jets()
    assert_same_images(np.concatenate([0.25 * jets, 0.75 * jets], axis=1), jets)


# Sums ----------------------------------------------------------------------------------------


def test_normalised_images_have_the_sum_one():
    np.testing.assert_allclose(jet_images(some_jets()).sum(axis=(1, 2)), 1, rtol=1e-6)


def test_a_raw_image_holds_the_pt_of_all_constituents_in_a_wide_window():
    pt, eta, phi = some_coordinates()
    raw = jet_images(momenta(pt, eta, phi), half_width=5, normalise=False)
    np.testing.assert_allclose(raw.sum(axis=(1, 2)), pt.sum(axis=1), rtol=1e-6)


def test_constituents_outside_the_window_are_dropped_before_normalising():
    jets = momenta([[50.0, 50, 1]], [[0.0, 0, 0]], [[-0.1, 0.1, 3]])
    assert jet_images(jets, normalise=False).sum() == pytest.approx(100)
    assert jet_images(jets).sum() == pytest.approx(1)


def test_shared_pixels_are_summed_not_overwritten():
    raw = pixelated([1, 2, 4, 8], [0.01, 0.01, 0.01, -0.3], [0.01, 0.02, 0.02, 0.3])
    assert sorted(raw[raw > 0]) == [7, 8]


@given(seeds, st.integers(1, 60), st.floats(0.05, 3))
def test_pixels_are_those_of_a_two_dimensional_histogram(seed, n_pixels, half_width):
    pt, eta, phi = some_coordinates(seed, n_jets=1)[:, 0] - [[0], [0], [0.3]]
    pt = np.maximum(pt, 0)
    edges = np.linspace(-half_width, half_width, n_pixels + 1)
    expected = np.histogram2d(eta, phi, bins=(edges, edges), weights=pt)[0]
    ours = pixelated(pt, eta, phi, n_pixels=n_pixels, half_width=half_width)
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_edges_belong_to_the_upper_pixel_and_the_upper_end_to_none():
    raw = pixelated([1, 2, 4], [-0.4, 0, 0.4], [0, 0, 0], n_pixels=4, half_width=0.4)
    np.testing.assert_array_equal(raw[:, 2], [1, 0, 2, 0])
    # 0.3 is not a multiple of 0.1 in binary; the pixel it begins must not depend on that.
    tenths = [round(0.1 * k - 0.5, 1) for k in range(10)]
    raw = pixelated(np.ones(10), tenths, np.zeros(10), n_pixels=10, half_width=0.5)
    np.testing.assert_array_equal(raw[:, 5], 1)


# Where things come to lie --------------------------------------------------------------------


def test_first_axis_is_eta_and_second_is_phi():
    raw = pixelated([5], [0.35], [-0.35], n_pixels=4, half_width=0.4)
    assert raw[3, 0] == 5


@given(seeds)
def test_the_centroid_is_the_origin_and_stays_there(seed):
    pt, eta, phi = some_coordinates(seed)
    for step in (centred, rotated, flipped):
        eta, phi = step(pt, eta, phi)
        for angle in (eta, phi):
            np.testing.assert_allclose((pt * angle).sum(axis=1), 0, atol=1e-9)
            assert not angle[pt == 0].any()


@given(seeds)
def test_the_largest_spread_is_upright_and_turning_keeps_distances(seed):
    pt, *before = some_coordinates(seed)
    before = centred(pt, *before)
    eta, phi = rotated(pt, *before)
    np.testing.assert_allclose((pt * eta * phi).sum(axis=1), 0, atol=1e-9)
    assert ((pt * phi**2).sum(axis=1) >= (pt * eta**2).sum(axis=1)).all()
    np.testing.assert_allclose(np.hypot(eta, phi), np.hypot(*before), atol=1e-12)


@given(seeds)
def test_the_halves_on_the_right_and_on_top_are_the_hotter_ones(seed):
    pt, eta, phi = some_coordinates(seed)
    eta, phi = centred(pt, eta, phi)
    mirrored = flipped(pt, eta, phi)
    for before, after in zip((eta, phi), mirrored, strict=True):
        np.testing.assert_array_equal(np.abs(after), np.abs(before))
        assert ((pt * np.sign(after)).sum(axis=1) >= 0).all()
    np.testing.assert_array_equal(flipped(pt, *mirrored), mirrored)


def test_a_constituent_on_the_axis_is_in_neither_half():
    pt, along = np.array([5.0, 50, 10]), np.array([-0.4, -1e-14, 0.2])
    for angles in ((along, np.zeros(3)), (np.zeros(3), along)):
        np.testing.assert_array_equal(flipped(pt, *angles), angles)


def test_jets_that_prefer_no_direction_give_an_average_image_that_prefers_none():
    rng = np.random.default_rng(3)
    pt, radius = rng.exponential(20, (4000, 12)), rng.exponential(0.15, (4000, 12))
    angle = rng.uniform(0, 2 * np.pi, pt.shape)
    jets = momenta(pt, radius * np.cos(angle), radius * np.sin(angle))
    plain = jet_images(jets, n_pixels=2, rotate=False, flip=False)
    error = plain.std(axis=0) / np.sqrt(len(plain))
    assert (np.abs(plain.mean(axis=0) - 0.25) < 4 * error).all()
    upright = jet_images(jets, n_pixels=40, flip=False)
    spread = np.tensordot(upright.mean(axis=0), (np.arange(40) - 19.5) ** 2, (0, 0)).sum()
    along = np.tensordot(upright.mean(axis=0), (np.arange(40) - 19.5) ** 2, (1, 0)).sum()
    assert along > 1.3 * spread


# Edges ---------------------------------------------------------------------------------------


def test_a_jet_of_nothing_gives_zeros_in_every_way_to_have_nothing():
    for jets in (np.zeros((2, 5, 4)), np.zeros((2, 0, 4)), np.zeros((0, 5, 4))):
        result = jet_images(jets)
        assert result.shape == (len(jets), 40, 40)
        assert not result.any()
    mixed = some_jets()
    mixed[3] = 0
    assert jet_images(mixed).sum(axis=(1, 2)).round(6).tolist() == [1, 1, 1, 0, *[1] * 16]


@given(st.floats(-4, 4), angles)
def test_a_single_constituent_is_at_the_centre(eta, phi):
    result = jet_images(momenta([[7.0, 0]], eta, phi))
    assert result[0, 20, 20] == 1


@given(seeds, angles)
def test_a_jet_on_a_line_fills_one_column_whatever_its_direction(seed, direction):
    pt = some_coordinates(seed)[0]
    place = np.random.default_rng(seed).normal(0, 0.2, pt.shape)
    jets = momenta(pt, 1 + np.cos(direction) * place, 3.1 + np.sin(direction) * place)
    result = jet_images(jets, half_width=3)
    np.testing.assert_allclose(result[:, 20].sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("direction", [0, 1e-12, 1e-11, 1e-10, 3e-10, 1e-9, np.pi / 2 + 1e-10])
def test_a_jet_on_a_line_almost_along_an_axis_fills_one_column(direction):
    pt = some_coordinates()[0]
    place = np.random.default_rng(0).normal(0, 0.2, pt.shape)
    jets = momenta(pt, 1 + np.cos(direction) * place, 3.1 + np.sin(direction) * place)
    result = jet_images(jets, half_width=3)
    np.testing.assert_allclose(result[:, 20].sum(axis=1), 1, rtol=1e-6)


def test_a_jet_without_a_longest_direction_stays_as_it_is():
    square = np.array([0.3, 0, -0.3, 0]), np.array([0, 0.3, 0, -0.3])
    for before, after in zip(square, rotated(np.ones(4), *square), strict=True):
        np.testing.assert_array_equal(after, before)


def test_energy_without_pt_is_padding_also_along_the_beam():
    jets = some_jets()
    beam = np.broadcast_to([9.0, 0, 0, -9], (20, 2, 4))
    assert_same_images(np.concatenate([beam, jets], axis=1), jets)


def test_blocks_of_jets_do_not_know_of_each_other(monkeypatch):
    jets = some_jets()
    at_once = jet_images(jets)
    monkeypatch.setattr(drawing, "_JETS_AT_ONCE", 3)
    for workers in (1, 3):
        np.testing.assert_array_equal(jet_images(jets, workers=workers), at_once)


def test_memory_beside_the_result_does_not_grow_with_the_number_of_jets():
    jets = np.tile(some_jets(n_jets=100, n_rows=100).astype(np.float32), (60, 1, 1))
    tracemalloc.start()
    result = jet_images(jets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - result.nbytes < 60e6


def test_steps_work_on_one_jet_as_on_many():
    pt, eta, phi = some_coordinates()
    for step in (centred, rotated, flipped, pixelated):
        together = np.asarray(step(pt, eta, phi))
        together = together if step is pixelated else np.moveaxis(together, 0, 1)
        for jet in range(3):
            alone = np.asarray(step(pt[jet], eta[jet], phi[jet]))
            np.testing.assert_allclose(alone, together[jet], atol=1e-12)


# Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 3), (2, 5, 4, 1), (0,)])
def test_what_is_not_an_array_of_jets_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=r"\(n_jets, n_constituents, 4\); got \("):
        jet_images(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_momenta_that_are_not_finite_are_refused(bad):
    jets = some_jets()
    jets[7, 1, 2] = bad
    with pytest.raises(ValueError, match="finite"):
        jet_images(jets)


@pytest.mark.parametrize(
    "size", [{"n_pixels": 0}, {"half_width": 0}, {"half_width": -1.0}, {"half_width": np.inf}]
)
def test_a_window_of_no_size_is_refused(size):
    with pytest.raises(ValueError, match="n_pixels of at least 1"):
        jet_images(some_jets(), **size)
    with pytest.raises(ValueError, match="n_pixels of at least 1"):
        pixelated([1], [0], [0], **size)
