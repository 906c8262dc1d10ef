"""What the course's PyTorch loop costs beside the loop of a tutorial, and beside Keras.

    python benchmarks/torch_training.py [--jets 2000] [--repeats 3]

The CNN of lesson 02 on random images of 40 x 40 pixels, one epoch. Each way runs in a process of
its own, in turn, since memory settings hold for a whole process; the medians are printed. Then the
same for the CVN of lesson 03, with PyTorch's local response normalisation and with the course's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

WAYS = {
    "PyTorch, as in a tutorial": "tutorial",
    "the same, channels last": "channels_last",
    "course_utils.training": "course",
    "Keras on TensorFlow": "with_keras",
    "CVN, nn.LocalResponseNorm": "cvn_pytorch",
    "CVN, course_utils.networks": "cvn_course",
}
BATCH = 256


def data(n_jets: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with as many filled pixels as a jet has, and labels."""
    rng = np.random.default_rng(1)
    images = rng.random((n_jets, 1, 40, 40), dtype=np.float32)
    return images * (images > 0.97), np.arange(n_jets) % 2


def cnn():
    """The CNN of lesson 02 in PyTorch."""
    from torch import nn

    layers, n_from = [], 1
    for size in (5, 3, 3):
        layers += [nn.Conv2d(n_from, 32, size, padding=size // 2), nn.ReLU(), nn.MaxPool2d(2)]
        n_from = 32
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(800, 64), nn.ReLU(), nn.Linear(64, 2))


def tutorial(x: np.ndarray, y: np.ndarray, *, channels_last: bool = False) -> None:
    """A data loader, a loop, nothing else."""
    import torch

    network = cnn()
    if channels_last:
        network.to(memory_format=torch.channels_last)
    adam, loss = torch.optim.Adam(network.parameters()), torch.nn.CrossEntropyLoss()
    jets = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    for images, labels in torch.utils.data.DataLoader(jets, BATCH, shuffle=True):
        if channels_last:
            images = images.to(memory_format=torch.channels_last)
        adam.zero_grad()
        loss(network(images), labels).backward()
        adam.step()


def course(
    x: np.ndarray, y: np.ndarray, *, network: object = None, batch_size: int = BATCH
) -> None:
    """What the lessons call."""
    import torch

    from course_utils.training import fit_torch

    network = network or cnn()
    adam = torch.optim.Adam(network.parameters())
    settings = {"n_epochs": 1, "batch_size": batch_size, "label": "", "device": "cpu"}
    fit_torch(network, (x, y), (x[:2], y[:2]), adam, **settings)


def with_keras(x: np.ndarray, y: np.ndarray) -> None:
    """The CNN of lesson 02 as lesson 02 trains it."""
    import keras

    layers = [keras.Input((40, 40, 1))]
    for size in (5, 3, 3):
        layers.append(keras.layers.Conv2D(32, size, padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D(2))
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, "relu"), keras.layers.Dense(2)]
    network = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss)
    network.fit(x.transpose(0, 2, 3, 1), y, epochs=1, batch_size=BATCH, verbose=0)


def cvn(x: np.ndarray, y: np.ndarray, *, pytorch: bool) -> None:
    """The CVN of lesson 03, with one normalisation or the other."""
    from torch import nn

    from course_utils import networks

    if pytorch:
        networks.LocalResponseNorm = lambda: nn.LocalResponseNorm(5)
    course(x, y, network=networks.CVN(0.25), batch_size=32)


def one_run(way: str, n_jets: int) -> None:
    """Train twice and print the jets per second of the second time: the first one warms up."""
    run = {
        "tutorial": tutorial,
        "channels_last": lambda x, y: tutorial(x, y, channels_last=True),
        "course": course,
        "with_keras": with_keras,
        "cvn_pytorch": lambda x, y: cvn(x, y, pytorch=True),
        "cvn_course": lambda x, y: cvn(x, y, pytorch=False),
    }[way]
    run(*data(512))
    x, y = data(n_jets)
    start = perf_counter()
    run(x, y)
    print(n_jets / (perf_counter() - start))


def main() -> None:
    """Read the command line, run every way in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=2000, help="in one training")
    parser.add_argument("--repeats", type=int, default=3, help="of every way")
    parser.add_argument("--way", choices=WAYS.values(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        one_run(options.way, options.jets)
        return
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    turns = [name for _ in range(options.repeats) for name in WAYS]
    for name in tqdm(turns, unit="run", disable=None):
        command = [sys.executable, __file__, "--way", WAYS[name], "--jets", str(options.jets)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rates[name].append(float(done.stdout.split()[-1]))
    table = Table("training", "jets/s", "ratio")
    for name, reference in zip(
        WAYS, 4 * ["PyTorch, as in a tutorial"] + 2 * ["CVN, nn.LocalResponseNorm"], strict=True
    ):
        ratio = median(a / b for a, b in zip(rates[name], rates[reference], strict=True))
        table.add_row(name, f"{median(rates[name]):.0f}", f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
