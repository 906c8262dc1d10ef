"""Whether notebooks can be run at all is known before the first one is touched."""

from __future__ import annotations

from typing import Any

from course_utils.grading.handed_in.reading import SubmittedNotebook
from course_utils.grading.running.bubblewrap import SandboxError, require_bubblewrap
from course_utils.grading.running.cells import RunCells

__all__ = ["SubmissionToRun"]


class SubmissionToRun(SubmittedNotebook):
    """Read submissions for autograde, which stops here for all if it can make no sandbox."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if RunCells(parent=self).sandbox == "none":
            self.log.warning(
                "Students' programs run without a sandbox, with all rights of this account"
            )
            return
        try:
            require_bubblewrap()
        except SandboxError as error:
            self.log.error("%s", error)  # nbgrader ends without a word about the exception
            raise
