"""Frames between a student's kernel and the judge, over a Unix socket.

A frame is a text in JSON, then the bytes of its arrays. Whatever the other side sends is either a
frame of this form or an error.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["KINDS", "Connection", "CrossingError", "Frame"]

_LENGTH = struct.Struct("!I")
_MOST_TEXT = 16 << 20  # bytes; read as JSON, they take thirty times as much memory
_MOST_BYTES = 1 << 30
_MOST_AXES = 32
KINDS = frozenset("biufcSU")  # of NumPy's data types: no objects


class CrossingError(RuntimeError):
    """A value that cannot cross, or a partner that does not keep to the form."""

    __module__ = "course_utils.grading"


@dataclass
class Frame:
    """A value on its way: its structure, its arrays, and what crosses as one pickle.

    Attributes
    ----------
    tree : Any
        What JSON holds. A list begins with the name of its form.
    arrays : list of ndarray
        None for one that was taken.
    bundle : list
        Objects that cross in a single pickle, so that a network and its optimiser share weights.
    slopes : list
        The tensors that want slopes, in their order in the tree.
    """

    tree: Any = None
    arrays: list[np.ndarray | None] = field(default_factory=list)
    bundle: list[Any] = field(default_factory=list)
    slopes: list[Any] = field(default_factory=list)

    def place(self, array: np.ndarray) -> list[Any]:
        """Add an array, and return what the tree says of it."""
        self.arrays.append(np.ascontiguousarray(array).reshape(array.shape))
        return [len(self.arrays) - 1, array.dtype.str, list(array.shape)]

    def array(self, place: Sequence[Any]) -> np.ndarray:
        """Look at an array."""
        return self.arrays[place[0]]

    def take(self, place: Sequence[Any]) -> np.ndarray:
        """Return an array, once: a short frame cannot ask for many copies of a large one."""
        array, self.arrays[place[0]] = self.arrays[place[0]], None
        if array is None:
            raise CrossingError("An array is in two places of a frame.")
        return array


class Connection:
    """Frames over a socket, until a moment in time.

    Parameters
    ----------
    sock : socket.socket
        Connected.
    deadline : float
        Of ``time.monotonic``; behind it every exchange raises TimeoutError.
    """

    def __init__(self, sock: socket.socket, deadline: float = math.inf) -> None:
        self.sock = sock
        self.deadline = deadline

    def send(self, frame: Frame) -> None:
        """Send a frame."""
        places = [[array.dtype.str, list(array.shape)] for array in frame.arrays]
        text = json.dumps([frame.tree, places]).encode()
        self._set_timeout()
        self.sock.sendall(_LENGTH.pack(len(text)) + text)
        for array in frame.arrays:
            self._set_timeout()
            self.sock.sendall(array.tobytes())

    def receive(self) -> Frame:
        """Return the next frame.

        Raises
        ------
        EOFError
            At the end.
        TimeoutError
            After the deadline.
        CrossingError
            If it is not in the form agreed, or too large.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > _MOST_TEXT:
            raise CrossingError("The frame is too large.")
        text = self._read(length)
        try:
            tree, places = json.loads(text)
            if any(len(shape) > _MOST_AXES for _, shape in places):  # their product takes hours
                raise CrossingError("The frame is too large.")
            kinds = [(np.dtype(str(kind)), tuple(map(int, shape))) for kind, shape in places]
        except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
            raise CrossingError(f"The frame is not in the form agreed: {error}.") from None
        if any(kind.kind not in KINDS or min(shape, default=0) < 0 for kind, shape in kinds):
            raise CrossingError("An array of no known kind.")
        # NumPy gives text of no length one letter.
        if sum((kind.itemsize or 4) * math.prod(shape) for kind, shape in kinds) > _MOST_BYTES:
            raise CrossingError("The frame is too large.")
        return Frame(tree, [self._read_array(*kind) for kind in kinds])

    def close(self) -> None:
        self.sock.close()

    def _set_timeout(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        self.sock.settimeout(None if math.isinf(left) else left)

    def _read_array(self, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        array = np.empty(math.prod(shape), kind)
        if array.nbytes:
            content = array.view(np.uint8)
            self._read_into(memoryview(content))
            if kind.kind == "b":  # a byte may be 2, which is true but not equal to True
                array = content != 0
        return array.reshape(shape)

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        self._read_into(memoryview(data))
        return data

    def _read_into(self, memory: memoryview) -> None:
        while memory:
            self._set_timeout()
            n_bytes = self.sock.recv_into(memory)
            if not n_bytes:
                raise EOFError("the connection is closed")
            memory = memory[n_bytes:]
