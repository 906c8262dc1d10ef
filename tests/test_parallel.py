"""Very many jets in batches: the same results in the same order, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import worker_tasks

from course_utils import parallel
from course_utils._workers import worker_pool
from course_utils.jetfile import JetFile, JetTable, write_jets
from course_utils.parallel import in_batches, iter_batches

quiet = {"progress": False, "batch_size": 3, "workers": 2}


def numbered(n_jets: int, first: int = 0) -> np.ndarray:
    """Jets of one constituent; the energy is the jet's number."""
    jets = np.zeros((n_jets, 200, 4), np.float32)
    jets[:, 0, 0] = np.arange(first, first + n_jets)
    return jets


def table(jets: np.ndarray) -> JetTable:
    n_jets = len(jets)
    return JetTable(jets, np.zeros((n_jets, 4)), np.zeros(n_jets), np.zeros(n_jets))


@pytest.fixture
def at_once(monkeypatch):
    """Worker processes from the first batch on."""
    monkeypatch.setattr(parallel, "_WORTH_SHARING_S", 0.0)


@pytest.mark.usefixtures("at_once")
def test_substructure_in_parallel_is_bit_for_bit_that_of_one_call():
    pytest.importorskip("fastjet", reason="needs the extra 'simulation'")
    from by_hand import some_jets

    from course_utils.substructure import (
        lund_plane,
        n_subjettiness,
        soft_drop_mass,
        subjets,
        trimmed,
    )

    jets = some_jets()
    for function in (
        partial(n_subjettiness, n_max=4), soft_drop_mass, subjets, trimmed, lund_plane
    ):  # fmt: skip
        for workers in (1, 2):
            found = in_batches(function, jets, **quiet | {"batch_size": 11, "workers": workers})
            np.testing.assert_array_equal(found, function(jets))


@pytest.mark.usefixtures("at_once")
def test_other_processes_do_the_work():
    found = set(in_batches(worker_tasks.process_number, numbered(20), **quiet))
    assert os.getpid() not in found


def test_few_jets_start_no_process(monkeypatch):
    monkeypatch.setattr(parallel, "worker_pool", None)
    jets = numbered(2001)
    found = in_batches(worker_tasks.process_number, jets, progress=False, workers=8)
    assert set(found) == {os.getpid()}


def test_work_begun_alone_is_finished_by_others_in_the_same_order(monkeypatch):
    monkeypatch.setattr(parallel, "_WORTH_SHARING_S", 1e-9)
    numbers = in_batches(worker_tasks.process_number, numbered(9), **quiet)
    assert set(numbers[:3]) == {os.getpid()}
    assert os.getpid() not in numbers[3:]
    assert in_batches(worker_tasks.energies, numbered(9), **quiet).tolist() == list(range(9))


def test_work_is_shared_early_if_much_is_known_to_be_left(monkeypatch):
    monkeypatch.setattr(parallel, "_WORTH_SHARING_S", 2.0)
    half_a_second = partial(worker_tasks.process_number, seconds=0.5)
    known = in_batches(half_a_second, numbered(18), **quiet)
    assert (known == os.getpid()).tolist() == 3 * [True] + 15 * [False]
    unknown = in_batches(half_a_second, iter([numbered(9)]), **quiet)
    assert set(unknown) == {os.getpid()}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("workers", [1, 2])
def test_streams_of_arrays_and_tables_come_out_in_order(workers):
    pieces = (numbered(4), table(numbered(5, first=4)), numbered(0), numbered(2, first=9))
    found = in_batches(worker_tasks.energies, iter(pieces), **quiet | {"workers": workers})
    assert found.tolist() == list(range(11))
    whole = in_batches(worker_tasks.energies, table(numbered(11)), **quiet | {"workers": workers})
    assert whole.tolist() == list(range(11))


