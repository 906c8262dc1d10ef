"""One training loop for PyTorch, short enough to read before you use it.

Every PyTorch lesson trains with `fit_torch`::

    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    history = fit_torch(network, (x, y), (x_val, y_val), optimizer, n_epochs=20, patience=5)
    y_score = predict_torch(network, x_test)

A network takes inputs of shape (n_jets, ...) and returns logits, or log-probabilities, of shape
(n_jets, n_classes): two for (background, signal), or more. On a CPU the same seed, the same data
and the same number of threads give the same weights, bit by bit, even if the training was
interrupted.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from course_utils.training.checkpoint import State, recipe_of
from course_utils.training.history import History
from course_utils.training.progress import EpochBar
from course_utils.training.tensors import (
    Data,
    Jets,
    as_tensor,
    checked,
    pairs,
    set_epoch,
    shuffled,
)

__all__ = ["best_device", "count_parameters", "fit_torch", "predict_torch"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def best_device() -> torch.device:
    """Return the GPU if PyTorch can use one, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def count_parameters(network: nn.Module) -> int:
    """Count the weights that training changes; shared ones count once.

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(weights.numel() for weights in network.parameters() if weights.requires_grad)


def fit_torch(
    network: nn.Module,
    train: Jets,
    val: Jets,
    optimizer: torch.optim.Optimizer,
    *,
    n_epochs: int,
    loss: Loss | None = None,
    batch_size: int = 256,
    patience: int | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    after_epoch: Callable[[int, Mapping[str, float]], None] | None = None,
    label: str = "training",
) -> History:
    """Train a classifier under a progress bar and keep its history.

    Parameters
    ----------
    network : nn.Module
        Ends in one output per class. It is trained in place, all of it in train mode, and stays on
        `device`. Train the end of a frozen network alone, on what the frozen parts return:
        otherwise their batch normalisations learn.
    train, val : (features, y_true), or batches of them
        A tuple of arrays of shapes (n_jets, ...) and (n_jets,); only one batch at a time goes to
        the device. Or anything with a length that yields such tuples, batch by batch, in every
        loop: `course_utils.prepared.Batches`, or a ``DataLoader``. It need not fit into memory.
    optimizer : torch.optim.Optimizer
        Holds the network's parameters.
    n_epochs, batch_size : int
        Passes over the training jets, and jets per update of the weights. Batches set their own
        size and order.
    loss : function of (outputs, y_true), optional
        Mean over a batch; by default ``nn.CrossEntropyLoss()``, which takes logits.
    patience : int, optional
        Stop after this many epochs without a new smallest validation loss, and restore the
        weights that had it. Without `patience` the weights of the last epoch stay.
    seed : int
        Sets the order of the jets in each epoch, and what dropout drops.
    checkpoint : path, optional
        Written after each epoch. A training that finds it continues after its last epoch, and
        ends as if it had never been interrupted. Remove the file to start over.
    device : str or torch.device, optional
        `best_device` by default.
    after_epoch : function of (epoch, row), optional
        Called with the number of the epoch, counted from 1, and its row of the history. An
        exception from it ends the training.
    label : str
        Written in front of the progress bar; if empty, no bar is drawn.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If there is not one label per jet, or the checkpoint belongs to another training.
    FloatingPointError
        If the loss becomes infinite or nan.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> data = x, x[:, 0] > 0
    >>> network = nn.Linear(1, 2)
    >>> sgd = torch.optim.SGD(network.parameters(), lr=1.0)
    >>> history = fit_torch(network, data, data, sgd, n_epochs=30, device="cpu", label="")
    >>> history.n_epochs, history.val_accuracy[-1] > 0.9
    (30, True)
    """
    _keep_memory()
    device, loss = torch.device(device or best_device()), loss or nn.CrossEntropyLoss()
    train, val = checked(train, "train"), checked(val, "val")
    network.to(device, memory_format=torch.channels_last)  # 1.6 times as fast on a CPU
    state = State(network, optimizer)
    recipe = recipe_of(train, val, optimizer, seed=seed, batch_size=batch_size)
    if checkpoint is not None:
        state.go_on_from(Path(checkpoint), recipe)
    with EpochBar(n_epochs, start=len(state.rows), label=label) as bar:
        while len(state.rows) < n_epochs and (patience is None or state.waited < patience):
            epoch = len(state.rows) + 1
            with torch.random.fork_rng(_with_own_generator(device)):
                torch.manual_seed(_seed_of(seed, epoch))
                done = _train_once(network, train, optimizer, loss, batch_size, device, bar, epoch)
            row = done | _validated(network, val, loss, device)
            _require_finite(row, epoch)
            state.note(row)
            bar.epoch(row)
            if checkpoint is not None:
                state.save(Path(checkpoint), recipe)
            if after_epoch is not None:
                after_epoch(epoch, row)
    if patience is not None:
        network.load_state_dict(state.best)
    return History(*state.columns(), *_errors(*_compared(network, val, device)))


def predict_torch(
    network: nn.Module,
    features: ArrayLike,
    *,
    all_classes: bool = False,
    batch_size: int = 256,
    device: str | torch.device | None = None,
) -> NDArray[np.float32]:
    """Return the signal probability of each jet, in batches: memory does not grow with the jets.

    Parameters
    ----------
    network : nn.Module
        Returns logits or log-probabilities of shape (n_jets, n_classes). The mode of each of its
        parts (train or eval) stays.
    features : array of shape (n_jets, ...)
    all_classes : bool
        Return the probability of every class. A network of more than two classes needs it.
    batch_size : int
        Jets at a time.
    device : str or torch.device, optional
        By default, where the network is.

    Returns
    -------
    array of shape (n_jets,), or (n_jets, n_classes) with `all_classes`

    Raises
    ------
    ValueError
        If the network has more than two classes and `all_classes` is not given.

    Examples
    --------
    >>> class Sure(nn.Module):
    ...     def forward(self, x):
    ...         return torch.log(torch.stack([1 - x, x], dim=1))
    >>> predict_torch(Sure(), [0.25, 0.75]).round(3)
    array([0.25, 0.75], dtype=float32)
    >>> predict_torch(Sure(), [0.25, 0.75], all_classes=True).round(3)
    array([[0.75, 0.25],
           [0.25, 0.75]], dtype=float32)
    """
    if device is None:
        device = next((weights.device for weights in network.parameters()), "cpu")
    outputs = _outputs(network, as_tensor(features), torch.device(device), batch_size)
    probabilities = outputs.softmax(dim=1).numpy()
    if all_classes:
        return probabilities
    if probabilities.shape[1] != 2:
        raise ValueError(
            f"Expected a network of two classes; this one has {probabilities.shape[1]}. "
            "all_classes=True gives the probability of each."
        )
    return probabilities[:, 1]


def _train_once(
    network: nn.Module,
    train: Data | Iterable[Data],
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    batch_size: int,
    device: torch.device,
    bar: EpochBar,
    epoch: int,
) -> dict[str, float]:
    """Train for one epoch: every jet once, in a new random order."""
    network.train()
    total_loss, n_correct = torch.zeros((), device=device), torch.zeros((), device=device)
    n_jets = 0
    n_batches, batches = shuffled(train, batch_size, epoch)
    with closing(batches):  # also after an error: its traceback would keep them
        for number, (features, y_true) in enumerate(batches):
            x, y = _on_device(features, device), y_true.to(device)
            optimizer.zero_grad()
            outputs = network(x)
            batch_loss = loss(outputs, y)
            batch_loss.backward()
            optimizer.step()
            total_loss += batch_loss.detach() * len(y)
            n_correct += (outputs.argmax(dim=1) == y).sum()
            n_jets += len(y)
            bar.within((number + 1) / n_batches)
    return {"loss": total_loss.item() / n_jets, "accuracy": n_correct.item() / n_jets}


def _validated(
    network: nn.Module, val: Data | Iterable[Data], loss: Loss, device: torch.device
) -> dict[str, float]:
    outputs, y_true = _compared(network, val, device)
    return {
        "val_loss": loss(outputs.to(device), y_true.to(device)).item(),
        "val_accuracy": (outputs.argmax(dim=1) == y_true).double().mean().item(),
    }


def _compared(network: nn.Module, val: Data | Iterable[Data], device: torch.device) -> Data:
    """Return the outputs for each jet and its true class, both on the CPU."""
    if isinstance(val, tuple):
        return _outputs(network, val[0], device), val[1]
    set_epoch(val, 0)  # always the same order: it affects the last digit of a mean
    parts = [(_outputs(network, features, device), y_true) for features, y_true in pairs(val)]
    outputs, y_true = zip(*parts, strict=True)
    return torch.cat(outputs), torch.cat(y_true)


@torch.no_grad()
def _outputs(
    network: nn.Module, features: torch.Tensor, device: torch.device, batch_size: int = 256
) -> torch.Tensor:
    """Return the outputs for each jet, shape (n_jets, 2), on the CPU."""
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        parts = [network(_on_device(x, device)).cpu() for x in features.split(batch_size)]
    finally:
        for part, training in modes:  # each its own: frozen parts stay in eval mode
            part.training = training
    return torch.cat(parts).float()


def _errors(outputs: torch.Tensor, y_true: torch.Tensor) -> Iterator[float]:
    """Yield the standard errors of loss and accuracy, from the spread between jets."""
    cross_entropy = nn.functional.cross_entropy(outputs, y_true, reduction="none")
    for per_jet in (cross_entropy, (outputs.argmax(dim=1) == y_true).float()):
        yield (per_jet.std(correction=0) / len(per_jet) ** 0.5).item()


def _on_device(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    layout = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    return x.to(device, memory_format=layout)


def _seed_of(seed: int, epoch: int) -> int:
    """Return an epoch's seed, so that a continued training draws what it would have drawn."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def _with_own_generator(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def _require_finite(row: Mapping[str, float], epoch: int) -> None:
    if not np.isfinite([row["loss"], row["val_loss"]]).all():
        raise FloatingPointError(
            f"The loss is {row['loss']}, in the validation {row['val_loss']}, after epoch {epoch}."
            " Try a smaller learning rate, and look for nan in the inputs."
        )


@functools.cache
def _keep_memory() -> None:
    """Make glibc keep the memory that a batch frees for the next batch.

    Otherwise a CPU spends a third to half of a training on page faults: see
    ``benchmarks/torch_training.py``. The system still gets back arrays above 256 MB, such as data,
    and free memory above 512 MB. The three parameters are named as in ``malloc.h``.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    libc.mallopt(mmap_threshold, 2**28)
    libc.mallopt(trim_threshold, 2**29)
    libc.mallopt(top_pad, 2**26)
