"""Which files of a course a sandbox shows, and which it hides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import Exchange
from nbgrader.preprocessors import NbGraderPreprocessor

from course_utils.grading.running.bubblewrap import Shown
from course_utils.grading.withheld import without_graded_jets

__all__ = ["course_of", "drop_links", "shown_of", "source_of"]


def course_of(step: NbGraderPreprocessor) -> CourseDirectory:
    """Return the course whose notebooks a step of nbgrader's autograde works on."""
    parent = step.parent
    while parent is not None:
        if course := getattr(parent, "coursedir", None):
            return course
        parent = parent.parent
    return CourseDirectory(parent=step)


def shown_of(course: CourseDirectory) -> Shown:
    """Return the jets that the notebooks of a course read, and the folders they must not see.

    Raises
    ------
    DataError
        If ``JET_DATA`` cannot be meant as a place of samples.
    """
    exchange = Exchange(coursedir=course, parent=course)
    return Shown(data=_jets(), hidden=(Path(course.root), Path(exchange.root)))


def source_of(course: CourseDirectory, resources: dict[str, Any]) -> Path:
    """Return where a course keeps the notebook that is graded, with its solutions."""
    about = resources.get("nbgrader", {})
    folder = course.format_path(course.source_directory, ".", about.get("assignment", ""))
    return Path(folder, f"{about.get('notebook', '')}.ipynb")


def drop_links(folder: Path, course: CourseDirectory, resources: dict[str, Any]) -> list[str]:
    """Remove from a folder what nbgrader copied from behind links in a submission.

    ``collect`` takes no links; a submission that was put in place by hand may hold some, and they
    may lead to any file of the account that grades.

    Parameters
    ----------
    folder : Path
        Where the notebook is run.
    course : CourseDirectory
    resources : dict
        As nbgrader passes it: it names the student and the lesson.

    Returns
    -------
    list of str
        The names of the links.
    """
    student, lesson = (resources["nbgrader"][name] for name in ("student", "assignment"))
    submitted = Path(course.format_path(course.submitted_directory, student, lesson))
    source = Path(course.format_path(course.source_directory, ".", lesson))
    dropped = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if (submitted / name).is_symlink() and path.is_file() and not (source / name).exists():
            path.unlink()
            dropped.append(str(name))
    return dropped


def _jets() -> dict[str, Path]:
    """The jet files on this machine, without the small samples, which come with the package.

    Of the test jets, those that a score counts on are left out.
    """
    from course_utils.jetfile import DataNotFound  # a student's JupyterLab need not load them
    from course_utils.samples import SAMPLES, SPLITS, located, small_sample

    found = {}
    cache = platformdirs.user_cache_path("jet-tagging-course") / "without_graded_jets"
    for sample in SAMPLES:
        for split in SPLITS:
            try:
                path = located(sample, split)
            except DataNotFound:
                continue
            if path != small_sample(sample):
                found[f"{sample}/{split}.h5"] = (
                    without_graded_jets(path, cache) if split == "test" else path
                )
    return found
