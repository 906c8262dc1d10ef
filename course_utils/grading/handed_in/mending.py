"""Give every graded cell of a submission its place again, before nbgrader grades it.

Students copy, split, delete and retype cells, work on an older release, and use programs that drop
nbgrader's metadata. nbgrader then stops at the whole notebook. :class:`MendNotebook` takes from a
cell only which one of the lesson's cells it is; everything else comes from the gradebook.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from course_utils.grading.handed_in.expected import (
    ExpectedCell,
    expected_cells,
    released_notebook,
    same_text,
)
from course_utils.grading.handed_in.notes import add_notes, quoted

__all__ = ["MendNotebook", "mend_cells"]

_ROLES = ("grade", "solution", "locked", "task")
_MOVED = (
    "*This answer was not in the notebook that was handed in."
    " If it stands in another cell, mark it there.*\n\n"
)


class MendNotebook(NbGraderPreprocessor):
    """Leave each of the lesson's cells in the notebook once, and say what was mended.

    The first of ``Autograde.sanitize_preprocessors``.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Mend the notebook in place."""
        about = resources["nbgrader"]
        released = released_notebook(self, about["assignment"], about["notebook"])
        with Gradebook(about["db_url"]) as gradebook:
            lesson = gradebook.find_notebook(about["notebook"], about["assignment"])
            expected = expected_cells(lesson, released)
        notes = [*resources.pop("mended_while_reading", []), *_other_notebooks(resources)]
        notes += mend_cells(nb, expected, released)
        add_notes(nb, resources, notes, self.log)
        return nb, resources


def mend_cells(
    nb: NotebookNode, expected: dict[str, ExpectedCell], released: NotebookNode | None = None
) -> list[str]:
    """Mend a notebook in place, and return what was mended.

    Parameters
    ----------
    nb : NotebookNode
        As `read_notebook` returns it.
    expected : dict
        The cells of the lesson, from `expected_cells`.
    released : NotebookNode, optional
        What the students were given; without it no text below an answer is taken for the answer.

    Returns
    -------
    list of str
        Sentences without a full stop; none if nothing was amiss.
    """
    nb.metadata = NotebookNode()
    notes = _recognise(nb, expected)
    notes += _join_copies(nb, expected)
    notes += _join_answers_below(nb, expected, released)
    notes += _put_back(nb, expected)
    notes += _restore(nb, expected)
    return notes


def _other_notebooks(resources: dict[str, Any]) -> list[str]:
    """Tell of notebooks beside the one that is graded."""
    path = Path(resources["metadata"]["path"], f"{resources['nbgrader']['notebook']}.ipynb")
    notes = []
    for other in sorted(set(path.parent.glob("*.ipynb")) - {path}):
        same = other.read_bytes() == path.read_bytes()
        what = "was graded under the lesson's name" if same else "was not graded"
        notes.append(f"the notebook {quoted(other.name)} was handed in and {what}")
    return notes


def _name(cell: NotebookNode) -> str | None:
    return cell.metadata.get("lesson_cell")


def _positions(nb: NotebookNode, name: str) -> list[int]:
    return [position for position, cell in enumerate(nb.cells) if _name(cell) == name]


def _recognise(nb: NotebookNode, expected: dict[str, ExpectedCell]) -> list[str]:
    """Find out which of the lesson's cells each cell is: by grade id, else by cell id or text."""
    strangers = []
    for cell in nb.cells:
        graded = cell.metadata.get("nbgrader")
        grade_id = graded.get("grade_id") if isinstance(graded, dict) else None
        tags = cell.metadata.get("tags")
        tags = [tag for tag in tags if tag != "skip-execution"] if isinstance(tags, list) else []
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        if isinstance(grade_id, str) and grade_id in expected:
            cell.metadata["lesson_cell"] = grade_id
        elif isinstance(grade_id, str) and any(graded.get(role) for role in _ROLES):
            strangers.append(quoted(grade_id))
    missing = [name for name in expected if not _positions(nb, name)]
    found = [name for name in missing if _find(nb, expected[name])]
    notes = []
    if strangers:
        notes.append(f"not in this release, so without points: {', '.join(strangers)}")
    if found:
        notes.append(f"had lost nbgrader's metadata: {', '.join(map(quoted, found))}")
    return notes


def _find(nb: NotebookNode, wanted: ExpectedCell) -> bool:
    """Mark the cell that is the wanted one but has lost its grade id."""
    free = [cell for cell in nb.cells if _name(cell) is None]
    found = [cell for cell in free if cell.id == wanted.name]
    if wanted.is_written and wanted.above:
        # Many such cells are given with the same words, so what stands above tells them apart.
        found += [
            cell
            for above, cell in pairwise(nb.cells)
            if same_text(above.source) == wanted.above and _name(cell) is None
        ]
    elif not wanted.is_written:
        found += [cell for cell in free if wanted.is_untouched(cell.source)]
    for cell in found[:1]:
        cell.metadata["lesson_cell"] = wanted.name
    return bool(found)


