"""The processes that grade, kept warm, watched, and replaced when they end or take too long.

A process that has ended costs the student whom it was grading, and nobody else. None outlives the
command: each ends when the pipe from its parent closes, however that happens.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any

from course_utils.grading.batch.errors import BatchError
from course_utils.grading.batch.journal import TIME_LIMIT
from course_utils.grading.batch.processes import (
    adopt_orphans,
    children_of_this_process,
    kill_orphans,
    kill_tree,
)
from course_utils.grading.running.limits import N_WORKERS

__all__ = ["Crew", "Outcome", "Task"]

_START_LIMIT = 300.0  # seconds; loading everything takes some 10 CPU seconds
_MOST_STUDENTS = 40  # of one process, which keeps a little of each
_BEAT = 1.0  # seconds between two looks at the clock


@dataclass(frozen=True)
class Task:
    """A student to grade."""

    student: str
    lesson: str
    log: str


@dataclass(frozen=True)
class Outcome:
    """How it ended. ``state`` and the rest are those of the journal's `Entry`."""

    task: Task
    state: str
    reason: str
    minutes: float
    megabytes: float | None = None


@dataclass
class _Worker:
    """One process, and the task that it has, since when."""

    process: subprocess.Popen[bytes]
    answers: IO[bytes]
    since: float
    task: Task | None = None
    is_ready: bool = False
    n_students: int = 0

    def fileno(self) -> int:
        return self.answers.fileno()


class Crew:
    """Processes that grade; leaving the ``with`` statement ends them and all they started.

    Parameters
    ----------
    folder : Path
        The course folder.
    n_workers : int
        Processes at once.
    limit : float
        Seconds for one student.
    gigabytes : float
        Memory that one process may allocate.
    options : tuple of str
        Settings for nbgrader, ``--Class.name=value``.
    log : Path
        Where a process writes while it grades nobody.
    """

    def __init__(
        self,
        folder: Path,
        *,
        n_workers: int,
        limit: float,
        gigabytes: float,
        options: tuple[str, ...],
        log: Path,
    ) -> None:
        self._command = (str(gigabytes), *options)
        self._folder, self._n_workers, self._limit, self._log = folder, n_workers, limit, log
        self._workers: list[_Worker] = []
        self._others: set[int] = set()

    def __enter__(self) -> Crew:
        adopt_orphans()
        self._others = children_of_this_process()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for worker in [*self._workers]:
            self._end(worker)

    @property
    def unfinished(self) -> list[Task]:
        """What is being graded now."""
        return [worker.task for worker in self._workers if worker.task]

    def grade(self, tasks: Iterable[Task]) -> Iterator[Outcome | None]:
        """Yield how each task ended, as soon as it has; None about once a second in between.

        Raises
        ------
        BatchError
            If no process can be started.
        """
        waiting = deque(tasks)
        while waiting or self.unfinished:
            idle = [worker for worker in self._workers if not worker.task]
            n_more = min(self._n_workers - len(self._workers), len(waiting) - len(idle))
            idle += [self._hired() for _ in range(n_more)]
            for worker in idle:
                if worker.is_ready and waiting:
                    self._give(worker, waiting.popleft())
            for worker in wait(self._workers, timeout=_BEAT):
                yield self._heard(worker)
            yield from self._overdue()
            yield None

    def _hired(self) -> _Worker:
        """Start a process."""
        read, write = os.pipe()
        module = "course_utils.grading.batch.worker"
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(write), *self._command],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[write],
                env=os.environ | {N_WORKERS: str(self._n_workers)},
                start_new_session=True,  # Ctrl-C reaches this process only, which ends the others
            )
        os.close(write)
        worker = _Worker(process, os.fdopen(read, "rb"), time.monotonic())
        self._workers.append(worker)
        return worker

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task, worker.since = task, time.monotonic()
        worker.n_students += 1
        with suppress(BrokenPipeError):  # it has died, which its answers will show
            worker.process.stdin.write(json.dumps(vars(task)).encode() + b"\n")
            worker.process.stdin.flush()

    def _heard(self, worker: _Worker) -> Outcome | None:
        """Take an answer, or notice that none will come."""
        line = worker.answers.readline()
        if not line.endswith(b"\n"):
            return self._died(worker)
        answer: dict[str, Any] = json.loads(line)
        if answer["state"] == "useless":
            raise BatchError(answer["reason"])
        if not worker.is_ready:
            worker.is_ready = True
            return None
        task, minutes = worker.task, self._minutes(worker)
        worker.task = None
        if worker.n_students >= _MOST_STUDENTS:
            self._end(worker)
        return Outcome(task, minutes=minutes, **answer)

    def _died(self, worker: _Worker) -> Outcome:
        with suppress(subprocess.TimeoutExpired):  # it closed the pipe and lives on
            worker.process.wait(_BEAT)
        self._end(worker)
        code = worker.process.returncode
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        if not worker.task:
            raise BatchError(f"A grading process ended while it started ({how}): see {self._log}")
        memory = " (perhaps the memory was full: use fewer --workers)" if code == -9 else ""
        reason = f"the grading process ended with {how}{memory}"
        return Outcome(worker.task, "died", reason, self._minutes(worker))

    def _overdue(self) -> Iterator[Outcome]:
        """End the processes that have taken too long."""
        for worker in [*self._workers]:
            seconds = time.monotonic() - worker.since
            if worker.task and seconds > self._limit:
                self._end(worker)
                reason = f"took longer than {self._limit / 60:g} minutes"
                yield Outcome(worker.task, TIME_LIMIT, reason, self._minutes(worker))
            elif not worker.is_ready and seconds > _START_LIMIT:
                raise BatchError(
                    f"A grading process did not start within {_START_LIMIT / 60:g} minutes:"
                    f" see {self._log}, or use fewer --workers."
                )

    def _minutes(self, worker: _Worker) -> float:
        return round((time.monotonic() - worker.since) / 60, 3)

    def _end(self, worker: _Worker) -> None:
        """Kill a process, its kernels, and whatever they have started."""
        kill_tree(worker.process.pid)
        worker.process.wait()
        self._workers.remove(worker)
        kill_orphans(keep={*self._others, *(each.process.pid for each in self._workers)})
        worker.answers.close()
        with suppress(BrokenPipeError):
            worker.process.stdin.close()
