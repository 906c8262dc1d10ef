"""The taggers of the course, each trained on some of the jets and asked about the others.

`CURVES` are those of ``learning_curve.py``: trained until validation jets say stop. `NETWORKS` are
those of ``top_tagging_trainings.py``: every network of the lessons, all with one recipe (AdamW, one
cycle of the learning rate, as many passes for each), so that nothing but the network differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from boosted_trees import trained_trees  # the modules beside this one
from learning_curve_inputs import Inputs, drawn, inputs
from numpy.typing import NDArray
from torch import nn
from torch_training import cnn

from course_utils import networks
from course_utils.training import best_device, count_parameters, fit_torch, predict_torch

MAX_RATE = 2e-3
FEW = 1000  # validation jets that a training of fixed length looks at after each epoch


@dataclass(frozen=True)
class Run:
    """One training: which tagger, on how many jets, from which seed, with what on disk."""

    tagger: str
    n_jets: int
    seed: int
    folder: Path  # of the inputs

    def jets(self) -> tuple[Inputs, Inputs, Inputs]:
        """Those to train on, those to choose by, those to test."""
        train, val, test = (inputs(split, self.folder) for split in ("train", "val", "test"))
        return drawn(train, self.n_jets, self.seed), val, test

    @property
    def batch_size(self) -> int:
        """1000 jets: 32 updates an epoch. Very many jets are for a graphics card."""
        return min(max(self.n_jets // 64, 32), 128) if self.n_jets < 300_000 else 256


@dataclass(frozen=True)
class Trained:
    """What a tagger says of all validation and test jets, and what that took."""

    val: NDArray
    test: NDArray
    n_epochs: int
    n_parameters: int = 0


class Standardised(nn.Module):
    """Single precision; and, where asked for, mean 0 and spread 1 on the jets of the training.

    Images are stored in half precision.
    """

    def __init__(self, x: NDArray, network: nn.Module, *, standardise: bool) -> None:
        super().__init__()
        mean, spread = (x.mean(axis=0), x.std(axis=0)) if standardise else np.array([0.0, 1.0])
        self.register_buffer("mean", torch.as_tensor(mean).float())
        self.register_buffer("spread", torch.as_tensor(spread).float())
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((x.float() - self.mean) / self.spread)


class SmallDenseNetwork(nn.Module):
    """The network of lesson 01, 3152 parameters: 20 constituents relative to their jet, 50 units.

    The lesson standardises its inputs with the training jets, here a running average does.
    """

    def __init__(self) -> None:
        super().__init__()
        dense = nn.Linear(60, 50), nn.ReLU(), nn.Linear(50, 2)
        self.layers = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(60, affine=False), *dense)

    def forward(self, momenta: torch.Tensor) -> torch.Tensor:
        return self.layers(networks.particle_features(momenta)[:, :20, :3])


def dense_network() -> nn.Module:
    """The dense network of lesson 02, 65 090 parameters."""
    layers, n_from = [], 92
    for units in (256, 128, 64):
        layers += [nn.Linear(n_from, units), nn.ReLU(), nn.Dropout(0.2)]
        n_from = units
    return nn.Sequential(*layers, nn.Linear(n_from, 2))


def prepared(run: Run, name: str, build: Callable[[], nn.Module]):
    """The network with its first weights, and the data of its training."""
    train, val, _ = run.jets()
    x, y = np.array(train[name]), np.array(train["y_true"])
    torch.manual_seed(run.seed)
    network = Standardised(x, build(), standardise=name == "constituents")
    return network, (torch.from_numpy(x), y), (val[name], np.array(val["y_true"]))


def asked(run: Run, name: str, network: nn.Module, n_epochs: int) -> Trained:
    """A trained network's scores of all validation and test jets."""
    _, val, test = run.jets()
    scores = (predict_torch(network, torch.from_numpy(np.array(x[name]))) for x in (val, test))
    return Trained(*scores, n_epochs, count_parameters(network))


# ---------------------------------------------------------------- until validation jets say stop


