"""A student's PyTorch networks, mirrored for the judge.

A mirror is a module of the judge's own, with the same parameters and buffers, so that a check
counts, fills and compares them as it would with the network itself. Only its forward pass runs in
the student's kernel; slopes come back from there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from course_utils.grading.answers import names_switched_off
from course_utils.grading.judging.caller import Caller
from course_utils.grading.judging.classes import known_class
from course_utils.grading.judging.crossing import Reference, lent_parameters
from course_utils.grading.judging.frames import CrossingError
from course_utils.grading.judging.theirs import Theirs

__all__ = ["Optimiser", "called", "module", "take_state"]

_MOST_PARTS = 10_000


def called(caller: Caller, request: list[Any]) -> Any:
    """Make a call, so that the slopes of its result lead back to its arguments.

    They also lead to the parameters of a network that the check lends.

    Parameters
    ----------
    caller : Caller
    request : list
        What `Caller.asked` sends.
    """
    return _finished(caller, request)


def _finished(caller: Caller, request: list[Any], weights: list[torch.Tensor] | None = None) -> Any:
    sent, frame = caller.asked(*request)
    weights = lent_parameters(sent.bundle) if weights is None else weights
    wanted = _slope_tensors(frame)
    if wanted and torch.is_grad_enabled():
        bridge = _Bridge.apply(caller, wanted, frame, torch.zeros((), requires_grad=True),
                               *sent.slopes, *weights)  # fmt: skip
        answer = caller.answered(frame, bridge)
        bridge[0].grad_fn.graph = answer["graph"]
    else:
        answer = caller.answered(frame)
    if "states" in answer:
        caller.take_states(sent, answer["states"])
    elif answer["weights"] is not None:
        _take_weights(request[1], answer["weights"])
    return answer["result"]


def _slope_tensors(frame: Any) -> list[torch.Tensor]:
    """Return the tensors of an answer that want slopes, in their order."""
    found: list[torch.Tensor] = []
    seen: set[int] = set()

    def search(tree: Any, depth: int) -> None:
        if not isinstance(tree, list) or depth == 0:
            return
        if len(tree) == 4 and tree[0] == "tensor":
            if tree[1] == "torch" and tree[3]:
                array = frame.array(tree[2])
                if id(array) in seen:  # autograd would copy it each time
                    raise CrossingError("An array is in two places of a frame.")
                seen.add(id(array))
                found.append(torch.from_numpy(array))
            return
        for item in tree:
            search(item, depth - 1)

    search(frame.tree, 200)
    return found


class _Bridge(torch.autograd.Function):
    """Forward, the numbers that the kernel has sent; backward, the slopes that it finds."""

    @staticmethod
    def forward(ctx, caller, outputs, frame, _, *inputs):
        ctx.caller, ctx.n_inputs = caller, len(inputs)
        ctx.kinds = [(each.dtype, each.shape) for each in inputs]
        return tuple(each.clone() for each in outputs)

    @staticmethod
    def backward(ctx, *slopes):
        found = ctx.caller.ask("backward", ctx.graph, list(slopes))
        if not isinstance(found, list) or len(found) != ctx.n_inputs:
            raise CrossingError("The kernel gave other slopes than asked for.")
        fitting = (
            None if slope is None else torch.as_tensor(slope).to(kind).reshape(shape)
            for slope, (kind, shape) in zip(found, ctx.kinds, strict=True)
        )
        return None, None, None, None, *fitting


class _Mirror(nn.Module):
    """The judge's copy of a student's module."""

    def forward(self, *arguments: Any, **options: Any) -> Any:
        caller = self.__dict__["_caller"]
        how = {"off": names_switched_off(), "slopes": torch.is_grad_enabled()}
        is_lazy = self.__dict__["_is_lazy"]
        state = None if is_lazy else _state(self)
        request = ["forward", self, state, list(arguments), options, how]
        result = _finished(caller, request, [*self.parameters()])
        if is_lazy:  # now its sizes are known
            _fill(self, caller.ask("module", self))
        return result

    def functions_called(self, *arguments: Any, **options: Any) -> set[str]:
        """Return the names of the functions that run there."""
        return Theirs.functions_called(self, *arguments, **options)


def module(caller: Caller, reference: Reference) -> nn.Module:
    """Return a mirror of a student's module."""
    stand_in = Theirs(caller, reference)
    told = caller.ask("module", stand_in)
    if len(told["parts"]) > _MOST_PARTS:
        raise CrossingError(f"Build a network of at most {_MOST_PARTS} layers.")
    parts = {path: _part(list(map(str, classes)), training)
             for path, classes, training in told["parts"]}  # fmt: skip
    top = parts[""]
    for path, part in parts.items():
        if path:
            _place(parts, path)[0].add_module(_place(parts, path)[1], part)
    top.__dict__.update(their_number=reference.number, _caller=caller)
    _fill(top, told)
    return top


