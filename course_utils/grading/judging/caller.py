"""The judge's side of a check: it asks a student's kernel, and serves what was lent to it."""

from __future__ import annotations

import contextlib
import sys
import types
from functools import partial
from typing import Any

import cloudpickle
import numpy as np

from course_utils.grading.answers import names_switched_off
from course_utils.grading.judging.classes import class_names, exception_like
from course_utils.grading.judging.crossing import Reference, Wire
from course_utils.grading.judging.frames import Connection, CrossingError, Frame
from course_utils.grading.judging.theirs import of_class

__all__ = ["Caller"]

_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, partial)
# A function of a check is lent, and so is an object of these classes, or of one made in a check.
_LENT = (*_FUNCTIONS, types.SimpleNamespace)
_MOST_OBJECTS = 100_000  # of one check
_MOST_LETTERS = 2000  # of a message
_STATE_IS_NUMBERS = (np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64)
_SIMPLE = (bool, int, float, complex, str, bytes, np.ndarray, np.generic)
_MODULE, _OPTIMISER = "torch.nn.modules.module:Module", "torch.optim.optimizer:Optimizer"


class Caller:
    """Asks a student's kernel, over a connection.

    Parameters
    ----------
    connection : Connection
        To a kernel in which `kernel_side.serve` runs.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.wire = Wire(self._refer, self._resolve, dumps=_pickled, pickles=self._is_pickled)
        self._theirs: dict[int, Any] = {}
        self._lent: list[Any] = []
        self._numbers: dict[int, int] = {}

    def name(self, name: str) -> Any:
        """Return what a global name of the notebook stands for."""
        return self.ask("global", name)

    def end(self) -> None:
        """Let the kernel go on with its notebook."""
        with contextlib.suppress(OSError, EOFError):
            self.connection.send(self.wire.framed(["end"]))

    def ask(self, *request: Any) -> Any:
        """Return the kernel's answer; raise what was raised there."""
        return self.answered(self.asked(*request)[1])

    def asked(self, *request: Any) -> tuple[Frame, Frame]:
        """Return the frames of request and answer; serve what the kernel asks meanwhile."""
        sent = self.wire.framed(list(request))
        self.connection.send(sent)
        while True:
            frame = self.connection.receive()
            kind = _form(frame)
            if kind not in ("lent", "lent attribute"):
                return sent, frame
            self.connection.send(self.wire.framed(self._served(*self.wire.value(frame))))

    def answered(self, frame: Frame, slopes: tuple[Any, ...] = ()) -> Any:
        """Return the value that an answer holds, or raise the exception."""
        answer = self.wire.value(frame, slopes)
        match answer:
            case ["value", value]:
                return value
            case ["raised", list(classes), str(message)]:
                raise exception_like([str(each) for each in classes], message[:_MOST_LETTERS])
        raise CrossingError("The kernel gave no answer.")

    def _served(self, kind: str, number: int, name: str | None, *more: Any) -> list[Any]:
        """Call what was lent, or look an attribute up; nothing behind it can be reached."""
        try:
            owner = self._lent[number]
            if name is not None and (not isinstance(name, str) or name.startswith("_")):
                raise AttributeError(f"no attribute {name!r}")
            target = owner if name is None else getattr(owner, name)
            if kind == "lent attribute":
                return ["value", (callable(target), None if callable(target) else _plain(target))]
            arguments, options = more
            return ["value", _plain(target(*arguments, **options))]
        except Exception as error:
            return ["raised", class_names(error), str(error)]

    def _refer(self, value: Any) -> Reference:
        if isinstance(number := getattr(value, "their_number", None), int):
            return Reference(number, mine=False)
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._lent)
            self._lent.append(value)
        return Reference(self._numbers[id(value)], mine=True, classes=tuple(class_names(value)))

    def _is_pickled(self, value: Any) -> bool:
        if hasattr(value, "their_number"):
            return False
        made_in_check = type(value).__module__ == "__main__" and not _is_of_torch(value)
        trial = getattr(sys.modules.get("optuna.trial"), "BaseTrial", ())
        return not (made_in_check or isinstance(value, (*_LENT, *_kinds(trial))))

    def _resolve(self, reference: Reference) -> Any:
        """Return what stands for an object of the kernel: the same for the same object."""
        if reference.mine:
            return self._lent[reference.number]
        if reference.number not in self._theirs:
            if len(self._theirs) == _MOST_OBJECTS:
                raise CrossingError(
                    f"Return fewer than {_MOST_OBJECTS} objects, or arrays instead."
                )
            self._theirs[reference.number] = self._stand_in(reference)
        return self._theirs[reference.number]

    def _stand_in(self, reference: Reference) -> Any:
        if "torch" in sys.modules and {_MODULE, _OPTIMISER} & {*reference.classes}:
            from course_utils.grading.judging import mirrors

            kind = mirrors.module if _MODULE in reference.classes else mirrors.Optimiser
            return kind(self, reference)
        return of_class(self, reference)

    def stand_ins(self) -> list[Any]:
        """Return what stands for an object of the kernel so far."""
        return list(self._theirs.values())

    def called(self, request: str, target: Any, *arguments: Any, **options: Any) -> Any:
        """Call something there; slopes find their way back through the call."""
        how = {"off": names_switched_off(), "watch": False, "slopes": self.slopes_wanted()}
        request = [request, target, list(arguments), options, how]
        if "torch" in sys.modules:
            from course_utils.grading.judging import mirrors

            return mirrors.called(self, request)
        sent, frame = self.asked(*request)
        answer = self.answered(frame)
        self.take_states(sent, answer["states"])
        return answer["result"]

    def take_states(self, sent: Frame, states: list[Any]) -> None:
        """Give objects that were lent as copies the state that the call has left them in."""
        for value, state in zip(sent.bundle, states, strict=True):
            if isinstance(value, np.random.Generator):
                _continue(value, state)
            elif state is not None:
                from course_utils.grading.judging import mirrors

                mirrors.take_state(value, state)

    @staticmethod
    def slopes_wanted() -> bool:
        """Whether PyTorch notes here how tensors come about, so that the kernel should."""
        torch = sys.modules.get("torch")
        return torch is not None and torch.is_grad_enabled()


