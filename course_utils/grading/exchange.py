"""Hand in, collect and return through nbgrader's exchange, without one stopping a whole class."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback, ExchangeSubmit
from nbgrader.utils import parse_utc

from course_utils.grading.modules import hiding_modules, modules_left_behind
from course_utils.grading.reading import NotebookError, read_notebook

__all__ = ["Collect", "ReleaseFeedback", "Submit"]


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


class Collect(ExchangeCollect):
    """``nbgrader collect`` that keeps what was put into the folder by hand.

    With ``--update`` nbgrader replaces such a submission, for it has no time, by an older one of
    the exchange; and it collects nobody's if one folder of the exchange has a name that it cannot
    read.
    """

    def init_src(self) -> None:
        """Find the submissions, and pass over folders that are none."""
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            return super()._path_to_record(path)
        except (ExchangeError, ValueError, OverflowError):
            self.log.warning("Not collected, its name is not that of a submission: %s", path)
            return {"username": "", "filename": "", "timestamp": parse_utc("1970-01-01")}

    def copy_files(self) -> None:
        """Collect everything but what would replace a submission put in by hand."""
        by_hand = [record for record in self.src_records if self._is_by_hand(record["username"])]
        for record in by_hand:
            self.log.warning(
                "The submission of %s was put into the folder by hand and stays. To replace it by"
                " the one in the exchange, remove it and collect again.",
                record["username"],
            )
        self.src_records = [record for record in self.src_records if record not in by_hand]
        super().copy_files()

    def _is_by_hand(self, student: str) -> bool:
        course = self.coursedir
        folder = course.format_path(course.submitted_directory, student, course.assignment_id)
        return Path(folder).is_dir() and not Path(folder, "submission_secret.txt").is_file()


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
            except OSError as error:
                self.log.warning(
                    "Not handed in through the exchange, so give it back by hand: %s (%s)",
                    *(folder, error),
                )
