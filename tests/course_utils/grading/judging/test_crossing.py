"""What crosses by value arrives as it was; frames of no known form are refused."""

import json
import math
import socket
import struct
import threading
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from other_side import caller_of, notebook

from course_utils.grading.judging.crossing import Wire
from course_utils.grading.judging.frames import Connection, CrossingError

numbers = hnp.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufc")
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.complex_numbers()
    | hnp.arrays(numbers, hnp.array_shapes(min_dims=0, min_side=0)),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def refuse(reference):
    raise TypeError("nothing to refer to")


def sent(value):
    here, there = socket.socketpair()
    with here, there:
        wire = Wire(refuse, refuse)
        writer = threading.Thread(target=Connection(here).send, args=(wire.framed(value),))
        writer.start()
        found = wire.value(Connection(there).receive())
        writer.join()
    return found


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_same(*pair)
    elif isinstance(expected, dict):
        assert [*found] == [*expected]
        for key in expected:
            assert_same(found[key], expected[key])
    else:
        assert found == expected or repr(found) == repr(expected)  # nan


@given(plain)
def test_a_value_arrives_as_it_was(value):
    assert_same(sent(value), value)


class Kind(str, Enum):  # noqa: UP042 (str of a StrEnum is its value)
    TOP = "top"


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (np.float32(1.5), np.float32(1.5)),
        (np.bool_(True), np.bool_(True)),
        (np.array(["top", "QCD"]), np.array(["top", "QCD"])),
        (np.array([1, 2.5], dtype=object), np.array([1, 2.5])),
        (Path("a") / "b", Path("a/b")),
        ({1, 2}, {1, 2}),
        (math.inf, math.inf),
        (2**200, 2**200),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        (Kind.TOP, "top"),
        (np.array(1.5, dtype=object), 1.5),
        (np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(6).reshape(2, 3)),
    ],
)
def test_what_numpy_and_python_add(value, arrives):
    found = sent(value)
    assert type(found) is type(arrives)
    np.testing.assert_array_equal(found, arrives)


class EqualsAll:
    def __eq__(self, other):
        return True

    __hash__ = None


class Sly(list):
    def __eq__(self, other):
        return True

    __hash__ = None


def test_a_class_of_ones_own_is_left_behind():
    assert type(sent(Sly([1, 2]))) is list
    with pytest.raises(TypeError, match="nothing to refer to"):
        sent([EqualsAll()])


def test_endless_nesting_is_refused():
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(CrossingError, match="nested"):
        sent(deep)


def raw(tree, places=(), content=b""):
    text = json.dumps([tree, list(places)]).encode()
    return struct.pack("!I", len(text)) + text + content


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("!I", 2**31),
        struct.pack("!I", 5) + b"[nope",
        raw(None),
        raw([["array", [0, "<f8", [1]]], None]),  # an array that is not there
        raw([["array", [0]], None], [["|O", [1]]], b"8" * 8),
        raw([1, None], [["<f8", [-1]]]),
        raw([1, None], [["<f8", [2**40]]]),
        raw([1, None], [["no type", [1]]]),
        raw([1, None], [["<f8", [math.inf]]]),
        raw([1, None], [["<U0", [2**33]]]),  # NumPy makes letters of it, 32 GB of them
        raw([["list", [["bytes", [0]]] * 2], None], [["|u1", [1]]], b"a"),
        raw([["list", [["array", [0]], ["array", [-1]]]], None], [["|u1", [1]]], b"a"),
        raw([["pickled", 0], None]),
        raw([["pickled", 0], ["bytes", [0, "|u1", [3]]]], [["|u1", [3]]], b"abc"),
        raw([["dict", [["list", []], 1]], None]),  # a list is no key
        raw([["reference", "x", True, []], None]),
        raw([["unknown"], None]),
        raw([["complex", "a", "b"], None]),
        raw([["tensor", "os", [0, "<f8", []], True], None]),
        struct.pack("!I", 200_000) + b"[" * 200_000,
    ],
)
def test_a_frame_of_no_known_form_is_refused(frame):
    here, there = socket.socketpair()
    with here, there:
        here.sendall(frame)
        here.shutdown(socket.SHUT_WR)
        there.settimeout(5)
        with pytest.raises((CrossingError, TypeError)):
            Wire(refuse, refuse).value(Connection(there).receive())


def received(frame):
    here, there = socket.socketpair()
    with here, there:
        here.sendall(frame)
        return Connection(there).receive()


def test_the_product_of_endless_axes_is_not_computed(monkeypatch):
    monkeypatch.setattr(math, "prod", lambda shape: pytest.fail("this may take hours"))
    with pytest.raises(CrossingError, match="too large"):
        received(raw([1, None], [["<f8", [9] * 100]]))


def test_a_truth_value_is_true_or_false():
    frame = received(raw([["array", [0]], None], [["|b1", [3]]], b"\2\0\1"))
    found = Wire(refuse, refuse).value(frame)
    assert found.dtype == bool
    assert found.view(np.uint8).tolist() == [1, 0, 1]


@given(st.binary(max_size=200))
def test_noise_raises_and_does_nothing_else(noise):
    here, there = socket.socketpair()
    with here, there:
        here.sendall(noise)
        here.shutdown(socket.SHUT_WR)
        with pytest.raises((CrossingError, EOFError, TypeError)):
            Wire(refuse, refuse).value(Connection(there).receive())


def test_after_the_deadline_nothing_is_waited_for():
    here, there = socket.socketpair()
    with here, there, pytest.raises(TimeoutError):
        Connection(there, deadline=0).receive()


def test_the_kernel_side_unpickles_and_the_judge_does_not():
    names = notebook("def same(rng):\n    return rng.random()")
    with caller_of(names) as caller:
        assert caller.wire.loads is None
        rng, other = np.random.default_rng(3), np.random.default_rng(3)
        same = caller.name("same")
        assert [same(rng), same(rng)] == [other.random(), other.random()]
