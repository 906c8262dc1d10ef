"""What stands in the judge's process for an object of a student's kernel, or a function of it.

A check calls `Theirs` like the student's own function. Arguments and results cross by value, so a
result that is compared is the judge's: no ``__eq__``, array or patched module of the student's
takes part. What has no value to cross, such as a Keras network, is again a `Theirs`, which passes
on what is asked of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.grading.answers import names_switched_off
from course_utils.grading.judging.classes import plain_class
from course_utils.grading.judging.crossing import Reference

if TYPE_CHECKING:
    from course_utils.grading.judging.caller import Caller

__all__ = ["Theirs", "of_class"]

_PUBLIC = {"__code__", "__name__", "__doc__", "__qualname__"}  # of the names with two underscores


class Theirs:
    """An object in a student's kernel, or a function."""

    stands_for_another = True

    def __init__(self, caller: Caller, reference: Reference) -> None:
        self.__dict__.update(_caller=caller, _reference=reference, their_number=reference.number)

    @property
    def __class__(self) -> type:  # so that isinstance answers as it would there
        return plain_class(self._reference.classes) or type(self)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._caller.called("call", self, *arguments, **options)

    def functions_called(self, *arguments: Any, **options: Any) -> set[str]:
        """Return the names of the functions that run there; see `grading.functions_called`."""
        how = {"off": names_switched_off(), "watch": True, "slopes": self._caller.slopes_wanted()}
        return set(self._caller.ask("call", self, list(arguments), options, how)["result"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in _PUBLIC:
            raise AttributeError(name)
        return self._caller.ask("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._caller.ask("set", self, name, value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        found = self._operation("array")
        if not isinstance(found, np.ndarray):
            raise TypeError(f"a {type(self).__name__} is no array")
        return found if dtype is None else found.astype(dtype)

    def _operation(self, name: str, *others: Any) -> Any:
        return self._caller.ask("operation", name, self, *others)

    def __len__(self) -> int:
        return _exactly(int, self._operation("len"))

    def __float__(self) -> float:
        return _exactly(float, self._operation("float"))

    def __int__(self) -> int:
        return _exactly(int, self._operation("int"))

    def __bool__(self) -> bool:
        return _exactly(bool, self._operation("bool"))

    def __repr__(self) -> str:
        return _exactly(str, self._operation("str"))

    def __getitem__(self, key: Any) -> Any:
        return self._operation("getitem", key)

    def __contains__(self, item: Any) -> bool:
        return _exactly(bool, self._operation("contains", item))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._caller.ask("items", self))


def of_class(caller: Caller, reference: Reference) -> Theirs:
    """Return a `Theirs` whose type has the name of the student's class."""
    name = reference.classes[0].rpartition(":")[2].rpartition(".")[2] if reference.classes else ""
    return _kind(name[:100] or "Theirs")(caller, reference)


@functools.lru_cache(maxsize=1000)
def _kind(name: str) -> type[Theirs]:
    return type(name, (Theirs,), {})


def _exactly(kind: Callable[[Any], Any], value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"expected a number or text, got a {type(value).__name__}")
    return kind(value)
