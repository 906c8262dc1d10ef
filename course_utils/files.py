"""Files that appear complete or not at all, whatever interrupts the writing.

Everything the course keeps is written under a temporary name beside its own, brought to the disk,
and renamed. A kill, a full disk or an exception leaves the file that was there before; at worst a
hidden file ending in ``.part`` stays behind.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["part_of", "replacing", "write_file"]


def part_of(path: Path) -> Path:
    """A hidden temporary name beside `path`, on the same disk, that nobody else uses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Write to the name this gives; on leaving without an exception it becomes `path`.

    Parameters
    ----------
    path : Path
        A file of this name is replaced. Its folder must exist.
    private : bool
        Only this account may read the file. It never has another mode, not even while empty.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "scores.txt")) as part:
    ...         _ = part.write_text("0.5")
    ...     [each.name for each in Path(folder).iterdir()]
    ['scores.txt']
    """
    part = part_of(path)
    try:
        if private:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        _flush(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be synchronised
        _flush(path.parent)


def write_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write `data` as one file, see `replacing`."""
    with replacing(path, private=private) as part:
        part.write_bytes(data)


def _flush(path: Path) -> None:
    # Windows synchronises only what is open for writing.
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
