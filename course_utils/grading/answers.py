"""Call a student's function as a fair check does.

Work in place on an argument is no mistake, and neither is a warning. So a check calls an answer
through :func:`called`. Where an exercise asks for what the course already has, the check uses
:func:`switched_off` or :func:`functions_called` to see that the answer does the work. All three
also work where the answer is in another process than the check, see
``course_utils.grading.judging``.
"""

from __future__ import annotations

import contextlib
import io
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import FrameType, ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

__all__ = [
    "all_switched_off",
    "called",
    "functions_called",
    "names_switched_off",
    "switched_off",
]

_OFF: ContextVar[tuple[str, ...]] = ContextVar("names that are switched off", default=())


def called(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return ``function(*arguments, **options)``, called on copies and without its warnings.

    Parameters
    ----------
    function : callable
        What a student has written.
    *arguments, **options
        Arrays, and lists, tuples and dictionaries of them, are copied. Anything else (a random
        generator, a network, a function) is passed on as it is.

    Returns
    -------
    Any
        What the function returns.

    Raises
    ------
    Exception
        Whatever the function raises.

    Examples
    --------
    >>> def halved(pt):
    ...     pt /= 2
    ...     return pt
    >>> pt = np.array([80.0, 20.0])
    >>> called(halved, pt), pt
    (array([40., 10.]), array([80., 20.]))
    """
    arguments = tuple(_copy(argument) for argument in arguments)
    options = {name: _copy(value) for name, value in options.items()}
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@contextlib.contextmanager
def switched_off(owner: ModuleType | type, *names: str) -> Iterator[None]:
    """Take ready functions away from an answer, for the time of a call.

    Parameters
    ----------
    owner : module or class
        Where they live, such as ``course_utils.kinematics``.
    *names : str
        Each of them is None inside the ``with`` block.

    Examples
    --------
    >>> from course_utils import kinematics
    >>> with switched_off(kinematics, "jet_pt"):
    ...     kinematics.jet_pt is None
    True
    """
    path = owner.__name__ if isinstance(owner, ModuleType) else _path(owner)
    with all_switched_off([f"{path}.{name}" for name in names]):
        yield


def _path(owner: type) -> str:
    return f"{owner.__module__}:{owner.__qualname__}"


def names_switched_off() -> list[str]:
    """Return the names that are switched off now, for a kernel that shall do the same."""
    return list(_OFF.get())


@contextlib.contextmanager
def all_switched_off(names: list[str]) -> Iterator[None]:
    """Set each of some attributes, such as ``"course_utils.kinematics.jet_pt"``, to None."""
    token = _OFF.set((*_OFF.get(), *names))
    try:
        with contextlib.ExitStack() as patches:
            for name in names:
                owner, _, attribute = name.rpartition(".")
                patches.enter_context(patch.object(pkgutil.resolve_name(owner), attribute, None))
            yield
    finally:
        _OFF.reset(token)


def functions_called(function: Callable[..., Any], *arguments: Any, **options: Any) -> set[str]:
    """Return the names of all Python functions that run while an answer is called.

    Parameters
    ----------
    function : callable
        The answer; it is called as by `called`.
    *arguments, **options

    Returns
    -------
    set of str
        Such as ``"course_utils.images.steps.centred"``; ``"torch.ops.aten.nll_loss_forward"`` for
        an operator of PyTorch.

    Examples
    --------
    >>> from course_utils import kinematics
    >>> names = functions_called(lambda: kinematics.delta_phi(3, -3))
    >>> "course_utils.kinematics.delta_phi" in names
    True
    """
    if hasattr(type(function), "functions_called"):  # it is in another process
        return function.functions_called(*arguments, **options)
    names: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            names.add(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")

    before = sys.getprofile()
    with _operators_noted(names):
        sys.setprofile(note)
        try:
            called(function, *arguments, **options)
        finally:
            sys.setprofile(before)
    return names


def _operators_noted(names: set[str]) -> contextlib.AbstractContextManager[Any]:
    """Note PyTorch's operators, if it is loaded."""
    if "torch" not in sys.modules:
        return contextlib.nullcontext()
    from torch.utils._python_dispatch import TorchDispatchMode

    class Noted(TorchDispatchMode):
        def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
            names.add(f"torch.ops.{operator}")
            return operator(*args, **(kwargs or {}))

    return Noted()


def _copy(value: Any) -> Any:
    """Copy arrays, and what holds them."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(item) for item in value)
    return value
