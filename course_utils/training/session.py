"""What a notebook sets up before it trains: seeds, sizes within limits, a quiet TensorFlow."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np

__all__ = ["LIMITS", "quiet_tensorflow", "seed_everything", "sized"]

#: The largest value of each limit while nbgrader runs a notebook.
LIMITS = {"COURSE_MAX_JETS": 4000, "COURSE_MAX_EPOCHS": 10, "COURSE_MAX_SEEDS": 2}


def seed_everything(seed: int) -> None:
    """Seed the random numbers of Python, NumPy and the imported frameworks.

    Elsewhere the course passes generators around. But Keras and PyTorch draw initial weights from
    global generators, and Keras also its shuffles and dropout. Only a global seed lets you train a
    network twice with the same result.

    Parameters
    ----------
    seed : int
        At least 0.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (Keras draws from it)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Import TensorFlow or Keras inside, without their lines about this machine's processor.

    Keras begins with its own settings: neither ``~/.keras/keras.json`` nor variables such as
    ``KERAS_BACKEND`` or ``KERAS_MAX_EPOCHS`` of whoever runs the notebook change what it trains.

    Compiled code prints them, so no Python setting stops them: the block discards standard error.
    A failing import still raises. Afterwards TensorFlow prints only errors, unless
    ``TF_CPP_MIN_LOG_LEVEL`` was already set; its Python side prints only errors in any case, since
    nbgrader gives no points to a check that a warning of many small networks has interrupted.

    Examples
    --------
    >>> with quiet_tensorflow():
    ...     _ = os.write(2, b"what compiled code prints")
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    standard_error, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with _keras_as_published():
            yield
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].get_logger().setLevel("ERROR")
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(nowhere)


@contextmanager
def _keras_as_published() -> Iterator[None]:
    """Hide the user's settings from Keras, which reads them once, when it is imported."""
    own = {name: value for name, value in os.environ.items() if name.startswith("KERAS_")}
    with TemporaryDirectory() as empty:
        for name in own:
            del os.environ[name]
        os.environ |= {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": empty}
        try:
            yield
        finally:
            del os.environ["KERAS_BACKEND"], os.environ["KERAS_HOME"]
            os.environ |= own


def sized(wanted: int, *, limit: str) -> int:
    """Return the size that a notebook asks for, or a smaller one that a grader or a test sets.

    Autograding runs a student's training cells again. To grade a class in minutes without touching
    notebooks, the environment variable named by `limit` caps the number of jets, epochs or seeds.
    While nbgrader autogrades or validates a notebook, ``LIMITS`` applies by default. Otherwise,
    without the variable, nothing is capped.

    Parameters
    ----------
    wanted : int
        What the student (or papermill) set.
    limit : {"COURSE_MAX_JETS", "COURSE_MAX_EPOCHS", "COURSE_MAX_SEEDS"}
        The environment variable that may cap it.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `limit` is not one of the three, or its value is not a whole number above zero.

    Examples
    --------
    >>> sized(10, limit="COURSE_MAX_JETS")
    10
    """
    if limit not in LIMITS:
        raise ValueError(f"Expected a limit named {' or '.join(LIMITS)}; got {limit!r}.")
    by_grader = str(LIMITS[limit]) if "NBGRADER_EXECUTION" in os.environ else str(wanted)
    allowed = os.environ.get(limit) or by_grader
    if not allowed.isdecimal() or int(allowed) == 0:
        raise ValueError(f"Expected {limit} to be a whole number above zero; got {allowed!r}.")
    return min(wanted, int(allowed))
