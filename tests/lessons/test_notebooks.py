"""Every lesson, found by glob: stored clean, built like a lesson, graded fairly, leaking nothing.

What is expensive is made once per lesson: one run of its cells in this process, in which every
wrong and every unusual right answer is tried, and one nbgrader course with two students. The
notebook of the student who solved it carries parameters that papermill has put in, so that its
one execution shows both.
"""

import ast
import builtins
import math
import os
import re
import shutil
import symtable
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import papermill
import pytest
from lesson import HEADING, Lesson, Session, filled_in
from nbconvert.preprocessors import Preprocessor
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput
from nbgrader.utils import is_grade, is_solution
from nbgrader.validator import Validator
from public_files import served, write_public_file
from traitlets.config import Config, PyFileConfigLoader

from course_utils.__main__ import main
from course_utils.grading.judging.checks import is_check
from course_utils.grading.judging.names import cell_names
from course_utils.grading.judging.reference import Solved
from course_utils.grading.returned.feedback import hidden_sentences
from course_utils.jetfile import TTV, JetFile, write_jets
from course_utils.samples import SAMPLES, SPLITS, small_sample

ROOT = Path(__file__).resolve().parents[2]
LESSONS = [Lesson(path) for path in sorted(ROOT.glob("notebooks/*/*.ipynb"))]
# What continuous integration sets; every lesson has to know these names.
SMALL_RUN = {"N_JETS": 1200, "N_EPOCHS": 3, "SEED": 7}
GOAL = re.compile(r"^\d\. \*\*[A-Z][a-z]+\*\* .+$", re.M)
TIMES = re.compile(
    r"\*\*(Time|Second sitting):\*\* (\d+) minutes: (\d+) for the exercises, (\d+) to read,"
    r" (\d+) for cells that run\."
)
READY = re.compile(r"^\*Ready functions:\* .", re.M)
TWO_SENTENCES = re.compile(r"[a-z)$`*][.!?] +[A-Z$]")

pytestmark = pytest.mark.parametrize(
    "lesson", LESSONS, ids=lambda lesson: lesson.name, scope="session"
)
slow = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings


# Stored form and structure -------------------------------------------------------------------


def test_a_lesson_is_one_folder_of_the_same_name(lesson):
    assert re.fullmatch(r"\d\d_[a-z0-9_]+", lesson.name)
    assert lesson.path.parent.name == lesson.name
    assert len(list(lesson.path.parent.glob("*.ipynb"))) == 1


def test_it_is_stored_in_the_one_normal_form(lesson):
    assert lesson.path.read_text(encoding="utf-8") == nbformat.writes(lesson.notebook) + "\n"
    nbformat.validate(lesson.notebook)
    assert set(lesson.notebook.metadata) == {"kernelspec"}
    assert lesson.notebook.metadata.kernelspec.name == "python3"
    for cell in lesson.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert set(cell.metadata) <= {"nbgrader", "tags"}
        assert cell.source == cell.source.strip("\n")


