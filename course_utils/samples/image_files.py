"""Public jet images, read as arrays: there is no jet behind them any more, only pixels.

Two kinds of files hold images like those of lessons 05 and 06:

- HDF5 with the arrays ``image``, ``signal``, ``jet_pt``, ``jet_mass``, ``tau_21`` and others, such
  as ``jet-images_Mass60-100_pT250-300_R1.25_Pix25.hdf5`` (doi:10.17632/4r4v785rgx.1);
- NumPy archives with ``TYPE_jet_images`` and ``TYPE_prim_lund_planes``, where TYPE is the class of
  the jets, such as ``W`` or ``QCD``.

Pixels and axes are as in the file; nothing is turned or scaled.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tables
from numpy.typing import NDArray

from course_utils.jetfile import DataError, DataNotFound, DataUnavailable

__all__ = ["ClassImages", "ImageTable", "read_class_images", "read_jet_images"]

_REQUIRED: Final = ("image", "signal", "jet_pt", "jet_mass", "tau_21")
_IMAGES, _PLANES = "_jet_images", "_prim_lund_planes"


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Images with their labels.

    Attributes
    ----------
    images : array of shape (n_jets, n_pixels, n_pixels), float32
    y_true : array of shape (n_jets,), int8
        1 signal, 0 background.
    columns : mapping from str to array of shape (n_jets,), float32
        ``jet_pt`` and ``jet_mass`` in GeV, ``tau_21``, and what else the file has for each jet.
    """

    images: NDArray[np.float32]
    y_true: NDArray[np.int8]
    columns: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class ClassImages:
    """Images of the jets of one class, and their primary Lund planes if the file has them.

    Both are float32 arrays of shape (n_jets, n_pixels, n_pixels); ``lund_planes`` may be None.
    """

    images: NDArray[np.float32]
    lund_planes: NDArray[np.float32] | None


def read_jet_images(
    path: str | os.PathLike[str], *, start: int = 0, stop: int | None = None
) -> ImageTable:
    """Read jets `start` to `stop` of an HDF5 file of images; they count as a slice does.

    Memory grows with the jets that are read, not with the file: the public one has 872 666 jets.

    Raises
    ------
    DataNotFound
        If there is no such file.
    DataError
        If it is no HDF5 file, lacks an array, or holds something else there.
    DataUnavailable
        If it cannot be opened now.
    """
    path = _existing(path)
    if not tables.is_hdf5_file(path):
        raise DataError(f"{path} is no HDF5 file. Fetch it again, and compare its size.")
    try:
        with tables.open_file(path) as file:
            stored = {node._v_name: node for node in file.root if isinstance(node, tables.Array)}
            return _table(stored, path, start, stop)
    except (tables.HDF5ExtError, OSError) as error:
        raise DataError(f"{path} is truncated or damaged. Fetch it again.") from error


def _table(
    stored: Mapping[str, tables.Array], path: Path, start: int, stop: int | None
) -> ImageTable:
    if missing := [name for name in _REQUIRED if name not in stored]:
        raise DataError(
            f"Expected arrays {', '.join(_REQUIRED)} in {path}; missing {', '.join(missing)}. "
            f"There are: {', '.join(sorted(stored)) or 'none'}."
        )
    n_jets = len(stored["image"])
    of_jets = [name for name, each in stored.items() if each.shape == (n_jets,)]
    if short := [name for name in _REQUIRED[1:] if name not in of_jets]:
        raise DataError(
            f"Expected one number for each of {n_jets} images in {short[0]} of {path}; "
            f"got shape {tuple(map(int, stored[short[0]].shape))}."
        )
    images = _pixels(stored["image"][start:stop], "image", path)
    signal = stored["signal"][start:stop]
    if not np.isin(signal, (0, 1)).all():
        raise DataError(f"Expected signal of 0 or 1 in {path}; it holds other values.")
    columns = {
        name: stored[name][start:stop].astype(np.float32)
        for name in of_jets
        if name != "signal" and stored[name].dtype.kind in "fiu"
    }
    return ImageTable(images, signal.astype(np.int8), columns)


def read_class_images(path: str | os.PathLike[str]) -> dict[str, ClassImages]:
    """Read a NumPy archive of images, one class or several, by the name of the class.

    Raises
    ------
    DataNotFound
        If there is no such file.
    DataError
        If it is no such archive, holds no images, or has another number of Lund planes.
    """
    path = _existing(path)
    try:
        with path.open("rb") as file:  # np.load leaves it open where it fails
            stored = np.load(file)
            if isinstance(stored, np.ndarray):
                raise DataError(f"{path} holds one array. Expected an archive (.npz) of several.")
            kinds = [name.removesuffix(_IMAGES) for name in stored if name.endswith(_IMAGES)]
            if not kinds:
                raise DataError(
                    f"Expected arrays such as W{_IMAGES} in {path}; there are: "
                    f"{', '.join(stored) or 'none'}."
                )
            return {kind: _of_class(stored, kind, path) for kind in kinds}
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is no sound NumPy archive (.npz). Fetch it again.") from error


def _of_class(stored: Mapping[str, NDArray[Any]], kind: str, path: Path) -> ClassImages:
    images = _pixels(stored[kind + _IMAGES], kind + _IMAGES, path)
    if kind + _PLANES not in stored:
        return ClassImages(images, None)
    planes = _pixels(stored[kind + _PLANES], kind + _PLANES, path)
    if len(planes) != len(images):
        raise DataError(
            f"Expected a Lund plane for each of {len(images)} images of {kind} in {path}; "
            f"got {len(planes)}."
        )
    return ClassImages(images, planes)


def _existing(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if not path.exists():
        raise DataNotFound(f"{path} is not there. Fetch it first: docs/data.md names public files.")
    if path.is_dir() or not os.access(path, os.R_OK):
        raise DataUnavailable(f"Expected a file that can be read; {path} is a folder, or locked.")
    return path


def _pixels(values: NDArray[Any], name: str, path: Path) -> NDArray[np.float32]:
    if values.ndim != 3 or values.shape[1] != values.shape[2] or values.dtype.kind not in "fiu":
        raise DataError(
            f"Expected numbers of shape (n_jets, n_pixels, n_pixels) in {name} of {path}; "
            f"got {values.dtype} of {values.shape}."
        )
    with np.errstate(over="ignore"):  # an overflow is inf, which the next line refuses
        pixels = values.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise DataError(f"Expected finite pixels in {name} of {path}; some are nan or infinite.")
    return pixels
