"""Every lesson is stored clean and built like a lesson."""

import ast
import builtins
import math
import re
import symtable

import nbformat
from lesson import HEADING, LESSONS, ROOT, SMALL_RUN
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import is_grade, is_solution

from course_utils.grading.judging.names import cell_names
from course_utils.grading.judging.reference import Solved, is_check
from course_utils.grading.returned.feedback import hidden_sentences

GOAL = re.compile(r"^\d\. \*\*[A-Z][a-z]+\*\* .+$", re.M)
TIMES = re.compile(
    r"\*\*(Time|Second sitting):\*\* (\d+) minutes: (\d+) for the exercises, (\d+) to read,"
    r" (\d+) for cells that run\."
)
READY = re.compile(r"^\*Ready functions:\* .", re.M)
TWO_SENTENCES = re.compile(r"[a-z)$`*][.!?] +[A-Z$]")


def test_a_lesson_is_one_folder_of_the_same_name(lesson):
    assert re.fullmatch(r"\d\d_[a-z0-9_]+", lesson.name)
    assert lesson.path.parent.name == lesson.name
    assert len(list(lesson.path.parent.glob("*.ipynb"))) == 1


def test_no_cell_holds_a_control_character(lesson):
    # a script that forgets a backslash turns \\tau into a tab and "au"
    odd = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]")
    assert not [cell.id for cell in lesson.cells if odd.search(cell.source)]


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


def test_figures_can_be_read_in_a_narrow_window(lesson):
    widths = re.findall(r"figsize=\(([\d.]+),", "\n".join(c.source for c in lesson.released))
    assert max(map(float, widths)) <= 14


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
