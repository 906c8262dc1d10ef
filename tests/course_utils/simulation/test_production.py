"""Production of jet files: reproducible, parallel, resumable, and safe against mishaps."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from executors import BreaksAfter
from recipes import with_units

from course_utils.jetfile import DataError, JetFile
from course_utils.samples import SAMPLES, find, load_jets
from course_utils.simulation import production
from course_utils.simulation.production import produce


@pytest.fixture(scope="module", autouse=True)
def small_units():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SAMPLES, "top_tagging", with_units("top_tagging", 10, 10))
        patch.setitem(SAMPLES, "hbb", with_units("hbb", 5, 15))
        yield


def made(path, **arguments):
    defaults = {"n_jets": 40, "seed": 5, "progress": False, "executor": ThreadPoolExecutor(1)}
    return produce("top_tagging", path, **defaults | arguments)


def contents(path):
    with JetFile(path) as file:
        return file.read()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """40 jets: two units of either class."""
    return contents(made(tmp_path_factory.mktemp("jets") / "reference.h5"))


def test_jets_do_not_depend_on_the_number_of_workers(tmp_path, reference):
    processes = contents(made(tmp_path / "pool.h5", executor=None, workers=2))
    np.testing.assert_array_equal(processes.jets, reference.jets)
    np.testing.assert_array_equal(processes.y_true, reference.y_true)
    np.testing.assert_array_equal(processes.truth, reference.truth)


def test_dask_cluster_makes_the_same_jets(tmp_path, reference):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        jets = contents(made(tmp_path / "dask.h5", executor=client.get_executor()))
    np.testing.assert_array_equal(jets.jets, reference.jets)


def test_a_larger_sample_begins_with_the_smaller_one(tmp_path, reference):
    larger = contents(made(tmp_path / "larger.h5", n_jets=50))
    np.testing.assert_array_equal(larger.jets[:40], reference.jets)
    assert len(larger) == 50
    assert larger.y_true.sum() == 25


def test_seeds_and_splits_give_different_jets(tmp_path, reference):
    for name, changed in (("seed", {"seed": 6}), ("split", {"split": "test"})):
        other = contents(made(tmp_path / f"{name}.h5", **changed))
        first_pt = np.hypot(*other.jets[:, 0, 1:3].T)
        assert not np.isin(first_pt, np.hypot(*reference.jets[:, 0, 1:3].T)).any()


def test_jets_are_balanced_massless_and_inside_the_cuts(reference):
    assert reference.y_true.sum() == 20
    momentum = reference.jets.astype(float).sum(axis=1)
    pt = np.hypot(momentum[:, 1], momentum[:, 2])
    assert (pt > 549.9).all()
    assert (pt < 650.1).all()
    assert (abs(np.arcsinh(momentum[:, 3] / pt)) < 2).all()
    energy, length = reference.jets[..., 0], np.linalg.norm(reference.jets[..., 1:], axis=-1)
    np.testing.assert_allclose(energy, length, rtol=1e-5)
    top_mass = np.sqrt(reference.truth[:, 0] ** 2 - (reference.truth[:, 1:] ** 2).sum(axis=1))
    assert np.median(top_mass[reference.y_true == 1]) == pytest.approx(172.5, abs=2)
    assert (reference.truth[reference.y_true == 0] == 0).all()


def test_an_interrupted_production_leaves_no_file_and_continues(tmp_path, reference, monkeypatch):
    path = tmp_path / "train.h5"
    with pytest.raises(KeyboardInterrupt):
        made(path, executor=BreaksAfter(3), workers=1)
    assert not path.exists()
    survivors = sorted(f.name for f in (tmp_path / "train.h5.parts").glob("*.npz"))
    assert survivors  # what was finished before the interruption

    redone = []
    original = production.make_unit
    monkeypatch.setattr(
        production, "make_unit", lambda unit: redone.append(unit.file_name) or original(unit)
    )
    np.testing.assert_array_equal(contents(made(path)).jets, reference.jets)
    assert set(redone).isdisjoint(survivors)
    assert not (tmp_path / "train.h5.parts").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_workers_end_when_the_production_is_killed():
    code = (
        "import os, time\n"
        "from course_utils.simulation.production import _pool\n"
        "if __name__ == '__main__':\n"
        "    with _pool(None, 1) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        worker = int(run.stdout.readline())
        assert _runs(worker)
        run.kill()
    for _ in range(600):
        if not _runs(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("The worker outlived its production by a minute.")


def _runs(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_another_production_in_the_same_place_is_refused_until_the_first_is_finished(tmp_path):
    path = tmp_path / "train.h5"
    with pytest.raises(KeyboardInterrupt):
        made(path, executor=BreaksAfter(0))
    with pytest.raises(DataError, match=r"another seed.*remove the folder"):
        made(path, seed=99)


OLD = Path(__file__).parents[2] / "golden" / "top_tagging_40.h5"  # by the coarse detector


def test_the_beginning_of_an_older_simulation_is_not_continued(tmp_path):
    """Its jets would be mixed with those of today's detector."""
    path = tmp_path / "train.h5"
    with pytest.raises(KeyboardInterrupt):
        made(path, executor=BreaksAfter(2), workers=1)
    label = tmp_path / "train.h5.parts" / "origin.json"
    with JetFile(OLD) as file:
        of_old = {key: file.provenance[key] for key in ("detector", "settings", "signal")}
    label.write_text(json.dumps(json.loads(label.read_text()) | of_old))
    before = {each.name: each.read_bytes() for each in label.parent.iterdir()}
    assert any(name.endswith(".npz") for name in before)
    with pytest.raises(
        DataError,
        match=r"parts holds an interrupted production with another detector, settings, signal\. "
        r"Finish that one with its own arguments; or, .*remove the folder",
    ):
        made(path)
    assert {each.name: each.read_bytes() for each in label.parent.iterdir()} == before
    assert not path.exists()


