"""What a term costs: seconds, requests and their answers, and the memory of the hub's programs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil
from rich.console import Console
from rich.table import Table

PROGRAMS: Final = {  # what the command line of each holds
    "hub": "-m jupyterhub -f",
    "challenge": "-m challenge serve",
    "labs": "jupyterhub-singleuser",
}
_EVERY: Final = 3.0  # seconds between two looks at the memory
_MARK: Final = "JET_HUB_DEMO"  # the variable that every process of the demo inherits


@dataclass
class Traffic:
    """How many requests were answered, and how many by a fault of a program of the hub."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, answer: httpx.Response) -> None:
        """Count an answer; a hook of every client."""
        with self._lock:
            self.statuses[answer.status_code] += 1

    def count_lost(self) -> None:
        """Count a request that got no answer."""
        with self._lock:
            self.lost += 1

    @property
    def requests(self) -> int:
        return self.statuses.total() + self.lost

    @property
    def errors(self) -> int:
        """Answers with a status of 500 or more, and connections that broke."""
        return self.lost + sum(n for status, n in self.statuses.items() if status >= 500)


@dataclass
class Step:
    """What one step of the term cost; memory in bytes, shared pages divided among processes."""

    title: str
    seconds: float = 0.0
    requests: int = 0
    errors: int = 0
    peaks: dict[str, int] = field(default_factory=dict)


class Meters:
    """The steps so far; a thread looks at the memory while the term goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.traffic = folder, Traffic()
        self.steps: list[Step] = []
        self._kinds: dict[tuple[int, float], str | None] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look at the memory until the term is over."""
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Measure one step."""
        step = Step(title)
        begun, requests, errors = time.monotonic(), self.traffic.requests, self.traffic.errors
        self.steps.append(step)
        try:
            yield step
        finally:
            step.seconds = time.monotonic() - begun
            step.requests = self.traffic.requests - requests
            step.errors = self.traffic.errors - errors

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_EVERY):
            if self.steps:
                peaks = self.steps[-1].peaks
                for kind, size in self._memory().items():
                    peaks[kind] = max(peaks.get(kind, 0), size)

    def _memory(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                key = (process.pid, process.create_time())
                if key not in self._kinds:
                    self._kinds[key] = self._kind(process)
                kind = self._kinds[key]
                if kind is not None:
                    memory = process.memory_full_info()
                    found[kind] += getattr(memory, "pss", memory.rss)
        return found

    def _kind(self, process: psutil.Process) -> str | None:
        if process.environ().get(_MARK) != str(self.folder):
            return None
        line = " ".join(process.cmdline())
        return next((kind for kind, part in PROGRAMS.items() if part in line), None)


def show(steps: Sequence[Step], *, title: str) -> None:
    """Print one row for each step, and what they need together."""
    table = Table(title=title, title_justify="left")
    table.add_column("step")
    for column in ("s", "requests", "errors", *(f"{kind}, MB" for kind in PROGRAMS)):
        table.add_column(column, justify="right")
    for step in steps:
        table.add_row(*_cells(step))
    table.add_section()
    table.add_row(*_cells(_sum(steps)))
    Console(width=100).print(table)


def _sum(steps: Sequence[Step]) -> Step:
    peaks = {kind: max(step.peaks.get(kind, 0) for step in steps) for kind in PROGRAMS}
    numbers = (sum(getattr(s, name) for s in steps) for name in ("seconds", "requests", "errors"))
    return Step("the term", *numbers, peaks)


def _cells(step: Step) -> list[str]:
    sizes = (step.peaks.get(kind) for kind in PROGRAMS)
    memory = [f"{size / 1e6:.0f}" if size else "" for size in sizes]
    return [step.title, f"{step.seconds:.0f}", str(step.requests), str(step.errors), *memory]
