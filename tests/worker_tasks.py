"""What the tests let worker processes do: they find it by its name, not in a test."""

from __future__ import annotations

import os
import time

import numpy as np


def process_number(jets: np.ndarray, seconds: float = 0.0) -> np.ndarray:
    """Of the process that works so long, once for each jet."""
    time.sleep(seconds)
    return np.full(len(jets), os.getpid())


def energies(jets: np.ndarray) -> np.ndarray:
    return jets[:, 0, 0] * 1.0


def refuse_jet_7(jets: np.ndarray) -> np.ndarray:
    if 7 in jets[:, 0, 0]:
        raise ValueError("Expected any jet but the seventh.")
    return energies(jets)


def process_number_then_wait(jets: np.ndarray) -> np.ndarray:
    """The first jet is done at once, the others take ten minutes."""
    if jets[0, 0, 0] > 0:
        time.sleep(600)
    return process_number(jets)


def die(jets: np.ndarray) -> np.ndarray:
    os._exit(3)


def total(jets: np.ndarray) -> np.ndarray:
    return jets.sum()
