"""The state of a PyTorch training, and the file from which it continues after an interruption."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_utils.files import replacing
from course_utils.training.tensors import Data

__all__ = ["State", "recipe_of"]


@dataclass
class State:
    """Everything a training needs to continue: weights, optimizer, history, best weights."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def waited(self) -> int:
        """Epochs since the smallest validation loss."""
        losses = [row["val_loss"] for row in self.rows]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0

    def note(self, row: dict[str, float]) -> None:
        """Add the row of an epoch, and keep its weights if they are the best so far."""
        self.rows.append(row)
        if self.waited == 0:
            self.best = copy.deepcopy(self.network.state_dict())

    def columns(self) -> list[list[float]]:
        """The four columns of a History."""
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        return [[row[name] for row in self.rows] for name in names]

    def save(self, path: Path, recipe: Mapping[str, Any]) -> None:
        """Write the checkpoint, completely or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"recipe": dict(recipe), "rows": self.rows, "best": self.best}
        content |= {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        with replacing(path) as part:
            torch.save(content, part)

    def go_on_from(self, path: Path, recipe: Mapping[str, Any]) -> None:
        """Continue an interrupted training, if there is one."""
        if not path.exists():
            return
        # weights_only: a checkpoint is data, and must not be able to run code.
        content: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        differs = [name for name in recipe if content["recipe"].get(name) != recipe[name]]
        known, mine = (_shapes(w) for w in (content["network"], self.network.state_dict()))
        differs += [] if known == mine else ["network"]
        if differs:
            raise ValueError(
                f"{path} is the checkpoint of another training, with another"
                f" {', another '.join(differs)}. Remove it to start over, or name another file."
            )
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.rows, self.best = content["rows"], content["best"]


def recipe_of(
    train: Data | Iterable[Data],
    val: Data | Iterable[Data],
    optimizer: torch.optim.Optimizer,
    **settings: int,
) -> dict[str, Any]:
    """Describe a training except its network and length; equal descriptions may continue."""
    groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    return settings | {
        "optimizer": f"{type(optimizer).__name__} {groups}",
        "training data": _fingerprint(train),
        "validation data": _fingerprint(val),
    }


def _fingerprint(data: Data | Iterable[Data]) -> str:
    """Identify data quickly: by their number and the bits of some of the jets."""
    if not isinstance(data, tuple):
        for thing in (data, getattr(data, "sampler", None)):
            if thing is not None and type(thing).__repr__ is not object.__repr__:
                return repr(thing)
        return f"{len(data)} batches"
    features, y_true = data
    some = slice(None, None, max(len(y_true) // 100, 1))
    digest = hashlib.sha256(features[some].contiguous().cpu().numpy().tobytes())
    digest.update(y_true[some].numpy().tobytes())
    return f"{len(y_true)} {digest.hexdigest()}"


def _shapes(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}
