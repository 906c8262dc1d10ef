"""The student's side of a check: it calls what the judge asks for, in the student's kernel.

Whatever a student does to this module, only that student's own values change.
"""

from __future__ import annotations

import contextlib
import io
import operator
import pickle
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils.grading.answers import all_switched_off, functions_called
from course_utils.grading.judging.classes import class_names, exception_like
from course_utils.grading.judging.crossing import Reference, Wire, lent_parameters
from course_utils.grading.judging.frames import Connection, CrossingError
from course_utils.grading.judging.lent import Lent

__all__ = ["Serving", "quiet", "serve"]

_PLAIN = (bool, int, float, str, list)
_MOST_ITEMS = 100_000
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "float": float,
    "int": int,
    "bool": bool,
    "str": lambda value: str(value)[:10_000],
    "array": np.asarray,
    "getitem": operator.getitem,
    "contains": operator.contains,
}


def serve(path: str, names: dict[str, Any]) -> None:
    """Answer the judge at a socket until it has finished.

    Parameters
    ----------
    path : str
        The judge's socket.
    names : dict
        The notebook's global names.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(path)
        sock.settimeout(None)
        Serving(Connection(sock), names).until_the_end()


class Serving:
    """What a judge may ask of a notebook's kernel."""

    def __init__(self, connection: Connection, names: dict[str, Any]) -> None:
        self.connection, self.names = connection, names
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.graphs: list[tuple[list[Any], list[Any]]] = []
        self.wire = Wire(self._refer, self._resolve, loads=_unpickled)

    def until_the_end(self) -> None:
        """Answer one request after the other."""
        with contextlib.suppress(EOFError, OSError):
            while (request := self._received())[0] != "end":
                self._answer(request)

    def _received(self) -> list[Any]:
        self.frame = self.connection.receive()
        return self.wire.value(self.frame)

    def _answer(self, request: list[Any]) -> None:
        """Do what is asked, and send the result or what was raised."""
        self.inputs: list[Any] = []
        try:
            frame = self.wire.framed(["value", getattr(self, f"_do_{request[0]}")(*request[1:])])
            if frame.slopes:  # remember how these tensors came about
                self.graphs.append((self.inputs, frame.slopes))
        except (Exception, SystemExit) as error:
            frame = self.wire.framed(["raised", class_names(error), str(error)[:2000]])
        self.connection.send(frame)

    def _refer(self, value: Any) -> Reference:
        if isinstance(value, Lent):
            return Reference(value._number, mine=False)
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)  # kept, so that its id stays its own
        return Reference(self.numbers[id(value)], mine=True, classes=tuple(class_names(value)))

    def _resolve(self, reference: Reference) -> Any:
        return self.objects[reference.number] if reference.mine else Lent(self, reference)

    def _do_global(self, name: str) -> Any:
        if name not in self.names:
            raise NameError(f"name {name!r} is not defined")
        return self.names[name]

    def _do_get(self, value: Any, name: str) -> Any:
        return getattr(value, name)

    def _do_set(self, value: Any, name: str, new: Any) -> None:
        setattr(value, name, new)

    def _do_operation(self, name: str, *values: Any) -> Any:
        return _OPERATIONS[name](*values)

    def _do_items(self, value: Any) -> list[Any]:
        items = []
        for item in value:
            items.append(item)
            if len(items) > _MOST_ITEMS:
                raise CrossingError("The sequence does not end.")
        return items

    def _do_call(
        self, function: Any, arguments: list[Any], options: dict[str, Any], how: dict[str, Any]
    ) -> dict[str, Any]:
        """Call a function; also return what it has changed in objects that were lent to it."""
        bundle = self.frame.bundle
        self.inputs = [*self.frame.slopes, *lent_parameters(bundle)]
        with quiet(), all_switched_off(how["off"]), _slopes_wanted(how["slopes"]):
            if how["watch"]:
                return {"result": sorted(functions_called(function, *arguments, **options))}
            result = function(*arguments, **options)
        states = [_state(value) for value in bundle]
        return {"result": result, "graph": len(self.graphs), "states": states}

    def _do_backward(self, graph: int, slopes: list[Any]) -> list[Any]:
        import torch

        inputs, outputs = self.graphs[graph]
        pairs = [pair for pair in zip(outputs, slopes, strict=True) if pair[1] is not None]
        wanted = [tensor for tensor in inputs if tensor.requires_grad]
        found = iter(
            torch.autograd.grad(
                [output for output, _ in pairs],
                wanted,
                [slope.to(output.dtype) for output, slope in pairs],
                retain_graph=True,
                allow_unused=True,
            )
            if wanted
            else ()
        )
        return [next(found) if tensor.requires_grad else None for tensor in inputs]

    def _do_module(self, module: Any) -> dict[str, Any]:
        """Describe a PyTorch module: its parts, and where each parameter and buffer belongs."""
        parts = [(path, class_names(part), part.training) for path, part in module.named_modules()]
        from torch.nn.parameter import is_lazy

        if any(map(is_lazy, module.parameters())):  # sizes are not known before the first call
            return {"parts": parts, "is_lazy": True, "parameters": [], "buffers": []}
        return {"parts": parts, "is_lazy": False, **_weights(module, slopes=False)}

    def _do_forward(
        self,
        module: Any,
        state: dict[str, Any] | None,
        arguments: list[Any],
        options: dict[str, Any],
        how: dict[str, Any],
    ) -> dict[str, Any]:
        """Call a module with the judge's numbers for its parameters and buffers, if it has any."""
        self.inputs = [*self.frame.slopes]
        if state is not None:
            self.inputs += module.parameters()
            self._do_push(module, state)
        with quiet(), all_switched_off(how["off"]), _slopes_wanted(how["slopes"]):
            result = module(*arguments, **options)
        weights = None if state is None else _weights(module, slopes=False)
        return {"result": result, "graph": len(self.graphs), "weights": weights}

    def _do_push(self, module: Any, state: dict[str, Any]) -> None:
        """Take over numbers, slopes and modes of a module."""
        import torch

        with torch.no_grad():
            for weights, (new, needs_slope, slope) in zip(
                module.parameters(), state["parameters"], strict=True
            ):
                weights.requires_grad_(needs_slope).data.copy_(new)
                weights.grad = slope
            for old, new in zip(module.buffers(), state["buffers"], strict=True):
                old.copy_(new)
        for part, training in zip(module.modules(), state["training"], strict=True):
            part.training = training

    def _do_moves(self, optimiser: Any, modules: list[Any]) -> list[bool]:
        """Say which modules have parameters that an optimiser moves."""
        moved = {id(each) for group in optimiser.param_groups for each in group["params"]}
        return [not moved.isdisjoint(map(id, module.parameters())) for module in modules]

    def _do_pull(self, module: Any) -> dict[str, Any]:
        return _weights(module, slopes=True)

    def ask(self, *request: Any) -> Any:
        """Ask the judge for something that was lent, in the middle of a call."""
        frame, inputs = self.frame, self.inputs
        self.connection.send(self.wire.framed(list(request)))
        while (told := self._received())[0] not in ("value", "raised"):
            self._answer(told)  # what was lent looks at an argument that has stayed here
        self.frame, self.inputs = frame, inputs
        kind, *answer = told
        if kind == "raised":
            classes, message = answer
            raise exception_like(classes, message)
        return answer[0]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Run something without what it prints and without its warnings."""
    out = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _unpickled(content: bytes) -> list[Any]:
    """Return what the judge has pickled; networks get their slopes back."""
    bundle, networks, slopes = pickle.loads(content)
    for network, of_network in zip(networks, slopes, strict=True):
        for weights, slope in zip(network.parameters(), of_network, strict=True):
            weights.grad = slope
    return bundle


def _slopes_wanted(wanted: bool) -> contextlib.AbstractContextManager[Any]:
    """Whether PyTorch notes how tensors come about, as it does for the judge at this moment."""
    torch = sys.modules.get("torch")
    return torch.set_grad_enabled(wanted) if torch is not None else contextlib.nullcontext()


def _weights(module: Any, *, slopes: bool) -> dict[str, Any]:
    """Return the numbers of a module's parameters and buffers by their path."""
    parameters = [(path, w.detach(), w.requires_grad, w.grad if slopes else None)
                  for path, w in module.named_parameters()]  # fmt: skip
    return {"parameters": parameters, "buffers": list(module.named_buffers())}


def _state(value: Any) -> Any:
    """Return what a function may have changed in an object that it was given."""
    torch = sys.modules.get("torch")
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, getattr(getattr(torch, "nn", None), "Module", ())):
        public = {name: item for name, item in vars(value).items() if not name.startswith("_")}
        plain = {name: item for name, item in public.items() if isinstance(item, _PLAIN)}
        training = [part.training for part in value.modules()]
        return {**_weights(value, slopes=True), "training": training, "plain": plain}
    if isinstance(value, getattr(getattr(torch, "optim", None), "Optimizer", ())):
        return value.state_dict()
    return None
