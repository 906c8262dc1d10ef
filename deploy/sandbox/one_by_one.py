"""Grade each submission in a container of its own, where no sandbox can be made.

In the course's folder, ``prepare`` makes a folder for each student: the submission, the lesson, and
a gradebook without students. A container runs ``nbgrader autograde`` there. ``take`` brings the
result back::

    python deploy/sandbox/one_by_one.py prepare 01_dnn_on_constituents jobs
    python deploy/sandbox/one_by_one.py take 01_dnn_on_constituents jobs

A container is not believed: of its gradebook count only the points of this student's cells, each
from 0 to what the cell is worth.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

_LOG = logging.getLogger("one_by_one")
_MOST_MB = 50  # of an executed notebook
_POINTS = """
select base_cell.name, grade.auto_score, grade.needs_manual_grade
from grade join base_cell on grade.cell_id = base_cell.id
"""


def prepare(course: Path, lesson: str, jobs: Path) -> list[Path]:
    """Make a folder for each submission, and return them; one that is there is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "gradebook.db")
        _copy_without_students(course / "gradebook.db", empty)
        made = []
        for submitted in sorted((course / "submitted").glob(f"*/{lesson}")):
            job = jobs / submitted.parent.name
            shutil.rmtree(job, ignore_errors=True)
            job.mkdir(parents=True)
            shutil.copy(empty, job / "gradebook.db")
            shutil.copy(course / "nbgrader_config.py", job)
            # The judge runs the lesson's own cells.
            shutil.copytree(course / "notebooks" / lesson, job / "notebooks" / lesson)
            # Links stay links: in the container they lead to nothing.
            shutil.copytree(submitted, job / submitted.relative_to(course), symlinks=True)
            made.append(job)
    return made


def take(course: Path, lesson: str, jobs: Path) -> list[str]:
    """Bring the results into the course, and return the students that have none."""
    failed = []
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for job in sorted(jobs.iterdir()):
            student = job.name
            try:
                points = _points(job / "gradebook.db")
                notebook = _executed(job / "autograded" / student / lesson / f"{lesson}.ipynb")
            except (OSError, ValueError, TypeError, sqlite3.Error, nbformat.ValidationError) as e:
                _LOG.error("No result for %s: %s", student, e)
                failed.append(student)
                continue
            _keep(gradebook, lesson, student, points)
            graded = course / "autograded" / student / lesson
            graded.mkdir(parents=True, exist_ok=True)
            (graded / f"{lesson}.ipynb").write_text(notebook, encoding="utf-8")
            time = course / "submitted" / student / lesson / "timestamp.txt"
            if time.is_file():
                shutil.copy(time, graded)
    return failed


def _copy_without_students(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as course, closing(sqlite3.connect(target)) as copy:
        course.backup(copy)
    with Gradebook(f"sqlite:///{target}") as gradebook:
        for student in list(gradebook.students):
            gradebook.remove_student(student.id)
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("vacuum")  # removed rows would still be in the file


def _points(path: Path) -> dict[str, tuple[float | None, bool]]:
    """The automatic points of each cell, and whether a person has to mark it."""
    if path.is_symlink():
        raise ValueError(f"{path} is a link")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as gradebook:
        gradebook.execute("pragma trusted_schema = off")
        rows = gradebook.execute(_POINTS).fetchmany(1000)
    return {
        str(name): (None if score is None else float(score), bool(by_hand))
        for name, score, by_hand in rows
    }


def _executed(path: Path) -> str:
    """The executed notebook as text, if it is one."""
    if path.is_symlink() or path.stat().st_size > _MOST_MB << 20:
        raise ValueError(f"{path} is a link, or larger than {_MOST_MB} MB")
    return nbformat.writes(nbformat.read(path, as_version=4))


def _keep(
    gradebook: Gradebook, lesson: str, student: str, points: dict[str, tuple[float | None, bool]]
) -> None:
    gradebook.update_or_create_student(student)
    submission = gradebook.update_or_create_submission(lesson, student)
    for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
        score, by_hand = points.get(grade.name, (None, True))
        within = None if score is None else min(max(score, 0.0), grade.max_score)
        grade.auto_score, grade.needs_manual_grade = within, by_hand
    gradebook.db.commit()


def main() -> None:
    """Read the command line."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("step", choices=["prepare", "take"])
    parser.add_argument("lesson", help="as 01_dnn_on_constituents")
    parser.add_argument("jobs", type=Path, help="the folder with one folder for each student")
    args = parser.parse_args()
    if args.step == "prepare":
        _LOG.info("%d folders in %s", len(prepare(Path(), args.lesson, args.jobs)), args.jobs)
    elif failed := take(Path(), args.lesson, args.jobs):
        raise SystemExit(f"{len(failed)} without a result: {', '.join(failed)}")


if __name__ == "__main__":
    main()
