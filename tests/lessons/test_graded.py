"""Every lesson through nbgrader, as an instructor and three students do.

The notebook of the student who solved it carries parameters that papermill has put in, so that its
one execution shows both.
"""

import re
from html import unescape

import nbformat
import pytest
from lesson import filled_in
from nbconvert.preprocessors import Preprocessor
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput
from nbgrader.utils import is_solution
from nbgrader.validator import Validator
from session import Session

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings


class TestNbgrader:
    def test_the_release_is_the_notebook_and_its_small_pictures(self, lesson, course):
        released = course.folder / "release" / lesson.name
        pictures = {f"{name}.png" for name in lesson.pictures}
        files = {path.name for path in released.rglob("*") if path.is_file()}
        assert files == {lesson.path.name} | pictures

    def test_the_solution_gets_full_marks_where_no_person_has_to_read(self, lesson, course):
        scores = course.scores("solved", lesson)
        written = {c.id for c in lesson.graded if is_solution(c)}
        assert {name for name, (score, _) in scores.items() if score is None} == written
        assert all(score == most for score, most in scores.values() if score is not None)
        assert sum(most for _, most in scores.values()) == lesson.points

    def test_the_untouched_release_gets_nothing(self, lesson, course):
        scores = course.scores("untouched", lesson)
        assert len(scores) == len(lesson.graded)
        assert {score for score, _ in scores.values()} == {0}

    def test_a_notebook_whose_checks_do_nothing_gets_nothing(self, lesson, course):
        note = course.executed("attacker", lesson).cells[0].source
        _, fooled, checks = note.partition("passed in the notebook and failed when judged: ")
        assert fooled
        assert not [e for e in lesson.exercises if f"`{lesson.cells[e.check].id}`" not in checks]
        assert {score for score, _ in course.scores("attacker", lesson).values()} == {0}

    def test_the_release_tells_no_secret(self, lesson, course):
        assert lesson.secrets
        text = course.read("release", ".", lesson)
        sources = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
        assert not [secret for secret in lesson.secrets if secret in sources]
        assert "BEGIN" not in sources
        assert "mark scheme" not in sources.lower()

    def test_feedback_tells_no_secret(self, lesson, course):
        own = "\n".join(cell.source for cell in lesson.cells if is_solution(cell))
        checks = "\n".join(cell.source for cell in lesson.cells if not is_solution(cell))
        hidden = {line for line in lesson.secrets if line in checks and line not in own}
        for student, told in (("untouched", lesson.secrets), ("solved", hidden)):
            page = _plain(course.read("feedback", student, lesson))
            assert not [line for line in told if _squeezed(line) in page], student

    def test_a_feedback_page_links_no_file_beside_it(self, lesson, course):
        assert "figures/" not in course.read("feedback", "solved", lesson)

    def test_a_student_who_validates_the_solution_passes(self, lesson, course, session, tmp_path):
        path = course.folder / "release" / lesson.name / lesson.path.name
        nbformat.write(filled_in(lesson, nbformat.read(path, as_version=4)), tmp_path / path.name)
        validator = Validator(preprocessors=[CheckCellMetadata, ClearOutput, replay(session)])
        assert validator.validate(str(tmp_path / path.name)) == {}


def replay(session: Session) -> type[Preprocessor]:
    """In place of nbgrader's execution, the outputs of the checks that the session has run."""

    class Replay(Preprocessor):
        def preprocess(self, nb, resources):
            code = [cell.source for cell in nb.cells if cell.cell_type == "code"]
            assert [*map(_lines, code)] == [*map(_lines, session.seen_by_student)]
            for position, cell in session.validated.items():
                nb.cells[position].outputs = cell.outputs
            return nb, resources

    return Replay


class TestExecution:
    """What papermill would show too: nbgrader runs a notebook with the same client."""

    def test_the_solved_notebook_runs_without_a_word_on_standard_error(self, lesson, course):
        outputs = _outputs(course.executed("solved", lesson))
        assert not [o.text for o in outputs if o.get("name") == "stderr"]
        assert not [o.evalue for o in outputs if o.output_type == "error"]

    def test_injected_parameters_win(self, lesson, course):
        tags = [cell.metadata.get("tags", []) for cell in course.executed("solved", lesson).cells]
        position = tags.index(["injected-parameters"])
        assert tags[position - 1] == ["parameters"]
        assert "N_JETS = 1200" in course.executed("solved", lesson).cells[position].source

    def test_progress_is_one_line_that_ends_full(self, lesson, course):
        outputs = _outputs(course.executed("solved", lesson))
        shown = [output.get("data", {}).get("text/plain", "") for output in outputs]
        bars = [text for text in shown if re.search(r"\d+/\d+ \[.*(epoch/s|s/epoch)", text)]
        assert all(len(bar.splitlines()) == 1 for bar in bars)
        assert "100%" in bars[0]  # a later training may stop early

    def test_the_numbers_it_claims_are_sane(self, lesson, course):
        cells = course.executed("solved", lesson).cells
        (table,) = (cell for cell in cells if "results" in cell.metadata.get("tags", []))
        text = table.outputs[0].data["text/plain"]
        measured = {}
        for row in lesson.claims:
            line = next(line for line in text.splitlines() if line.startswith(f"{row} "))
            measured[row] = float(re.search(r"\d+(\.\d+)?", line.removeprefix(row))[0])
        for row, (low, high) in lesson.claims.items():
            assert low <= measured[row] <= high, f"{row}: {measured[row]}"


def _lines(source: str) -> list[str]:
    return [line for line in source.splitlines() if line.strip()]


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def _plain(page: str) -> str:
    """The text of an HTML page, without its markup and white space."""
    return _squeezed(unescape(re.sub(r"<[^>]+>", "", page)))
