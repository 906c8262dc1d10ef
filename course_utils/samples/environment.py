"""The folder that ``JET_DATA`` names, and what is wrong with it.

A value that cannot be meant is an error: a file, a link to nothing, a folder that may not be
entered, a variable that nobody set, the folder of one sample in place of the one above it. A folder
that is not there yet, or holds no jets yet, is none: jets are still to come, and the small sample
serves meanwhile. Then the line in the log that names the small sample says so.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from course_utils.jetfile import DataError
from course_utils.samples.catalogue import SPLITS

__all__ = ["jet_data", "nothing_there", "require_sound"]

_NAME: Final = "JET_DATA"


def jet_data() -> Path | None:
    """Return the folder that ``JET_DATA`` names; None if it is not set.

    ``~`` and variables such as ``$HOME`` are replaced: where nobody does so, as in a Dockerfile or
    a unit of systemd, they arrive as they were written.
    """
    value = os.environ.get(_NAME)
    return Path(os.path.expandvars(value)).expanduser() if value else None


def require_sound(sample: str) -> None:
    """Refuse a value of ``JET_DATA`` that cannot be meant as the folder of all samples.

    Raises
    ------
    DataError
        With the value, what was looked for, and what to do.
    """
    root = jet_data()
    if root is not None and (fault := _fault(root, sample)):
        raise DataError(f"{_named(root)}, {fault}. {_wanted(root, sample)}")


def nothing_there(sample: str) -> str:
    """Say that ``JET_DATA`` holds no jets of a sample; empty if it is not set."""
    root = jet_data()
    if root is None:
        return ""
    found = "holds none" if root.is_dir() else "is not there"
    below = sorted(each.parent for each in root.glob(f"*/{sample}") if each.is_dir())
    hint = f" Did you mean {_NAME}={below[0]}?" if below else ""
    return f"{_named(root)}, which {found}: looked for {_pattern(root, sample)}.{hint}"


def _fault(root: Path, sample: str) -> str:
    """What cannot be meant, as the end of a sentence; empty if nothing."""
    try:
        if "$" in str(root) and not root.exists():
            return "which names a variable that is not set"
        for path in (root, root / sample, *(root / sample / f"{split}.h5" for split in SPLITS)):
            if path.is_symlink() and not path.exists():
                what = "which is" if path == root else f"where {path.relative_to(root)} is"
                return f"{what} a link to {path.readlink()}, and that is not there"
        if root.exists() and not root.is_dir():
            return "which is a file"
        if any((root / f"{split}.h5").exists() for split in SPLITS):
            return "which is the folder of one sample"
        if root.is_dir():
            next(root.iterdir(), None)
    except OSError as error:
        return f"which cannot be read ({error.strerror})"
    return ""


def _named(root: Path) -> str:
    value = os.environ[_NAME]
    means = "" if value == str(root.absolute()) else f", here {root.absolute()}"
    return f"{_NAME} is {value!r}{means}"


def _wanted(root: Path, sample: str) -> str:
    return (
        f"Expected the folder above those of the samples: {_pattern(root, sample)} are looked "
        f"for. Set {_NAME} to {_better(root)}, or unset it."
    )


def _better(root: Path) -> str:
    folder = root if root.is_dir() else root.parent
    try:
        one_too_deep = any((folder / f"{split}.h5").exists() for split in SPLITS)
    except OSError:
        return "another folder"
    return str(folder.absolute().parent) if one_too_deep else "another folder"


def _pattern(root: Path, sample: str) -> str:
    return f"{root / sample}/{{{','.join(SPLITS)}}}.h5"
