"""Public files of jet images: HDF5 and NumPy archives, as their writers made them."""

from __future__ import annotations

import numpy as np
import pytest
import tables

from course_utils.jetfile import DataError, DataNotFound, DataUnavailable
from course_utils.samples import read_class_images, read_jet_images

N_JETS = 12


@pytest.fixture
def arrays():
    """What the public HDF5 file holds for each jet, in double precision."""
    rng = np.random.default_rng(0)
    names = ("jet_pt", "jet_eta", "jet_phi", "jet_mass", "jet_delta_R", "tau_1", "tau_2", "tau_21")
    of_jets = {name: rng.uniform(0, 300, N_JETS) for name in names}
    images = rng.exponential(10, (N_JETS, 25, 25)) * (rng.random((N_JETS, 25, 25)) < 0.05)
    return {"image": images, "signal": rng.integers(0, 2, N_JETS).astype(float), **of_jets}


@pytest.fixture
def written(tmp_path, arrays):
    """A function: the file with some arrays changed, or left out where they are None."""

    def write(**changed):
        path = tmp_path / "jet-images.hdf5"
        with tables.open_file(path, "w") as file:
            for name, values in (arrays | changed).items():
                if values is not None:
                    file.create_carray("/", name, obj=np.asarray(values))
        return path

    return write


def test_images_and_columns_are_those_of_the_file(written, arrays):
    table = read_jet_images(written())
    assert len(table) == N_JETS
    assert table.images.dtype == np.float32
    np.testing.assert_allclose(table.images, arrays["image"], rtol=1e-6)
    np.testing.assert_array_equal(table.y_true, arrays["signal"])
    assert set(table.columns) == set(arrays) - {"image", "signal"}
    np.testing.assert_allclose(table.columns["tau_21"], arrays["tau_21"], rtol=1e-6)


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (5, None), (-4, None), (3, 3)])
def test_start_and_stop_count_as_a_slice_does(written, arrays, start, stop):
    table = read_jet_images(written(), start=start, stop=stop)
    np.testing.assert_allclose(table.images, arrays["image"][start:stop], rtol=1e-6)
    np.testing.assert_allclose(table.columns["jet_pt"], arrays["jet_pt"][start:stop], rtol=1e-6)
    np.testing.assert_array_equal(table.y_true, arrays["signal"][start:stop])


def test_a_file_of_h5py_is_read_too(tmp_path, arrays):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "f.hdf5", "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip")
    np.testing.assert_allclose(
        read_jet_images(tmp_path / "f.hdf5").images, arrays["image"], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tau_21": None, "signal": None}, "missing signal, tau_21. There are: image, jet_delta_R"),
        ({"image": np.zeros((N_JETS, 25, 24))}, r"n_pixels, n_pixels\) in image .* got float64"),
        ({"image": np.full((N_JETS, 5, 5), np.nan)}, "finite pixels in image"),
        ({"image": np.full((N_JETS, 5, 5), 1e300)}, "finite pixels in image"),
        ({"signal": np.full(N_JETS, 2)}, "signal of 0 or 1"),
        ({"jet_mass": np.zeros(3)}, r"each of 12 images in jet_mass .* shape \(3,\)"),
    ],
)
def test_another_content_is_refused(written, changed, message):
    with pytest.raises(DataError, match=message):
        read_jet_images(written(**changed))


def test_a_missing_file_a_folder_and_a_damaged_one_are_told_apart(tmp_path, written):
    for read in (read_jet_images, read_class_images):
        with pytest.raises(DataNotFound, match=r"docs/data.md names public files"):
            read(tmp_path / "nothing.hdf5")
        with pytest.raises(DataUnavailable, match="is a folder"):
            read(tmp_path)
    (tmp_path / "page.hdf5").write_text("<html>")
    with pytest.raises(DataError, match="no HDF5 file"):
        read_jet_images(tmp_path / "page.hdf5")
    path = written()
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(DataError, match="truncated or damaged"):
        read_jet_images(path)


# ---------------------------------------------------------------- NumPy archives


def of_class(kind, n_jets=4, *, planes=True, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {f"{kind}_jet_images": rng.exponential(10, (n_jets, 40, 40))}
    if planes:
        arrays[f"{kind}_prim_lund_planes"] = rng.poisson(0.1, (n_jets, 25, 25))
    return arrays


def test_classes_are_found_by_the_names_of_the_arrays(tmp_path):
    arrays = of_class("W", 3) | of_class("QCD", 5, seed=1) | of_class("top", 2, planes=False)
    np.savez_compressed(tmp_path / "images.npz", **arrays)
    found = read_class_images(tmp_path / "images.npz")
    assert {name: len(each.images) for name, each in found.items()} == {"W": 3, "QCD": 5, "top": 2}
    np.testing.assert_allclose(found["QCD"].images, arrays["QCD_jet_images"], rtol=1e-6)
    np.testing.assert_array_equal(found["W"].lund_planes, arrays["W_prim_lund_planes"])
    assert found["top"].lund_planes is None
    assert found["W"].lund_planes.dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((2, 4, 4))}, "such as W_jet_images .* there are: images"),
        (of_class("W") | {"W_prim_lund_planes": np.zeros((3, 25, 25))}, "each of 4 images of W"),
        ({"W_jet_images": np.zeros((2, 4))}, "n_pixels, n_pixels"),
        ({"W_jet_images": np.array([[[None]]])}, "no sound NumPy archive"),
    ],
)
def test_another_archive_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "images.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_class_images(tmp_path / "images.npz")


def test_what_is_no_archive_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros((2, 4, 4)))
    with pytest.raises(DataError, match="holds one array"):
        read_class_images(tmp_path / "one.npy")
    (tmp_path / "page.npz").write_text("<html>")
    with pytest.raises(DataError, match="no sound NumPy archive"):
        read_class_images(tmp_path / "page.npz")
    np.savez(tmp_path / "cut.npz", **of_class("W"))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:9000])
    with pytest.raises(DataError, match="no sound NumPy archive"):
        read_class_images(tmp_path / "cut.npz")
