"""Jet images: what no accident of the detector may change, and a slow oracle without vectors."""

import math
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils import images, kinematics
from course_utils.datasets import load_jets
from course_utils.images import centred, flipped, jet_images, pixelated, rotated

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


def in_steps(jets, *, rotate=True, flip=True, normalise=True, intensity="pt", subjets=None, **size):
    """What `jet_images` promises, put together from the readable steps of its module."""
    pt, eta, phi = kinematics.pt(jets), kinematics.eta(jets), kinematics.phi(jets)
    weight = pt if intensity == "pt" else jets[..., 0] / np.cosh(np.where(pt > 0, eta, 0))
    weight = np.where(pt > 0, np.maximum(weight, 0), 0)
    if subjets is None:
        eta, phi = centred(weight, np.where(pt > 0, eta, 0), phi)
        below = np.zeros((len(jets), 1), bool)
        turned = rotated(weight, eta, phi) if rotate else (eta, phi)
    else:
        first, second = subjets[:, :1], subjets[:, 1:]
        eta, phi = _seen_from(first, jets)
        eta2, phi2 = _seen_from(first, second)
        distance = np.hypot(eta2, phi2)
        below = (kinematics.pt(second) > 0) & (distance > 1e-9) & rotate
        cos, sin = (-x / np.maximum(distance, 1e-9) for x in (phi2, eta2))
        by_subjet = cos * eta - sin * phi, sin * eta + cos * phi
        by_axis = rotated(weight, eta, phi) if rotate else (eta, phi)
        turned = [np.where(below, a, b) for a, b in zip(by_subjet, by_axis, strict=True)]
    eta, phi = turned
    if flip:
        eta, mirrored = flipped(weight, eta, phi)
        phi = np.where(below, phi, mirrored)
    image = pixelated(weight, eta, phi, **size)
    total = image.sum(axis=(1, 2), keepdims=True)
    return image / np.where(total > 0, total, 1) if normalise else image


def _seen_from(origin, momenta):
    pt = kinematics.pt(momenta)
    eta = np.where(pt > 0, kinematics.eta(momenta), 0) - kinematics.eta(origin)
    return eta, kinematics.delta_phi(kinematics.phi(momenta), kinematics.phi(origin))


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


jets_of_a_seed = st.builds(
    lambda seed, n_jets: some_jets(seed, n_jets=n_jets), seeds, st.integers(1, 6)
)


@given(
    jets_of_a_seed,
    st.fixed_dictionaries(
        {
            "n_pixels": st.integers(1, 60),
            "half_width": st.floats(0.05, 3),
            "rotate": st.booleans(),
            "flip": st.booleans(),
            "normalise": st.booleans(),
            "intensity": st.sampled_from(["pt", "et"]),
        }
    ),
    st.booleans(),
)
def test_the_compiled_loop_is_its_steps(jets, options, with_subjets):
    if with_subjets:
        options["subjets"] = jets[:, :2].copy()
        options["subjets"][::3, 1] = 0  # none
        options["subjets"][1::3, 1] = options["subjets"][1::3, 0]  # in the same direction
    assert_close(jet_images(jets, **options), in_steps(jets, **options), scale=jets[..., 0].max())


def assert_close(ours, expected, *, scale):
    """To single precision, but for a constituent on the very edge of a pixel in many images."""
    far = np.abs(ours - expected).max(axis=(1, 2)) > 1e-6 * max(expected.max(), 1e-3 * scale)
    assert not far.any()


@pytest.mark.parametrize("options", [{}, {"intensity": "et"}, {"rotate": False}], ids=str)
def test_images_of_jets_from_the_detector_are_those_of_the_steps(options):
    """Towers have one position for many constituents, so that ties and edges are common."""
    jets = load_jets("top_tagging", "train").jets
    np.testing.assert_allclose(
        jet_images(jets, **options), in_steps(jets, **options), atol=3e-7, rtol=1e-6
    )


def test_towers_on_a_grid_lie_on_the_edges_of_pixels_as_in_the_steps():
    rng = np.random.default_rng(2)
    eta, phi = rng.integers(-8, 9, (2, 300, 12)) / 10
    pt = rng.integers(1, 4, eta.shape).astype(float)
    # With its mirror image, so that the centroid is on the grid.
    jets = momenta(
        *(np.concatenate([x, sign * x], 1) for x, sign in ((pt, 1), (eta, -1), (phi, -1)))
    )
    options = {"n_pixels": 16, "rotate": False, "flip": False}
    np.testing.assert_allclose(jet_images(jets, **options), in_steps(jets, **options), atol=1e-6)


def test_transverse_energy_is_what_a_calorimeter_sees_of_mass():
    jets = momenta([[40.0, 60]], [[0.1, -0.1]], [[0.2, -0.2]], [[30.0, 0]])
    raw = jet_images(jets, normalise=False, intensity="et")
    expected = np.hypot(np.hypot(40, 40 * np.sinh(0.1)), 30) / np.cosh(0.1) + 60
    assert raw.sum() == pytest.approx(expected)
    massless = some_jets()
    np.testing.assert_allclose(
        jet_images(massless, intensity="et"), jet_images(massless), atol=1e-6
    )


def test_the_first_subjet_is_the_origin_and_the_second_straight_below():
    jets = some_jets(4)
    subjets = momenta([90.0, 30], [[0.2, -0.3]], [[3.0, -3.0]]).repeat(20, axis=0)
    both = np.concatenate([subjets, np.zeros_like(jets)], axis=1)
    for direction in (1, -1):  # also where a flip would put it on top
        image = jet_images(both[:1] * [1, 1, 1, direction], n_pixels=9, subjets=both[:1, :2])
        assert direction == -1 or image[0, 4, 4] == pytest.approx(0.75)
    image = jet_images(both[:1], n_pixels=9, half_width=0.9, subjets=subjets[:1])[0]
    distance = np.hypot(0.5, 2 * np.pi - 6)
    assert image[4, 4] == pytest.approx(0.75)
    assert image[4, int((0.9 - distance) / 0.2)] == pytest.approx(0.25)


