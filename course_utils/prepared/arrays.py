"""A folder of flat arrays on disk: written once, whole and with checksums, then read without copy.

Each array is a file of plain numbers that grows while it is written. What they are, how long and
with which SHA-256, is in ``manifest.json``, which comes last: without it a folder is not finished.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

MANIFEST: Final = "manifest.json"


class PackedError(Exception):
    """A folder of arrays is unfinished, damaged, or not one of these."""


class PackedWriter:
    """Writes arrays piece by piece to a folder that is there already.

    Use it in a ``with`` statement; `finish` makes the folder valid.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._digests: dict[str, Any] = {}
        self._kinds: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
        self._lengths: dict[str, int] = {}

    def append(self, name: str, values: NDArray[Any]) -> None:
        """Add values along the first axis of an array; the first piece sets type and shape."""
        values = np.ascontiguousarray(values)
        if name not in self._files:
            self._files[name] = (self._folder / f"{name}.bin").open("wb")
            self._digests[name] = hashlib.sha256()
            self._kinds[name], self._lengths[name] = (values.dtype, values.shape[1:]), 0
        if (values.dtype, values.shape[1:]) != self._kinds[name]:
            raise ValueError(f"Expected every piece of {name} alike; got {values.dtype}.")
        self._files[name].write(values.data if values.size else b"")
        self._digests[name].update(values.data if values.size else b"")
        self._lengths[name] += len(values)

    def finish(self, about: Mapping[str, Any]) -> None:
        """Bring everything to the disk, the manifest last; `about` is anything JSON can hold."""
        arrays = {}
        for name, file in self._files.items():
            file.flush()
            os.fsync(file.fileno())
            dtype, shape = self._kinds[name]
            arrays[name] = {
                "dtype": dtype.str,
                "shape": [self._lengths[name], *shape],
                "sha256": self._digests[name].hexdigest(),
            }
        with (self._folder / MANIFEST).open("w") as manifest:
            json.dump({"about": dict(about), "arrays": arrays}, manifest, indent=2)
            manifest.flush()
            os.fsync(manifest.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()


def open_packed(folder: Path, *, verify: bool) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What a folder says of itself, and its arrays, which are read when they are looked at.

    Parameters
    ----------
    folder : path
    verify : bool
        Compare every array with its checksum: the whole folder is read once. The lengths are
        compared in any case.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    PackedError
        If it is unfinished or damaged. The message says how.
    """
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        about, arrays = dict(content["about"]), dict(content["arrays"])
        opened = {name: _opened(folder / f"{name}.bin", of) for name, of in arrays.items()}
        if verify:
            for name, of in arrays.items():
                _verify(folder / f"{name}.bin", of["sha256"])
    except FileNotFoundError as error:
        raise PackedError(f"{Path(error.filename).name} is missing") from error
    except (KeyError, TypeError, ValueError) as error:
        raise PackedError(f"{MANIFEST} is damaged ({error})") from error
    return about, opened


def _opened(path: Path, of: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(of["dtype"]), tuple(map(int, of["shape"]))
    if dtype.kind not in "iuf" or min(shape) < 0:
        raise PackedError(f"{path.name} would hold {dtype} in the shape {shape}")
    expected, found = dtype.itemsize * int(np.prod(shape)), path.stat().st_size
    if found != expected:
        raise PackedError(f"{path.name} has {found} bytes instead of {expected}")
    if expected == 0:  # nothing cannot be mapped
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, mode="r", shape=shape)


def _verify(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise PackedError(f"{path.name} does not have its checksum")
