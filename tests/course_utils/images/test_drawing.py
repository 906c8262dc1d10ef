"""Jet images and their steps beside those in numpy, on every kind of memory and jet."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy_images import centred, flipped, pixelated, rotated

from course_utils import images, kinematics
from course_utils.images import jet_images
from course_utils.samples import load_jets

ROOT = Path(__file__).resolve().parents[3]
seeds = st.integers(0, 2**32 - 1)


def composed(
    jets, *, rotate=True, flip=True, normalise=True, intensity="pt", subjets=None, **window
):
    """Images by the steps in numpy, one jet after the other."""
    subjets = np.zeros((len(jets), 2, 4)) if subjets is None else subjets
    drawn = []
    for jet, (first, second) in zip(np.asarray(jets, np.float64), subjets, strict=True):
        pt, eta, phi = kinematics.pt(jet), kinematics.eta(jet), kinematics.phi(jet)
        eta = np.where(pt > 0, eta, 0)
        if intensity == "et":
            pt = (
                np.maximum(jet[:, 0], 0) * pt / np.maximum(np.linalg.norm(jet[:, 1:], axis=1), 1e-9)
            )
        below = False
        if first[1:3].any() and pt.any():
            eta = eta - kinematics.eta(first)
            phi = kinematics.delta_phi(phi, kinematics.phi(first))
            x = kinematics.eta(second) - kinematics.eta(first)
            y = kinematics.delta_phi(kinematics.phi(second), kinematics.phi(first))
            below = rotate and bool(second[1:3].any()) and np.hypot(x, y) > 1e-9
        else:
            eta, phi = centred(pt, eta, phi)
        if below:
            turn = -np.pi / 2 - np.arctan2(y, x)
            cos, sin = np.cos(turn), np.sin(turn)
            eta, phi = cos * eta - sin * phi, sin * eta + cos * phi
        elif rotate:
            eta, phi = rotated(pt, eta, phi)
        if flip:
            mirrored = flipped(pt, eta, phi)
            eta, phi = mirrored[0], phi if below else mirrored[1]
        image = pixelated(pt, eta, phi, **window)
        drawn.append(image / image.sum() if normalise and image.any() else image)
    return np.array(drawn)


def towers(seed, *, n_jets=6, n_rows=45, wide=0.5, eta=2.0):
    """Jets on calorimeter towers, massive, with ties and padding anywhere."""
    rng = np.random.default_rng(seed)
    pt = rng.choice([0.5, 1, 2, 10, 80], (n_jets, n_rows)) * rng.integers(0, 2, (n_jets, n_rows))
    width = int(wide / 0.1)
    place = 0.1 * rng.integers(-width, width + 1, (2, n_jets, n_rows))
    place[0] += rng.uniform(-eta, eta, (n_jets, 1))
    place[1] += np.deg2rad(10) * rng.integers(0, 36, (n_jets, 1))
    mass = rng.choice([0, 0.14, 0.94], pt.shape)
    jets = kinematics.from_pt_eta_phi_mass(pt, *place, mass)
    return np.where(pt[..., None] > 0, jets, 0)


def pair(jets, seed):
    """Subjets for them, of which some are missing."""
    rng = np.random.default_rng(seed)
    halves = jets[:, ::2].sum(axis=1), jets[:, 1::2].sum(axis=1)
    subjets = np.stack(halves, axis=1)
    subjets[rng.random(len(jets)) < 0.2, 1] = 0
    subjets[rng.random(len(jets)) < 0.1] = 0
    return subjets


OPTIONS = [
    {},
    {"rotate": False},
    {"flip": False, "normalise": False},
    {"intensity": "et"},
    {"n_pixels": 25, "half_width": 1.25, "normalise": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(seed=seeds, wide=st.sampled_from([0.2, 0.5, 1.4]), eta=st.sampled_from([0.0, 2.0, 7.0]))
def test_images_are_the_composition_of_the_steps(options, seed, wide, eta):
    jets = towers(seed, wide=wide, eta=eta).astype(np.float32)
    np.testing.assert_allclose(jet_images(jets, **options), composed(jets, **options), rtol=2e-6)
    np.testing.assert_allclose(
        jet_images(jets.astype(np.float64), **options), composed(jets, **options), rtol=2e-6
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(seed=seeds)
def test_images_by_subjets_are_the_composition_of_the_steps(options, seed):
    jets = towers(seed)
    subjets = pair(jets, seed)
    ours = jet_images(jets, subjets=subjets, **options)
    np.testing.assert_allclose(ours, composed(jets, subjets=subjets, **options), rtol=2e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_images_of_jets_from_the_detector_are_the_composition_of_the_steps(options):
    jets = load_jets("top_tagging", "train").jets
    np.testing.assert_allclose(
        jet_images(jets, **options), composed(jets, **options), rtol=1e-6, atol=1e-6
    )


STEPS = [(images.centred, centred), (images.rotated, rotated), (images.flipped, flipped)]


@given(seed=seeds, dtype=st.sampled_from([np.float32, np.float64]))
def test_each_step_is_the_one_in_numpy(seed, dtype):
    jets = towers(seed)
    coordinates = kinematics.pt(jets), kinematics.eta(jets), kinematics.phi(jets)
    pt, eta, phi = (x.astype(dtype) for x in coordinates)
    for ours, in_numpy in STEPS:
        expected = in_numpy(pt, eta, phi)
        np.testing.assert_allclose(ours(pt, eta, phi), expected, atol=1e-12)
        eta, phi = expected
    np.testing.assert_allclose(images.pixelated(pt, eta, phi), pixelated(pt, eta, phi), rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 2, 5), (0, 5), (5,)], ids=str)
def test_the_steps_take_any_shape_that_broadcasts_and_leave_it_alone(shape):
    rng = np.random.default_rng(6)
    pt, eta, phi = rng.uniform(0, 1, (3, *shape))
    before = pt.copy(), eta.copy()
    for ours, in_numpy in STEPS:
        np.testing.assert_allclose(ours(pt, eta, 0.5), in_numpy(pt, eta, 0.5), atol=1e-12)
    np.testing.assert_allclose(images.pixelated(pt, eta, phi), pixelated(pt, eta, phi))
    np.testing.assert_array_equal((pt, eta), before)
    with pytest.raises(ValueError, match="empty"):
        images.centred([], [], [])


def test_edges_of_pixels_are_met_as_by_the_steps():
    rng = np.random.default_rng(2)
    eta, phi = rng.integers(-8, 9, (2, 300, 12)) / 10
    pt = rng.integers(1, 4, eta.shape).astype(float)
    # Each jet with its mirror image, so that the centroid is on the grid.
    points = [np.concatenate([x, sign * x], axis=1) for x, sign in ((pt, 1), (eta, -1), (phi, -1))]
    jets = kinematics.from_pt_eta_phi_mass(*points, 0.0)
    options = {"n_pixels": 16, "rotate": False, "flip": False}
    np.testing.assert_allclose(jet_images(jets, **options), composed(jets, **options), atol=1e-6)


@given(seeds)
def test_the_second_subjet_is_straight_below_the_first(seed):
    rng = np.random.default_rng(seed)
    distance, angle = rng.uniform(0.2, 0.7), rng.uniform(-np.pi, np.pi)
    eta = [[0.3, 0.3 + distance * np.cos(angle)]]
    phi = [[3.1, 3.1 + distance * np.sin(angle)]]
    jets = kinematics.from_pt_eta_phi_mass([[20.0, 30.0]], eta, phi)
    image = jet_images(jets, subjets=jets)[0]
    assert image[20, 20] == pytest.approx(0.4)
    assert image[20, :20].sum() == pytest.approx(0.6)


def test_et_is_pt_without_mass_and_more_with_it():
    light = kinematics.from_pt_eta_phi_mass([[5.0, 3.0]], [[0.1, 0.4]], [[0.0, 0.2]])
    np.testing.assert_allclose(jet_images(light, intensity="et"), jet_images(light), rtol=1e-6)
    heavy = kinematics.from_pt_eta_phi_mass([[3.0]], 0.0, 0.0, 4.0)
    assert jet_images(heavy, intensity="et", normalise=False).sum() == 5
    assert jet_images(heavy, normalise=False).sum() == 3


def test_memory_of_any_layout_gives_the_same_images():
    jets = towers(1, n_jets=9).astype(np.float32)
    expected = jet_images(jets)
    record = np.zeros((9, 810 - 17), np.float32)
    record[:, : 45 * 4] = jets.reshape(9, -1)
    strided = record[:, : 45 * 4].reshape(9, 45, 4)
    assert np.shares_memory(strided, record)
    record.flags.writeable = False
    unaligned = np.frombuffer(b"." + jets.tobytes(), np.uint8)[1:].view(np.float32)
    unaligned = unaligned.reshape(jets.shape)
    double = np.repeat(jets, 2, axis=0)
    backward, upside = jets[::-1].copy()[::-1], np.asfortranarray(jets)
    assert not unaligned.flags.aligned
    for other in (strided, unaligned, double[::2], backward, upside, jets.astype(">f4")):
        np.testing.assert_array_equal(jet_images(other), expected)
    first_three = np.broadcast_to(jets[:1], (3, 45, 4))
    np.testing.assert_array_equal(jet_images(first_three), np.repeat(expected[:1], 3, axis=0))


def test_out_is_overwritten_and_returned_also_as_a_channel():
    jets = towers(2)
    for out in (np.full((6, 40, 40), 7, np.float32), np.full((6, 2, 40, 40), 7, np.float32)[:, 1]):
        assert jet_images(jets, out=out) is out
        np.testing.assert_array_equal(out, jet_images(jets))
    out = np.full((6, 40, 40), 7, np.float32)
    assert not jet_images(np.zeros((6, 0, 4)), out=out).any()


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((5, 40, 40), np.float32),
        np.zeros((6, 40, 40)),
        np.zeros((6, 40, 80), np.float32)[:, :, ::2],
        np.broadcast_to(np.float32(0), (6, 40, 40)),
        [0.0],
    ],
    ids=["shape", "type", "layout", "read-only", "list"],
)
def test_out_that_cannot_be_filled_is_refused(out):
    with pytest.raises(ValueError, match=r"float32 array of shape \(6, 40, 40\) as out"):
        jet_images(towers(2), out=out)


def test_threads_give_the_same_bits():
    jets = np.tile(towers(3), (2000, 1, 1)).astype(np.float32)
    np.testing.assert_array_equal(jet_images(jets, workers=3), jet_images(jets))


def test_threads_of_the_caller_do_not_disturb_each_other():
    jets = [towers(seed) for seed in range(8)]
    expected = [jet_images(some) for some in jets]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            np.testing.assert_array_equal(list(pool.map(jet_images, jets)), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("where", [0, 1, 2, 3])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_found_wherever_it_is(dtype, where, bad):
    jets = towers(4).astype(dtype)
    jets[5, 44, where] = bad
    with pytest.raises(ValueError, match="finite in single precision; one of jet 5"):
        jet_images(jets)


def test_a_momentum_beyond_single_precision_is_refused():
    jets = towers(4)
    jets[2, 0] = 1e39
    with pytest.raises(ValueError, match="too large"):
        jet_images(jets)


def test_options_that_mean_nothing_are_refused():
    jets = towers(5)
    with pytest.raises(ValueError, match='"pt" or "et"; got \'charge\''):
        jet_images(jets, intensity="charge")
    with pytest.raises(ValueError, match="at least 1 worker; got 0"):
        jet_images(jets, workers=0)
    for subjets in (np.zeros((6, 3, 4)), np.full((6, 2, 4), np.nan)):
        with pytest.raises(ValueError, match=r"finite subjets of shape \(6, 2, 4\)"):
            jet_images(jets, subjets=subjets)


def test_without_numba_the_room_opens_and_drawing_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "course_utils.images.steps", raising=False)
    monkeypatch.delattr(images, "steps", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"needs numba: pip install numba"):
        jet_images(towers(6))


def run(code: str, **environment: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )


DRAWN = (  # numba comes with the first image, not with the import
    "import sys, numpy as np; from course_utils.images import jet_images;"
    "assert 'numba' not in sys.modules;"
    "print(jet_images(np.ones((1, 1, 4), np.float32)).sum())"
)


@pytest.mark.slow
def test_processes_that_compile_at_once_share_a_cache(tmp_path):
    processes = [run(DRAWN, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(3)]
    assert [process.communicate()[0] for process in processes] == ["1.0\n"] * 3
    assert list(tmp_path.rglob("*.nbc"))


@pytest.mark.slow
def test_without_a_folder_for_the_cache_it_compiles_each_time(tmp_path):
    unused = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "course_utils", tmp_path / "course_utils", ignore=unused)
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "IPythonCacheLocator"}  # no notebook is open
    process = run(DRAWN, PYTHONPATH=str(tmp_path), **nowhere)
    assert process.communicate()[0] == "1.0\n"
    assert not list(tmp_path.rglob("*.nbc"))
