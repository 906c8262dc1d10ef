"""Call a student's function as a fair check does.

Work in place on an argument is no mistake, and neither is a warning; nbgrader gives no points to a
cell that writes to standard error. So a check calls an answer through :func:`called`.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["called"]


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


def _copy(value: Any) -> Any:
    """Copy arrays, and what holds them."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(item) for item in value)
    return value
