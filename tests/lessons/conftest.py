"""What is expensive is made once per lesson: a run of its cells, and a course that is graded."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import papermill
import pytest
from attacks import AST_TRANSFORMER
from lesson import LESSONS, ROOT, SMALL_RUN, Lesson, filled_in
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from public_files import served, write_public_file
from session import Session
from toy_course import alembic_found
from traitlets.config import Config, PyFileConfigLoader

from course_utils.__main__ import main
from course_utils.jetfile import TTV, JetFile, write_jets
from course_utils.samples import SAMPLES, SPLITS, small_sample

# The samples that some lesson reads.
TEXT = " ".join(cell.source for each in LESSONS for cell in each.cells)
READ = [name for name in SAMPLES if f'"{name}"' in TEXT]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of a lesson is one for each lesson."""
    if "lesson" in metafunc.fixturenames:
        metafunc.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name, scope="session")


@pytest.fixture(scope="session")
def jet_data(tmp_path_factory) -> Path:
    """The small samples, split into files: top_tagging as the public files are, and downloaded."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("jet_data")
    for sample in READ:
        with JetFile(small_sample(sample)) as file:
            table, provenance = file.read(), file.provenance
        for split in SPLITS:
            jets = table[table.ttv == TTV[split]]
            if sample == "top_tagging":
                write_public_file(site / sample / f"{split}.h5", jets)
            else:
                write_jets(folder / sample / f"{split}.h5", [jets], provenance=provenance)
    with served(site) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(folder))
        patch.setenv("JET_DATA_MIRROR", address)
        assert main(["top_tagging"]) == 0
    return folder


@pytest.fixture(scope="session")
def small_machine(jet_data) -> Iterator[None]:
    """Small data and short trainings, for this process and every kernel it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(jet_data))
        patch.setenv("COURSE_MAX_JETS", "1200")
        patch.setenv("COURSE_MAX_EPOCHS", "10")
        patch.setenv("COURSE_MAX_SEEDS", "2")
        alembic_found(patch)
        patch.delenv("NBGRADER_EXECUTION", raising=False)
        yield


@pytest.fixture(scope="session")
def session(lesson, small_machine, tmp_path_factory) -> Session:
    return Session(lesson.cells, tmp_path_factory.mktemp(lesson.name))


@pytest.fixture(scope="session")
def other_session(lesson, small_machine, tmp_path_factory) -> Session:
    """The lesson on other jets: those of LESSON_JETS, all of them, or other small samples.

    In the latter each jet is in another split than before, so that none is trained on twice.
    """
    with pytest.MonkeyPatch.context() as patch:
        if folder := os.environ.get("LESSON_JETS"):
            for limit in ("COURSE_MAX_JETS", "COURSE_MAX_EPOCHS", "COURSE_MAX_SEEDS"):
                patch.delenv(limit)
        else:
            folder = tmp_path_factory.mktemp("other_jets")
            _write_other_splits(folder)
        patch.setenv("JET_DATA", str(folder))
        return Session(lesson.cells, tmp_path_factory.mktemp(f"other_{lesson.name}"))


def _write_other_splits(folder: Path) -> None:
    for sample in READ:
        with JetFile(small_sample(sample)) as file:
            table, provenance = file.read(), file.provenance
        in_order = [np.flatnonzero(table.ttv == TTV[split]) for split in ("val", "test", "train")]
        rows = np.concatenate(in_order)
        ends = np.cumsum([len(in_order[2]), len(in_order[0])])
        for split, chosen in zip(("train", "val", "test"), np.split(rows, ends), strict=True):
            write_jets(folder / sample / f"{split}.h5", [table[chosen]], provenance=provenance)


@dataclass(frozen=True)
class Course:
    """A course folder in which a lesson was released, handed in, graded and returned."""

    folder: Path
    gradebook: str

    def read(self, step: str, student: str, lesson: Lesson) -> str:
        (path,) = (self.folder / step / student / lesson.name).glob(f"{lesson.name}.*")
        return path.read_text(encoding="utf-8")

    def executed(self, student: str, lesson: Lesson) -> nbformat.NotebookNode:
        """The notebook of a student as the grader has run it, with its outputs."""
        return nbformat.reads(self.read("autograded", student, lesson), as_version=4)

    def scores(self, student: str, lesson: Lesson) -> dict[str, tuple[float | None, float]]:
        """Automatic and best possible score of every graded cell."""
        with Gradebook(self.gradebook) as gradebook:
            handed_in = gradebook.find_submission_notebook(lesson.name, lesson.name, student)
            return {grade.name: (grade.auto_score, grade.max_score) for grade in handed_in.grades}


@pytest.fixture(scope="session")
def course(lesson, small_machine, tmp_path_factory) -> Course:
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(lesson.path.parent, folder / "notebooks" / lesson.name)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    gradebook = f"sqlite:///{folder / 'gradebook.db'}"
    config.merge(Config(CourseDirectory={"root": str(folder), "db_url": gradebook}))
    config.RunCells.sandbox = "none"  # root's account can make none
    api = NbGraderAPI(config=config)
    _done(api.generate_assignment(lesson.name))
    released = folder / "release" / lesson.name
    for student in ("untouched", "solved", "attacker"):
        shutil.copytree(released, folder / "submitted" / student / lesson.name)
    path = folder / "submitted" / "solved" / lesson.name / lesson.path.name
    nbformat.write(filled_in(lesson, nbformat.read(path, as_version=4)), path)
    papermill.execute_notebook(path, path, SMALL_RUN, prepare_only=True, progress_bar=False)
    path = folder / "submitted" / "attacker" / lesson.name / lesson.path.name
    attacked = nbformat.read(path, as_version=4)
    attacked.cells.insert(0, new_code_cell(AST_TRANSFORMER))
    nbformat.write(attacked, path)
    for student in ("untouched", "solved", "attacker"):
        _done(api.autograde(lesson.name, student))
        _done(api.generate_feedback(lesson.name, student))
    return Course(folder, gradebook)


def _done(result: dict) -> None:
    assert result["success"], f"{result.get('log')}\n{result.get('error')}"