def length_of_training(n_jets: int, *, shortest: int) -> dict[str, int]:
    """Epochs at most, and the patience: more of both where there are few jets."""
    n_epochs = max(min(500_000 // n_jets, 60), shortest)
    return {"n_epochs": n_epochs, "patience": max(n_epochs // 6, 3)}


def early_stopped(
    run: Run, name: str, build: Callable[[], nn.Module], *, batch_size: int, shortest: int
) -> Trained:
    """Adam at 1e-3, and the weights of the best epoch."""
    network, data, (x_val, y_val) = prepared(run, name, build)
    n_val = min(max(run.n_jets, 2000), len(y_val))
    checkpoint = run.folder / f"{name}_{run.n_jets}_{run.seed}.pt"
    history = fit_torch(
        network,
        data,
        (torch.from_numpy(np.array(x_val[:n_val])), y_val[:n_val]),
        torch.optim.Adam(network.parameters()),
        batch_size=min(run.batch_size, batch_size),
        seed=run.seed,
        checkpoint=checkpoint,
        label="",
        **length_of_training(run.n_jets, shortest=shortest),
    )
    checkpoint.unlink()
    return asked(run, name, network, history.n_epochs)


def from_trees(run: Run, name: str) -> Trained:
    """Boosted trees on some numbers of each jet."""
    train, val, test = run.jets()
    trees = trained_trees(train[name], train["y_true"], seed=run.seed)
    scores = (trees.predict_proba(x[name])[:, 1] for x in (val, test))
    return Trained(*scores, trees.n_iter_)


def from_mass(run: Run) -> Trained:
    """The simple rival: how far the mass of the jet is from that of the top quark."""
    scores = (-np.abs(x["substructure"][:, 0] - 173) for x in run.jets()[1:])
    return Trained(*scores, 0)


Tagger = Callable[[Run], Trained]
TREES: dict[str, Tagger] = {
    "trees, mass + pT + tau1-5": partial(from_trees, name="substructure"),
    "trees, groomed mass + tau2, tau3": partial(from_trees, name="groomed"),
}
CURVES: dict[str, Tagger] = {
    "CNN": partial(early_stopped, name="images", build=cnn, batch_size=64, shortest=8),
    "dense network": partial(
        early_stopped, name="constituents", build=dense_network, batch_size=128, shortest=20
    ),
} | TREES


# ---------------------------------------------------------------- every network, one recipe


@dataclass(frozen=True)
class Network:
    """A network of a lesson: what it reads, and how it is built."""

    lesson: str
    name: str
    build: Callable[[], nn.Module]
    published: bool = False  # at its published size, for a graphics card


def passes(n_jets: int) -> int:
    """How often a training of fixed length sees each jet."""
    return max(min(80_000 // n_jets, 30), 6)


def one_cycle(run: Run, network: Network) -> Trained:
    """A training of fixed length, whose learning rate rises and falls once."""
    model, data, (x_val, y_val) = prepared(run, network.name, network.build)
    few = (torch.from_numpy(np.array(x_val[:FEW])), y_val[:FEW])
    n_epochs, optimizer = passes(run.n_jets), torch.optim.AdamW(model.parameters(), lr=MAX_RATE)
    steps = n_epochs * -(-run.n_jets // run.batch_size)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, MAX_RATE, total_steps=steps + 1)
    optimizer.register_step_post_hook(lambda *_: cycle.step())
    how = {"batch_size": run.batch_size, "seed": run.seed, "label": "", "device": best_device()}
    fit_torch(model, data, few, optimizer, n_epochs=n_epochs, **how)
    return asked(run, network.name, model, n_epochs)


NETWORKS = {
    "small dense network": Network("01", "momenta", SmallDenseNetwork),
    "dense network": Network("02", "constituents", dense_network),
    "softmax on pixels": Network(
        "02", "images", lambda: nn.Sequential(nn.Flatten(), nn.Linear(1600, 2))
    ),
    "CNN": Network("02", "images", cnn),
    "CVN": Network("03", "images", lambda: networks.CVN(0.25, batch_norm=True)),
    "B-CNN": Network("04", "images", lambda: networks.BCNN(11, 0.25)),
    "sequential CNN": Network("06", "images", lambda: networks.SequentialCNN(40)),
    "sequential CNN, Lund planes": Network("06", "lund", lambda: networks.SequentialCNN(25)),
    "PFN": Network("08", "momenta", networks.PFN),
    "ParticleNet-Lite": Network("08", "momenta", networks.ParticleNet),
    "transformer without pairs": Network(
        "08", "momenta", lambda: networks.ParticleTransformer(pairs=False)
    ),
    "transformer": Network("08", "momenta", networks.ParticleTransformer),
    "invariant network": Network("08", "momenta", networks.InvariantNetwork),
    "PFN, published size": Network(
        "08",
        "momenta",
        lambda: networks.PFN((100, 100, 256), (100, 100, 100), n_constituents=100),
        published=True,
    ),
    "ParticleNet, published size": Network(
        "08",
        "momenta",
        lambda: networks.ParticleNet((64, 128, 256), k=16, n_dense=256, n_constituents=100),
        published=True,
    ),
    "transformer, 8 layers of 128": Network(
        "08",
        "momenta",
        lambda: networks.ParticleTransformer(128, 8, 8, n_constituents=100),
        published=True,
    ),
    "invariant network, 6 layers of 72": Network(
        "08",
        "momenta",
        lambda: networks.InvariantNetwork(72, 6, n_constituents=100),
        published=True,
    ),
}
ONE_CYCLE: dict[str, Tagger] = {
    f"{name}, one cycle": partial(one_cycle, network=network) for name, network in NETWORKS.items()
}
TAGGERS: dict[str, Tagger] = CURVES | ONE_CYCLE | {"mass cut": from_mass}
