"""The checks of a notebook that is graded: their visible part runs in it, all of it outside.

No hidden test is ever sent to the student's kernel. What a check printed there stays for the
feedback; the points are the judge's.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests

from course_utils.grading.judging.judge import Judge, NoAnswerError, Start, Verdict, kernel_called
from course_utils.grading.judging.reference import LessonError, Solved, is_check

__all__ = ["Checks"]

_LONGEST = 10_000  # letters of a message


class Checks:
    """The checks of one submission.

    Parameters
    ----------
    notebook : NotebookNode
        Every check loses its hidden tests until `whole_again`.
    source : Path
        The lesson with its solutions.

    Raises
    ------
    LessonError
        If the lesson is not there.
    """

    def __init__(self, notebook: NotebookNode, source: Path) -> None:
        self.notebook = notebook
        checks = [(at, cell) for at, cell in enumerate(notebook.cells) if is_check(cell)]
        self._whole = {at: cell.source for at, cell in checks}
        for _, cell in checks:
            ClearHiddenTests(enforce_metadata=False).preprocess_cell(cell, {}, 0)
        if checks and not source.is_file():
            raise LessonError(
                f"The lesson with its solutions is needed to judge the checks; {source} is missing."
            )
        self._judge = _judge(source, source.stat().st_mtime_ns) if checks else None

    def whole_again(self) -> None:
        """Give every check its hidden tests back, for the gradebook and the formgrader."""
        for at, source in self._whole.items():
            self.notebook.cells[at].source = source

    def judged(
        self,
        at: int,
        folder: Path | None,
        start: Start,
        seconds: float,
    ) -> Verdict:
        """Run a check outside the notebook's kernel.

        Parameters
        ----------
        at : int
            Its position.
        folder : Path or None
            A folder that the kernel sees, too; None for a temporary one.
        start, seconds
            See `kernel_called`.
        """
        name = self._name(at)
        check = self._judge.solved.source_of(name)  # the lesson's text, no submission's
        self._judge.solved.names_before(name)  # the lesson's own time is not the student's
        with _folder(folder) as meeting_place:
            try:
                with kernel_called(meeting_place, start, seconds) as caller:
                    return self._judge.verdict(name, check, caller, meeting_place)
            except (NoAnswerError, OSError, EOFError) as error:  # timeouts are among them
                return Verdict(error=error)

    def outcome(self, at: int, verdict: Verdict) -> str | None:
        """Write a verdict into the outputs of a check, where nbgrader reads its points.

        Returns
        -------
        str or None
            How the notebook's own run of the visible part disagrees.
        """
        cell = self.notebook.cells[at]
        errors = [output for output in cell.outputs if output.output_type == "error"]
        cell.outputs = [o for o in cell.outputs if o.output_type in ("stream", "display_data")]
        if verdict.passed:
            for error in errors:
                text = f"(in the notebook this check failed: {error.ename}: {error.evalue})\n"
                cell.outputs.append(new_output("stream", text=text))
            if type(verdict.result) in (int, float):  # nothing else of a check's are points
                data = {"text/plain": repr(verdict.result)}
                cell.outputs.append(new_output("execute_result", data, execution_count=None))
            return "failed in the notebook and passed when judged" if errors else None
        cell.outputs.insert(0, self._error(at, verdict))
        hidden = self._is_hidden(at, verdict.line)
        return None if errors or hidden else "passed in the notebook and failed when judged"

    def _error(self, at: int, verdict: Verdict) -> NotebookNode:
        """Return an error as a kernel shows it, with an arrow at the line that failed."""
        name, text = type(verdict.error).__name__, _printable(verdict.error)
        line = verdict.line or 1  # a check that did not begin fails at its first line
        arrow = f"----> {line} {self._lines(at)[line - 1]}"
        return new_output("error", ename=name, evalue=text, traceback=[arrow, f"{name}: {text}"])

    def _name(self, at: int) -> str:
        return self.notebook.cells[at].metadata.nbgrader.grade_id

    def _lines(self, at: int) -> list[str]:
        return self._judge.solved.source_of(self._name(at)).splitlines()

    def _is_hidden(self, at: int, line: int) -> bool:
        """Whether a line of a check is hidden; one behind the hidden part may be its doing."""
        lines = self._lines(at)
        return "### BEGIN HIDDEN TESTS" in (each.strip() for each in lines[:line])


def _printable(error: BaseException) -> str:
    """Return the text of an error, in which a student's values may stand, as a notebook holds it.

    JSON can name letters that no file can hold.
    """
    text = str(error)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} ..."
    return text.encode(errors="backslashreplace").decode()


@lru_cache(maxsize=4)
def _judge(source: Path, changed: int) -> Judge:
    """Prepare a lesson once for all submissions of this process."""
    return Judge(Solved(nbformat.read(source, as_version=4)))


@contextlib.contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="judge-") as made:
        yield Path(made)