def test_a_file_is_read_as_a_stream(tmp_path):
    write_jets(tmp_path / "jets.h5", [table(numbered(10))], provenance={})
    with JetFile(tmp_path / "jets.h5") as file:
        found = in_batches(worker_tasks.energies, file.batches(4), **quiet)
    assert found.tolist() == list(range(10))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("workers", "at_most"), [(1, 1), (2, 5)])
def test_a_stream_is_read_only_as_fast_as_results_are_taken(workers, at_most):
    n_read = 0

    def stream():
        nonlocal n_read
        for n_read in range(1, 31):
            yield numbered(1, first=n_read)

    results = iter_batches(worker_tasks.energies, stream(), **quiet | {"workers": workers})
    for n_taken, _ in enumerate(results, start=1):
        assert n_read - n_taken < at_most
    assert n_taken == 30


def test_no_jets_have_results_of_no_jets_and_an_empty_stream_has_none():
    found = in_batches(lambda jets: jets[:, :2, 0], numbered(0), progress=False, workers=1)
    assert found.shape == (0, 2)
    assert list(iter_batches(worker_tasks.energies, [], **quiet)) == []
    with pytest.raises(ValueError, match="at least one array"):
        in_batches(worker_tasks.energies, [], **quiet)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_the_callers_and_names_the_batch(workers):
    with pytest.raises(ValueError, match="any jet but the seventh") as caught:
        in_batches(worker_tasks.refuse_jet_7, numbered(20), **quiet | {"workers": workers})
    assert caught.value.__notes__ == ["This happened in batch 2 (jets 6 to 8)."]


@pytest.mark.usefixtures("at_once")
def test_a_worker_that_dies_is_told_with_what_to_do():
    with pytest.raises(BrokenProcessPool) as caught:
        in_batches(worker_tasks.die, numbered(20), **quiet)
    assert "smaller batch_size" in caught.value.__notes__[0]
    assert "batch 0 (jets 0 to 2)" in caught.value.__notes__[0]


def test_a_result_that_is_not_one_row_per_jet_is_refused():
    with pytest.raises(ValueError, match=r"one row per jet from the function, 3 in all; got"):
        in_batches(worker_tasks.total, numbered(20), **quiet)


def test_a_function_without_a_module_is_refused_before_anything_is_read():
    with pytest.raises(TypeError, match=r"Put it in a \.py file.*workers=1"):
        iter_batches(lambda jets: jets, iter([None]), **quiet)


def test_a_function_of_a_notebook_is_refused():
    code = (  # as in a notebook, __main__ is no file
        "from functools import partial\n"
        "from course_utils.parallel import in_batches\n"
        "def mine(jets, scale): return scale * jets\n"
        "in_batches(partial(mine, scale=2), [], workers=2)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "TypeError: Expected a function that worker processes can import" in run.stderr


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"workers": 0}])
def test_sizes_below_one_are_refused(wrong):
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))} of 1 or more; got 0"):
        in_batches(worker_tasks.energies, numbered(3), **quiet | wrong)


def test_what_holds_no_jets_is_refused():
    with pytest.raises(TypeError, match="array of jets, a JetTable, or an iterable"):
        in_batches(worker_tasks.energies, [3.0], **quiet)


def test_the_progress_bar_counts_jets(capsys):
    in_batches(worker_tasks.energies, numbered(10), batch_size=3, workers=1)
    assert "10/10" in capsys.readouterr().err
    in_batches(worker_tasks.energies, iter([numbered(10)]), workers=1, n_jets=20)
    assert "10/20" in capsys.readouterr().err


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


def busy_process() -> subprocess.Popen:
    """A process whose two workers are in the middle of something long."""
    code = (
        "import numpy as np, worker_tasks\n"
        "from course_utils import parallel\n"
        "parallel._WORTH_SHARING_S = 0.0\n"
        "work, jets = worker_tasks.print_process_number_and_wait, np.zeros((20, 200, 4))\n"
        "parallel.in_batches(work, jets, batch_size=1, workers=2, progress=False)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
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
