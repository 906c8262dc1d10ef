"""Run solved lessons as a student does, and write into each what only a run can tell.

::

    python tests/lessons/render.py                  # all lessons, at their default settings
    python tests/lessons/render.py 02_cnn_on_images
    python tests/lessons/render.py --times-only 02_cnn_on_images

That is the small picture of each figure, ``figures/<cell>.png`` beside the notebook, and in the
first cell the minutes to read and for cells that run. It prints the slowest cells and the peak
memory. Run it on an idle machine, on the jets that students have (``JET_DATA``).
"""

from __future__ import annotations

import argparse
import base64
import io
import math
import re
import tempfile
import time
from pathlib import Path

import nbformat
from lesson import Lesson
from nbclient import NotebookClient
from PIL import Image
from tqdm import tqdm

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
WIDTH = 640  # pixels; enough to compare a shape, too little to read off a number
COLOURS = 24
MEMORY = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


class TimedRun(NotebookClient):
    """Runs a notebook under a progress bar, and keeps the seconds of each cell."""

    def run(self, label: str) -> dict[str, float]:
        """Return the seconds by cell id."""
        self.seconds: dict[str, float] = {}
        with tqdm(total=len(self.nb.cells), desc=label) as bar, tempfile.TemporaryDirectory() as at:
            self.resources = {"metadata": {"path": at}}

            def started(cell: nbformat.NotebookNode, cell_index: int) -> None:
                self._start = time.perf_counter()

            def executed(cell: nbformat.NotebookNode, cell_index: int, **_: object) -> None:
                if cell.cell_type == "code":
                    self.seconds[cell.id] = time.perf_counter() - self._start
                bar.n = cell_index + 1
                bar.refresh()

            self.on_cell_start, self.on_cell_executed = started, executed
            self.execute()
        return self.seconds


def small_picture(png: bytes) -> bytes:
    """Return a picture, narrow and in few colours, as a PNG."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if picture.width > WIDTH:
        height = round(picture.height * WIDTH / picture.width)
        picture = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
    return target.getvalue()


def write_pictures(lesson: Lesson, cells: list[nbformat.NotebookNode]) -> None:
    """Replace the pictures of a lesson by those of this run."""
    folder = lesson.path.parent / "figures"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for cell in cells:
        pictures = [output.data["image/png"] for output in cell.get("outputs", [])
                    if "image/png" in output.get("data", {})]  # fmt: skip
        if cell.id in lesson.pictures and pictures:
            (folder / f"{cell.id}.png").write_bytes(small_picture(base64.b64decode(pictures[0])))


def times_line(lesson: Lesson, name: str, seconds: dict[str, float]) -> str:
    """Return the line of the first cell that states the minutes of a sitting."""
    core = name == "Time"
    on_path = {cell.id for cell, is_core in zip(lesson.cells, lesson.is_core, strict=True)
               if is_core == core}  # fmt: skip
    parts = [
        lesson.minutes(core=core),
        math.ceil(lesson.reading_minutes(core=core)),
        math.ceil(sum(time for cell, time in seconds.items() if cell in on_path) / 60),
    ]
    exercises, reading, running = parts
    return (f"**{name}:** {sum(parts)} minutes: {exercises} for the exercises, {reading} to read,"
            f" {running} for cells that run.")  # fmt: skip


def write_times(lesson: Lesson, seconds: dict[str, float]) -> list[str]:
    """Put the minutes into the first cell of a lesson."""
    notebook = nbformat.read(lesson.path, as_version=4)
    first, lines = notebook.cells[0], []
    for name in re.findall(r"^\*\*(Time|Second sitting):\*\*", first.source, re.M):
        lines.append(times_line(lesson, name, seconds))
        pattern = rf"^\*\*{name}:\*\* .+$"
        first.source = re.sub(pattern, lines[-1], first.source, flags=re.M)
    lesson.path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lessons", nargs="*", help="names of lessons; default all")
    parser.add_argument("--times-only", action="store_true", help="leave the pictures as they are")
    options = parser.parse_args()
    known = {path.stem: path for path in sorted(NOTEBOOKS.glob("*/*.ipynb"))}
    if unknown := set(options.lessons) - set(known):
        parser.error(f"Expected names of lessons ({', '.join(known)}); got {', '.join(unknown)}.")
    for name in options.lessons or known:
        lesson = Lesson(known[name])
        notebook = nbformat.from_dict(lesson.notebook)
        notebook.cells.append(nbformat.v4.new_code_cell(MEMORY))
        seconds = TimedRun(notebook, timeout=None, kernel_name="python3").run(name)
        for line in write_times(lesson, seconds):
            print(line)
        if not options.times_only:
            write_pictures(lesson, notebook.cells)
        slowest = sorted(seconds.items(), key=lambda item: -item[1])[:4]
        print("slowest cells:", ", ".join(f"{cell} {time:.0f} s" for cell, time in slowest))
        print(f"peak memory: {int(notebook.cells[-1].outputs[0].text) / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
