"""The last minute before a deadline: many submissions at once, through many processes.

    python benchmarks/challenge_load.py [--jets 404000] [--teams 25] [--each 8] [--processes 16]

Every team hands in more files than it may, all at the same time. Printed are the time, the memory
of all processes together (proportional set size: a page that several share counts once), and
whether anything was lost or doubled. `CHALLENGE_DATABASE_URL` moves it to PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from challenge.errors import SubmissionError
from challenge.intake.rescoring import wrong_scores
from challenge.intake.submission import submit
from challenge.setup.create import create_from_labels
from challenge.setup.plan import Plan
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.folder import Rules
from challenge.store.records import State


@dataclass(frozen=True)
class Load:
    """How much arrives."""

    n_jets: int = 404_000
    teams: int = 25
    each: int = 8
    processes: int = 16
    per_day: int = 5


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    seconds : float
    peak_memory : int
        Bytes, of all processes together.
    answers : Counter
        How many submissions were accepted, or refused for which reason.
    per_team : set of int
        Accepted submissions of a team.
    faults : list of str
        Everything that is lost, doubled or wrong.
    """

    seconds: float
    peak_memory: int
    answers: Counter[str]
    per_team: set[int]
    faults: list[str]


def measure(folder: Path, load: Load) -> Outcome:
    """Hand in everything at once, then look for what went wrong."""
    _new_challenge(folder, load)
    tasks = [(folder, team, number) for number in range(load.each) for team in range(load.teams)]
    with get_context("fork").Pool(load.processes) as pool, _peak_memory() as peak:
        start = time.perf_counter()
        answers = pool.map(_hand_in, tasks, chunksize=1)
        seconds = time.perf_counter() - start
    challenge = Challenge.open(folder)
    records = challenge.store.records()
    accepted = Counter(record.team for record in records)
    receipts = Counter((team, sha256) for team, sha256, reason in answers if not reason)
    faults = [*audit_log(challenge.store).faults, *wrong_scores(challenge)]
    if receipts != Counter((record.team, record.sha256) for record in records):
        faults.append("The receipts are not the submissions that are stored.")
    if any(record.state is not State.SCORED for record in records):
        faults.append("A submission that was received is not scored.")
    kept = {path.stem for path in (folder / "submissions").glob("*.npy")}
    if not {record.sha256 for record in records} <= kept:
        faults.append("A file that was received is gone.")
    reasons = Counter(reason or "accepted" for _, _, reason in answers)
    return Outcome(seconds, peak[0], reasons, set(accepted.values()), faults)


def _new_challenge(folder: Path, load: Load) -> None:
    labels = np.random.default_rng(1).integers(0, 2, load.n_jets).astype(np.int8)
    source = folder.parent / "labels.npy"
    np.save(source, labels)
    create_from_labels(folder, source, seed=1, plan=Plan(rules=Rules(per_day=load.per_day)))


def _hand_in(task: tuple[Path, int, int]) -> tuple[str, str, str]:
    folder, team, number = task
    challenge = Challenge.open(folder)
    data = _file([team, number], challenge.truth.labels)
    name = f"team {team}"
    try:
        receipt = submit(challenge, data, team=name, network=f"net {number % 3}")
    except SubmissionError as refusal:
        return name, "", refusal.reason
    return name, receipt.sha256, ""


def _file(seed: list[int], labels: NDArray[np.int8]) -> bytes:
    scores = np.random.default_rng(seed).normal(size=len(labels)).astype(np.float32)
    file = BytesIO()
    np.save(file, scores + labels)
    return file.getvalue()


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """The largest proportional set size of this process and its children; 0 where unknown."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            peak[0] = max(peak[0], sum(map(_proportional_set_size, _family())))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _family() -> list[int]:
    me = os.getpid()
    tasks = Path(f"/proc/{me}/task")
    if not tasks.is_dir():
        return []
    children = [path.read_text().split() for path in tasks.glob("*/children")]
    return [me, *(int(child) for each in children for child in each)]


def _proportional_set_size(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def main() -> None:
    """Print one line for each promise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    usual = Load()
    parser.add_argument("--jets", type=int, default=usual.n_jets)
    parser.add_argument("--teams", type=int, default=usual.teams)
    parser.add_argument("--each", type=int, default=usual.each)
    parser.add_argument("--processes", type=int, default=usual.processes)
    args = parser.parse_args()
    load = Load(args.jets, args.teams, args.each, args.processes)
    with tempfile.TemporaryDirectory() as folder:
        outcome = measure(Path(folder) / "challenge", load)
    total = load.teams * load.each
    print(
        f"{total} submissions of {4e-6 * load.n_jets:.1f} MB at once through {load.processes} "
        f"processes: {outcome.seconds:.0f} s, {outcome.seconds / total:.2f} s each"
    )
    print(f"memory of all processes together: {outcome.peak_memory / 2**20:.0f} MiB at most")
    answers = dict(sorted(outcome.answers.items()))
    print(f"answers: {answers}; accepted of each team: {outcome.per_team}")
    print(f"lost, doubled or wrong: {len(outcome.faults)}")
    for fault in outcome.faults:
        print(f"  {fault}")


if __name__ == "__main__":
    main()
