"""The last minutes before a deadline: a class hands in over HTTP, and looks at the board meanwhile.

    python benchmarks/challenge_load.py [--students 200] [--seconds 10] [--each 1]
    .ci/with-postgresql python benchmarks/challenge_load.py --replicas 2 --kill

Every student is a team and sends its files through the real service (``python -m challenge
serve``), at a random moment of the first seconds; who is told to come back, or loses the
connection, does so. Printed are the times of the answers and of the board, the memory of the
services (proportional set size: a page that several share counts once), and whether anything was
lost or doubled. `CHALLENGE_DATABASE_URL` moves it to PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from challenge.intake import invite, wrong_scores
from challenge.setup.create import create_from_labels
from challenge.setup.plan import Plan
from challenge.store import Challenge, Rules, State, audit_log

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Load:
    """How much arrives, and at how many services."""

    n_jets: int = 404_000
    students: int = 200
    each: int = 1
    seconds: float = 10.0
    replicas: int = 1
    kills: bool = False
    per_day: int = 5


@dataclass
class Seen:
    """What the students saw.

    Attributes
    ----------
    receipts : Counter of (team, sha256)
    answers : Counter
        How often each status, with the reason of a refusal, or ``no connection``.
    waits : list of float
        Seconds from the first try to the receipt or the final refusal.
    boards : list of float
        Seconds that the board took, asked for twice a second.
    peak_memory : int
        Bytes, of all services together.
    processor : dict of float
        Seconds that each service has computed, by its process.
    seconds : float
        From the first file to the last receipt.
    """

    receipts: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    boards: list[float] = field(default_factory=list)
    peak_memory: int = 0
    processor: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0


class Services:
    """Replicas of the service; students go to the next one when theirs does not answer."""

    def __init__(self, folder: Path, replicas: int) -> None:
        self.ports = [_free_port() for _ in range(replicas)]
        self.processes = [_served(folder, port) for port in self.ports]

    async def wait(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            for port in self.ports:
                while True:
                    try:
                        await client.get(f"http://127.0.0.1:{port}/health")
                        break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.1)

    def memory(self) -> int:
        return sum(_proportional_set_size(each.pid) for each in self.processes)

    def end(self) -> None:
        for each in self.processes:
            each.terminate()
        for each in self.processes:
            each.wait()


def measure(folder: Path, load: Load) -> tuple[Seen, list[str]]:
    """Let a class hand in, then look for what went wrong."""
    challenge, tokens = _new_challenge(folder, load)
    services = Services(folder, load.replicas)
    try:
        seen = asyncio.run(_rush(services, challenge, tokens, load))
    finally:
        services.end()
    return seen, _faults(challenge, seen)


def _new_challenge(folder: Path, load: Load) -> tuple[Challenge, list[str]]:
    labels = np.random.default_rng(1).integers(0, 2, load.n_jets).astype(np.int8)
    source = folder.parent / "labels.npy"
    np.save(source, labels)
    create_from_labels(folder, source, seed=1, plan=Plan(rules=Rules(per_day=load.per_day)))
    challenge = Challenge.open(folder)
    return challenge, [invite(challenge, f"team {number}")[1] for number in range(load.students)]


async def _rush(services: Services, challenge: Challenge, tokens: list[str], load: Load) -> Seen:
    await services.wait()
    seen, labels = Seen(), challenge.truth.labels
    start = time.perf_counter()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:
        tasks = [
            _hand_in(client, services, token, f"team {number}", _file([number, turn], labels), seen,
                     after=random.Random(f"{number} {turn}").uniform(0, load.seconds))
            for turn in range(load.each) for number, token in enumerate(tokens)
        ]  # fmt: skip
        around = [asyncio.create_task(_watch(client, services, tokens[0], seen))]
        if load.kills:
            around.append(asyncio.create_task(_kill(services, load.seconds / 2)))
        await asyncio.gather(*tasks)
        seen.seconds = time.perf_counter() - start
        _look_at_processors(services, seen)
        for each in around:
            each.cancel()
    return seen


async def _hand_in(
    client: httpx.AsyncClient,
    services: Services,
    token: str,
    team: str,
    data: bytes,
    seen: Seen,
    *,
    after: float,
) -> None:
    await asyncio.sleep(after)
    begun = time.perf_counter()
    place = random.randrange(len(services.ports))
    while True:
        port = services.ports[place % len(services.ports)]
        address = f"http://127.0.0.1:{port}/api/submissions/cnn"
        try:
            answer = await client.post(
                address, content=data, headers={"Authorization": f"token {token}"}
            )
        except httpx.TransportError:
            seen.answers["no connection"] += 1
            place += 1
            await asyncio.sleep(0.5)
            continue
        told = answer.json()
        seen.answers[" ".join([str(answer.status_code), told.get("reason", "")]).strip()] += 1
        if answer.status_code == 201:
            seen.receipts[team, told["sha256"]] += 1
        if answer.status_code == 201 or told["reason"] not in ("busy", "unusable", "fault"):
            seen.waits.append(time.perf_counter() - begun)
            return
        await asyncio.sleep(float(answer.headers.get("retry-after", 1)))


async def _watch(client: httpx.AsyncClient, services: Services, token: str, seen: Seen) -> None:
    """Ask for the board and for the memory, twice a second."""
    while True:
        seen.peak_memory = max(seen.peak_memory, services.memory())
        _look_at_processors(services, seen)
        alive = [p for p, each in zip(services.ports, services.processes, strict=True)
                 if each.poll() is None]  # fmt: skip
        begun = time.perf_counter()
        try:
            answer = await client.get(
                f"http://127.0.0.1:{alive[0]}/board",
                headers={"Authorization": f"token {token}"},
            )
            seen.answers["board not answered"] += answer.status_code != 200
            seen.boards.append(time.perf_counter() - begun)
        except httpx.TransportError:  # of the service that was just killed
            pass
        await asyncio.sleep(0.5)


def _look_at_processors(services: Services, seen: Seen) -> None:
    for each in services.processes:
        with contextlib.suppress(OSError):  # it was killed, or the system has no such file
            fields = Path(f"/proc/{each.pid}/stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            seen.processor[each.pid] = max(
                seen.processor.get(each.pid, 0.0), ticks / os.sysconf("SC_CLK_TCK")
            )


async def _kill(services: Services, after: float) -> None:
    await asyncio.sleep(after)
    services.processes[0].kill()


def _faults(challenge: Challenge, seen: Seen) -> list[str]:
    """Everything that is lost, doubled or wrong."""
    records = challenge.store.records()
    faults = [*audit_log(challenge.store).faults, *wrong_scores(challenge)]
    if seen.receipts != Counter((record.team, record.sha256) for record in records):
        faults.append("The receipts are not the submissions that are stored.")
    if any(record.state is not State.SCORED for record in records):
        faults.append("A submission that was received is not scored.")
    kept = {path.stem for path in (challenge.folder / "submissions").glob("*.npy")}
    if not {record.sha256 for record in records} <= kept:
        faults.append("A file that was received is gone.")
    return faults


def _served(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "challenge", "serve", str(folder), "--port", str(port)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTERHUB_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    with (folder / f"service-{port}.log").open("w") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _file(seed: list[int], labels: NDArray[np.int8]) -> bytes:
    scores = np.random.default_rng(seed).normal(size=len(labels)).astype(np.float32)
    file = BytesIO()
    np.save(file, scores + labels)
    return file.getvalue()


def _proportional_set_size(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended, or there is no such file on this system
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def main() -> None:
    """Print one line for each promise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    usual = Load()
    parser.add_argument("--jets", type=int, default=usual.n_jets)
    parser.add_argument("--students", type=int, default=usual.students)
    parser.add_argument("--each", type=int, default=usual.each)
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--replicas", type=int, default=usual.replicas)
    parser.add_argument("--kill", action="store_true", help="kill one replica in the middle")
    args = parser.parse_args()
    load = Load(args.jets, args.students, args.each, args.seconds, args.replicas, args.kill)
    with tempfile.TemporaryDirectory() as folder:
        seen, faults = measure(Path(folder) / "challenge", load)
    waits, boards = (np.array(each or [np.nan]) for each in (seen.waits, seen.boards))
    print(
        f"{load.students * load.each} files of {4e-6 * load.n_jets:.1f} MB within "
        f"{load.seconds:.0f} s, {load.replicas} services: done after {seen.seconds:.0f} s"
    )
    print(f"answer: median {np.median(waits):.1f} s, 95 % {np.quantile(waits, 0.95):.1f} s")
    print(f"board meanwhile: median {np.median(boards):.2f} s, slowest {boards.max():.2f} s")
    print(f"memory of all services together: {seen.peak_memory / 2**20:.0f} MiB at most")
    computed, files = sum(seen.processor.values()), load.students * load.each
    print(f"they computed for {computed:.0f} s, {computed / files:.2f} s for each file")
    print(f"answers: {dict(sorted((+seen.answers).items()))}")
    accepted = set(Counter(team for team, _ in seen.receipts).values())
    print(f"accepted of each team: {accepted}")
    print(f"lost, doubled or wrong: {len(faults)}")
    for fault in faults:
        print(f"  {fault}")


if __name__ == "__main__":
    main()
