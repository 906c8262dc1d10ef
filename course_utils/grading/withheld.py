"""Test jets that a kernel which is graded does not see: a score that counts is measured on them.

A notebook could train on the test jets, or keep their labels. So in a sandbox the second half of
each large test file is missing, and checks take their jets from there. A small file (below 4000
jets) is used as it is, and so is every file where notebooks run without a sandbox.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_utils.jetfile import JetTable

__all__ = ["graded_jets", "without_graded_jets"]

_SMALL = 4000  # jets
_MOST_SHOWN = 40_000
_BLOCK = 5000


def graded_jets(sample: str, n_jets: int) -> JetTable:
    """Return at most `n_jets` test jets for a score that counts.

    Parameters
    ----------
    sample : str
        A key of `course_utils.samples.SAMPLES`.
    n_jets : int

    Returns
    -------
    JetTable
        Of the second half of the test jets; of all, if there are fewer than 4000.
    """
    from course_utils.samples import count_jets, load_jets

    n_all = count_jets(sample, "test")
    first = n_all // 2 if n_all >= _SMALL else 0
    return load_jets(sample, "test", start=first, stop=min(first + n_jets, n_all))


def without_graded_jets(path: Path, cache: Path) -> Path:
    """Return a copy of a test file without the jets of `graded_jets`.

    Parameters
    ----------
    path : Path
        A jet file of the split ``test``.
    cache : Path
        A folder of this account, where the copy stays for the next notebook.

    Returns
    -------
    Path
        At most 40 000 jets of the first half; the file itself if it is small.
    """
    from course_utils.jetfile import JetFile, write_jets

    with JetFile(path) as file:
        if file.n_jets < _SMALL:
            return path
        state = path.stat()
        name = f"{path.resolve()} {state.st_size} {state.st_mtime_ns}"
        copy = cache / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.h5"
        if not copy.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            stop = min(file.n_jets // 2, _MOST_SHOWN)
            blocks = (file.read(i, min(i + _BLOCK, stop)) for i in range(0, stop, _BLOCK))
            write_jets(copy, blocks, provenance=file.provenance)
    return copy