def test_with_subjets_the_flip_only_goes_from_left_to_right():
    # The second subjet is the hotter half of the jet, and stays below.
    jets = momenta([[50.0, 80, 1]], [[0.0, 0, -0.3]], [[0.0, 0.4, 0.2]])
    image = jet_images(jets, n_pixels=9, half_width=0.9, normalise=False, subjets=jets[:, :2])[0]
    assert image[4, :4].sum() == pytest.approx(80)
    assert image[5:].sum() == pytest.approx(1)


def test_without_subjets_a_jet_is_centred_as_ever():
    jets = some_jets()
    np.testing.assert_array_equal(jet_images(jets, subjets=np.zeros((20, 2, 4))), jet_images(jets))


# Memory and threads --------------------------------------------------------------------------


@pytest.mark.parametrize("n_jets", [1, 20, 100])
def test_images_do_not_depend_on_the_number_of_threads(monkeypatch, n_jets):
    monkeypatch.setattr(images, "_JETS_AT_ONCE", 7)
    jets = some_jets(n_jets=n_jets)
    alone = jet_images(jets)
    for workers in (2, 5):
        np.testing.assert_array_equal(jet_images(jets, workers=workers), alone)


def test_views_read_only_types_and_orders_of_memory_make_no_difference():
    jets = some_jets(n_rows=13).astype(np.float32)
    expected = jet_images(jets)
    records = np.zeros(20, [("index", "i8"), ("block", "f4", (60,)), ("label", "i8", (2,))])
    records["block"][:, :52] = jets.reshape(20, 52)
    wide = np.zeros((40, 26, 8), np.float32)
    wide[::2, ::2, ::2] = jets
    fixed = jets.copy()
    fixed.flags.writeable = False
    for same in (
        records["block"][:, :52].reshape(20, 13, 4),
        wide[::2, ::2, ::2],
        jets[::-1][::-1],
        np.asfortranarray(jets),
        fixed,
        jets.astype(">f4"),
        jets.astype(np.float64),
        jets.tolist(),
    ):
        np.testing.assert_array_equal(jet_images(same), expected)
    np.testing.assert_array_equal(jet_images(jets[::-1]), expected[::-1])
    np.testing.assert_array_equal(
        jet_images(np.broadcast_to(jets[:1], jets.shape)[:3])[2], expected[0]
    )


def test_out_is_filled_also_where_it_held_something():
    jets = some_jets()
    jets[4] = 0
    out = np.full((20, 40, 40), 7, np.float32)
    assert jet_images(jets, out=out) is out
    np.testing.assert_array_equal(out, jet_images(jets))
    part = np.full((40, 2, 40, 40), 7, np.float32)
    jet_images(jets, out=part[::2, 1])
    np.testing.assert_array_equal(part[::2, 1], out)
    assert (part[1::2] == 7).all()
    assert (part[:, 0] == 7).all()


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((20, 40, 41), np.float32),
        np.zeros((19, 40, 40), np.float32),
        np.zeros((20, 40, 40)),
        np.zeros((20, 40, 80), np.float32)[..., ::2],
        np.broadcast_to(np.float32(0), (20, 40, 40)),
        [],
    ],
)
def test_an_out_that_cannot_be_filled_is_refused(out):
    with pytest.raises(ValueError, match=r"float32 array of shape \(20, 40, 40\) as out"):
        jet_images(some_jets(), out=out)


def test_threads_of_the_caller_do_not_disturb_each_other():
    jets = [some_jets(seed) for seed in range(8)]
    expected = [jet_images(some) for some in jets]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for ours, alone in zip(pool.map(jet_images, jets), expected, strict=True):
                np.testing.assert_array_equal(ours, alone)


READ_ONLY = """
import numpy as np
from numba.core.caching import _CacheLocator

for locator in _CacheLocator.__subclasses__():
    def refuse(self):
        raise OSError("read-only")
    locator.ensure_cache_path = refuse
from course_utils.images import jet_images
print(jet_images(np.array([[[1.0, 1, 0, 0]]]), n_pixels=3).sum())
"""


def test_where_no_folder_can_be_written_to_the_loop_is_compiled_all_the_same():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ_ONLY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "1.0\n", done.stderr


def test_the_module_is_light_until_an_image_is_made():
    code = "import sys, course_utils.images; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


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
    monkeypatch.setattr(images, "_JETS_AT_ONCE", 3)
    np.testing.assert_allclose(jet_images(jets), at_once, atol=1e-7)


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
    ("wrong", "message"),
    [
        ({"intensity": "energy"}, 'intensity "pt" or "et"; got \'energy\''),
        ({"workers": 0}, "at least 1 worker; got 0"),
        ({"subjets": np.zeros((20, 1, 4))}, r"subjets of shape \(20, 2, 4\); got \(20, 1, 4\)"),
        ({"subjets": np.full((20, 2, 4), np.nan)}, "Expected finite subjets"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        jet_images(some_jets(), **wrong)


@pytest.mark.parametrize(
    "size", [{"n_pixels": 0}, {"half_width": 0}, {"half_width": -1.0}, {"half_width": np.inf}]
)
def test_a_window_of_no_size_is_refused(size):
    with pytest.raises(ValueError, match="n_pixels of at least 1"):
        jet_images(some_jets(), **size)
    with pytest.raises(ValueError, match="n_pixels of at least 1"):
        pixelated([1], [0], [0], **size)
