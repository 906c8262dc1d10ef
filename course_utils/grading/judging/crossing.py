"""Values cross between a student's kernel and the process that judges it.

The student's functions run in a kernel; the checks run outside, in the *judge*. The two do not
trust each other. Numbers, text, arrays, tensors, and lists and dictionaries of them cross by value,
so that ``==`` and every function of NumPy in a check is the judge's own. Everything else stays
where it is, and a number stands for it (:class:`Reference`).

Nothing that comes from a kernel is unpickled. In the other direction pickles are safe: a check may
hand over a network together with its optimiser, or a random generator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from course_utils.grading.judging.frames import KINDS, CrossingError, Frame

__all__ = ["Reference", "Wire", "lent_parameters"]

_DEPTH = 40
_LISTS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


@dataclass(frozen=True)
class Reference:
    """An object that stays with its owner.

    Attributes
    ----------
    number : int
        The owner's number for it.
    mine : bool
        Whether it belongs to the side that holds this reference.
    classes : tuple of str
        Its class and those that it derives from, see `classes.class_names`.
    """

    number: int
    mine: bool
    classes: tuple[str, ...] = ()


@dataclass
class Wire:
    """One side's way to turn values into frames and back.

    Attributes
    ----------
    refer : callable
        Gets an object that has no form of its own, and returns a `Reference`.
    resolve : callable
        Gets a `Reference` from the other side, and returns what stands for it here.
    dumps : callable, optional
        Pickles a list of objects. Only the judge has it.
    pickles : callable
        Whether an object crosses in a pickle, and not as a reference.
    loads : callable, optional
        The opposite of `dumps`. Only the kernel has it.
    """

    refer: Callable[[Any], Reference]
    resolve: Callable[[Reference], Any]
    dumps: Callable[[list[Any]], bytes] | None = None
    pickles: Callable[[Any], bool] = lambda value: False
    loads: Callable[[bytes], list[Any]] | None = None

    def framed(self, value: Any) -> Frame:
        """Return the frame of a value."""
        frame = Frame()
        frame.tree = [self._pack(value, frame, _DEPTH), None]
        if frame.bundle and self.dumps is not None:
            content = np.frombuffer(self.dumps(frame.bundle), np.uint8)
            frame.tree[1] = ["bytes", frame.place(content)]
        return frame

    def value(self, frame: Frame, slopes: Sequence[Any] = ()) -> Any:
        """Return the value of a frame.

        Parameters
        ----------
        frame : Frame
        slopes : sequence of tensors
            In place of the tensors of the frame that want slopes, in their order.
        """
        try:
            tree, bundle = frame.tree
            if bundle is not None and self.loads is not None:
                frame.bundle = self.loads(frame.take(bundle[1]).tobytes())
            frame.slopes = []
            return self._unpack(tree, frame, list(slopes))
        except (KeyError, TypeError, IndexError, ValueError, RecursionError) as error:
            raise CrossingError(f"The frame is not in the form agreed: {error}.") from None

    def _pack(self, value: Any, frame: Frame, depth: int) -> Any:
        if depth == 0:
            raise CrossingError("The value is nested too deeply.")
        if value is None or type(value) in (bool, str):
            return value
        if hasattr(type(value), "stands_for_another"):  # whatever class it says it has
            return self._pack_reference(value)
        match value:
            case np.generic() if value.dtype.kind in KINDS:
                return ["scalar", frame.place(np.asarray(value))]
            case int():
                return int(value)
            case float():
                return float(value)
            case str():
                return str.__str__(value)  # of a member of an Enum, too
            case Fraction() | Decimal():
                return float(value)
            case complex():
                return ["complex", value.real, value.imag]
            case PurePath():
                return ["path", str(value)]
            case bytes() | bytearray():
                return ["bytes", frame.place(np.frombuffer(bytes(value), np.uint8))]
            case np.ndarray() if value.dtype.kind in KINDS:
                return ["array", frame.place(np.asarray(value))]
            case np.ndarray() if value.dtype.kind == "O" and value.ndim == 0:
                return self._pack(value.item(), frame, depth - 1)
            case np.ndarray() if value.dtype.kind == "O":
                return ["objects", [self._pack(item, frame, depth - 1) for item in value.tolist()]]
            case list() | tuple() | set() | frozenset():
                name = next(name for name, kind in _LISTS.items() if isinstance(value, kind))
                return [name, [self._pack(item, frame, depth - 1) for item in value]]
            case dict():
                pairs = [item for pair in value.items() for item in pair]
                return ["dict", [self._pack(item, frame, depth - 1) for item in pairs]]
        return self._pack_object(value, frame)

    def _pack_object(self, value: Any, frame: Frame) -> Any:
        if (framework := _framework(value)) is not None:
            array, needs_slope = _numbers(framework, value)
            if not needs_slope:
                return ["tensor", framework, frame.place(array), False]
            frame.slopes.append(value)
            return ["tensor", framework, frame.place(array), "leaf" if value.is_leaf else "inner"]
        if type(value).__name__ == "TensorShape":  # of TensorFlow
            return self._pack(tuple(value.as_list()), frame, _DEPTH)
        if self.pickles(value):
            frame.bundle.append(value)
            return ["pickled", len(frame.bundle) - 1]
        return self._pack_reference(value)

    def _pack_reference(self, value: Any) -> Any:
        reference = self.refer(value)
        return ["reference", reference.number, reference.mine, list(reference.classes)]

    def _unpack(self, tree: Any, frame: Frame, given: list[Any]) -> Any:
        if not isinstance(tree, list):
            return tree
        kind, *rest = tree
        match kind:
            case "array":
                return frame.take(rest[0])
            case "scalar":
                return frame.take(rest[0]).reshape(())[()]
            case "bytes":
                return frame.take(rest[0]).tobytes()
            case "complex":
                return complex(*rest)
            case "path":
                return Path(rest[0])
            case "list" | "tuple" | "set" | "frozenset":
                return _LISTS[kind](self._unpack(item, frame, given) for item in rest[0])
            case "dict":
                items = [self._unpack(item, frame, given) for item in rest[0]]
                return dict(zip(items[::2], items[1::2], strict=True))
            case "objects":
                return np.array([self._unpack(item, frame, given) for item in rest[0]])
            case "tensor":
                return self._tensor(*rest, frame, given)
            case "pickled" if self.loads is not None:
                return frame.bundle[rest[0]]
            case "reference":
                number, mine, classes = rest
                return self.resolve(Reference(int(number), not mine, tuple(map(str, classes))))
        raise CrossingError(f"Expected a value, got {str(kind)[:40]!r}.")

    def _tensor(
        self, framework: str, place: Any, slope: str | bool, frame: Frame, given: list[Any]
    ) -> Any:
        """Return the tensor, or the array where that framework is not loaded.

        A kernel gets no leaf for what was none: autograd forbids work in place on a leaf.
        """
        library = sys.modules.get(framework) if framework in ("torch", "tensorflow") else None
        array = frame.take(place)
        if library is None:
            return array
        if framework == "tensorflow":
            return library.constant(array)
        if not slope:
            return library.from_numpy(array)
        tensor = given.pop(0) if given else library.from_numpy(array).requires_grad_()
        frame.slopes.append(tensor)
        if slope == "inner" and self.loads is not None:
            with library.enable_grad():
                return tensor.clone()
        return tensor


def lent_parameters(bundle: Sequence[Any]) -> list[Any]:
    """Return the parameters of the PyTorch networks among some objects, each once.

    Both sides list those of a pickle, in the same order: so slopes find the judge's own.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    networks = [each for each in bundle if isinstance(each, torch.nn.Module)]
    found = {id(w): w for network in networks for w in network.parameters()}
    return list(found.values())


def _framework(value: Any) -> str | None:
    """Return the name of the framework that a tensor belongs to."""
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if isinstance(value, getattr(torch, "Tensor", ())):
        return "torch"
    return "tensorflow" if isinstance(value, getattr(tensorflow, "Tensor", ())) else None


def _numbers(framework: str, tensor: Any) -> tuple[np.ndarray, bool]:
    """Return the numbers of a tensor, and whether slopes are wanted for them."""
    if framework == "tensorflow":
        array = np.asarray(tensor)  # of a type that NumPy does not know, such as bfloat16
        return (array if array.dtype.kind in {*KINDS, "O"} else array.astype(np.float32)), False
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if str(plain.dtype) in ("torch.bfloat16", "torch.float16"):
        plain = plain.float()
    return np.array(plain.numpy()), bool(tensor.requires_grad)
