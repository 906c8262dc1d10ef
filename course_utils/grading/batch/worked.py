"""The worked solution of a lesson: one page with answers and outputs, for after the due date.

It holds no hidden test and no mark scheme. The notebook is run without them, so that no output can
show them; from a copy that was run with them, outputs that could are left out.
"""

from __future__ import annotations

import copy
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, Execute
from tqdm import tqdm
from traitlets.config import Config

from course_utils.files import write_file
from course_utils.grading.batch.course import Course
from course_utils.grading.batch.errors import BatchError, printable
from course_utils.grading.handed_in.expected import same_text
from course_utils.grading.returned.feedback import outputs_without, secret_lines
from course_utils.grading.returned.pages import without_small_pictures

__all__ = ["is_due", "solution_page", "without_secrets", "write_solution"]

_MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
_MARK_SCHEME = re.compile(r"\s*\*\*Mark scheme\.\*\*.*?(?=\n### END SOLUTION|\Z)", re.DOTALL)


def is_due(course: Course, lesson: str) -> datetime | None:
    """Return when a lesson is due (UTC) if that is still to come, else None."""
    try:
        with course.gradebook() as gradebook:
            due = gradebook.find_assignment(lesson).duedate
    except (BatchError, MissingEntry):  # not handed out through nbgrader, so without a date
        return None
    now = datetime.now(UTC).replace(tzinfo=None)
    return due if due and due > now else None


def write_solution(
    course: Course,
    lesson: str,
    path: Path,
    *,
    executed: Path | None = None,
    mark_schemes: bool = False,
) -> None:
    """Write the worked solution of a lesson as one HTML file.

    Parameters
    ----------
    executed : Path, optional
        A copy of the lesson's notebook that was run; otherwise it is run now.
    mark_schemes : bool
        Also show how questions are marked.

    Raises
    ------
    BatchError
        If there is no such lesson, the copy is one of another version, a cell fails, or the file
        cannot be written.
    """
    source = course.require_source(lesson) / f"{lesson}.ipynb"
    if not source.is_file():
        raise BatchError(f"There is no notebook {source}.")
    if not path.parent.is_dir():
        raise BatchError(f"There is no folder {path.parent}: make it, or choose another with --to.")
    notebook = nbformat.read(source, as_version=4)
    shown = without_secrets(notebook, mark_schemes=mark_schemes)
    if executed is None:
        _run(course, shown, source.parent)
    else:
        _take_outputs(notebook, shown, executed)
    try:
        write_file(path, solution_page(shown).encode())
    except OSError as error:
        raise BatchError(f"{path} cannot be written: {error}.") from error


def solution_page(notebook: NotebookNode) -> str:
    """Return a page with a notebook's cells and outputs; pictures and styles are inside it."""
    without_small_pictures(notebook)  # the outputs have the large ones
    for cell in notebook.cells:
        cell.source = _MARKER.sub("", cell.source)
    page, _ = HTMLExporter(template_name="lab", embed_images=True).from_notebook_node(notebook)
    return page


def without_secrets(notebook: NotebookNode, *, mark_schemes: bool) -> NotebookNode:
    """Return a copy without outputs, hidden tests and, unless they are wanted, mark schemes."""
    shown = copy.deepcopy(notebook)
    steps = [ClearHiddenTests(enforce_metadata=False)]
    if not mark_schemes:
        steps.append(ClearMarkScheme(enforce_metadata=False))
    for cell in shown.cells:
        for step in steps:
            step.preprocess_cell(cell, {}, 0)
        if not mark_schemes and cell.cell_type == "markdown":
            cell.source = _MARK_SCHEME.sub("", cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return shown


def _run(course: Course, notebook: NotebookNode, folder: Path) -> None:
    """Run a notebook in place, in a copy of its folder."""
    n_code = sum(cell.cell_type == "code" for cell in notebook.cells)
    settings = Execute(parent=course.app)
    with (
        tempfile.TemporaryDirectory() as scratch,
        tqdm(total=n_code, desc="worked solution", unit="cell", disable=None) as bar,
    ):
        work = Path(scratch, "lesson")
        shutil.copytree(folder, work, ignore=shutil.ignore_patterns(*course.coursedir.ignore))
        client = NotebookClient(
            notebook,
            timeout=settings.timeout,
            extra_arguments=settings.extra_arguments,
            kernel_name="python3",
            resources={"metadata": {"path": str(work)}},
            config=Config(KernelManager={"transport_encryption": "auto"}),  # or it warns
            on_cell_complete=lambda cell, cell_index: bar.update(cell.cell_type == "code"),
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            name = getattr(error, "ename", type(error).__name__)
            why = printable(f"{name}: {getattr(error, 'evalue', error)}")
            raise BatchError(f"A cell of the lesson fails ({why}): repair the lesson.") from error


def _take_outputs(source: NotebookNode, shown: NotebookNode, executed: Path) -> None:
    """Take the outputs of a copy that was run, but none that shows a hidden line."""
    try:
        copy = nbformat.read(executed, as_version=4)
    except (OSError, ValueError) as error:
        raise BatchError(f"{executed} cannot be read as a notebook: {error}") from error
    if _texts(copy) not in (_texts(source), _texts(shown)):
        raise BatchError(f"{executed} is not this version of the lesson: run the notebook again.")
    secrets = secret_lines([*_texts(source)], [*_texts(shown)])
    for cell, run, whole in zip(shown.cells, copy.cells, source.cells, strict=True):
        if cell.cell_type == "code":
            # What a check with a hidden part prints may come from that part.
            kept = run.outputs if same_text(cell.source) == same_text(whole.source) else []
            cell.outputs = outputs_without(kept, secrets)
            cell.execution_count = run.execution_count


def _texts(notebook: NotebookNode) -> list[str]:
    return [same_text(cell.source) for cell in notebook.cells]
