"""A fair call of a student's function: on copies, and a warning is no mistake."""

import sys
import warnings

import numpy as np
import pytest

from course_utils.grading import called


def test_work_in_place_changes_nothing_outside():
    def spoil(array, nested, *, option):
        array[:] = nested[0][:] = nested[1]["deep"][:] = option[:] = -1
        return array

    array, inner, deep, option = (np.ones(2) for _ in range(4))
    np.testing.assert_array_equal(
        called(spoil, array, (inner, {"deep": deep}), option=option), [-1, -1]
    )
    np.testing.assert_array_equal([array, inner, deep, option], np.ones((4, 2)))


def test_a_generator_is_the_one_that_was_given():
    rng = np.random.default_rng(1)
    first = called(lambda rng: rng.random(), rng)
    assert first == np.random.default_rng(1).random()
    assert called(lambda rng: rng.random(), rng) != first


def test_neither_a_warning_nor_a_word_on_standard_error_comes_out(capsys):
    def loud(x):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
        sys.stderr.write("a word")
        return 1 / np.exp(x)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert called(loud, np.array([800.0])) == 0
    assert capsys.readouterr().err == ""


def test_an_error_is_the_students_own():
    with pytest.raises(ZeroDivisionError):
        called(lambda x: x / 0, 1)
