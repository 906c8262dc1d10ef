"""Feedback for students that does not print the hidden tests.

nbgrader makes feedback from the autograded notebook, which contains every hidden test, and a
traceback shows the lines around the one that failed. :class:`HideTests` removes both. It runs
before nbgrader's own steps, in ``nbgrader_config.py``::

    c.GenerateFeedback.preprocessors = [HideTests, GetGrades, CSSHTMLHeaderPreprocessor]

The name and the message of a failed *visible* check stay; they teach.
"""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor
from nbgrader.utils import is_solution

__all__ = ["HideTests"]

_KEY = "nbgrader"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FAILED_LINE = re.compile(r"^-+> *\d+ (.*)$", re.MULTILINE)


class HideTests(NbGraderPreprocessor):
    """Remove hidden tests, mark schemes and what tracebacks show of them from a notebook."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean every cell; the notebook is changed in place."""
        whole = [cell.source for cell in nb.cells]
        # What a student wrote may look like a region of hidden tests, but is none.
        for cell in (cell for cell in nb.cells if not is_solution(cell) and _KEY in cell.metadata):
            for step in (ClearHiddenTests(parent=self), ClearMarkScheme(parent=self)):
                step.preprocess_cell(cell, resources, 0)
        for cell, source in zip(nb.cells, whole, strict=True):
            if cell.cell_type == "code" and cell.source != source:
                cell.outputs = [_shortened(output, cell.source) for output in cell.outputs]
        return nb, resources


def _shortened(output: NotebookNode, visible: str) -> NotebookNode:
    """Shorten an error to one line, without its message if a hidden test raised it."""
    if output.output_type != "error":
        return output
    traceback = _COLOUR.sub("", "\n".join(output.traceback))
    # The first arrow is in the cell itself, the others are in what it called.
    failed = _FAILED_LINE.search(traceback)
    message = output.evalue if failed and failed[1].strip() in visible else "a hidden check failed"
    return NotebookNode(
        output_type="error",
        ename=output.ename,
        evalue=message,
        traceback=[f"{output.ename}: {message}"],
    )
