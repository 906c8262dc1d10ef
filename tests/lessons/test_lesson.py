"""The harness itself: it must notice a check that is worth nothing and a release that leaks."""

import nbformat
import pytest
from lesson import Lesson, filled_in
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from session import Session

ANSWER = '''def twice(x):
    """Two times x."""
    ### BEGIN SOLUTION
    return x + x  # a sum of two
    ### END SOLUTION'''
GOOD = """# Check: a number.
assert twice(1) == 2
### BEGIN HIDDEN TESTS
assert twice(-3.5) == -7
### END HIDDEN TESTS"""


def graded(**changes):
    meta = {"grade": False, "grade_id": "x", "locked": False, "schema_version": 3}
    return {"nbgrader": meta | {"solution": False, "task": False} | changes}


@pytest.fixture
def lesson_with(tmp_path):
    """A lesson of one exercise with a check of three points."""

    def write(check):
        notebook = new_notebook(
            cells=[
                new_markdown_cell("### Exercise 1.1: twice (3 points, 4 min)"),
                new_code_cell("earlier = [1]"),
                new_code_cell(ANSWER, metadata=graded(solution=True)),
                new_code_cell(check, metadata=graded(grade=True, locked=True, points=3)),
            ],
            metadata={"kernelspec": {"display_name": "", "language": "python", "name": "python3"}},
        )
        nbformat.write(notebook, tmp_path / "toy.ipynb")
        return Lesson(tmp_path / "toy.ipynb")

    return write


def marks_for(lesson, tmp_path, answer):
    session = Session(lesson.cells, tmp_path)
    return session.marks_for(lesson, lesson.exercises[0], answer)


def test_a_lesson_is_taken_apart(lesson_with):
    lesson = lesson_with(GOOD)
    assert (lesson.points, lesson.minutes(core=True), lesson.minutes(core=False)) == (3, 4, 0)
    assert [(e.answer, e.check) for e in lesson.exercises] == [(2, 3)]
    assert "NotImplementedError" in lesson.released[2].source
    assert lesson.released[3].source == "# Check: a number.\nassert twice(1) == 2"
    assert lesson.secrets == {"return x + x  # a sum of two", "assert twice(-3.5) == -7"}


def test_a_perfect_student_fills_in_every_answer(lesson_with):
    lesson = lesson_with(GOOD)
    released = new_notebook(cells=lesson.released)
    assert filled_in(lesson, released).cells[2].source == ANSWER
    assert released.cells[2].source != ANSWER


def test_solution_stub_and_wrong_answers_get_what_they_deserve(lesson_with, tmp_path):
    lesson = lesson_with(GOOD)
    assert Session(lesson.cells, tmp_path).marks == {3: 3}
    all_of_it, nothing = dict.fromkeys(("whole", "visible", "hidden"), 3), {"whole": 0}
    assert marks_for(lesson, tmp_path, ANSWER) == all_of_it
    stub = lesson.released[2].source
    assert marks_for(lesson, tmp_path, stub) == nothing | {"visible": 0, "hidden": 0}
    absolute = "def twice(x): return abs(2 * x)"
    assert marks_for(lesson, tmp_path, absolute) == nothing | {"visible": 3, "hidden": 0}


@pytest.mark.parametrize(
    ("check", "part"),
    [
        (GOOD.replace("assert twice(1) == 2", "assert twice"), "visible"),
        (GOOD.replace("assert twice(-3.5) == -7", "assert twice"), "hidden"),
    ],
)
def test_a_check_that_always_passes_is_noticed_on_the_stub(lesson_with, tmp_path, check, part):
    lesson = lesson_with(check)
    assert marks_for(lesson, tmp_path, lesson.released[2].source)[part] == 3


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        ("1.5", 1.5),
        ("float('nan')", 3),  # why partial credit needs the helper
        ("twice;", 3),
        ("1 / 0", 0),
        ("import sys; sys.stderr.write('x'); None", 3),
        ("import warnings; warnings.warn('a warning costs nothing'); None", 3),
        ("import warnings; warnings.warn('theirs', DeprecationWarning); None", 3),
    ],
)
def test_marks_are_those_of_nbgrader(lesson_with, tmp_path, line, marks):
    session = Session(lesson_with(f"{GOOD}\n{line}").cells, tmp_path)
    assert session.marks == {3: marks}


def test_a_wrong_answer_leaves_no_trace_in_the_next(lesson_with, tmp_path):
    lesson = lesson_with(GOOD)
    session = Session(lesson.cells, tmp_path)
    session.marks_for(lesson, lesson.exercises[0], "left_over = 1\nabs = None")
    session.back_to(2)
    assert "left_over" not in session.namespace
    assert session.namespace["earlier"] == [1]
    assert session.marks_for(lesson, lesson.exercises[0], ANSWER)["whole"] == 3


def test_functions_of_earlier_cells_see_the_answer_under_test(lesson_with, tmp_path):
    lesson = lesson_with(GOOD)
    calls_twice = new_code_cell("def four_times(x):\n    return twice(twice(x))")
    cells = [*lesson.cells[:2], calls_twice, *lesson.cells[2:]]
    session = Session(cells, tmp_path)
    session.run("def twice(x):\n    return 10 * x")
    assert session.run("four_times(1)") == 100


