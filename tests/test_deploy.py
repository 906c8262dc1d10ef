"""The page on clusters tells the truth: its Python runs, its job scripts and its sums are sound."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")
pytest.importorskip("dask_jobqueue", reason="needs the extra 'dask'")

from dask_jobqueue import HTCondorCluster, SLURMCluster
from dask_jobqueue.core import JobQueueCluster
from distributed import LocalCluster
from recipes import with_units

from course_utils.jetfile import JetFile
from course_utils.samples import SAMPLES

PAGE = (Path(__file__).resolve().parents[1] / "deploy" / "cluster.md").read_text()
SLURM, HTCONDOR, READING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def executed(*blocks: str) -> dict[str, object]:
    """The names that blocks of the page define, one after the other, without running `main`."""
    names: dict[str, object] = {"__name__": "make_jets"}
    for block in blocks:
        exec(compile(block, "deploy/cluster.md", "exec"), names)
    return names


@pytest.fixture
def started(tmp_path, monkeypatch) -> Iterator[list[JobQueueCluster]]:
    """Clusters of a test, closed in the end; no job is submitted. Logs go to a temporary folder."""
    monkeypatch.chdir(tmp_path)
    clusters: list[JobQueueCluster] = []
    yield clusters
    for cluster in clusters:
        cluster.close()


def test_slurm_job_has_a_worker_for_every_core_and_the_memory_of_all(started):
    started.append(cluster := executed(SLURM)["cluster"]())
    script = cluster.job_script()
    assert isinstance(cluster, SLURMCluster)
    for line in ("#SBATCH --cpus-per-task=16", "#SBATCH -t 02:00:00", "#SBATCH -A your-account"):
        assert line in script
    assert "--nworkers 16 " in script
    assert "--nthreads 1 " in script
    megabytes = float(re.search(r"--memory-limit ([\d.]+)GiB", script)[1]) * 1024
    assert megabytes > 4 * 183  # what the page says a worker needs


def test_condor_job_is_one_worker_of_one_core(started):
    started.append(cluster := executed(SLURM, HTCONDOR)["cluster"]())
    script = cluster.job_script()
    assert isinstance(cluster, HTCondorCluster)
    assert "MY.DaskWorkerCores = 1\n" in script
    assert "MY.DaskWorkerMemory = 1000000000\n" in script
    assert "+MaxRuntime = 7200\n" in script


def test_condor_page_asks_for_as_many_cores_as_the_slurm_page():
    slurm, condor = executed(SLURM), executed(SLURM, HTCONDOR)
    assert slurm["JOBS"] * slurm["CORES_PER_JOB"] == condor["JOBS"] * condor["CORES_PER_JOB"]


def test_script_makes_a_file_on_a_cluster_once_and_the_page_reads_it(tmp_path, monkeypatch):
    monkeypatch.setitem(SAMPLES, "top_tagging", with_units("top_tagging", 5, 5))
    page = executed(SLURM)
    page |= {"FOLDER": tmp_path, "JETS_PER_FILE": 20, "JOBS": 1, "CORES_PER_JOB": 4}
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        path = page["one_file"](7, cluster.scheduler_address)
    assert path == tmp_path / "train_007.h5"
    with JetFile(path) as file:
        assert (file.n_jets, file.provenance["seed"]) == (20, 7)
    assert page["one_file"](7, "tcp://no-scheduler:1") == path  # there already: nobody is asked
    assert executed(READING.replace("/shared/jets/top_tagging", str(tmp_path)))["n_jets"] == 20


def test_costs_of_the_page_follow_from_what_was_measured():
    measured = r"on one core \| ([\d.]+) ms \(top ([\d.]+), QCD ([\d.]+)\) \| (\d+) core hours"
    one_jet, top, qcd, core_hours = map(float, re.search(measured, PAGE).groups())
    assert one_jet == (top + qcd) / 2
    assert core_hours == pytest.approx(1e8 * one_jet / 1e3 / 3600, rel=0.01)
    kilobytes, gigabytes = map(
        float, re.search(r"the files \| ([\d.]+) kB a jet \| (\d+) GB", PAGE).groups()
    )
    assert gigabytes == pytest.approx(1e8 * kilobytes / 1e6, rel=0.01)


def test_twins_of_the_page_are_those_of_a_birthday_problem():
    units = 1e8 / sum(SAMPLES["top_tagging"].recipe.unit_jets)  # of each of the two processes
    pairs = 2 * math.comb(int(units), 2) / 900_000_000
    assert round(pairs) == int(re.search(r"about (\d+) pairs of units", PAGE)[1])