def _fill(mirror: nn.Module, told: dict[str, Any]) -> None:
    """Give a mirror its parameters and buffers; a lazy network has none before its first call."""
    parts = dict(mirror.named_modules())
    for path, values, needs_slope, _ in told["parameters"]:
        owner, name = _place(parts, path)
        owner.register_parameter(
            name, nn.Parameter(_tensor(values).clone(), requires_grad=needs_slope)
        )
    for path, values in told["buffers"]:
        owner, name = _place(parts, path)
        owner.register_buffer(name, _tensor(values).clone())
    mirror.__dict__["_is_lazy"] = told["is_lazy"] is True


def _tensor(value: Any) -> torch.Tensor:
    """Return a tensor of this process; anything else has no numbers for a mirror."""
    if not isinstance(value, torch.Tensor):
        raise CrossingError(f"Expected a tensor; the kernel gave a {type(value).__name__}.")
    return value


def _place(parts: dict[str, nn.Module], path: str) -> tuple[nn.Module, str]:
    owner, _, name = path.rpartition(".")
    return parts[owner], name


def _part(classes: list[str], training: bool) -> nn.Module:
    """Return an empty mirror that isinstance takes for the student's layer."""
    known = known_class(classes, nn.Module) or nn.Module
    name = classes[0].rpartition(":")[2].rpartition(".")[2]
    kind = type(name, (_Mirror,), {"__class__": property(lambda self: known)})
    part = kind()
    part.training = bool(training)
    return part


def _state(mirror: nn.Module) -> dict[str, Any]:
    """Return the numbers, slopes and modes of a mirror, for the module itself."""
    return {
        "parameters": [(w.detach(), w.requires_grad, w.grad) for w in mirror.parameters()],
        "buffers": [each.detach() for each in mirror.buffers()],
        "training": [part.training for part in mirror.modules()],
    }


def _take_weights(network: nn.Module, weights: dict[str, Any]) -> None:
    """Copy the numbers of parameters and buffers, where they have changed."""
    with torch.no_grad():
        for mine, (_, values, _, _) in zip(
            network.parameters(), weights["parameters"], strict=True
        ):
            values = _of_size(values, mine)
            if not torch.equal(mine, values.to(mine.dtype)):
                mine.copy_(values)
        for mine, (_, values) in zip(network.buffers(), weights["buffers"], strict=True):
            mine.copy_(_of_size(values, mine))


def _of_size(value: Any, mine: torch.Tensor) -> torch.Tensor:
    if _tensor(value).shape != mine.shape:
        raise CrossingError(f"Keep the shape {tuple(mine.shape)} of each parameter and buffer.")
    return value


class Optimiser(Theirs):
    """A student's optimiser; a step moves the mirrors of the networks it belongs to."""

    def step(self) -> None:
        """Take one step, with the slopes that the mirrors have now."""
        self._among_mirrors("step")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the slopes."""
        self._among_mirrors("zero_grad")

    def _among_mirrors(self, name: str) -> None:
        caller = self._caller
        known = [each for each in caller.stand_ins() if isinstance(each, _Mirror)]
        moves = caller.ask("moves", self, known)
        mirrors = [each for each, is_moved in zip(known, moves, strict=True) if is_moved]
        for mirror in mirrors:
            caller.ask("push", mirror, _state(mirror))
        caller.called("call", caller.ask("get", self, name))
        for mirror in mirrors:
            weights = caller.ask("pull", mirror)
            _take_weights(mirror, weights)
            for mine, (_, _, _, slope) in zip(
                mirror.parameters(), weights["parameters"], strict=True
            ):
                mine.grad = slope


def take_state(value: Any, state: dict[str, Any]) -> None:
    """Give a network or an optimiser of a check the state that a student's function has left."""
    if isinstance(value, torch.optim.Optimizer):
        if not _is_numbers(state):
            raise CrossingError("Keep numbers and tensors in an optimiser.")
        value.load_state_dict(state)
        return
    _take_weights(value, state)
    for mine, (_, _, needs_slope, slope) in zip(
        value.parameters(), state["parameters"], strict=True
    ):
        mine.requires_grad_(bool(needs_slope))
        mine.grad = slope
    for part, training in zip(value.modules(), state["training"], strict=True):
        part.training = bool(training)
    for name, item in state["plain"].items():
        # Hooks and layers are no numbers: with those, the network of a check would be replaced.
        before = vars(value).get(name)
        if not name.startswith("_") and _is_plain(before) and _is_plain(item):
            setattr(value, name, item)


def _is_numbers(state: Any) -> bool:
    if isinstance(state, dict):
        return all(map(_is_numbers, state.values()))
    if isinstance(state, list | tuple):
        return all(map(_is_numbers, state))
    return state is None or isinstance(state, torch.Tensor) or _is_plain(state)


def _is_plain(value: Any) -> bool:
    if type(value) is list:
        return all(map(_is_plain, value))
    return type(value) in (bool, int, float, str)
