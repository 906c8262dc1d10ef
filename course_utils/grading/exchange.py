"""Hand in and return through nbgrader's exchange, without losing a module or a class's feedback."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback, ExchangeSubmit

from course_utils.grading.modules import hiding_modules, modules_left_behind
from course_utils.grading.reading import NotebookError, read_notebook

__all__ = ["ReleaseFeedback", "Submit"]


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


class ReleaseFeedback(ExchangeReleaseFeedback):
    """``nbgrader release_feedback`` that serves everyone it can.

    A submission put into the folder by hand has no ``submission_secret.txt``, so its feedback
    cannot go through the exchange. nbgrader would stop there, before the rest of the class.
    """

    def copy_files(self) -> None:
        """Release student by student, and name those whose feedback must be handed over."""
        by_hand = []
        for folder in sorted(glob.glob(self.src_path)):
            if not os.path.isdir(folder):
                continue
            self.src_path = glob.escape(folder)
            try:
                super().copy_files()
            except OSError as error:
                self.log.warning("Feedback not released: %s", error)
                by_hand.append(folder)
        for folder in by_hand:
            self.log.warning("Not handed in through the exchange; give it back by hand: %s", folder)
