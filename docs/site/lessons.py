"""Lessons as pages: the student's version of a notebook, with the outputs of the solved one."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions
from nbgrader.utils import is_grade, is_solution
from PIL import Image
from tqdm import tqdm
from traitlets.config import Config

from course_utils.files import write_file
from course_utils.grading.batch.worked import without_secrets
from course_utils.samples import SAMPLES, count_jets, find, small_sample

ROOT = Path(__file__).resolve().parents[2]
LESSONS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*/*.ipynb"))}
LARGEST_PICTURE = 200_000  # bytes
_NO_OUTPUTS = {"grading", "simulation", "__main__.py"}  # of course_utils: what a figure never shows
GIVES_AWAY = "gives-away"  # tag of a cell whose output would be an answer
_COLOUR = re.compile(r"\x1b\[[\d;]*m")  # of a terminal; unreadable on one ground or the other
_PROGRESS = re.compile(r"\d+%\|.*\| \d+/\d+ \[")
_HEADING = re.compile(r"^#+ (.+?)(?: \(.*\))?$", re.M)


def student_version(notebook: NotebookNode) -> NotebookNode:
    """Return a copy as nbgrader hands it out: stubs, no hidden test, no mark scheme, no output."""
    shown, resources = copy.deepcopy(notebook), {"language": "python"}
    steps = [ClearSolutions(), ClearHiddenTests(), ClearMarkScheme()]
    for cell in shown.cells:
        for step in steps:
            step.preprocess_cell(cell, resources, 0)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return shown


def run_lesson(path: Path, kept: Path) -> Path:
    """Run a solved lesson without its hidden tests, unless that was done; return the copy."""
    target = _kept(path, kept)
    if target.exists():
        return target
    notebook = without_secrets(nbformat.read(path, as_version=4), mark_schemes=False)
    n_code = sum(cell.cell_type == "code" for cell in notebook.cells)
    with (
        tempfile.TemporaryDirectory() as work,
        tqdm(total=n_code, desc=path.stem, unit="cell", disable=None) as bar,
    ):
        NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": work}},
            config=Config(KernelManager={"transport_encryption": "auto"}),
            on_cell_complete=lambda cell, cell_index: bar.update(cell.cell_type == "code"),
        ).execute()
    notebook.metadata["run"] = {"at": datetime.now(UTC).strftime("%Y-%m-%d"), "jets": _jets(path)}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, nbformat.writes(notebook).encode())
    return target


def student_page(path: Path, kept: Path) -> NotebookNode:
    """Return the student's version with outputs, if the lesson was run."""
    source = nbformat.read(path, as_version=4)
    page, target = student_version(source), _kept(path, kept)
    if not target.exists():
        page.cells.insert(1, _note(_NOT_RUN))
        return page
    run, heading = nbformat.read(target, as_version=4), path.stem
    for cell, done in zip(page.cells, run.cells, strict=True):
        if cell.cell_type == "markdown":
            heading = [heading, *_HEADING.findall(cell.source)][-1]
        elif not _keeps_silent(cell):
            cell.outputs = _joined(filter(None, map(_shown, done.outputs)))
            if is_grade(cell):  # the points of a partial credit
                cell.outputs = [each for each in cell.outputs if "execution_count" not in each]
            cell.execution_count = done.execution_count
            cell.metadata["mystnb"] = {"image": {"alt": f"Figure of: {heading}"}}
    page.cells.insert(1, _note(_ran(run.metadata["run"])))
    return page


_NOTE = """```{{note}}
This page shows the lesson as a student gets it, {}.
It is here to be read; [in JupyterLab](../../docs/students.md) you work through it.
```"""
_NOT_RUN = _NOTE.format("without figures: it was not run")


def _note(text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id="how-it-was-run")  # the same in every build


def _ran(run: NotebookNode) -> str:
    return _NOTE.format(f"with the outputs of the solved one ({run['at']}; {run['jets']})")


def _keeps_silent(cell: NotebookNode) -> bool:
    return is_solution(cell) or GIVES_AWAY in cell.metadata.get("tags", [])


def _joined(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Put text together that a bar or a warning had split, or that was displayed in parts."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == last.get("output_type") == "stream":
            last.text += output.text
        elif set(output.get("data", ())) == set(last.get("data", ())) == {"text/plain"}:
            last.data["text/plain"] += output.data["text/plain"]
        else:
            joined.append(output)
    return joined


def _shown(output: NotebookNode) -> NotebookNode | None:
    """Return an output as a page can show it, or None for warnings and progress bars."""
    if output.output_type == "stream":
        output.text = _COLOUR.sub("", output.text)
        return output if output.name == "stdout" else None
    data = output.get("data", {})
    text = data.get("text/plain", "")
    if "application/vnd.jupyter.widget-view+json" in data or _PROGRESS.search(text):
        return None
    if _COLOUR.search(text):
        data.pop("text/html", None)
        data["text/plain"] = _COLOUR.sub("", text)
    if "image/png" in data:
        data["image/png"] = base64.b64encode(_small(base64.b64decode(data["image/png"]))).decode()
    return output


def _small(png: bytes) -> bytes:
    """Return a picture of at most `LARGEST_PICTURE` bytes: fewer colours, then fewer pixels."""
    picture, colours = Image.open(io.BytesIO(png)).convert("RGB"), 256
    while len(png) > LARGEST_PICTURE:
        target = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
        png = target.getvalue()
        picture, colours = picture.resize([int(0.85 * each) for each in picture.size]), 128
    return png


def _kept(path: Path, kept: Path) -> Path:
    """Where the copy lies that was run with this code, this package and these jets."""
    digest = hashlib.sha256()
    for part in _ingredients(path):
        digest.update(part)
    return kept / f"{path.stem}-{digest.hexdigest()[:16]}.ipynb"


def _ingredients(path: Path) -> Iterator[bytes]:
    cells = nbformat.read(path, as_version=4).cells
    yield json.dumps([cell.source for cell in cells if cell.cell_type == "code"]).encode()
    for file in sorted((ROOT / "course_utils").rglob("*")):
        room = file.relative_to(ROOT / "course_utils").parts[0]
        if room not in _NO_OUTPUTS and file.suffix in {".py", ".h5", ".npz", ".csv"}:
            yield file.read_bytes()
    yield _jets(path).encode()
    yield from (str(find(name, "train").stat().st_size).encode() for name in _samples(path))


def _samples(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [name for name in SAMPLES if f'\\"{name}\\"' in text]


def _jets(path: Path) -> str:
    """Say how many training jets of which samples a lesson finds on this machine."""
    counts = []
    for name in _samples(path):
        packaged = find(name, "train") == small_sample(name)
        kind = "the small sample" if packaged else f"{count_jets(name, 'train')} training jets"
        counts.append(f"{kind} of {name}")
    return ", ".join(counts)
