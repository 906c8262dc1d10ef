"""Watch a sandbox from outside, and end it when it uses more than it may.

The kernel of the operating system limits each process; what all processes of a sandbox use together
is measured here, a few times a second.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from subprocess import Popen

import psutil

from course_utils.grading.running.limits import Limits, Usage

__all__ = ["Watch"]

_INTERVAL = 0.25  # seconds
_SHORTEST_RUN = 10.0  # seconds of processor time that a kernel gets after the others used up all
_FOLDER_MB = 16
_FOLDER_ENTRIES = 100  # a kernel makes seven
_MB = 1 << 20


class Watch(threading.Thread):
    """A thread that ends a sandbox when it goes beyond a limit, and notes which.

    Parameters
    ----------
    process : Popen
        bubblewrap; when it is killed, so are all processes in the sandbox.
    folder : Path
        The folder of the kernel's sockets, the only one outside that the sandbox can write to.
    limits : Limits
    usage : Usage
        Of the notebook: this kernel's use is added to it.
    """

    def __init__(self, process: Popen, folder: Path, limits: Limits, usage: Usage) -> None:
        super().__init__(name="sandbox", daemon=True)
        self._process, self._folder = process, folder
        self._limits, self._usage = limits, usage
        self._cpu_before = usage.cpu_seconds
        least = usage.cpu_seconds + _SHORTEST_RUN if usage.cpu_seconds else 0
        self._cpu_limit = max(limits.cpu_seconds, least)
        self._shared_before = psutil.virtual_memory().shared
        self._ended = threading.Event()

    def run(self) -> None:
        """Measure until the sandbox ends, or end it."""
        while self._process.poll() is None:
            if why := self._why_to_end():
                self._usage.why_ended = why
                self._process.kill()
                return
            self._ended.wait(_INTERVAL)

    def _why_to_end(self) -> str:
        """Return which limit the sandbox has passed; empty if none."""
        processes = _all_processes(self._process.pid)
        cpu = sum(map(_cpu_seconds, processes))
        self._usage.cpu_seconds = max(self._usage.cpu_seconds, self._cpu_before + cpu)
        if self._usage.cpu_seconds > self._cpu_limit:
            return f"used more than {self._limits.cpu_seconds} seconds of processor time"
        if self._memory_is_used_up(processes):
            return f"used more than {self._limits.memory_mb} MB of memory"
        if _machine_is_full():
            return "ran when the machine had no memory left"
        if _is_full(self._folder):
            return "wrote into the folder of the kernel's own connections"
        return ""

    def _memory_is_used_up(self, processes: list[psutil.Process]) -> bool:
        """Whether the processes of the sandbox use more memory than they may, all together.

        Memory that no process has mapped, as that of a ``memfd``, shows only in the machine's
        total; the sandbox's own folders are kept in the same kind of memory.
        """
        limit = self._limits.memory_mb * _MB
        # Pages that processes share count for each in the first sum; the second takes longer.
        if sum(map(_resident, processes)) > limit and sum(map(_proportional, processes)) > limit:
            return True
        own_folders = 3 * self._limits.disk_mb * _MB
        return psutil.virtual_memory().shared - self._shared_before > limit + own_folders


def _machine_is_full() -> bool:
    """Whether the operating system would soon end processes of its own choice."""
    memory = psutil.virtual_memory()
    return memory.available < max(256 * _MB, memory.total // 50)


def _all_processes(root: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(root)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_seconds(process: psutil.Process) -> float:
    """Processor time of a process and of its children that have ended."""
    try:
        return sum(process.cpu_times()[:4])
    except psutil.Error:
        return 0.0


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> int:
    """Memory of a process, shared pages divided by the number of those who share them."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:  # a process can forbid it, and pays with its shared pages
        return _resident(process)


def _is_full(folder: Path) -> bool:
    """Whether there is more in a folder than sockets and the file that names them."""
    size = entries = 0
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            entries += 1
            try:
                size += os.lstat(Path(path, name)).st_blocks * 512
            except OSError:
                continue
            if entries > _FOLDER_ENTRIES or size > _FOLDER_MB * _MB:
                return True
    return False
