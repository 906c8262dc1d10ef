"""The window of one observable with the best accuracy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.metrics import best_window


def accuracy_of(window, is_signal, values):
    low, high = window
    return np.mean(((values >= low) & (values < high)) == is_signal)


def best_by_trying_all(is_signal, values):
    edges = [*np.unique(values), np.inf]
    windows = [(low, high) for low in edges for high in edges if low <= high]
    return max(accuracy_of(window, is_signal, values) for window in windows)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=25))
def test_no_window_is_better_on_these_jets(jets):
    is_signal, values = (np.array(column) for column in zip(*jets, strict=True))
    if is_signal.all() or not is_signal.any():
        return
    found = best_window(is_signal, values)
    assert accuracy_of(found, is_signal, values) == best_by_trying_all(is_signal, values)


def test_it_finds_the_peak_of_a_resonance():
    rng = np.random.default_rng(3)
    mass = np.concatenate([rng.normal(80, 5, 4000), rng.uniform(0, 400, 4000)])
    low, high = best_window(np.repeat([1, 0], 4000), mass)
    assert 62 < low < 74
    assert 86 < high < 98


def test_signal_above_everything_has_no_upper_edge():
    assert best_window([0, 0, 1, 1], [1, 2, 3, 4]) == (3, np.inf)


def test_it_refuses_what_has_no_order():
    with pytest.raises(ValueError, match="finite"):
        best_window([0, 1], [np.nan, 1.0])
