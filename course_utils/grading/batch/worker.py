"""A process that grades one student after the other, because loading nbgrader takes long.

Only `crew` starts it, in the course folder::

    python -m course_utils.grading.batch.worker RESULTS GIGABYTES [OPTION ...]

It reads tasks from its standard input, one JSON object a line, and answers
each on the file descriptor RESULTS. When its standard input ends, it ends, too, with everything it
has started: either it is no longer needed, or its parent was killed.
"""

from __future__ import annotations

import gc
import glob
import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from course_utils.grading.batch.errors import BatchError
from course_utils.grading.batch.processes import adopt_orphans, kill_visitors

__all__ = ["main"]

_half_written: list[Path] = []  # what the reader of the tasks removes if it has to end everything


def main(arguments: Sequence[str]) -> None:
    """Grade until there are no more tasks."""
    answers = int(arguments[0])
    os.set_inheritable(answers, False)  # no kernel keeps it open
    _limit_memory(float(arguments[1]))
    adopt_orphans()
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(tasks,), daemon=True).start()
    from course_utils.grading.batch.course import Course, nbgrader_app

    try:
        course = Course(nbgrader_app(arguments[2:]))
    except BatchError as error:
        _answer(answers, {"state": "useless", "reason": str(error)})
        return
    _answer(answers, {"state": "ready"})
    while True:
        _answer(answers, _graded(course, **tasks.get()))


def _answer(answers: int, answer: dict[str, Any]) -> None:
    os.write(answers, json.dumps(answer).encode() + b"\n")


def _limit_memory(gigabytes: float) -> None:
    """Bound what this process may allocate; a huge notebook then fails alone.

    Only the soft limit, so that a sandbox may give its kernel another one.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(gigabytes * 2**30)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _read_tasks(tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Pass the tasks on; at their end, end this process and what it has started."""
    with os.fdopen(os.dup(0), "rb") as lines:
        for line in lines:
            tasks.put(json.loads(line))
    try:
        kill_visitors()
        _remove_half_written()
    finally:
        os.killpg(0, signal.SIGKILL)


def _remove_half_written() -> None:
    from nbgrader.utils import rmtree

    for folder in _half_written:
        if folder.is_dir():
            rmtree(str(folder))


def _graded(course: Any, *, student: str, lesson: str, log: str) -> dict[str, Any]:
    """Run nbgrader's autograde for one student, and say how it ended."""
    from nbgrader.converters import Autograde

    _half_written[:] = [course.path("autograded", student, lesson)]
    course.coursedir.assignment_id, course.coursedir.student_id = lesson, glob.escape(student)
    with _written_to(Path(log)), _errors_of(course.app.log) as errors:
        step = Autograde(coursedir=course.coursedir, parent=course.app)
        step.force = True  # whether it needs grading was decided before
        try:
            step.start()
            state, reason = "graded", ""
        except (Exception, SystemExit) as error:  # one student never stops the class
            state, reason = "failed", _reason(errors) or repr(error)
        kill_visitors()
    _half_written.clear()
    del step
    gc.collect()
    return {
        "state": state,
        "reason": reason,
        "megabytes": round(psutil.Process().memory_info().rss / 2**20),
    }


@contextmanager
def _written_to(log: Path) -> Iterator[None]:
    """Send what this process and its children print into a file."""
    kept = [(stream, os.dup(stream)) for stream in (1, 2)]
    with log.open("wb") as file:
        for stream, _ in kept:
            os.dup2(file.fileno(), stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, copy in kept:
            os.dup2(copy, stream)
            os.close(copy)


@contextmanager
def _errors_of(log: logging.Logger) -> Iterator[list[str]]:
    """Collect the errors that nbgrader reports."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        yield errors
    finally:
        log.removeHandler(handler)


def _reason(errors: list[str]) -> str:
    """Return the end of the traceback among nbgrader's errors, else the first error."""
    tracebacks = [error for error in errors if error.startswith("Traceback")]
    text = (tracebacks or errors or [""])[0].strip()
    reason = text.splitlines()[-1] if tracebacks else text.partition("\n")[0]
    if reason.startswith("MemoryError"):
        return "needs more memory than --memory allows: is the notebook very large?"
    return reason.removeprefix("course_utils.grading.NotebookError: ")


if __name__ == "__main__":
    main(sys.argv[1:])
