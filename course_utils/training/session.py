"""What a notebook settles before it trains: seeds, sizes that fit, a quiet TensorFlow."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

__all__ = ["LIMITS", "quiet_tensorflow", "seed_everything", "sized"]

#: Largest value while nbgrader runs a notebook, by the name of the limit.
LIMITS = {"COURSE_MAX_JETS": 4000, "COURSE_MAX_EPOCHS": 10, "COURSE_MAX_SEEDS": 2}


def seed_everything(seed: int) -> None:
    """Start the random numbers of Python, NumPy and the imported frameworks from one seed.

    The course passes generators around instead of seeding globally. Keras and PyTorch draw their
    first weights from global generators, Keras its shuffles and its dropout as well, so for a
    network that can be trained twice with the same result there is no other way.

    Parameters
    ----------
    seed : int
        Not negative.
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

    The lines come from compiled code, so no Python setting stops them: while the block runs,
    standard error leads nowhere. A failing import still raises. Afterwards TensorFlow reports
    errors only, unless ``TF_CPP_MIN_LOG_LEVEL`` was set before.

    Examples
    --------
    >>> with quiet_tensorflow():
    ...     _ = os.write(2, b"what compiled code has to say")
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    standard_error, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(nowhere)


def sized(wanted: int, *, limit: str) -> int:
    """The size a notebook asks for, or the smaller one a grader or a test allows.

    Autograding runs a student's training cells again. So that a class is graded in minutes,
    without a change to anyone's notebook, the environment variable named by `limit` caps the
    number of jets, epochs or seeds. While nbgrader autogrades or validates a notebook the caps of
    ``LIMITS`` hold by themselves. Otherwise, without the variable, nothing is capped.

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
