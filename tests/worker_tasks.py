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


def print_process_number_and_wait(jets: np.ndarray) -> np.ndarray:
    """For ten minutes."""
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(600)
    return process_number(jets)


def die(jets: np.ndarray) -> np.ndarray:
    os._exit(3)


def total(jets: np.ndarray) -> np.ndarray:
    return jets.sum()