def _form(frame: Frame) -> Any:
    """Return the first word of the list that a frame holds."""
    with contextlib.suppress(TypeError, IndexError, ValueError):
        (name, items), _ = frame.tree
        return items[0] if name == "list" else None
    return None


def _continue(generator: np.random.Generator, state: Any) -> None:
    """Let a generator go on where the kernel's copy of it has stopped."""
    if not isinstance(generator.bit_generator, _STATE_IS_NUMBERS):
        # Others keep a position in a table, which NumPy does not check.
        raise CrossingError("Use np.random.default_rng in a check: no other generator can be lent.")
    generator.bit_generator.state = state


def _plain(value: Any) -> Any:
    """Return a value that crosses as such: what is behind an object that was lent stays here."""
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    tensor = getattr(sys.modules.get("torch"), "Tensor", ())
    if value is None or isinstance(value, (*_SIMPLE, *_kinds(tensor))):
        return value
    if hasattr(value, "their_number"):
        return value
    raise CrossingError(f"A {type(value).__name__} stays with the check.")


def _kinds(found: Any) -> tuple[type, ...]:
    return (found,) if isinstance(found, type) else ()


def _is_of_torch(value: Any) -> bool:
    torch = sys.modules.get("torch")
    kinds = (torch.nn.Module, torch.optim.Optimizer) if torch is not None else ()
    return isinstance(value, kinds)


def _pickled(bundle: list[Any]) -> bytes:
    """Pickle objects, and the slopes of networks, which PyTorch leaves out."""
    networks = [value for value in bundle if hasattr(value, "named_parameters")]
    slopes = [[each.grad for each in network.parameters()] for network in networks]
    return cloudpickle.dumps((bundle, networks, slopes))