def _join_copies(nb: NotebookNode, expected: dict[str, ExpectedCell]) -> list[str]:
    """Leave one of the cells that have the same name; the others run as ordinary cells."""
    notes = []
    for name, cell in expected.items():
        copies = _positions(nb, name)
        if len(copies) < 2:
            continue
        changed = [i for i in copies if not cell.is_untouched(nb.cells[i].source)]
        if cell.is_written:
            _join(nb, copies[0], changed, copies)
            notes.append(f"{quoted(name)} stood {len(copies)} times; the answers were joined")
            continue
        if cell.is_check:
            behind = max((i for n in cell.group for i in _positions(nb, n)), default=-1)
            kept = next((i for i in copies if i > behind), copies[-1])
        else:
            kept = (changed or copies)[-1] if cell.is_answer else copies[0]
        for position in set(copies) - {kept}:
            del nb.cells[position].metadata["lesson_cell"]
        notes.append(f"{quoted(name)} stood {len(copies)} times; one counts, all were run")
    return notes


def _join(nb: NotebookNode, kept: int, answers: list[int], removed: list[int]) -> None:
    """Make one written answer of several cells."""
    texts = list(dict.fromkeys(nb.cells[i].source for i in answers))
    if texts:
        nb.cells[kept].source = "\n\n".join(texts)
    pictures = [nb.cells[i].get("attachments", {}) for i in answers]
    if any(pictures):
        nb.cells[kept]["attachments"] = {k: v for each in pictures for k, v in each.items()}
    for position in sorted(set(removed) - {kept}, reverse=True):
        del nb.cells[position]


def _join_answers_below(
    nb: NotebookNode, expected: dict[str, ExpectedCell], released: NotebookNode | None
) -> list[str]:
    """Where an answer cell was left as it was, take the text cells that a student added below."""
    if released is None:
        return []
    given = {same_text(cell.source) for cell in released.cells}
    notes = []
    for name, cell in expected.items():
        place = _positions(nb, name)
        if not (cell.is_written and place and cell.is_untouched(nb.cells[place[0]].source)):
            continue
        below = []
        for position in range(place[0] + 1, len(nb.cells)):
            added = nb.cells[position]
            if added.cell_type == "code" or _name(added) or same_text(added.source) in given:
                break
            below.append(position)
        if below:
            _join(nb, place[0], below, below)
            notes.append(f"{quoted(name)} was empty; the text below it was taken as the answer")
    return notes


def _put_back(nb: NotebookNode, expected: dict[str, ExpectedCell]) -> list[str]:
    """Insert what is missing: behind its exercise, else before the lesson's next cell."""
    order = list(expected)
    missing = [name for name in order if not _positions(nb, name)]
    returned = [name for name in missing if not expected[name].is_plain_answer]
    for name in returned:
        cell = expected[name]
        before = [i for other in cell.group for i in _positions(nb, other)]
        later = [i for other in order[order.index(name) + 1 :] for i in _positions(nb, other)]
        place = max(before) + 1 if before else min(later, default=len(nb.cells))
        new = cell.new(_MOVED + cell.shown if cell.is_written else cell.source)
        new.metadata["lesson_cell"] = name
        nb.cells.insert(place, new)
    notes = []
    if returned:
        notes.append(
            f"missing (deleted, or not in the release the student had) and put back:"
            f" {', '.join(map(quoted, returned))}"
        )
    if lost := [name for name in missing if name not in returned]:
        notes.append(f"answers missing: {', '.join(map(quoted, lost))}")
    return notes


def _restore(nb: NotebookNode, expected: dict[str, ExpectedCell]) -> list[str]:
    """Give every cell of the lesson its type, its metadata and, if it is locked, its text."""
    changed = []
    for position, old in enumerate(nb.cells):
        name = old.metadata.pop("lesson_cell", None)
        if name is None:
            continue
        cell = expected[name]
        own_words = not (cell.locked or cell.is_check)
        if not own_words and not cell.is_untouched(old.source):
            changed.append(quoted(name))
        new = cell.new(old.source if own_words else cell.source)
        if old.get("attachments") and new.cell_type != "code":
            new["attachments"] = old.attachments
        nb.cells[position] = new
    _name_each_once(nb)
    if changed:
        return [
            f"changed by the student, or of another release, and restored: {', '.join(changed)}"
        ]
    return []


def _name_each_once(nb: NotebookNode) -> None:
    """Rename ordinary cells that have the id of another."""
    graded = {cell.id for cell in nb.cells if "nbgrader" in cell.metadata}
    for number, cell in enumerate(nb.cells):
        if "nbgrader" not in cell.metadata and cell.id in graded:
            cell.id = f"{cell.id[:50]}-copy-{number}"
