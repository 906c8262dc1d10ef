"""A sandbox ends when all its processes together use more than they may."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from course_utils.grading.running import watch
from course_utils.grading.running.limits import N_WORKERS, Limits, Usage, limit_behind
from course_utils.grading.running.watch import Watch

MB = 1 << 20
SLEEP = "import time; time.sleep(60)"
BUSY = "while True: pass"
# Two children that use what one may use, and their parent.
TWO_CHILDREN = f"""
import subprocess, sys
code = "block = bytearray(b'x') * (100 << 20); {SLEEP}"
for child in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
    child.wait()
"""


@pytest.fixture
def start(tmp_path) -> Iterator:
    """Start a program of Python, watched with these limits; returns the watch and its usage."""
    started = []

    def start(code: str, usage: Usage | None = None, **limits: int):
        usage = usage or Usage()
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        started.append((process, watched := Watch(process, tmp_path, Limits(**limits), usage)))
        watched.start()
        return watched, usage

    yield start
    for process, watched in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        watched.join()


def test_memory_counts_for_all_processes_together(start):
    watched, usage = start(TWO_CHILDREN, memory_mb=180)
    watched.join(30)
    assert usage.why_ended == "used more than 180 MB of memory"


def test_processor_time_counts_over_the_kernels_of_a_notebook(start, monkeypatch):
    monkeypatch.setattr(watch, "_SHORTEST_RUN", 0.5)
    watched, usage = start(BUSY, cpu_seconds=1)
    watched.join(30)
    assert usage.why_ended == "used more than 1 seconds of processor time"
    after_first = usage.cpu_seconds
    watched, usage = start(BUSY, usage, cpu_seconds=1)
    watched.join(30)
    assert after_first + 0.5 < usage.cpu_seconds < after_first + 5


def test_the_folder_of_the_sockets_holds_nothing_else(start, tmp_path):
    (tmp_path / "big").write_bytes(bytes(17 * MB))
    watched, usage = start(SLEEP)
    watched.join(30)
    assert usage.why_ended == "wrote into the folder of the kernel's own connections"


def test_many_small_files_fill_the_folder_of_the_sockets(start, tmp_path):
    for number in range(101):
        (tmp_path / str(number)).touch()
    watched, usage = start(SLEEP)
    watched.join(30)
    assert "connections" in usage.why_ended


def test_a_machine_that_runs_out_of_memory_ends_the_sandbox(start, monkeypatch):
    class Machine:
        available, total, shared = 100 * MB, 8000 * MB, 0

    monkeypatch.setattr(watch.psutil, "virtual_memory", Machine)
    watched, usage = start(SLEEP)
    watched.join(30)
    assert usage.why_ended == "ran when the machine had no memory left"


def test_memory_that_no_process_has_mapped_counts(start, monkeypatch):
    class Machine:
        available, total, shared = 8000 * MB, 8000 * MB, 0

    monkeypatch.setattr(watch.psutil, "virtual_memory", Machine)
    watched, usage = start(SLEEP, memory_mb=100, disk_mb=10)
    Machine.shared = 131 * MB
    watched.join(30)
    assert "used more than 100 MB of memory" in usage.why_ended


def test_a_program_within_its_limits_runs_to_its_end(start):
    watched, usage = start("import time; time.sleep(1)")
    watched.join(30)
    assert usage.why_ended == ""
    assert usage.cpu_seconds < 60


@pytest.mark.parametrize(
    ("ename", "evalue", "limit"),
    [
        ("OSError", "[Errno 27] File too large", "wrote more than the 512 MB"),
        ("_ArrayMemoryError", "Unable to allocate 2 TiB", "the 4096 MB of memory"),
        ("RuntimeError", "can't start new thread", "256 processes and threads"),
    ],
)
def test_an_error_names_its_limit(ename, evalue, limit):
    assert limit in limit_behind(ename, evalue, Limits())


def test_another_error_comes_from_no_limit():
    assert limit_behind("FileNotFoundError", "[Errno 2] No such file", Limits()) == ""


@pytest.mark.parametrize(
    ("cores", "workers", "threads"),
    [(2, None, 2), (2, "1", 2), (2, "2", 1), (8, "2", 2), (4, "9", 1)],
)
def test_kernels_start_as_many_threads_as_there_are_cores_for(monkeypatch, cores, workers, threads):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.delenv(N_WORKERS, raising=False)
    if workers:
        monkeypatch.setenv(N_WORKERS, workers)
    assert Limits().threads == threads
    assert Limits(threads=5).threads == 5  # what the instructor sets