def test_cell_ids_are_words_and_graded_cells_are_called_by_them(lesson):
    ids = [cell.id for cell in lesson.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", name) for name in ids)
    for cell in lesson.cells:
        assert cell.metadata.get("nbgrader", {"grade_id": cell.id})["grade_id"] == cell.id


def test_graded_cells_are_valid_and_worth_something(lesson):
    MetadataValidator().validate_nb(lesson.notebook)
    assert lesson.exercises
    assert all(cell.metadata.nbgrader.points > 0 for cell in lesson.graded)
    checks = [cell for cell in lesson.graded if cell.cell_type == "code"]
    assert all(cell.metadata.nbgrader.locked for cell in checks)


def test_every_answer_cell_has_its_own_check_with_a_hidden_part(lesson):
    answers = [i for i, cell in enumerate(lesson.cells) if is_solution(cell)]
    written = [i for i in answers if is_grade(lesson.cells[i])]
    assert [exercise.answer for exercise in lesson.exercises] == sorted(set(answers) - set(written))
    for exercise in lesson.exercises:
        source = lesson.cells[exercise.check].source
        assert source.count("### BEGIN HIDDEN TESTS") == source.count("### END HIDDEN TESTS") == 1
        assert source.startswith("# Check: ")


def test_the_same_three_goals_open_and_close_the_lesson(lesson):
    first, recap = lesson.markdown[0], next(text for text in lesson.markdown if "## Recap" in text)
    goals = GOAL.findall(first)
    assert len(goals) == 3
    assert GOAL.findall(recap) == goals
    assert re.match(rf"# {lesson.name[:2]} ", first)
    assert "arXiv:" in first


def test_exercises_are_numbered_and_their_points_and_minutes_add_up(lesson):
    headings = HEADING.findall("\n".join(lesson.markdown))
    expected, announced = {}, None
    for cell in lesson.cells:
        if found := HEADING.findall(cell.source):
            announced = found[-1][0]
        if is_grade(cell):
            expected[announced] = expected.get(announced, 0) + cell.metadata.nbgrader.points
    assert {number: float(points) for number, points, _ in headings} == expected
    numbers = [tuple(map(int, number.split("."))) for number, _, _ in headings]
    assert numbers == sorted(set(numbers))


def test_the_minutes_it_states_are_those_of_its_parts(lesson):
    times = {name: [*map(int, parts)] for name, *parts in TIMES.findall(lesson.markdown[0])}
    assert ("Second sitting" in times) == (lesson.minutes(core=False) > 0)
    assert times["Time"][0] <= 90  # the core path
    for name, (total, exercises, reading, running) in times.items():
        core = name == "Time"
        assert exercises == lesson.minutes(core=core)
        assert reading == math.ceil(lesson.reading_minutes(core=core))
        assert total == exercises + reading + running


def test_its_sections_are_core_and_then_for_a_second_sitting_and_the_test_is_core(lesson):
    headings = [line for text in lesson.markdown for line in re.findall(r"^## \d+ .+", text, re.M)]
    kinds = [re.search(r" \((core|second sitting)\)$", line)[1] for line in headings]
    assert kinds == [*sorted(kinds[:-1]), "core"]


def test_its_new_words_are_explained_as_in_the_glossary_and_not_used_before(lesson):
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    assert lesson.words
    assert not [line for line in lesson.words.values() if line not in glossary]
    text = "\n".join(lesson.markdown).lower()
    assert not [word for word in lesson.words if text.count(word.lower()) < 2]
    for earlier in LESSONS[: LESSONS.index(lesson)]:
        text = "\n".join(earlier.markdown)
        used = {word for word in lesson.words if re.search(rf"\b{re.escape(word)}\b", text, re.I)}
        assert not used, f"{earlier.name} uses words that {lesson.name} explains: {used}"


def test_test_jets_are_read_in_one_cell_after_which_nothing_counts(lesson):
    readers = [
        position for position, cell in enumerate(lesson.released)
        if cell.cell_type == "code" and any(
            isinstance(node, ast.Constant) and node.value == "test"
            for node in ast.walk(ast.parse(cell.source))
        )
    ]  # fmt: skip
    assert len(readers) == 1
    assert not [cell.id for cell in lesson.cells[readers[0] :] if is_grade(cell)]


def test_every_hidden_check_has_a_sentence_for_the_student(lesson):
    for exercise in lesson.exercises:
        sentences = hidden_sentences(lesson.cells[exercise.check].source)
        assert sentences
        assert all(sentences.values()), f"{lesson.cells[exercise.check].id}: {sentences}"


def test_every_exercise_says_whether_ready_functions_may_be_used(lesson):
    for exercise in lesson.exercises:
        texts = [cell.source for cell in lesson.cells[: exercise.answer]]
        announced = next(text for text in reversed(texts) if HEADING.search(text))
        assert READY.search(announced), announced


def test_small_pictures_are_small_and_stand_below_the_cell_that_draws(lesson):
    ids = [cell.id for cell in lesson.cells]
    files = {path.stem: path for path in lesson.path.parent.glob("figures/*")}
    assert set(files) == set(lesson.pictures)
    assert all(path.stat().st_size < 30_000 for path in files.values())
    for name, position in lesson.pictures.items():
        between = lesson.cells[ids.index(name) + 1 : position]
        assert not [cell for cell in between if cell.cell_type == "markdown"]


def test_no_global_is_called_like_an_argument_and_no_module_is_overwritten(lesson):
    """An answer that forgets an argument would find the global, and work by luck."""
    assigned, imported = {}, set()
    for cell in (cell for cell in lesson.released if cell.cell_type == "code"):
        for symbol in symtable.symtable(cell.source, "<cell>", "exec").get_symbols():
            if symbol.is_assigned():
                assigned[symbol.get_name()] = cell.id
            if symbol.is_imported():
                imported.add(symbol.get_name())
    arguments = {
        argument.arg: lesson.cells[exercise.answer].id
        for exercise in lesson.exercises
        for node in ast.walk(ast.parse(lesson.released[exercise.answer].source))
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args + node.args.kwonlyargs
    }
    assert not {name: (arguments[name], assigned[name]) for name in arguments.keys() & assigned}
    assert not imported & (assigned.keys() | arguments.keys())


def test_one_parameters_cell_knows_every_name_that_is_set_from_outside(lesson):
    tagged = [cell for cell in lesson.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    names = {target.id for node in ast.parse(tagged[0].source).body for target in node.targets}
    assert set(SMALL_RUN) <= names


def test_cells_are_short_and_markdown_has_one_sentence_per_line(lesson):
    code = [cell for cell in lesson.released if cell.cell_type == "code"]
    assert 20 <= len(code) <= 40
    lines = {cell.id: [line for line in cell.source.splitlines() if line.strip()] for cell in code}
    assert not {name: len(cell) for name, cell in lines.items() if len(cell) > 15}
    crowded = [line for text in lesson.markdown for line in text.splitlines()
               if TWO_SENTENCES.search(line) and not line.startswith("|")]  # fmt: skip
    assert not crowded


def test_a_check_uses_its_exercise_and_what_the_lesson_gives(lesson):
    """The judge takes an exercise's names from the student, and all others from the lesson."""
    solved = Solved(lesson.notebook)
    for exercise in lesson.exercises:
        check = lesson.cells[exercise.check]
        students = solved.students_names(check.metadata.nbgrader.grade_id)
        assert students, check.source
        given = set().union(
            *(cell_names(c.source).changed for c in lesson.cells[: exercise.check]
              if c.cell_type == "code" and not is_check(c))
        )  # fmt: skip
        unknown = cell_names(check.source).used - students - given - set(dir(builtins))
        assert not unknown, check.source


# One run in this process ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def jet_data(tmp_path_factory) -> Path:
    """The small samples, split into files: top_tagging as the public files are, and downloaded."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("jet_data")
    for sample in SAMPLES:
        with JetFile(small_sample(sample)) as file:
            table, provenance = file.read(), file.provenance
        for split in SPLITS:
            jets = table[table.ttv == TTV[split]]
            if sample == "top_tagging":
                write_public_file(site / sample / f"{split}.h5", jets)
            else:
                write_jets(folder / sample / f"{split}.h5", [jets], provenance=provenance)
    with served(site) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(folder))
        patch.setenv("JET_DATA_MIRROR", address)
        assert main(["top_tagging"]) == 0
    return folder


@pytest.fixture(scope="session")
def small_machine(jet_data) -> Iterator[None]:
    """Small data and short trainings, for this process and every kernel it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(jet_data))
        patch.setenv("COURSE_MAX_JETS", "1200")
        patch.setenv("COURSE_MAX_EPOCHS", "10")
        patch.setenv("COURSE_MAX_SEEDS", "2")
        # nbgrader calls the alembic of this environment by its bare name.
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.delenv("NBGRADER_EXECUTION", raising=False)
        yield


@pytest.fixture(scope="session")
def session(lesson, small_machine, tmp_path_factory) -> Session:
    return Session(lesson.cells, tmp_path_factory.mktemp(lesson.name))


@pytest.fixture(scope="session")
def other_session(lesson, small_machine, tmp_path_factory) -> Session:
    """The lesson on other jets: those of LESSON_JETS, all of them, or other small samples.

    In the latter each jet is in another split than before, so that none is trained on twice.
    """
    with pytest.MonkeyPatch.context() as patch:
        if folder := os.environ.get("LESSON_JETS"):
            for limit in ("COURSE_MAX_JETS", "COURSE_MAX_EPOCHS", "COURSE_MAX_SEEDS"):
                patch.delenv(limit)
        else:
            folder = tmp_path_factory.mktemp("other_jets")
            _write_other_splits(folder)
        patch.setenv("JET_DATA", str(folder))
        return Session(lesson.cells, tmp_path_factory.mktemp(f"other_{lesson.name}"))


def _write_other_splits(folder: Path) -> None:
    for sample in SAMPLES:
        with JetFile(small_sample(sample)) as file:
            table, provenance = file.read(), file.provenance
        in_order = [np.flatnonzero(table.ttv == TTV[split]) for split in ("val", "test", "train")]
        rows = np.concatenate(in_order)
        ends = np.cumsum([len(in_order[2]), len(in_order[0])])
        for split, chosen in zip(("train", "val", "test"), np.split(rows, ends), strict=True):
            write_jets(folder / sample / f"{split}.h5", [table[chosen]], provenance=provenance)


class TestChecks:
    pytestmark = slow

    def test_the_solution_earns_every_point(self, lesson, session):
        possible = {
            e.check: lesson.cells[e.check].metadata.nbgrader.points for e in lesson.exercises
        }
        assert session.marks == possible

    def test_partial_credit_goes_through_the_helper(self, lesson, session):
        for exercise in lesson.exercises:
            source = lesson.cells[exercise.check].source
            session.back_to(exercise.check)
            if session.run(source) is not None:
                assert source.splitlines()[-1].startswith("partial_credit(")

    def test_no_part_of_a_check_passes_on_the_stub(self, lesson, session):
        for exercise in lesson.exercises:
            stub = lesson.released[exercise.answer].source
            marks = session.marks_for(lesson, exercise, stub)
            assert marks == {"whole": 0, "visible": 0, "hidden": 0}, stub

    def test_every_figure_has_a_small_picture_to_compare_with(self, lesson, session):
        assert session.drew == list(lesson.pictures)

    def test_what_the_text_says_of_the_jets_is_true(self, lesson, session):
        text = "\n".join(lesson.markdown)
        assert not [words for words in lesson.prose if words not in text]
        assert not session.untrue(lesson.prose)

    def test_it_is_true_on_other_jets_and_the_solution_earns_every_point_there(
        self, lesson, session, other_session
    ):
        assert not other_session.untrue(lesson.prose)
        assert other_session.marks == session.marks

    def test_one_fault_costs_once(self, lesson, session):
        for exercise in lesson.exercises:
            first, *_ = lesson.wrong_answers[lesson.cells[exercise.answer].id].values()
            assert session.checks_lost_after(lesson, exercise, first) == {exercise.check}, first

    # Last, because an answer may change in place what later cells use.

    def test_every_planted_wrong_answer_loses_points(self, lesson, session, record_property):
        answers = {lesson.cells[e.answer].id: e for e in lesson.exercises}
        assert set(lesson.wrong_answers) == set(answers)
        assert all(len(wrong) >= 3 for wrong in lesson.wrong_answers.values())
        survivors, told = [], 0
        for name, exercise in answers.items():
            points = lesson.cells[exercise.check].metadata.nbgrader.points
            for fault, answer in lesson.wrong_answers[name].items():
                marks = session.marks_for(lesson, exercise, answer, parts=("whole", "visible"))
                if marks["whole"] == points:
                    survivors.append(f"{name}: {fault}")
                told += marks["visible"] < points
        planted = sum(map(len, lesson.wrong_answers.values()))
        minutes = lesson.minutes(core=True) + lesson.minutes(core=False)
        line = f"{lesson.name}: {len(lesson.cells)} cells, {lesson.points} points,"
        line += f" {minutes} minutes of exercises; of {planted} wrong answers"
        line += f" {planted - len(survivors)} lose points, {told} already by the visible check"
        record_property("summary", line)
        assert not survivors

    def test_every_unusual_right_answer_keeps_its_points(self, lesson, session, record_property):
        answers = {lesson.cells[e.answer].id: e for e in lesson.exercises}
        assert set(lesson.right_answers) == set(answers)
        assert all(len(right) >= 2 for right in lesson.right_answers.values())
        refused = []
        for name, exercise in answers.items():
            points = lesson.cells[exercise.check].metadata.nbgrader.points
            for kind, answer in lesson.right_answers[name].items():
                marks = session.marks_for(lesson, exercise, answer, parts=("whole", "visible"))
                if set(marks.values()) != {points}:
                    refused.append(f"{name}: {kind}: {marks}")
        given = sum(map(len, lesson.right_answers.values()))
        line = f"{lesson.name}: of {given} unusual right answers {given - len(refused)} keep"
        record_property("summary", f"{line} all their points")
        assert not refused


# With nbgrader, as an instructor and two students do -----------------------------------------


@dataclass(frozen=True)
class Course:
    """A course folder in which a lesson was released, handed in twice, graded and returned."""

    folder: Path
    gradebook: str

    def read(self, step: str, student: str, lesson: Lesson) -> str:
        (path,) = (self.folder / step / student / lesson.name).glob(f"{lesson.name}.*")
        return path.read_text(encoding="utf-8")

    def executed(self, student: str, lesson: Lesson) -> nbformat.NotebookNode:
        """The notebook of a student as the grader has run it, with its outputs."""
        return nbformat.reads(self.read("autograded", student, lesson), as_version=4)

    def scores(self, student: str, lesson: Lesson) -> dict[str, tuple[float | None, float]]:
        """Automatic and best possible score of every graded cell."""
        with Gradebook(self.gradebook) as gradebook:
            handed_in = gradebook.find_submission_notebook(lesson.name, lesson.name, student)
            return {grade.name: (grade.auto_score, grade.max_score) for grade in handed_in.grades}


@pytest.fixture(scope="session")
def course(lesson, small_machine, tmp_path_factory) -> Course:
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(lesson.path.parent, folder / "notebooks" / lesson.name)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    gradebook = f"sqlite:///{folder / 'gradebook.db'}"
    config.merge(Config(CourseDirectory={"root": str(folder), "db_url": gradebook}))
    config.RunCells.sandbox = "none"  # root's account can make none
    api = NbGraderAPI(config=config)
    _done(api.generate_assignment(lesson.name))
    released = folder / "release" / lesson.name
    for student in ("untouched", "solved"):
        shutil.copytree(released, folder / "submitted" / student / lesson.name)
    path = folder / "submitted" / "solved" / lesson.name / lesson.path.name
    nbformat.write(filled_in(lesson, nbformat.read(path, as_version=4)), path)
    papermill.execute_notebook(path, path, SMALL_RUN, prepare_only=True, progress_bar=False)
    for student in ("untouched", "solved"):
        _done(api.autograde(lesson.name, student))
        _done(api.generate_feedback(lesson.name, student))
    return Course(folder, gradebook)


def _done(result: dict) -> None:
    assert result["success"], f"{result.get('log')}\n{result.get('error')}"


class TestNbgrader:
    pytestmark = slow

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

    pytestmark = slow

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
    from html import unescape

    return _squeezed(unescape(re.sub(r"<[^>]+>", "", page)))
