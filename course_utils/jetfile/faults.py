"""What can be wrong with a jet file, told in plain words: missing, out of reach, or damaged.

A message never advises to remove what may be sound.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import tables

from course_utils.jetfile.commands import generate

_HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_LOCKED: Final = (errno.EAGAIN, errno.EACCES)


class DataError(Exception):
    """A jet file, or data meant for one, is not valid. The message says what to do."""


class DataNotFound(DataError):
    """There is no such jet file. The message names the command that makes it."""


class DataUnavailable(DataError):
    """There is a file, perhaps a sound one, that cannot be read now: locked, or a disk fault."""


# A student's traceback names the public door.
for _error in (DataError, DataNotFound, DataUnavailable):
    _error.__module__ = "course_utils.jetfile"


def _require_hdf5(path: Path, sample: str) -> None:
    if path.is_dir():
        raise DataError(f"Expected a jet file; {path} is a folder. Name the file inside it.")
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except (FileNotFoundError, NotADirectoryError):
        raise DataNotFound(f"{path} is not there. Make it with: {generate(sample)}") from None
    except OSError as error:
        raise _unavailable(path, str(error.strerror)) from error
    if head.startswith(_HDF5_SIGNATURE):
        return
    if not head:
        found = "an empty file (0 bytes)"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        found = "a web page (HTML or XML), perhaps the error page of a download"
    else:
        found = f"a file that starts with {head[:8]!r}"
    raise DataError(
        f"Expected a jet file in HDF5 format; {path} is {found}. Fetch or make it again, for "
        f"example with: {generate(sample)} --force"
    )


def open_hdf5(path: Path, sample: str) -> tables.File:
    """Open a jet file for reading; nothing is known yet of what it holds."""
    _require_hdf5(path, sample)
    with faults_told(path, sample):
        try:
            return tables.open_file(path)
        except ValueError as error:  # PyTables: open in another mode
            raise DataUnavailable(
                f"{path} is open for writing in this Python process. Close it there first; "
                f"pandas.HDFStore opens for writing unless told mode='r'."
            ) from error


@contextmanager
def faults_told(path: Path, sample: str, *faults: type[Exception]) -> Iterator[None]:
    """Say which it is: locked, unreadable, or damaged. `faults` are further signs of damage.

    Only HDF5 knows, and it says so in the text of its back trace: a system call that failed has
    left its error number there; without one, the content of the file is wrong.
    """
    try:
        yield
    except DataError:
        raise
    except (tables.HDF5ExtError, OSError, *faults) as error:
        raise _fault_of(path, sample, error) from error


def _fault_of(path: Path, sample: str, error: Exception) -> DataError:
    calls = [str(line[-1]) for line in getattr(error, "h5backtrace", None) or ()]
    system = re.search(r"errno = (\d+), error message = '(.*?)'", "\n".join(calls))
    if system and "lock" in system.string[: system.start()].splitlines()[-1]:
        if int(system[1]) in _LOCKED:
            return DataUnavailable(
                f"{path} is locked: another process has it open for writing. Close it there, or "
                f"wait until that process is done."
            )
        return DataUnavailable(
            f"{path} cannot be locked ({system[2]}): its file system has no locks. Set "
            f"HDF5_USE_FILE_LOCKING=FALSE in the environment, and start Python again."
        )
    if system or isinstance(error, OSError):
        return _unavailable(path, system[2] if system else str(error))
    if any("filter" in call and "not registered" in call for call in calls):
        return DataUnavailable(
            f"{path} is compressed in a way that this PyTables cannot read. Write it with zlib or "
            f"blosc."
        )
    return DataError(
        f"{path} is truncated or damaged ({calls[-1] if calls else error!r}). Unless it is still "
        f"being written or copied, fetch or make it again, for example with: {generate(sample)} "
        f"--force"
    )


def _unavailable(path: Path, reason: str) -> DataUnavailable:
    return DataUnavailable(
        f"{path} cannot be read: {reason}. The file itself may be sound: look at its permissions "
        f"and its disk."
    )
