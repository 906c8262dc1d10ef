"""What a check finds beside the student's answer."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from toy_course import graded, lesson, text

from course_utils.grading.judging.reference import LessonError, Solved, run_cell


def solved(*cells):
    return Solved(new_notebook(cells=list(cells)))


def code(source):
    return new_code_cell(source)


def answer(source, name="answer"):
    return graded(name, source, solution=True)


def check(source, name="check"):
    return graded(name, source, grade=True, locked=True, points=1)


def test_only_what_a_check_needs_is_run_and_the_rest_need_not_work():
    found = solved(
        code("import math"),
        code("1 / 0  # a training, say"),
        code("scale = math.tau"),
        code("data = [scale]"),
        code("data[0] = 3"),
        answer("def f(): return 1"),
        check("assert f() == data[0]"),
    ).names_before("check")
    assert found["data"] == [3]
    assert "f" not in found or callable(found["f"])


def test_an_answer_of_an_earlier_exercise_is_the_lessons_own():
    toy = Solved(lesson())
    assert toy.students_names("last-check") == {"last", "result"}
    assert toy.students_names("twice-check") == {"twice"}


def test_given_cells_between_answer_and_check_are_the_students():
    toy = solved(
        code("x = 2"),
        answer("def f(): return x"),
        text("t", "words"),
        code("y = f()"),
        check("assert y == x"),
    )
    assert toy.students_names("check") == {"y"}
    assert toy.names_before("check")["x"] == 2


def test_a_name_that_the_check_binds_itself_is_not_looked_for():
    toy = solved(
        code("1 / 0\nlabels = 3"),
        answer("def f(n): return n"),
        check("labels = 4\nassert f(labels) == 4"),
    )
    toy.names_before("check")


def test_the_names_are_those_before_the_check():
    toy = solved(
        code("x = 1"),
        answer("def f(): return 1"),
        check("assert f() == x", "first"),
        code("x = 2"),
        answer("def f(): return 2", "other"),
        check("assert f() == x", "second"),
    )
    assert [toy.names_before(name)["x"] for name in ("first", "second")] == [1, 2]
    toy.names_before("first")["x"] = 9
    assert toy.names_before("first")["x"] == 1


def test_a_lesson_that_fails_itself_says_where():
    toy = solved(code("x = 1 / 0"), answer("def f(): 1"), check("assert f() == x"))
    with pytest.raises(LessonError, match="own cell 'x = 1 / 0' fails: ZeroDivisionError"):
        toy.names_before("check")
    with pytest.raises(LessonError, match="no check 'other'"):
        toy.names_before("other")


@pytest.mark.parametrize(("source", "result"), [("a = 1\na", 1), ("a = 1\na;", None), ("", None)])
def test_a_cell_has_the_result_that_a_notebook_shows(source, result, capsys):
    assert run_cell(source, {}) == result
    run_cell("print('not shown')", {})
    assert capsys.readouterr().out == ""
