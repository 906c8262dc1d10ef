"""The cells of a lesson that nbgrader knows: what a submission is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.api import Notebook, SourceCell
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor

__all__ = ["ExpectedCell", "expected_cells", "released_notebook", "same_text"]

_NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


@dataclass(frozen=True)
class ExpectedCell:
    """One cell of the lesson, as the gradebook has it.

    Attributes
    ----------
    name : str
        nbgrader's grade id.
    cell_type : {"code", "markdown", "raw"}
    source, shown : str
        The text with hidden tests and mark scheme, and as the students were given it.
    locked : bool
        A student shall not change it.
    metadata : dict
        All that nbgrader keeps in the cell.
    group : tuple of str
        The cells of the same exercise that come before it.
    above : str
        The text of the cell above it in the release, without outer white space; "" if not known.
    """

    name: str
    cell_type: str
    source: str
    shown: str
    locked: bool
    metadata: dict[str, Any]
    group: tuple[str, ...]
    above: str

    @property
    def is_answer(self) -> bool:
        return self.metadata["solution"]

    @property
    def is_check(self) -> bool:
        return self.metadata["grade"] and not self.is_answer

    @property
    def is_written(self) -> bool:
        """A person marks it."""
        return self.metadata["grade"] and self.is_answer

    @property
    def is_plain_answer(self) -> bool:
        """A check marks it; the cell itself carries no points."""
        return self.is_answer and not self.is_written

    def is_untouched(self, text: str) -> bool:
        """Whether a text is the one that the students were given."""
        return same_text(text) in (same_text(self.shown), same_text(self.source))

    def new(self, source: str) -> NotebookNode:
        """Return the cell with this text."""
        metadata = {"nbgrader": dict(self.metadata)}
        return _NEW[self.cell_type](source, metadata=metadata, id=self.name[:64])


def same_text(text: str) -> str:
    """Return a text without the white space that programs add or take away."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def released_notebook(
    step: NbGraderPreprocessor, assignment: str, notebook: str
) -> NotebookNode | None:
    """Read what the students were given, if the course of this step still has it."""
    course = step.parent.parent.coursedir
    folder = course.format_path(course.release_directory, ".", assignment)
    path = Path(folder, f"{notebook}.ipynb")
    return nbformat.read(path, as_version=4) if path.is_file() else None


def expected_cells(
    lesson: Notebook, released: NotebookNode | None = None
) -> dict[str, ExpectedCell]:
    """Return the cells of a lesson by name, in order.

    Parameters
    ----------
    lesson : Notebook
        Of the gradebook.
    released : NotebookNode, optional
        What the students were given; without it the order is the gradebook's.
    """
    given = [] if released is None else released.cells
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in given]
    above = {name: same_text(cell.source) for cell, name in zip(given, names[1:], strict=False)}
    # A database promises no order.
    places = {name: place for place, name in enumerate(names)}
    in_order = sorted(lesson.source_cells, key=lambda cell: places.get(cell.name, len(names)))
    cells, group = {}, []
    for stored in in_order:
        metadata = _metadata(stored, lesson)
        cell = ExpectedCell(
            name=stored.name,
            cell_type=stored.cell_type,
            source=stored.source,
            shown=_shown(stored.source, metadata),
            locked=stored.locked,
            metadata=metadata,
            group=tuple(group),
            above=above.get(stored.name, ""),
        )
        cells[cell.name] = cell
        group = [] if cell.is_check else [*group, cell.name]
    return cells


def _metadata(stored: SourceCell, lesson: Notebook) -> dict[str, Any]:
    """Return what nbgrader writes into a cell of this role."""
    name = stored.name
    points = {cell.name: cell.max_score for cell in [*lesson.grade_cells, *lesson.task_cells]}
    metadata = {
        "schema_version": 3,
        "grade_id": name,
        "grade": any(cell.name == name for cell in lesson.grade_cells),
        "solution": any(cell.name == name for cell in lesson.solution_cells),
        "task": any(cell.name == name for cell in lesson.task_cells),
        "locked": stored.locked,
        "cell_type": stored.cell_type,
        "checksum": stored.checksum,
        "points": points.get(name),
    }
    return {key: value for key, value in metadata.items() if value is not None}


def _shown(source: str, metadata: dict[str, Any]) -> str:
    """Return the text without its hidden tests and mark scheme."""
    cell = _NEW[metadata["cell_type"]](source)
    for step in (ClearHiddenTests(enforce_metadata=False), ClearMarkScheme(enforce_metadata=False)):
        cell, _ = step.preprocess_cell(cell, {}, 0)
    return cell.source
