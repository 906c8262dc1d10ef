"""The course folder, opened as ``nbgrader autograde`` opens it, and what was handed in there.

::

    BatchError   the command cannot be carried out as given; the message says what to do
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, MissingEntry
from nbgrader.apps import AutogradeApp
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import make_url

from course_utils.grading.batch.errors import BatchError, printable
from course_utils.grading.running.bubblewrap import SandboxError, require_bubblewrap
from course_utils.grading.running.cells import RunCells

__all__ = ["Course", "nbgrader_app", "nearest", "open_course"]

_CONFIG = "nbgrader_config.py"
_PATIENCE = "60"  # seconds that a writer waits for another; SQLite's own 5 are few on a busy disk


def nbgrader_app(options: Sequence[str] = ()) -> AutogradeApp:
    """Return nbgrader's application with the settings of the working directory.

    Parameters
    ----------
    options : sequence of str
        Settings as nbgrader takes them on its command line, ``--Class.name=value``.

    Raises
    ------
    BatchError
        If nbgrader cannot read its settings.
    """
    # nbgrader itself would go on without the settings, and grade with none of the course's steps.
    app = AutogradeApp(raise_config_file_errors=True)
    try:
        app.initialize(list(options))
    except SystemExit:
        raise BatchError("nbgrader refused its settings; its message is above.") from None
    except Exception as error:  # the settings are code
        raise BatchError(f"{_CONFIG} could not be read ({error!r}): repair it.") from error
    url = make_url(app.coursedir.db_url)
    if url.get_backend_name() == "sqlite":
        url = url.update_query_dict({"timeout": _PATIENCE})
        app.coursedir.db_url = url.render_as_string(hide_password=False)
    return app


@dataclass(frozen=True)
class Course:
    """A course folder with the settings of nbgrader."""

    app: AutogradeApp

    @property
    def coursedir(self) -> CourseDirectory:
        return self.app.coursedir

    @property
    def folder(self) -> Path:
        return Path(self.coursedir.root)

    def path(self, step: str, student: str, lesson: str) -> Path:
        """Return a folder of nbgrader's, for example ``submitted/STUDENT/LESSON``."""
        step = getattr(self.coursedir, f"{step}_directory")
        return Path(self.coursedir.format_path(step, student, lesson))

    def require_sandbox(self) -> None:
        """Make sure that notebooks can be run as the settings say, before the first one is.

        Raises
        ------
        BatchError
            If no sandbox can be made here.
        """
        if RunCells(parent=self.app).sandbox == "none":
            return
        try:
            require_bubblewrap()
        except SandboxError as error:
            raise BatchError(str(error)) from None

    def gradebook(self) -> closing[Gradebook]:
        """Return the open gradebook, to be used in a ``with`` statement.

        Raises
        ------
        BatchError
            If there is none yet.
        """
        url = make_url(self.coursedir.db_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise BatchError(
                "There is no gradebook yet: run nbgrader generate_assignment for each lesson."
            )
        return closing(Gradebook(self.coursedir.db_url, self.coursedir.course_id))

    def lesson(self, gradebook: Gradebook, name: str) -> Assignment:
        """Return a lesson of the gradebook.

        Raises
        ------
        BatchError
            If there is no such lesson, or it was not generated.
        """
        try:
            return gradebook.find_assignment(name)
        except MissingEntry:
            pass
        self.require_source(name)
        raise BatchError(
            f"{name} is not in the gradebook yet: run nbgrader generate_assignment {name}"
        )

    def require_source(self, name: str) -> Path:
        """Return the folder of a lesson with its solutions.

        Raises
        ------
        BatchError
            If there is none.
        """
        source = self.path("source", ".", name)
        if name and Path(name).name == name and source.is_dir():
            return source
        here = [path.name for path in self._all("source", ".", "*")]
        raise BatchError(f"There is no lesson {printable(name)!r}{nearest(name, here)}")

    def students(self, lesson: str, wanted: Sequence[str] = ()) -> list[str]:
        """Return who handed in a lesson, in alphabetical order.

        Parameters
        ----------
        wanted : sequence of str
            Only these; all if empty.

        Raises
        ------
        BatchError
            If nobody did, or someone who is wanted did not.
        """
        found = sorted(path.parent.name for path in self._all("submitted", "*", lesson))
        where = self.path("submitted", "STUDENT", lesson)
        where = where.relative_to(self.folder) if where.is_relative_to(self.folder) else where
        if not found:
            raise BatchError(
                f"Nobody has handed in {lesson}: there is no folder {where}."
                f" Collect first: nbgrader collect {lesson}"
            )
        if missing := [name for name in wanted if name not in found]:
            raise BatchError(
                f"There is no submission of {printable(missing[0])!r}"
                f" ({where}){nearest(missing[0], found)}"
            )
        return sorted(set(wanted)) or found

    def _all(self, step: str, student: str, lesson: str) -> list[Path]:
        lesson = lesson if lesson == "*" else glob.escape(lesson)
        pattern = str(self.path(step, student, lesson))
        return [Path(path) for path in glob.glob(pattern) if Path(path).is_dir()]  # noqa: PTH207


def open_course(options: Sequence[str] = ()) -> Course:
    """Open the course folder that is the working directory.

    Raises
    ------
    BatchError
        If it is none, or nbgrader cannot read its settings.
    """
    if not Path(_CONFIG).is_file():
        raise BatchError(
            f"There is no {_CONFIG} in {Path.cwd()}: repeat the command in the course folder."
        )
    return Course(nbgrader_app(options))


def nearest(name: str, known: Sequence[str]) -> str:
    """Say which names there are: the nearest, else all, if there are few."""
    shown = difflib.get_close_matches(name, known, 3) or known[:10]
    names = ", ".join(map(printable, sorted(shown)))
    return f". Perhaps you mean: {names}" if names else "."
