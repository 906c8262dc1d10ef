"""Read the notebook that a student handed in, whichever program saved it.

Jupyter, Colab, VS Code, Kaggle, JupyterLite and Deepnote keep different metadata, leave out fields
or write another minor version; Windows editors add a byte order mark; Git leaves both sides of a
conflict. :func:`read_notebook` makes one form of them all, and says what it had to mend.
"""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from course_utils.grading.handed_in.notes import MENDED

__all__ = ["NotebookError", "SubmittedNotebook", "read_notebook", "take_only_notebook"]

_CONFLICT = re.compile(
    r"^<{7}[^\n]*\n(.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}\r?\n(.*?)^>{7}[^\n]*(?:\n|\Z)", re.M | re.S
)
# What nbgrader writes where a student shall answer.
_STUB = re.compile(r"YOUR (?:CODE|ANSWER) HERE")
_CELL_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_TAG = re.compile(r"[^,\n]+")
_CELL_TYPES = ("code", "markdown", "raw")


class NotebookError(ValueError):
    """A file that cannot be read as a notebook; the message says what it is."""

    __module__ = "course_utils.grading"


class SubmittedNotebook(NotebookExporter):
    """nbgrader's way to read and write a submission, with :func:`read_notebook` at its start."""

    def from_file(
        self, file_stream: Any, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Convert a notebook from an open file, whatever its encoding."""
        notebook, mended = read_notebook(Path(file_stream.name).read_bytes())
        resources = {} if resources is None else resources
        resources["mended_while_reading"] = mended
        return self.from_notebook_node(notebook, resources=resources, **options)


def read_notebook(content: bytes) -> tuple[NotebookNode, list[str]]:
    """Return the notebook in one form, and a sentence for each thing that had to be mended.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    notebook : NotebookNode
        In the current format. Every cell has an id, a source, metadata and, if it is code, outputs.
    mended : list of str
        Empty for a file as Jupyter writes it. Other programs' metadata are not worth a word.

    Raises
    ------
    NotebookError
        If the file is no notebook.
    """
    text, mended = _decoded(content)
    whole, chosen = _without_conflict(text)
    if chosen:
        mended.append(f"Git's merge conflict was still in the file; {chosen} side counts")
    notebook = _current_format(whole)
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code":
            cell.source, chosen = _without_conflict(cell.source)
            if chosen:
                mended.append(f"cell {number} held a merge conflict; {chosen} side counts")
    return notebook, mended


def take_only_notebook(assignment: str, student: str, notebooks: list[str]) -> None:
    """Take the only notebook of a submission for the lesson's, whatever it is called.

    A hook for ``Autograde.pre_convert_hook``: Colab, browsers and file managers call a copy
    "Copy of 01_topic", "01_topic (1)" or "01_topic-Copy1", which nbgrader passes over. The file is
    copied under the lesson's name; it stays where it is.

    Parameters
    ----------
    assignment : str
        The lesson; its notebook has the same name.
    student : str
        Not used, nbgrader passes it.
    notebooks : list of str
        The paths of the submission's notebooks; changed in place.
    """
    expected = f"{assignment}.ipynb"
    if len(notebooks) == 1 and Path(notebooks[0]).name != expected:
        only = Path(notebooks[0])
        renamed = only.with_name(expected)
        renamed.write_bytes(only.read_bytes())
        notebooks[:] = [str(renamed)]


def _decoded(content: bytes) -> tuple[str, list[str]]:
    """Return the text, whatever its encoding, with a note if it is not plain UTF-8."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace"), ["the file was UTF-16 text"]
    mended = ["the file began with a byte order mark"] if content[:3] == codecs.BOM_UTF8 else []
    try:
        return content.decode("utf-8-sig"), mended
    except UnicodeDecodeError:
        return content.decode("utf-8-sig", errors="replace"), [
            *mended,
            "some letters of the file were not UTF-8 and are lost",
        ]


