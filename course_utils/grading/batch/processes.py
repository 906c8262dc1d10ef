"""End processes with everything they started, also what has detached itself from them.

A kernel has a session of its own, so that killing the group of its parent does not reach it; a
program that a student starts can leave its parent, too. On Linux such orphans come to the nearest
ancestor that adopts them (`adopt_orphans`), which finds them among its children.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Collection
from contextlib import suppress

import psutil

__all__ = [
    "adopt_orphans",
    "children_of_this_process",
    "kill_orphans",
    "kill_tree",
    "kill_visitors",
]

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PATIENCE = 5.0  # seconds until the kernel has removed what was killed
_MOST_ROUNDS = 20  # something may start processes faster than one round kills them


def adopt_orphans() -> None:
    """Make this process the parent of descendants that lose theirs; without effect but on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of_this_process() -> set[int]:
    """Return the process ids of the direct children."""
    return {child.pid for child in psutil.Process().children()}


def kill_tree(pid: int) -> None:
    """Kill a process, the group it leads, and all its descendants."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        with suppress(psutil.Error):
            root.suspend()  # so that it starts nothing more
        family = [root, *root.children(recursive=True)]
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _kill(family)


def kill_orphans(*, keep: Collection[int]) -> None:
    """Kill the children of this process that are not among those to keep, with theirs."""
    for _ in range(_MOST_ROUNDS):
        orphans = [child for child in psutil.Process().children() if child.pid not in keep]
        if not orphans:
            return
        for orphan in orphans:
            with suppress(psutil.NoSuchProcess):
                _kill([orphan, *orphan.children(recursive=True)])


def kill_visitors() -> None:
    """Kill the descendants that are not in this process's session: kernels, and what they left."""
    own = os.getsid(0)
    for _ in range(_MOST_ROUNDS):
        visitors = [p for p in psutil.Process().children(recursive=True) if _session(p.pid) != own]
        if not visitors:
            return
        _kill(visitors)


def _session(pid: int) -> int | None:
    """Return the session of a process; None if that has ended."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=_PATIENCE)
