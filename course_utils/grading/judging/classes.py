"""Names of classes that one side sends, and what the other side makes of them.

A kernel can send any name. So a name finds only a class that is loaded, runs nothing on the way,
and never lets an object be taken for one whose memory looks different.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["class_names", "exception_like", "known_class", "plain_class"]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def class_names(value: Any) -> list[str]:
    """Return the classes of a value as ``"module:name"``, the nearest one first."""
    return [f"{each.__module__}:{each.__qualname__}" for each in type(value).__mro__]


def known_class(classes: Sequence[str], base: type = object) -> type | None:
    """Return the first of some classes that a module here has, too.

    Parameters
    ----------
    classes : sequence of str
        As `class_names` returns them. Nothing is imported for their sake.
    base : type
        What the class must derive from.
    """
    for name in classes:
        module, _, path = name.partition(":")
        found: Any = sys.modules.get(module) if module != "__main__" else None
        for part in path.split("."):
            # getattr would run properties, and import modules that are loaded on demand.
            found = vars(found).get(part) if isinstance(found, ModuleType | type) else None
        if isinstance(found, type) and found is not object and issubclass(found, base):
            return found
    return None


class _Plain:
    """The layout of an object that has nothing but attributes."""


def plain_class(classes: Sequence[str]) -> type | None:
    """Return the class that an object of this process may say it has, if there is one.

    Programs in C trust ``isinstance``, and read the memory of what says that it is a tensor as that
    of a tensor. So only classes written in Python count, whose objects are all alike in memory.
    """
    found = known_class(classes)
    is_plain = found is not None and all(
        each.__flags__ & _HEAP_TYPE
        and each.__basicsize__ <= _Plain.__basicsize__
        and not each.__itemsize__
        for each in found.__mro__[:-1]
    )
    return found if is_plain else None


def exception_like(classes: Sequence[str], message: str) -> Exception:
    """Return an exception of the first of some classes that can hold a message, for a check.

    Parameters
    ----------
    classes : sequence of str
        As `class_names` returns them.
    message : str

    Returns
    -------
    Exception
        A RuntimeError for a class that nobody here knows, and for StopIteration, which would end a
        loop of the check as if all were done.
    """
    known = known_class(classes, Exception) or RuntimeError
    if issubclass(known, StopIteration | StopAsyncIteration):
        return RuntimeError(f"{known.__name__}: {message}")
    for kind in known.__mro__:
        try:
            error = kind(message)
            str(error)  # fails where a class has arguments of its own and got none
        except Exception:
            continue
        return error
    return RuntimeError(message)
