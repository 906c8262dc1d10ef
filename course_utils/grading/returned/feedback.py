"""Feedback for students that does not print the hidden tests.

nbgrader makes feedback from the autograded notebook, which contains every hidden test; a traceback
shows the lines around the one that failed, and a student can print what the kernel has run.
:class:`HideTests` removes all three. It runs before nbgrader's own steps, in
``nbgrader_config.py``::

    c.GenerateFeedback.preprocessors = [HideTests, GetGrades, CSSHTMLHeaderPreprocessor]

The message of a failed *visible* check stays; it teaches. A hidden check carries one sentence for
the student, a plain string that points and gives no answer::

    assert double(21) == 42, "Think of a large number."
    np.testing.assert_allclose(double(x), 2 * x, err_msg="Think of an array.")

That sentence is all that feedback shows of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor
from nbgrader.utils import is_solution

from course_utils.grading.handed_in.expected import released_notebook, same_text

__all__ = ["HideTests", "hidden_sentences", "outputs_without", "secret_lines"]

_KEY = "nbgrader"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FAILED_LINE = re.compile(r"^-+> *(\d+) (.*)$", re.MULTILINE)
_HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS$.*?^### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"\\[nt]|[\\\s'\"]")
_UNNAMED = "a hidden check failed"
_SHORT = 15  # letters; a line as short as this gives nothing away
_IN_YOUR_NOTEBOOK = new_output(
    "stream", text="(what this cell of your own printed is not repeated)\n"
)
_LEFT_OUT = new_output("stream", text="(an output that shows a hidden check is left out)\n")


class HideTests(NbGraderPreprocessor):
    """Remove hidden tests, mark schemes and what outputs show of them from a notebook."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean every cell; the notebook is changed in place."""
        whole = [cell.source for cell in nb.cells]
        # What a student wrote may look like a region of hidden tests, but is none.
        for cell in (cell for cell in nb.cells if not is_solution(cell) and _KEY in cell.metadata):
            for step in (ClearHiddenTests(parent=self), ClearMarkScheme(parent=self)):
                step.preprocess_cell(cell, resources, 0)
        given = self._given(resources)
        hidden = secret_lines(whole, [cell.source for cell in nb.cells])
        for cell, source in zip(nb.cells, whole, strict=True):
            if cell.cell_type != "code":
                continue
            if cell.source != source:
                cell.outputs = [_shortened(output, cell.source, source) for output in cell.outputs]
            elif _KEY not in cell.metadata and same_text(cell.source) not in given:
                cell.outputs = [_IN_YOUR_NOTEBOOK] if cell.outputs else []
            cell.outputs = outputs_without(cell.outputs, hidden)
        return nb, resources

    def _given(self, resources: dict[str, Any]) -> set[str]:
        """Return the texts of the cells that the students were given."""
        about = resources.get("nbgrader", {})
        if "assignment" not in about:
            return set()
        released = released_notebook(self, about["assignment"], about["notebook"])
        return {same_text(cell.source) for cell in released.cells} if released else set()


def secret_lines(whole: list[str], shown: list[str]) -> set[str]:
    """Return what a student must not see: for `outputs_without`.

    Parameters
    ----------
    whole, shown : list of str
        The cells' sources with and without what is hidden.

    Returns
    -------
    set of str
        The letters of each hidden line; short lines give nothing away and are left out.
    """
    seen = {line.strip() for source in shown for line in source.splitlines()}
    lines = {line.strip() for source in whole for line in source.splitlines()}
    return {_letters(line) for line in lines - seen if len(line) > _SHORT}


def outputs_without(outputs: list[NotebookNode], secret: set[str]) -> list[NotebookNode]:
    """Return a cell's outputs, with a word in place of each that shows a line of `secret_lines`."""
    return [
        _LEFT_OUT if any(map(_letters(_text_of(output)).__contains__, secret)) else output
        for output in outputs
    ]


def _letters(text: str) -> str:
    """Return a text without what changes when it is printed, quoted or coloured."""
    return _PRINTED.sub("", _COLOUR.sub("", text))


def _text_of(value: Any) -> str:
    """Return all strings in an output, one after the other."""
    if isinstance(value, dict):
        value = list(value.values())
    return "\n".join(map(_text_of, value)) if isinstance(value, list) else str(value)


def hidden_sentences(source: str) -> dict[int, str | None]:
    """Return the sentence of every hidden check of a cell, by the line on which the check ends.

    Parameters
    ----------
    source : str
        A check cell with its hidden tests.

    Returns
    -------
    dict of int to str
        None for an assertion without a sentence that is a plain string. Empty if the cell is not
        Python.

    Examples
    --------
    >>> check = "assert f(1), 'Think of 1.'"
    >>> hidden_sentences(f"### BEGIN HIDDEN TESTS\\n{check}\\n### END HIDDEN TESTS")
    {2: 'Think of 1.'}
    """
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except SyntaxError:
        return {}
    found = sorted(_sentences(nodes))
    return {line: sentence for line, sentence in found if _is_hidden(source, line)}


def _is_hidden(source: str, line: int) -> bool:
    """Whether a line, counted from 1, is inside a hidden part."""
    spans = (
        (source.count("\n", 0, part.start()) + 1, source.count("\n", 0, part.end()) + 1)
        for part in _HIDDEN.finditer(source)
    )
    return any(first < line < last for first, last in spans)


def _sentences(nodes: list[ast.AST]) -> Iterator[tuple[int, str | None]]:
    """Yield the last line of each assertion, and its message if that is a plain string."""
    for node in nodes:
        if isinstance(node, ast.Assert):
            yield node.end_lineno, _text(node.msg)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("np.testing.assert_"):
            given = {word.arg: word.value for word in node.keywords}
            yield node.end_lineno, _text(given.get("err_msg"))


def _text(node: ast.expr | None) -> str | None:
    plain = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if plain else None


def _shortened(output: NotebookNode, visible: str, whole: str) -> NotebookNode:
    """Shorten an error to one line; if a hidden test raised it, to that test's sentence."""
    if output.output_type != "error":
        return output
    traceback = _COLOUR.sub("", "\n".join(output.traceback))
    # The first arrow is in the cell itself, the others are in what it called.
    failed = _FAILED_LINE.search(traceback)
    # A hidden line such as "np.testing.assert_allclose(" may stand in the visible part, too.
    if failed and failed[2].strip() in visible and not _is_hidden(whole, int(failed[1])):
        message = output.evalue
    else:
        message = _sentence_after(whole, int(failed[1])) if failed else _UNNAMED
    return NotebookNode(
        output_type="error",
        ename=output.ename,
        evalue=message,
        traceback=[f"{output.ename}: {message}"],
    )


def _sentence_after(source: str, line: int) -> str:
    """Return the sentence of the hidden check that a line belongs to."""
    for last_line, sentence in hidden_sentences(source).items():
        if last_line >= line:
            return f"a hidden check failed. {sentence}" if sentence else _UNNAMED
    return _UNNAMED
