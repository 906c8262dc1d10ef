"""Grade the students of a lesson who are not graded yet, and write down each at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from nbgrader.api import Assignment, Gradebook
from nbgrader.utils import rmtree
from tqdm import tqdm

from course_utils.files import locked
from course_utils.grading.batch.course import Course
from course_utils.grading.batch.crew import Crew, Outcome, Task
from course_utils.grading.batch.errors import BatchError, printable
from course_utils.grading.batch.fingerprints import cells_fingerprint, submission_fingerprint
from course_utils.grading.batch.journal import (
    GRADED,
    TIME_LIMIT,
    Entry,
    append,
    journal_path,
    read_journal,
)
from course_utils.grading.returned.export import mark_of

__all__ = ["Plan", "grade_class", "usual_workers"]

_GIGABYTES_OF_ONE = 3.0  # a grading process and its kernel, for the lessons of this course


@dataclass(frozen=True)
class Plan:
    """What to grade, and how.

    Attributes
    ----------
    lesson : str
    students : tuple of str
        Only these, and in any case; everyone who is not graded yet if empty.
    again : bool
        Also those who are graded.
    n_workers : int
    limit : float
        Minutes for one student.
    gigabytes : float
        Memory that one process may allocate.
    options : tuple of str
        Settings for nbgrader, ``--Class.name=value``.
    """

    lesson: str
    students: tuple[str, ...] = ()
    again: bool = False
    n_workers: int = 1
    limit: float = 10.0
    gigabytes: float = 8.0
    options: tuple[str, ...] = ()


def usual_workers() -> int:
    """Return one process for two cores, fewer if the memory is small, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    free = psutil.virtual_memory().available / 1e9
    return max(1, min((cores or 1) // 2, int(free / _GIGABYTES_OF_ONE)))


def grade_class(course: Course, plan: Plan) -> dict[str, Entry]:
    """Grade who is not graded yet, and return the last entry of each student.

    Raises
    ------
    BatchError
        If no sandbox can be made, the lesson or a student is unknown, nobody handed in, another
        process grades this lesson, or the course folder cannot be written.
    KeyboardInterrupt
        After all processes were ended and their half-written folders removed.
    """
    course.require_sandbox()
    with course.gradebook() as gradebook:
        lesson = course.lesson(gradebook, plan.lesson)
        students = course.students(plan.lesson, plan.students)
        cells = cells_fingerprint(lesson)
    Gradebook(course.coursedir.db_url).close()  # nbgrader's own entry, before two make it at once
    path = journal_path(course.folder, plan.lesson)
    try:
        _require_writable(course, path)
        with locked(path, busy=lambda: _busy(plan.lesson)):
            _Classroom(course, plan, path, cells).grade(students)
            entries = read_journal(path)
    except OSError as error:
        raise BatchError(f"The course folder cannot be written: {error}.") from error
    return {student: entries[student] for student in students}


def _busy(lesson: str) -> None:
    raise BatchError(f"{lesson} is being graded by another process: wait for it, or end it.")


def _require_writable(course: Course, journal: Path) -> None:
    """Make the folders that are missing; raise OSError if one cannot be written."""
    graded = Path(course.coursedir.format_path(course.coursedir.autograded_directory, ".", "."))
    for folder in (journal.with_suffix(""), graded):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"no permission to write in {folder}")


class _Classroom:
    """The lesson's journal, and what is needed to continue it."""

    def __init__(self, course: Course, plan: Plan, journal: Path, cells: str) -> None:
        self.course, self.plan, self.journal, self.cells = course, plan, journal, cells
        self.logs = journal.with_suffix("")

    def grade(self, students: Sequence[str]) -> None:
        """Grade those of the students who need it."""
        entries = read_journal(self.journal)
        prints = {student: self._fingerprint(student) for student in students}
        tasks = [
            Task(student, self.plan.lesson, str(self.logs / f"{student}.log"))
            for student in students
            if not self._is_done(entries.get(student), student, prints[student])
        ]
        if not tasks:
            return
        with self._crew() as crew, self._bar(len(students), len(tasks)) as bar:
            try:
                for outcome in crew.grade(tasks):
                    if outcome is None:
                        bar.refresh()
                        continue
                    self._write_down(outcome, prints[outcome.task.student])
                    bar.update()
            finally:
                unfinished = crew.unfinished
                crew.close()
                for task in unfinished:
                    self._remove_half_written(task.student)

    def _crew(self) -> Crew:
        return Crew(
            self.course.folder,
            n_workers=self.plan.n_workers,
            limit=60 * self.plan.limit,
            gigabytes=self.plan.gigabytes,
            options=self.plan.options,
            log=self.logs.with_name(f"{self.plan.lesson}.log"),
        )

    @contextmanager
    def _bar(self, n_students: int, n_tasks: int) -> Iterator[tqdm]:
        done = n_students - n_tasks
        lesson = printable(self.plan.lesson)
        with tqdm(total=n_students, initial=done, desc=lesson, unit="student", disable=None) as bar:
            yield bar

    def _fingerprint(self, student: str) -> str:
        folder = self.course.path("submitted", student, self.plan.lesson)
        return f"{submission_fingerprint(folder)}-{self.cells}"

    def _is_done(self, entry: Entry | None, student: str, fingerprint: str) -> bool:
        """Whether grading this student again would only repeat what is known."""
        asked_for = self.plan.again or student in self.plan.students
        if asked_for or entry is None or entry.submission != fingerprint:
            return False
        if entry.state == TIME_LIMIT:
            return entry.limit >= self.plan.limit
        graded = self.course.path("autograded", student, self.plan.lesson)
        return entry.state == GRADED and any(graded.glob("*.ipynb"))

    def _write_down(self, outcome: Outcome, fingerprint: str) -> None:
        student = outcome.task.student
        if outcome.state != GRADED:
            self._remove_half_written(student)
        entry = Entry(
            student=student,
            state=outcome.state,
            submission=fingerprint,
            minutes=outcome.minutes,
            limit=self.plan.limit,
            megabytes=outcome.megabytes,
            reason=outcome.reason,
            finished=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        )
        if outcome.state == GRADED:
            with self.course.gradebook() as gradebook:
                lesson: Assignment = self.course.lesson(gradebook, self.plan.lesson)
                mark = mark_of(gradebook, self.course.coursedir, lesson, student)
            if mark["score"] == "":  # nbgrader went on, and yet there is nothing to export
                entry = replace(entry, state="failed", reason=mark["note"])
            else:
                entry = replace(entry, points=float(mark["score"]))
        append(self.journal, entry)

    def _remove_half_written(self, student: str) -> None:
        """Remove what would look like a graded submission."""
        folder = self.course.path("autograded", student, self.plan.lesson)
        if folder.is_dir():
            rmtree(str(folder))
