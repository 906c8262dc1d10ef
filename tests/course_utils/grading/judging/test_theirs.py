"""A student's functions and objects, as a check meets them in another process."""

from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
from other_side import caller_of, notebook

from course_utils import kinematics
from course_utils.grading import called, functions_called, switched_off
from course_utils.grading.judging.frames import CrossingError


def call(source, *arguments, name="f", **options):
    with caller_of(notebook(source)) as caller:
        return caller.name(name)(*arguments, **options)


@pytest.mark.parametrize("value", [[1.0, 2.0], (1, 2), {"a": np.arange(3)}, np.float32(2), "text"])
def test_arguments_and_results_cross_by_value(value):
    found = call("def f(x):\n    return x", value)
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_an_object_that_equals_everything_equals_nothing_here():
    yes = """
class Yes:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __getitem__(self, i): return self
    def __len__(self): return 1
    def __bool__(self): return True
    def __float__(self): return 3.0
    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
    __add__ = __sub__ = __mul__ = __and__ = lambda self, other: self
    def __hash__(self): return 1
def f(*arguments): return Yes()
"""
    found_by = notebook(yes)
    with caller_of(found_by) as caller:
        found = caller.name("f")(1)
        assert found != 1
        with pytest.raises(TypeError):
            assert found > 2
        for expected in (5.0, np.arange(3)):
            with pytest.raises((AssertionError, TypeError, ValueError)):
                np.testing.assert_allclose(found, expected)


def test_the_same_object_is_the_same_here():
    with caller_of(notebook("class A: pass\na = A()\ndef f(): return a\ndef g(): return A()")) as c:
        assert c.name("f")() is c.name("f")()
        assert c.name("g")() is not c.name("g")()
        assert type(c.name("a")).__name__ == "A"


def test_isinstance_answers_as_it_would_there():
    source = "import pandas as pd\nd = pd.DataFrame({'x': [1, 2]})\ns = d.x"
    with caller_of(notebook(source)) as caller:
        frame = caller.name("d")
        assert isinstance(frame, pd.DataFrame)
        assert not isinstance(frame, dict)
        assert frame.shape == (2, 1)
        np.testing.assert_array_equal(caller.name("s"), [1, 2])


def test_what_a_function_raises_is_raised_here():
    with pytest.raises(ValueError, match="no jet"):
        call("def f(): raise ValueError('no jet')")
    with pytest.raises(optuna.TrialPruned):
        call("import optuna\ndef f(): raise optuna.TrialPruned")
    with pytest.raises(Exception, match="own"):
        call("class Own(Exception): pass\ndef f(): raise Own('own')")
    with pytest.raises(RuntimeError):
        call("def f(): raise SystemExit(0)")


def test_an_object_that_says_it_is_a_tensor_is_none_here():
    """PyTorch would read its memory as a tensor's, which ends the process."""
    source = "import torch\nclass Tensor: pass\nTensor.__module__ = 'torch'\nt = Tensor()"
    with caller_of(notebook(source)) as caller:
        found = caller.name("t")
        assert not isinstance(found, torch.Tensor)
        with pytest.raises(TypeError):
            torch.allclose(found, torch.ones(1))


@pytest.mark.parametrize("name", ["dict", "int", "ndarray"])
def test_an_object_goes_back_to_its_owner_whatever_class_it_names(name):
    module = "numpy" if name == "ndarray" else "builtins"
    source = f"class {name}: pass\n{name}.__module__ = '{module}'\nx = {name}()\n"
    source += "def is_x(y): return y is x"
    with caller_of(notebook(source)) as caller:
        assert caller.name("is_x")(caller.name("x"))


def test_a_structured_array_stays_and_is_asked():
    source = "import numpy as np\nx = np.array([(1, 2.5)], dtype=[('n', int), ('pt', float)])\n"
    source += "def pt(x): return x['pt']"
    with caller_of(notebook(source)) as caller:
        found = caller.name("x")
        np.testing.assert_array_equal(found["pt"], [2.5])
        np.testing.assert_array_equal(caller.name("pt")(found), [2.5])


def test_a_loop_is_not_ended_by_an_answer():
    with caller_of(notebook("def f(x): raise StopIteration")) as caller:
        f = caller.name("f")
        with pytest.raises(RuntimeError):
            list(map(f, [1, 2, 3]))


def test_endless_objects_are_refused(monkeypatch):
    monkeypatch.setattr("course_utils.grading.judging.caller._MOST_OBJECTS", 20)
    with pytest.raises(CrossingError, match="objects"):
        call("def f(): return [object() for _ in range(30)]")


def test_a_generator_whose_state_numpy_does_not_check_is_not_lent():
    source = "def f(rng): return rng.random()"
    assert call(source, np.random.default_rng(1)) == np.random.default_rng(1).random()
    for kind in (np.random.MT19937, np.random.Philox):
        with pytest.raises(CrossingError, match="default_rng"):
            call(source, np.random.Generator(kind(1)))


def test_a_name_that_is_missing_is_a_name_error():
    with caller_of({}) as caller, pytest.raises(NameError, match="'f' is not defined"):
        caller.name("f")


def test_a_function_of_the_check_is_called_here():
    seen = []

    def square(x):
        seen.append(x)
        return x * x

    assert call("def f(g, x):\n    return g(x) + g(x + 1)", square, 3.0) == 25
    assert seen == [3.0, 4.0]


def test_a_function_of_the_check_can_use_an_object_of_the_students():
    source = (
        "class Jet:\n    pts = [3.0, 4.0]\n    def scaled(self, by): return 2 * by(self.pts[0])\n"
    )
    source += "def f(g): return g(Jet()) + g(Jet())"
    assert call(source, lambda jet: jet.pts[1] + jet.scaled(lambda pt: pt + 1)) == 2 * (4 + 8)
    assert call("def f(g): return g(range(4))", lambda numbers: sum(numbers)) == 6
    assert call("def f(g, x): return g(lambda y: y + x)", lambda h: h(h(1)), 5) == 11


def test_functions_that_call_each_other_without_end_end():
    with pytest.raises((RecursionError, RuntimeError)):
        call("def f(g): return g(f)", again)


def again(function):
    return function(again)


def test_what_the_checks_function_raises_can_be_caught_there():
    def refuses(x):
        raise KeyError("x")

    caught = "def f(g):\n    try:\n        g(1)\n    except KeyError:\n        return 'caught'"
    assert call(caught, refuses) == "caught"


def test_a_trial_is_lent():
    trial = optuna.trial.FixedTrial({"rate": 0.25})
    source = "def f(trial):\n    return trial.suggest_float('rate', 0.1, 1, log=True)"
    assert call(source, trial) == 0.25
    assert trial.distributions["rate"].log
    told = SimpleNamespace(should_prune=lambda: True, reports=[1, 2])
    assert call("def f(t): return t.should_prune(), t.reports", told) == (True, [1, 2])


@pytest.mark.parametrize(
    "reach",
    [
        "x.__globals__", "x._secret", "x.inner", "x.module.system", "x.method.__self__",
        "x.inner()", "x.again.again", "object.__getattribute__(x, '_secret')",
    ],
)  # fmt: skip
def test_nothing_behind_a_lent_object_can_be_reached(reach):
    import os

    class Inner:
        secret = "the answer"

    lent = SimpleNamespace(inner=Inner(), _secret="the answer", module=os, method=[].append)
    lent.again = lent
    source = f"def f(x):\n    return {reach}"
    with pytest.raises((AttributeError, CrossingError, RuntimeError, TypeError)):
        call(source, lent)


def test_in_place_work_on_an_argument_changes_nothing_here():
    pt = np.array([3.0, 4.0])
    assert call("def f(pt):\n    pt *= 2\n    return pt", pt).tolist() == [6, 8]
    assert pt.tolist() == [3, 4]


def test_names_are_switched_off_there_while_they_are_here():
    source = "from course_utils import kinematics\ndef f(j): return kinematics.jet_pt(j)"
    jets = np.array([[[5.0, 3, 4, 0]]])
    with caller_of(notebook(source)) as caller:
        f = caller.name("f")
        assert called(f, jets).tolist() == [5]
        with switched_off(kinematics, "jet_pt"), pytest.raises(TypeError):
            called(f, jets)
        assert called(f, jets).tolist() == [5]
    with switched_off(kinematics, "jet_pt"):
        assert kinematics.jet_pt is None
    assert kinematics.jet_pt is not None


def test_the_functions_that_an_answer_calls_are_named():
    source = "from course_utils import kinematics\ndef f(j): return kinematics.jet_pt(j)"
    jets = np.array([[[5.0, 3, 4, 0]]])
    names = notebook(source)
    with caller_of(names) as caller:
        there = functions_called(caller.name("f"), jets)
    here = functions_called(names["f"], jets)
    assert "course_utils.kinematics.jet_pt" in here & there
    assert not any("jet_mass" in name for name in here | there)


def test_the_code_of_a_function_can_be_read():
    with caller_of(notebook("def f(x):\n    return g(x)")) as caller:
        assert caller.name("f").__code__.co_names == ("g",)
        with pytest.raises(AttributeError):
            caller.name("f").__globals__  # noqa: B018


def test_sequences_of_objects_are_walked_through():
    source = "class A:\n    def __init__(self, n): self.n = n\nd = {'a': A(1)}\nl = [A(2), A(3)]"
    source += (
        "\ndef gen():\n    yield from (4, 5)\ndef endless():\n    while True:\n        yield 0"
    )
    with caller_of(notebook(source)) as caller:
        assert caller.name("d")["a"].n == 1
        assert [a.n for a in caller.name("l")] == [2, 3]
        assert list(caller.name("gen")()) == [4, 5]
        with pytest.raises((CrossingError, RuntimeError), match="does not end"):
            list(caller.name("endless")())


def test_a_call_that_does_not_end_is_a_timeout():
    names = notebook("import time\ndef f(): time.sleep(3)")
    with pytest.raises(TimeoutError), caller_of(names, seconds=0.5) as caller:
        caller.name("f")()