def test_a_finished_file_of_an_older_simulation_is_read_and_says_what_made_it(
    tmp_path, monkeypatch
):
    (tmp_path / "top_tagging").mkdir()
    shutil.copy(OLD, tmp_path / "top_tagging" / "train.h5")
    monkeypatch.setenv("JET_DATA", str(tmp_path))
    table = load_jets("top_tagging", split="train")
    assert len(table) == 40
    with JetFile(find("top_tagging", "train")) as file:
        old = file.provenance
    today = production.origin("top_tagging", "train", 12)
    assert old["detector"] != today["detector"]
    assert "MPI = off" in old["settings"]
    assert "MPI = on" in today["settings"]


HOLDS_THE_PLACE = """
import sys
from concurrent.futures import Executor, Future
from course_utils.simulation.production import produce

class Slow(Executor):
    def submit(self, work, /, *arguments):
        print("begun", flush=True)
        return Future()

produce("top_tagging", sys.argv[1], n_jets=40, seed=5, executor=Slow(), progress=False)
"""


def test_a_second_production_of_a_file_leaves_the_first_alone_and_follows_its_kill(
    tmp_path, reference
):
    path = tmp_path / "train.h5"
    command = [sys.executable, "-c", HOLDS_THE_PLACE, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout.readline() == "begun\n"
            parts = sorted((tmp_path / "train.h5.parts").iterdir())
            for other in ({}, {"seed": 99}, {"n_jets": 20}):
                with pytest.raises(
                    DataError, match=r"Another process is making .*train\.h5 now"
                ) as told:
                    made(path, **other)
                assert "remove" not in str(told.value)
            assert sorted((tmp_path / "train.h5.parts").iterdir()) == parts
        finally:
            first.kill()
    np.testing.assert_array_equal(contents(made(path)).jets, reference.jets)
    assert [each.name for each in tmp_path.iterdir()] == ["train.h5"]


def test_a_disk_without_room_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=20_000))
    with pytest.raises(DataError, match=r"0\.0 MB free, 0\.1 MB are needed\. .*JET_DATA") as told:
        made(tmp_path / "train.h5")
    assert f", which holds {tmp_path}, has 0.0 MB free" in str(told.value)
    assert not any(tmp_path.iterdir())