def _without_conflict(text: str) -> tuple[str, str]:
    """Return one side of what Git could not merge, and which; the side with more answers wins."""
    if not _CONFLICT.search(text):
        return text, ""
    sides = {
        name: _CONFLICT.sub(lambda conflict, side=side: conflict[side], text)
        for side, name in ((1, "the first"), (2, "the second"))
    }
    chosen = min(sides, key=lambda name: len(_STUB.findall(sides[name])))
    return sides[chosen], chosen


def _current_format(text: str) -> NotebookNode:
    """Parse a notebook of any version, and give each cell the fields that it must have."""
    try:
        whole = json.loads(text)
    except ValueError as error:
        what = "empty" if not text.strip() else f"not JSON ({error})"
        raise NotebookError(f"Expected a notebook; the file is {what}.") from None
    if isinstance(whole, dict) and isinstance(whole.get("worksheets"), list):
        whole = _version_3(text)
    if not (isinstance(whole, dict) and isinstance(whole.get("cells"), list)):
        raise NotebookError("Expected a notebook; the file is JSON without a list of cells.")
    taken: set[str] = set()
    cells = [
        _cell(raw, number, taken)
        for number, raw in enumerate(whole["cells"], 1)
        if isinstance(raw, dict)
    ]
    metadata = _dictionary(whole.get("metadata"))
    kept = {name: metadata[name] for name in ("kernelspec", MENDED) if name in metadata}
    notebook = {"metadata": kept, "nbformat": 4, "nbformat_minor": 5, "cells": cells}
    return rejoin_lines(nbformat.from_dict(notebook))


def _version_3(text: str) -> NotebookNode:
    """Convert a notebook of 2014 or older."""
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat's converter meets damage in many ways
        raise NotebookError(
            f"Expected a notebook; this one of version 3 is damaged ({error})."
        ) from None


def _cell(raw: dict[str, Any], number: int, taken: set[str]) -> dict[str, Any]:
    """Return a cell with every field that the current format wants, and no other."""
    kind = raw.get("cell_type") if raw.get("cell_type") in _CELL_TYPES else "raw"
    metadata = _dictionary(raw.get("metadata"))
    # Colab and Deepnote keep a cell's name in its metadata.
    names = (raw.get("id"), metadata.get("id"), metadata.get("cell_id"), f"cell-{number}")
    fits = [name for name in names if isinstance(name, str) and _CELL_ID.fullmatch(name)]
    name = next((name for name in fits if name not in taken), f"cell-{number}-again")
    taken.add(name)
    cell = {"cell_type": kind, "id": name, "metadata": _cell_metadata(metadata)}
    cell["source"] = _joined(raw.get("source")).replace("\r\n", "\n")
    if kind == "code":
        outputs = raw.get("outputs")
        whole = isinstance(outputs, list) and all(map(_is_output, outputs))
        cell |= {"outputs": outputs if whole else [], "execution_count": None}
    elif pictures := _dictionary(raw.get("attachments")):
        cell["attachments"] = {k: v for k, v in pictures.items() if _is_picture(v)}
    return cell


def _cell_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Keep what nbgrader and papermill need."""
    tags = metadata.get("tags") if isinstance(metadata.get("tags"), list) else []
    tags = list(dict.fromkeys(tag for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag)))
    kept = {"nbgrader": metadata.get("nbgrader"), "tags": tags, MENDED: metadata.get(MENDED)}
    return {name: value for name, value in kept.items() if value}


def _joined(text: object) -> str:
    """A text that may be stored as a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")


def _is_output(value: object) -> bool:
    """Whether a value is an output as the format has it, text in lists of lines or whole."""
    try:
        nbformat.validate(nbformat.from_dict(value), ref="output", version=4, version_minor=5)
    except (nbformat.ValidationError, AttributeError, TypeError):
        return False
    return True


def _is_picture(value: object) -> bool:
    """Whether a value is a picture pasted into a text, by its media types."""
    return isinstance(value, dict) and all(isinstance(data, str) for data in value.values())


def _dictionary(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
