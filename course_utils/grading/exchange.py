"""Hand out, hand in and return through nbgrader's exchange, without one stopping a whole class.

What is collected is in :mod:`course_utils.grading.collecting`.
"""

from __future__ import annotations

import glob
import stat
from pathlib import Path

from nbgrader.exchange.default import (
    ExchangeReleaseAssignment,
    ExchangeReleaseFeedback,
    ExchangeSubmit,
)

from course_utils.grading.handed_in.modules import hiding_modules, modules_left_behind
from course_utils.grading.handed_in.reading import NotebookError, read_notebook

__all__ = ["ReleaseAssignment", "ReleaseFeedback", "Submit"]


class Submit(ExchangeSubmit):
    """``nbgrader submit`` that says what will be missing at grading."""

    def copy_files(self) -> None:
        """Hand in, and warn about imported modules that are not part of the submission."""
        super().copy_files()
        folder = Path(self.src_path)
        for path in hiding_modules(folder):
            self.log.warning(
                "%s has the name of an installed module and is left out at grading:"
                " rename it, change the import, and submit again.",
                path.name,
            )
        for path in sorted(folder.glob("*.ipynb")):
            try:
                notebook, _ = read_notebook(path.read_bytes())
            except NotebookError as error:
                self.log.error("%s cannot be graded. %s", path.name, error)
                continue
            for name in modules_left_behind(notebook, folder):
                self.log.warning(
                    "%s imports %s, which is not part of the submission: put %s.py beside the"
                    " notebook and submit again, or do without it.",
                    *(path.name, name, name),
                )


class ReleaseAssignment(ExchangeReleaseAssignment):
    """``nbgrader release_assignment`` that lets nobody remove or replace what another put there."""

    def init_dest(self) -> None:
        """Prepare the exchange; everyone can write into two of its folders."""
        super().init_dest()
        for folder in (Path(self.root), Path(self.inbound_path)):
            mode = folder.stat().st_mode
            if not mode & stat.S_IWOTH or mode & stat.S_ISVTX:
                continue
            try:
                folder.chmod(stat.S_IMODE(mode) | stat.S_ISVTX)
            except PermissionError:
                self.log.error(
                    "Anyone can replace what lies in %s. Its owner should run: chmod +t %s",
                    *(folder, folder),
                )


class ReleaseFeedback(ExchangeReleaseFeedback):
    """``nbgrader release_feedback`` that serves everyone it can.

    A submission put into the folder by hand has no ``submission_secret.txt``, so its feedback
    cannot go through the exchange. nbgrader would stop there, before the rest of the class.
    """

    def copy_files(self) -> None:
        """Release student by student, and name those whose feedback must be handed over."""
        for folder in sorted(glob.glob(self.src_path)):  # noqa: PTH207 (a pattern with folders)
            self.src_path = glob.escape(folder)
            try:
                super().copy_files()
            except FileNotFoundError:  # the secret, or the time of receipt
                self.log.warning(
                    "Not handed in through the exchange, so give it back by hand: %s", folder
                )
            except OSError as error:
                self.log.error("Give %s back by hand: %s", folder, error)
