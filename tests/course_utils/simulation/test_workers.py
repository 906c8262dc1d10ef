"""Worker processes: nothing is left behind, however their parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils.simulation.workers import worker_pool

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


def busy_process() -> subprocess.Popen:
    """Start a process whose two workers are in the middle of something long."""
    code = (
        "from course_utils.simulation.workers import worker_pool\n"
        "with worker_pool(2) as pool:\n"
        "    list(pool.map(exec, [SAY_NUMBER] * 2))\n"
    )
    number_and_wait = "import os, time; os.write(1, b'%d\\n' % os.getpid()); time.sleep(600)"
    return subprocess.Popen(
        [sys.executable, "-c", code.replace("SAY_NUMBER", repr(number_and_wait))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def children(parent: int) -> list[int]:
    """Processes that run and were started by this one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, started_by = status.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it ended meanwhile
            continue
        if int(started_by) == parent and state != "Z":
            found.append(int(status.parent.name))
    return found


def still_there(processes: list[int], seconds: float) -> list[int]:
    """Those that do not end in this time."""
    until = time.monotonic() + seconds
    while processes and time.monotonic() < until:
        time.sleep(0.05)
        processes = [p for p in processes if _runs(p)]
    for process in processes:
        os.kill(process, signal.SIGKILL)
    return processes


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@needs_proc
def test_workers_end_when_their_parent_is_killed():
    with busy_process() as run:
        workers = [int(run.stdout.readline()) for _ in range(2)]
        assert set(workers) <= set(children(run.pid))
        run.kill()
        assert still_there(workers, 60) == []


@needs_proc
@pytest.mark.parametrize("whole_terminal", [True, False])
def test_ctrl_c_stops_parent_and_workers_at_once(whole_terminal):
    with busy_process() as run:
        workers = [int(run.stdout.readline()) for _ in range(2)]
        started = children(run.pid)
        (os.killpg if whole_terminal else os.kill)(run.pid, signal.SIGINT)
        try:
            _, errors = run.communicate(timeout=60)
        finally:
            run.kill()
        assert still_there(started, 5) == []
    assert set(workers) <= set(started)
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_workers_leave_ctrl_c_to_their_parent():
    with worker_pool(1) as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
