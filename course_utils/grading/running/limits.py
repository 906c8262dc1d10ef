"""How much one student's notebook may use, and what was used so far."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from traitlets import HasTraits, Integer, default

__all__ = ["N_WORKERS", "Limits", "Usage", "limit_behind"]

N_WORKERS: Final = "COURSE_GRADING_WORKERS"  # tells each worker how many there are


class Limits(HasTraits):
    """The limits of a sandbox, each a setting such as ``c.RunCells.memory_mb = 8192``."""

    memory_mb = Integer(
        4096, min=64, help="Memory in MB: of one process, and of all processes of a notebook."
    ).tag(config=True)
    processes = Integer(
        256, min=16, help="Processes at once; each thread of a process counts as one."
    ).tag(config=True)
    cpu_seconds = Integer(
        1800, min=1, help="Seconds of processor time of a notebook, all cores and restarts added."
    ).tag(config=True)
    disk_mb = Integer(
        512,
        min=1,
        help="Size in MB of the work folder, and of /tmp. Both are kept in memory, and are empty"
        " but for the files that were handed in with the notebook.",
    ).tag(config=True)
    threads = Integer(
        min=1,
        help="Threads that numpy, TensorFlow, PyTorch and numba start in one process; by default"
        " two, or one where the workers need the cores.",
    ).tag(config=True)

    @default("threads")
    def _share_of_the_cores(self) -> int:
        n_workers = int(os.environ.get(N_WORKERS, 1))
        return max(1, min(2, (os.cpu_count() or 1) // n_workers))


@dataclass
class Usage:
    """What the kernels of one notebook used, one after the other, and why the last was ended."""

    cpu_seconds: float = 0.0
    why_ended: str = ""


def limit_behind(ename: str, evalue: str, limits: Limits) -> str:
    """Return which limit an error of a cell comes from; empty if none.

    Parameters
    ----------
    ename, evalue : str
        Name and text of the exception, as the kernel reports them.

    Examples
    --------
    >>> limit_behind("OSError", "[Errno 28] No space left on device", Limits())
    'wrote more than the 512 MB of its folder'
    """
    if ename in ("MemoryError", "_ArrayMemoryError") or evalue.startswith("[Errno 12]"):
        return f"asked for more than the {limits.memory_mb} MB of memory"
    if evalue.startswith(("[Errno 27]", "[Errno 28]")):
        return f"wrote more than the {limits.disk_mb} MB of its folder"
    if ename == "BlockingIOError" or evalue == "can't start new thread":
        return f"started more than {limits.processes} processes and threads"
    return ""
