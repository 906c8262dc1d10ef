"""Run the command that grades a class, in this process, and look at what is left of it."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from toy_course import LESSON, ToyCourse, lesson, new_course, place

from course_utils.grading.batch.arguments import main

# In the environment of what a student starts; see `left_behind`.
MARK = "STARTED_BY_A_STUDENT"
# A process that has left its parent, and its session.
DETACH = f"""
import os, subprocess, sys
os.environ["{MARK}"] = "{{name}}"
subprocess.Popen([sys.executable, "-c", "import os, time\\nif os.fork(): os._exit(0)\\n"
    "os.setsid()\\ntime.sleep(1000)"])
"""


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str


def run(course: ToyCourse | Path, *arguments: str) -> Done:
    """Run ``python -m course_utils.grading`` in the course folder."""
    folder = course if isinstance(course, Path) else course.folder
    # TensorFlow's logger would close pytest's stream when nbgrader sets up logging.
    if absl := sys.modules.get("absl.logging"):
        absl.get_absl_handler().python_handler.stream = sys.__stderr__
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:  # of argparse
            status = end.code
    return Done(status, out.getvalue(), err.getvalue())


def course_with(folder: Path, handed_in: dict[str, NotebookNode | bytes | str]) -> ToyCourse:
    """A course in which the submissions were put into the folder; a text is a cell to add."""
    course = new_course(folder, cell_limit=300)
    course.release(lesson())
    for student, content in handed_in.items():
        hand_in(course, student, content)
    return course


def hand_in(
    course: ToyCourse, student: str, content: NotebookNode | bytes | str, *, name: str = LESSON
) -> Path:
    if isinstance(content, str):
        notebook = course.solved()
        notebook.cells.insert(place(notebook, "given"), new_code_cell(content))
        content = notebook
    path = course.folder / "submitted" / student / LESSON / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else nbformat.writes(content).encode()
    path.write_bytes(data)
    return path


def journal(course: ToyCourse) -> list[dict]:
    """Every entry, in order."""
    path = course.folder / "grading" / f"{LESSON}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def times_graded(course: ToyCourse) -> dict[str, int]:
    students = [entry["student"] for entry in journal(course)]
    return {student: students.count(student) for student in students}


def is_graded(course: ToyCourse, student: str) -> bool:
    return (course.folder / "autograded" / student / LESSON).exists()


def left_behind(name: str = "") -> list[int]:
    """The processes that were started with `MARK` in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get(MARK, "").endswith(name) and MARK in environment:
            found.append(process.pid)
    return found


def grading_processes(course: ToyCourse) -> list[int]:
    """The processes that work in the course folder, this one excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = Path(process.cwd()).is_relative_to(course.folder)
        except (psutil.Error, OSError):
            continue
        if inside and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found
