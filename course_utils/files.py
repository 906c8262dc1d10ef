"""Files that appear complete or not at all, whatever interrupts the writing, made by one at a time.

Everything the course keeps is written under a temporary name beside its own, brought to the disk,
and renamed. A kill, a full disk or an exception leaves the file that was there before; at worst a
hidden file ending in ``.part`` stays behind.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

__all__ = ["disk_room", "is_full", "locked", "no_formula", "part_of", "replacing", "write_file"]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota, the largest file


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


@contextmanager
def locked(path: Path, *, busy: Callable[[], None]) -> Iterator[None]:
    """Let one process at a time make `path`, which need not be there yet; its folder must.

    The lock goes with its process, however that ends. On a file system without locks nothing is
    locked.

    Parameters
    ----------
    busy : function
        Called if another process makes it. What it raises ends the attempt; otherwise we wait.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, locked(Path(folder, "train.h5"), busy=print):
    ...     [each.name for each in Path(folder).iterdir()]
    ['.train.h5.lock']
    """
    # Open to all users of the folder. A soft lock would outlive a process that is killed.
    name = path.with_name(f".{path.name}.lock")
    lock = FileLock(name, mode=0o666, fallback_to_soft=False)
    with suppress(NotImplementedError, OSError):  # no locks here
        try:
            lock.acquire(blocking=False)
        except TimeoutError:
            busy()
            lock.acquire()
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows removes nothing that is open
                name.unlink()  # while it is ours: who waits for this very file then tries again
        lock.release()


def is_full(error: BaseException | None) -> bool:
    """Whether a disk that is full, or a quota, is the cause of an error, or of that one's cause."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(f"errno = {number}," in str(error) for number in _FULL):  # as HDF5 writes it
            return True
        error = error.__cause__ or error.__context__
    return False


def disk_room(folder: Path, *, needed: int | None = None) -> str:
    """Say in a sentence which disk holds `folder`, how much is free there, how much is needed."""
    folder = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    disk = next(each for each in (folder, *folder.parents) if each.is_mount())
    free = shutil.disk_usage(folder).free
    need = "" if needed is None else f", {needed / 1e6:.1f} MB are needed"
    return f"The disk {disk}, which holds {folder}, has {free / 1e6:.1f} MB free{need}."


def _flush(path: Path) -> None:
    # Windows synchronises only what is open for writing.
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def no_formula(value: Any) -> Any:
    """Return a cell of a CSV file; text that a spreadsheet would run gets a leading quote.

    Examples
    --------
    >>> no_formula("=1+1"), no_formula("Doe"), no_formula(-0.5)
    ("'=1+1", 'Doe', -0.5)
    """
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@")):
        return f"'{value}"
    return value
