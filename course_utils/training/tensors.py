"""Jets as tensors: arrays or batches, checked, and in a new order each epoch."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sized

import numpy as np
import torch
from numpy.typing import ArrayLike

__all__ = ["Data", "Jets", "as_tensor", "checked", "pairs", "set_epoch", "shuffled"]

Data = tuple[torch.Tensor, torch.Tensor]
Jets = tuple[ArrayLike, ArrayLike] | Iterable[tuple[ArrayLike, ArrayLike]]


def checked(data: Jets, name: str) -> Data | Iterable[Data]:
    """Turn arrays into tensors; keep batches, if they can be looped over more than once."""
    if isinstance(data, tuple | list) and len(data) == 2:
        data = _tensors(*data)
    n_parts = len(data[1]) if isinstance(data, tuple) else len(data) if _is_sized(data) else 0
    if not n_parts:
        raise ValueError(
            f"Expected {name} as (features, y_true), at least one jet each, or as batches of them"
            f" with a length of at least one; got {type(data).__name__}."
        )
    return data


def _is_sized(data: object) -> bool:
    return isinstance(data, Iterable) and isinstance(data, Sized)


def _tensors(features: ArrayLike, y_true: ArrayLike) -> Data:
    features, labels = as_tensor(features), torch.as_tensor(np.asarray(y_true)).long()
    if labels.ndim != 1 or len(features) != len(labels):
        raise ValueError(
            f"Expected one label per jet; got features of shape {tuple(features.shape)} and labels"
            f" of shape {tuple(labels.shape)}."
        )
    return features, labels


def as_tensor(features: ArrayLike) -> torch.Tensor:
    if isinstance(features, torch.Tensor):
        return features.float() if features.dtype == torch.float64 else features
    return torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))


def shuffled(
    train: Data | Iterable[Data], size: int, epoch: int
) -> tuple[int, Generator[Data, None, None]]:
    """Return how many batches an epoch has, and the batches."""
    if isinstance(train, tuple):
        features, y_true = train
        batches = torch.randperm(len(y_true)).split(size)
        return len(batches), ((features[jets], y_true[jets]) for jets in batches)
    set_epoch(train, epoch - 1)  # a continued training gets the order it would have had
    return len(train), pairs(train)


def set_epoch(batches: Iterable[Data], epoch: int) -> None:
    """Set the pass of batches that count it: the course's `Batches`, and PyTorch's samplers."""
    sampler = getattr(batches, "sampler", None)
    if hasattr(batches, "epoch"):
        batches.epoch = epoch
    elif hasattr(sampler, "set_epoch"):
        sampler.set_epoch(epoch)


def pairs(batches: Iterable[Data]) -> Generator[Data, None, None]:
    for batch in batches:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            kind = type(batch).__name__
            raise TypeError(f"Expected batches (features, y_true); got one of type {kind}.")
        yield _tensors(*batch)
