"""What grading a class costs per student, and what of it the sandbox and the judge cost.

    python benchmarks/grading.py [LESSON] [--students 4] [--rounds 1] [--jets 2000] [--epochs 2]

Every student hands in the lesson's own solution. Printed are wall and CPU seconds per student, the
start of each command included, and their ratio to nbgrader's own run of hidden tests inside the
student's kernel, started once for each student. Run it on an idle machine, as an ordinary account:
root cannot make sandboxes, and the rows that need one are left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
import psutil
from rich.console import Console
from rich.table import Table

from course_utils.grading.batch.journal import journal_path, read_journal

ROOT = Path(__file__).resolve().parents[1]
# What the course's nbgrader_config.py says is overwritten by lines at its end.
NO_SANDBOX = 'c.RunCells.sandbox = "none"\n'
NO_JUDGE = """
steps = c.Autograde.autograde_preprocessors
c.Autograde.autograde_preprocessors = [Execute if s is grading.RunCells else s for s in steps]
"""


def main() -> None:
    """Make a course, grade it in every way, and print the cost of each."""
    arguments = _arguments()
    limits = {"COURSE_MAX_JETS": arguments.jets, "COURSE_MAX_EPOCHS": arguments.epochs}
    limits["COURSE_MAX_SEEDS"] = arguments.seeds
    os.environ.update({name: str(value) for name, value in limits.items()})
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        students = make_course(folder, arguments.lesson, arguments.students)
        costs: dict[str, list[tuple[float, float]]] = {}
        for _ in range(arguments.rounds):
            for name, (settings, commands) in ways(arguments.lesson, students).items():
                configure(folder, settings)
                costs.setdefault(name, []).append(cost(folder, commands))
                print(f"{name}: {costs[name][-1][0]:.0f} s", file=sys.stderr, flush=True)
        show(arguments.lesson, len(students), costs)
        show_last_run(folder, arguments.lesson)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lesson", nargs="?", default="00_what_learning_is")
    parser.add_argument("--students", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jets", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    return parser.parse_args()


def make_course(folder: Path, lesson: str, n_students: int) -> list[str]:
    """Make a course folder in which each student has handed in the lesson's solution."""
    configure(folder, "")
    shutil.copytree(ROOT / "notebooks" / lesson, folder / "notebooks" / lesson)
    _run(folder, ["nbgrader", "generate_assignment", lesson])
    solved = nbformat.read(ROOT / "notebooks" / lesson / f"{lesson}.ipynb", as_version=4)
    students = [f"student{number:03d}" for number in range(n_students)]
    for student in students:
        path = folder / "submitted" / student / lesson / f"{lesson}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(solved, path)
    return students


def configure(folder: Path, settings: str) -> None:
    """Give the course folder the course's configuration, with some lines at its end."""
    config = (ROOT / "nbgrader_config.py").read_text() + settings
    (folder / "nbgrader_config.py").write_text(config)


def ways(lesson: str, students: Sequence[str]) -> dict[str, tuple[str, list[list[str]]]]:
    """Return the lines of configuration and the commands of every way to grade the class."""
    alone = ["nbgrader", "autograde", lesson, "--force"]
    grade = [sys.executable, "-m", "course_utils.grading", "grade", lesson, "--again", "--workers"]
    found = {
        "nbgrader's own run, once a student": (
            NO_JUDGE,
            [[*alone, f"--student={student}"] for student in students],
        ),
        "nbgrader's own run, once": (NO_JUDGE, [alone]),
        "grade, judge, no sandbox, 1 worker": (NO_SANDBOX, [[*grade, "1"]]),
        "grade, judge, no sandbox, 2 workers": (NO_SANDBOX, [[*grade, "2"]]),
    }
    if os.geteuid():
        found |= {
            "grade, judge, sandbox, 1 worker": ("", [[*grade, "1"]]),
            "grade, judge, sandbox, 2 workers": ("", [[*grade, "2"]]),
        }
    return found


def cost(folder: Path, commands: list[list[str]]) -> tuple[float, float]:
    """Return wall and CPU seconds of some commands, one after the other."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    for command in commands:
        _run(folder, command)
    return time.perf_counter() - wall, _cpu_seconds() - cpu


def _run(folder: Path, command: list[str]) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")


def _cpu_seconds() -> float:
    """Of this control group, or else of the whole machine.

    What a sandbox has used is lost to its parent when it is killed.
    """
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if "cpuacct" in controllers and group != "/":
            return int(Path(f"/sys/fs/cgroup/cpuacct{group}/cpuacct.usage").read_text()) / 1e9
        if (
            not controllers
            and group != "/"
            and (stat := Path(f"/sys/fs/cgroup{group}/cpu.stat")).exists()
        ):
            return int(stat.read_text().split()[1]) / 1e6  # usage_usec
    used = psutil.cpu_times()
    return used.user + used.nice + used.system


def show(lesson: str, n_students: int, costs: dict[str, list[tuple[float, float]]]) -> None:
    """Print the median of the rounds."""
    table = Table(title=f"{lesson}, {n_students} students, {os.cpu_count()} cores")
    for column in ("way", "s / student", "ratio", "CPU s / student", "ratio"):
        table.add_column(column, justify="left" if column == "way" else "right")
    first: tuple[float, float] | None = None
    for name, rounds in costs.items():
        wall, cpu = (statistics.median(values) / n_students for values in zip(*rounds, strict=True))
        first = first or (wall, cpu)
        ratios = wall / first[0], cpu / first[1]
        table.add_row(name, f"{wall:.1f}", f"{ratios[0]:.2f}", f"{cpu:.1f}", f"{ratios[1]:.2f}")
    Console(width=100).print(table)


def show_last_run(folder: Path, lesson: str) -> None:
    """Print the median student of the last run, and how the memory of the processes grew."""
    entries = list(read_journal(journal_path(folder, lesson)).values())
    minutes = statistics.median(entry.minutes for entry in entries)
    memory = [entry.megabytes for entry in entries]
    points = {entry.points for entry in entries}
    print(
        f"median student of the last run: {60 * minutes:.1f} s without the start;"
        f" memory of a grading process {min(memory):.0f} to {max(memory):.0f} MB; points {points}"
    )


if __name__ == "__main__":
    main()
