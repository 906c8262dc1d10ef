"""Partial credit: never more than earned, and never full marks by accident."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_output
from nbgrader.utils import determine_grade

from course_utils.grading import partial_credit


def marks_by_nbgrader(value: float, points: float) -> float:
    """What nbgrader makes of a test cell whose last line evaluates to the value."""
    output = new_output("execute_result", {"text/plain": repr(value)})
    cell = new_code_cell("", outputs=[output])
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": points}
    return determine_grade(cell)[0]


@given(st.floats(0, 1e300), st.sampled_from([1, 2, 3.5, 4]))
def test_nbgrader_reads_exactly_what_was_earned(share, points):
    earned = partial_credit(share, points=points)
    assert marks_by_nbgrader(earned, points) == earned
    assert 0 <= earned <= points
    assert earned <= share * points


@pytest.mark.parametrize(
    ("share", "earned"), [(0, 0.0), (0.124, 0.0), (0.5, 2.0), (1, 4.0), (9, 4.0)]
)
def test_credit_is_rounded_down_to_halves_and_clipped(share, earned):
    assert partial_credit(share, points=4) == earned


@pytest.mark.parametrize("kind", [int, float, np.float32, np.float64, np.int64])
def test_numpy_numbers_are_numbers_and_come_back_plain(kind):
    assert type(partial_credit(kind(1), points=4)) is float


@pytest.mark.parametrize("share", [np.nan, -0.1, -np.inf, None, "1", [1.0], np.ones(2), 1j])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match="share of the task"):
        partial_credit(share, points=4)


@pytest.mark.parametrize("value", [float("nan"), -1.0, "all of it"])
def test_without_the_helper_nbgrader_gives_full_marks_for_nonsense(value):
    assert marks_by_nbgrader(value, 4) == 4