def test_later_cells_see_what_a_visible_check_leaves_behind_and_nothing_of_a_hidden_one(
    lesson_with, tmp_path
):
    check = GOOD.replace("assert twice(1)", "seen = 1\nassert twice(1)")
    lesson = lesson_with(check.replace("assert twice(-3.5)", "secret = 1\nassert twice(-3.5)"))
    session = Session([*lesson.cells, new_code_cell("later = 1")], tmp_path)
    assert {"seen", "later"} < set(session.namespace)
    assert "secret" not in session.namespace
    assert session.marks == {3: 3}


def test_what_a_student_validates_is_the_visible_part(lesson_with, tmp_path):
    failing = GOOD.replace("-3.5) == -7", "-3.5) == 8")
    session = Session(lesson_with(failing).cells, tmp_path)
    assert session.marks == {3: 0}
    assert session.validated[3].outputs == []
    assert session.seen_by_student == [
        "earlier = [1]", ANSWER, "# Check: a number.\nassert twice(1) == 2"
    ]  # fmt: skip
    session = Session(lesson_with(GOOD.replace("(1) == 2", "(1) == 3")).cells, tmp_path)
    assert [output.ename for output in session.validated[3].outputs] == ["AssertionError"]


def test_right_and_wrong_answers_stand_in_one_file(lesson_with, tmp_path):
    lesson = lesson_with(GOOD)
    (tmp_path / "wrong_answers.toml").write_text(
        "[claims]\na = [0, 1]\n[twice]\nabs = '2 * abs(x)'\n[right.twice]\nsum = 'sum([x, x])'\n"
    )
    assert lesson.wrong_answers == {"twice": {"abs": "2 * abs(x)"}}
    assert lesson.right_answers == {"twice": {"sum": "sum([x, x])"}}


@pytest.mark.parametrize(("half", "n_lost"), [("twice(1) / 4", 2), ("0.5", 1)])
def test_an_answer_that_needs_another_is_noticed(lesson_with, tmp_path, half, n_lost):
    lesson = lesson_with(GOOD)
    answer = new_code_cell(f"def half():\n    return {half}", metadata=graded(solution=True))
    check = new_code_cell(
        "# Check: half, with an answer from before.\nassert half() * twice(1) == 1",
        metadata=graded(grade=True, points=1, grade_id="y"),
    )
    lesson.notebook.cells += [answer, new_code_cell("1 / 0 if twice(1) != 2 else 0"), check]
    session = Session(lesson.cells, tmp_path)
    first, second = lesson.exercises
    absolute = "def twice(x): return abs(2 * x) + 1"
    lost = session.checks_lost_after(lesson, first, absolute)
    assert lost == {first.check, second.check} if n_lost == 2 else {first.check}
    assert session.checks_lost_after(lesson, second, "def half(): return 1") == {second.check}


def test_reading_counts_what_is_neither_folded_nor_an_exercise(lesson_with):
    lesson = lesson_with(GOOD)
    assert lesson.reading_minutes(core=True) == 0
    words = " ".join(["word"] * 260)
    text = f"{words}\n<details><summary>More</summary>\n\n{words}\n</details>"
    lesson.notebook.cells.append(new_markdown_cell(text))
    assert lesson.reading_minutes(core=True) == 2


def test_minutes_are_counted_for_each_sitting(lesson_with):
    lesson = lesson_with(GOOD)
    later = "## 2 More (second sitting)\n### Exercise 2.1: twice again (1 point, 9 min)"
    lesson.notebook.cells += [new_markdown_cell(text) for text in (later, "word", "## Recap", "x")]
    assert (lesson.minutes(core=True), lesson.minutes(core=False)) == (4, 9)
    assert lesson.is_core == [True] * 4 + [False] * 2 + [True] * 2
    assert lesson.reading_minutes(core=True) > lesson.reading_minutes(core=False) > 0


def test_a_false_claim_is_noticed(lesson_with, tmp_path):
    session = Session(lesson_with(GOOD).cells, tmp_path)
    claims = {"twice one is two": "twice(1) == 2", "earlier is long": "\nlen(earlier) > 1"}
    assert session.untrue(claims) == ["earlier is long"]


def test_cells_that_draw_are_noticed(lesson_with, tmp_path):
    cells = lesson_with(GOOD).cells
    draws = new_code_cell("import matplotlib.pyplot as plt\nplt.plot([1]);", id="draws")
    assert Session([*cells, draws, new_code_cell("1")], tmp_path).drew == ["draws"]


def test_pictures_and_words_are_found(lesson_with):
    lesson = lesson_with(GOOD)
    text = (
        "Look.\n<details><summary>Yours should look like this</summary>\n\n"
        "![](figures/draws.png)\n</details>\n"
        "<details><summary>Words that are new here</summary>\n\n"
        "- **loss, cost**: a number.\n</details>"
    )
    lesson.notebook.cells.append(new_markdown_cell(text))
    assert lesson.pictures == {"draws": 4}
    assert lesson.words == dict.fromkeys(("loss", "cost"), "- **loss, cost**: a number.")
