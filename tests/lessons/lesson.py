"""A lesson, taken apart: what the tests need to hold every notebook honest.

A lesson is ``notebooks/NN_topic/NN_topic.ipynb`` with ``wrong_answers.toml`` beside it::

    [claims]                             # a row of the cell tagged "results" -> range of its number
    "improved" = [0.9, 1.0]

    [prose]                              # words of the text -> true after the last cell
    "top jets are heavier" = "mass[is_top].mean() > mass[~is_top].mean()"

    [jet-mass]                           # the cell that a student fills in
    "forgets pz" = '''
    def jet_mass(jets):
        ...
    '''

    [right.jet-mass]                     # unusual, but right: keeps every point
    "in single precision" = '''
    def jet_mass(jets):
        ...
    '''
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from nbgrader.utils import is_grade, is_solution

ROOT = Path(__file__).resolve().parents[2]
# What continuous integration sets; every lesson has to know these names.
SMALL_RUN = {"N_JETS": 1200, "N_EPOCHS": 3, "SEED": 7}
SECTION = re.compile(r"^## .+", re.M)
HEADING = re.compile(r"^### Exercise (\d+\.\d+): .+ \(([\d.]+) points?, (\d+) min\)$", re.M)
FOLDED = re.compile(r"<details>.*?</details>", re.S)
WORDS_PER_MINUTE = 130  # of someone who looks up at the figure, and reads formulas
PICTURE = re.compile(
    r"<details><summary>Yours should look like this</summary>\n\n"
    r"!\[\]\(figures/([a-z0-9-]+)\.png\)\n</details>"
)
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)^### END HIDDEN TESTS$", re.M | re.S)
SOLUTION = re.compile(r"^ *### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION", re.M | re.S)
NO_ANSWERS = ("claims", "prose", "right")  # not wrong answers


@dataclass(frozen=True)
class Exercise:
    """An autograded exercise: the cell that a student fills in and the cell that checks it."""

    answer: int  # positions in the notebook
    check: int


@dataclass(frozen=True)
class Lesson:
    """One notebook and what lies beside it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @property
    def cells(self) -> list[nbformat.NotebookNode]:
        return self.notebook.cells

    @property
    def markdown(self) -> list[str]:
        return [cell.source for cell in self.cells if cell.cell_type == "markdown"]

    @property
    def graded(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.cells if is_grade(cell)]

    @property
    def points(self) -> float:
        return sum(cell.metadata.nbgrader.points for cell in self.graded)

    @property
    def is_core(self) -> list[bool]:
        """Whether each cell is on the core path: all but the sections for a second sitting."""
        core, answer = True, []
        for cell in self.cells:
            if cell.cell_type == "markdown" and (headings := SECTION.findall(cell.source)):
                core = "(second sitting" not in headings[-1]
            answer.append(core)
        return answer

    def _text(self, core: bool) -> list[nbformat.NotebookNode]:
        return [cell for cell, on_path in zip(self.cells, self.is_core, strict=True)
                if cell.cell_type == "markdown" and on_path == core]  # fmt: skip

    def minutes(self, *, core: bool) -> int:
        """The minutes that the exercises of the core path take, or those of the other sections."""
        text = "\n".join(cell.source for cell in self._text(core))
        return sum(int(minutes) for _, _, minutes in HEADING.findall(text))

    def reading_minutes(self, *, core: bool) -> float:
        """The minutes to read what is neither folded nor an exercise, which has its own minutes."""
        text = [cell.source for cell in self._text(core)
                if not is_solution(cell) and not HEADING.search(cell.source)]  # fmt: skip
        return len(FOLDED.sub("", "\n".join(text)).split()) / WORDS_PER_MINUTE

    @property
    def pictures(self) -> dict[str, int]:
        """The code cells whose figure has a small picture, and where its link stands."""
        return {name: position for position, cell in enumerate(self.cells)
                for name in PICTURE.findall(cell.source)}  # fmt: skip

    @property
    def words(self) -> dict[str, str]:
        """The words that are new in this lesson, and the line that explains each."""
        lists = re.findall(r"<summary>Words that are new here</summary>(.*?)</details>",
                           "\n".join(self.markdown), re.S)  # fmt: skip
        lines = [line for text in lists for line in text.splitlines() if line]
        names = {line: re.match(r"- \*\*(.+?)\*\*: ", line) for line in lines}
        return {word: line for line, found in names.items() for word in found[1].split(", ")}

    @cached_property
    def exercises(self) -> list[Exercise]:
        """Every check with the answer cell that comes last before it."""
        answers, found = [], []
        for position, cell in enumerate(self.cells):
            if cell.cell_type == "code" and is_solution(cell):
                answers.append(position)
            elif cell.cell_type == "code" and is_grade(cell):
                found.append(Exercise(answers[-1], position))
        return found

    @cached_property
    def released(self) -> list[nbformat.NotebookNode]:
        """The cells as a student gets them, by nbgrader's own two steps."""
        notebook = nbformat.from_dict(self.notebook)
        for step in (ClearSolutions(), ClearHiddenTests()):
            notebook, _ = step.preprocess(notebook, {})
        return notebook.cells

    @cached_property
    def secrets(self) -> set[str]:
        """Every line of a solution, a model answer, a mark scheme or a hidden test.

        Short lines and lines that a student reads elsewhere give nothing away.
        """
        source = "\n".join(cell.source for cell in self.cells)
        regions = SOLUTION.findall(source) + HIDDEN.findall(source)
        shown = "\n".join(cell.source for cell in self.released)
        lines = {line.strip() for region in regions for line in region.splitlines()}
        return {line for line in lines if len(line) > 15 and line not in shown}

    @cached_property
    def beside(self) -> dict[str, dict]:
        return tomllib.loads((self.path.parent / "wrong_answers.toml").read_text())

    @property
    def claims(self) -> dict[str, tuple[float, float]]:
        return self.beside["claims"]

    @property
    def prose(self) -> dict[str, str]:
        """What the text says of the jets, and the code that is true if it is right."""
        return self.beside.get("prose", {})

    @property
    def wrong_answers(self) -> dict[str, dict[str, str]]:
        return {name: table for name, table in self.beside.items() if name not in NO_ANSWERS}

    @property
    def right_answers(self) -> dict[str, dict[str, str]]:
        """Unusual right answers by the cell that they stand in; empty if the lesson lists none."""
        return self.beside.get("right", {})


LESSONS = [Lesson(path) for path in sorted(ROOT.glob("notebooks/*/*.ipynb"))]


def visible_part(check: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A check cell without its hidden tests, as a student has it."""
    cell = nbformat.from_dict(check)
    cell.source = HIDDEN.sub("", cell.source).rstrip("\n")
    return cell


def filled_in(lesson: Lesson, released: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A released notebook with every answer of the source, as a perfect student hands it in."""
    answers = {cell.id: cell.source for cell in lesson.cells if is_solution(cell)}
    notebook = nbformat.from_dict(released)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook
