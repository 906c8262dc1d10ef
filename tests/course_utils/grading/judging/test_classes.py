"""Names of classes that a kernel sends do nothing but find a class that is harmless."""

import io
import json
import sys
from pathlib import Path
from types import ModuleType
from urllib.error import HTTPError

import numpy as np
import optuna
import pandas as pd
import pytest
import torch

from course_utils.grading.judging.classes import (
    class_names,
    exception_like,
    known_class,
    plain_class,
)
from course_utils.grading.judging.crossing import Reference


def test_a_class_is_known_if_a_loaded_module_has_it():
    assert known_class(class_names(Path())) is type(Path())
    assert known_class(["__main__:int", "builtins:bool"]) is bool
    assert known_class(["builtins:dict"], base=Exception) is None
    assert known_class(["no.such:Thing", "os:system", "builtins:object"]) is None
    assert Reference(3, mine=True).classes == ()


def test_looking_for_a_class_runs_nothing(monkeypatch):
    class Owner:
        @property
        def inner(self):
            pytest.fail("a property was run")

    module = ModuleType("lazy")
    module.__getattr__ = lambda name: pytest.fail("a module was asked")
    module.owner = Owner()
    monkeypatch.setitem(sys.modules, "lazy", module)
    assert known_class(["lazy:Missing", "lazy:owner.inner"]) is None


@pytest.mark.parametrize(
    "value", [torch.zeros(1), np.zeros(1), {}, [], 1.0, 1, "", Path(), io.BytesIO()]
)
def test_no_object_is_taken_for_one_with_another_memory(value):
    assert known_class(class_names(value)) is not None
    assert plain_class(class_names(value)) is None


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame(),
        optuna.trial.FixedTrial({}),
        torch.nn.ReLU(),
        torch.optim.SGD([torch.ones(1)]),
    ],
)
def test_a_class_written_in_python_is_named(value):
    assert plain_class(class_names(value)) is type(value)


def test_an_exception_has_a_text_and_ends_no_loop():
    assert type(exception_like(["builtins:KeyError"], "x")) is KeyError
    assert type(exception_like(class_names(json.JSONDecodeError("a", "b", 0)), "x")) is ValueError
    assert "x" in str(exception_like(class_names(HTTPError("", 404, "", {}, None)), "x"))
    for name in ("StopIteration", "StopAsyncIteration", "SystemExit", "GeneratorExit"):
        assert type(exception_like([f"builtins:{name}"], "x")) is RuntimeError