FULL_AT = {"the first unit": 1, "the third unit": 3, "the jet file": 5}


@pytest.mark.parametrize("when", FULL_AT)
def test_a_disk_that_fills_up_is_named_and_no_part_stays(tmp_path, reference, monkeypatch, when):
    """The label of the folder is written first, then four units, then the file."""
    left, fsync = [FULL_AT[when]], os.fsync

    def full(handle):
        if stat.S_ISREG(os.fstat(handle).st_mode):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    path = tmp_path / "train.h5"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            DataError, match=r"no room on the disk.* free, .* MB are needed"
        ) as told:
            made(path)
    assert not path.exists()
    assert not list(tmp_path.rglob("*.part"))
    assert (tmp_path / "train.h5.parts").exists() == (when != "the first unit")
    assert ("waits in train.h5.parts" in str(told.value)) == (when != "the first unit")
    np.testing.assert_array_equal(contents(made(path)).jets, reference.jets)
    assert [each.name for each in tmp_path.iterdir()] == ["train.h5"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_limit_that_stops_hdf5_in_the_middle_of_a_file_is_told_the_same_way(tmp_path):
    """HDF5 says nothing when a file does not become whole on closing."""
    code = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from course_utils.jetfile import DataError, JetTable, write_jets\n"
        "jets, none = np.random.default_rng(1).normal(size=(500, 200, 4)), np.zeros(500)\n"
        "jets = JetTable(jets, np.zeros((500, 4)), none, none)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try:\n"
        "    write_jets(sys.argv[1], [jets], provenance={})\n"
        "except DataError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "train.h5")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "train.h5 failed. Is the disk full" in done.stdout, done.stderr
    assert " MB free" in done.stdout
    assert not any(tmp_path.iterdir())


def test_only_a_few_units_wait_in_memory_however_many_jets_are_asked_for(monkeypatch):
    class Counting(BreaksAfter):
        waiting = most = 0

        def submit(self, work, /, *arguments):
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            return super().submit(work, *arguments)

    monkeypatch.setattr(production, "make_unit", lambda unit: unit.number)
    executor = Counting(100)
    units = [production.Unit("top_tagging", "train", "background", 0, n, 1, 1) for n in range(100)]
    numbers = []
    for _, number in production._made(units, executor, at_once=3):
        executor.waiting -= 1
        numbers.append(number)
    assert sorted(numbers) == list(range(100))
    assert executor.most <= 3


def test_provenance_says_how_the_jets_were_made(tmp_path):
    with JetFile(made(tmp_path / "train.h5", n_jets=20)) as file:
        provenance = file.provenance
    assert provenance["seed"] == 5
    assert provenance["generator"].startswith("Pythia 8")
    # What `data_download.sh --generate` compares before it takes a file for the one asked for.
    compared = {"sample", "split", "seed", "signal", "background", "cuts", "detector"}
    assert compared <= production.origin("top_tagging", "train", 5).keys()
    assert compared <= provenance.keys()
    assert "R=0.8" in provenance["cuts"]
    window = "leading jet of partons at 20 GeV (510.0, 740.0) GeV"
    for process in ("signal", "background"):
        assert provenance[process].endswith(f"pTHat (250.0, 1300.0) GeV, {window}")
        assert "drawn by pTHat^2.65" in provenance[process]
        assert provenance[f"events_tried_{process}"] > 20  # those given up count
    assert "partons" not in production.origin("hbb", "train", 5)["signal"]
    assert "3.3.2" in provenance["detector"]
    json.dumps(provenance)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_jets": 0}, "multiple of 2 jets"),
        ({"n_jets": 7}, "multiple of 2 jets"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"split": "validation"}, "split out of"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        made(tmp_path / "train.h5", **arguments)
    assert not any(tmp_path.iterdir())


def test_unknown_sample_names_those_there_are(tmp_path):
    with pytest.raises(ValueError, match="top_tagging"):
        produce("top_tagin", tmp_path / "x.h5", n_jets=2, seed=1)
