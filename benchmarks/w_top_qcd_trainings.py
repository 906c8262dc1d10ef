"""The trainings of lesson 06 that take longer than a lesson: several seeds of each.

    python benchmarks/w_top_qcd_trainings.py [--seeds 5] [--studies scan sequence ...]

Reads the first 18 000 training and 9600 validation jets, of which
``./data_download.sh --generate w_top_qcd`` makes more than enough. Each training adds its rows to
the table at once, and one that is there is not repeated: a run that was killed goes on. Whoever
wants all of them again removes the file. Everything is measured on validation jets, so that the
test jets stay unseen.

Columns: ``study`` and ``setting`` say what was trained; ``seed``; ``stage``, how many parts of the
training are over; ``kind`` (W or top) and ``n_quarks`` (-1: any number) of the signal jets that
were compared with QCD; ``pt_range`` of all jets (-1: all); ``n_jets``; ``first_loss``, of the
first epoch; ``loss``, ``accuracy`` and ``auc``.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm
from w_top_qcd_inputs import Jets, prepared  # the module beside this one

from course_utils import metrics
from course_utils.networks import SequentialCNN
from course_utils.samples import load_jets
from course_utils.training import fit_torch, predict_torch, seed_everything

SAMPLE = "w_top_qcd"
TABLE = Path(__file__).parents[1] / f"course_utils/samples/data/{SAMPLE}_trainings.csv"
N_RANGES = 4
EPOCHS = {"start": 2, "sequence": 6, "scan": 6, "inputs": 10}
JETS_OF_SCAN = 3000  # of the first range
SHARE_OF_REPLAY = 0.3


@dataclass(frozen=True)
class Row:
    """One measurement; see the head of this file."""

    study: str
    setting: str
    seed: int
    stage: int
    kind: str
    pt_range: int
    n_quarks: int
    n_jets: int
    first_loss: float
    loss: float
    accuracy: float
    auc: float


def probability_loss(outputs: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
    """Keras' cross entropy with ``from_logits=False``, which takes logits for probabilities."""
    clipped = outputs.clamp(1e-7, 1 - 1e-7)
    return nn.functional.cross_entropy(clipped.log(), y_true)


def with_penalty(network: nn.Module, outputs: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
    """Cross entropy, and 0.01 (|w| + w^2) summed over the weights of the convolutions."""
    weights = [layer.weight for layer in network.layers if isinstance(layer, nn.Conv2d)]
    penalty = 0.01 * sum(w.abs().sum() + (w**2).sum() for w in weights)
    return nn.functional.cross_entropy(outputs, y_true) + penalty


OPTIMISERS = {
    "Adam": torch.optim.Adam,
    "RMSProp": partial(torch.optim.RMSprop, alpha=0.9, eps=1e-7),  # as in Keras
}
STARTS = {  # input, optimiser, learning rate, loss
    "GeV, Adam 0.001": ("GeV", "Adam", 1e-3, None),
    "GeV, Adam 0.01": ("GeV", "Adam", 1e-2, None),
    "GeV, RMSProp 0.001": ("GeV", "RMSProp", 1e-3, None),
    "GeV / 100, Adam 0.001": ("GeV / 100", "Adam", 1e-3, None),
    "GeV / 100, Adam 0.01": ("GeV / 100", "Adam", 1e-2, None),
    "GeV / 100, penalty": ("GeV / 100", "Adam", 1e-3, "penalty"),
    "GeV / 100, logits as probabilities": ("GeV / 100", "Adam", 1e-3, "probabilities"),
    "GeV, first range alone": ("GeV", "Adam", 1e-3, None),
}
SCAN = {
    "base": {},
    "batch 32": {"batch_size": 32},
    "1 convolution": {"filters": (16,)},
    "3 convolutions": {"filters": (16, 16, 16)},
    "32 filters": {"filters": (32, 32)},
    "no dropout": {"dropout": 0.0},
    "dropout 0.5": {"dropout": 0.5},
    "2 dense layers": {"dense": (64, 64)},
    "no dense layer": {"dense": ()},
}
ORDERS = {
    "300 to 1000": (0, 1, 2, 3),
    "1000 to 300": (3, 2, 1, 0),
    "300 to 1000, replay": (0, 1, 2, 3),
    "merged": (-1,),
}
INPUTS = ("GeV / 100", "share of the sum x 20", "Lund plane")


class Training:
    """One network of one study and seed, trained and measured."""

    def __init__(self, study: str, setting: str, seed: int, train: Jets, val: Jets) -> None:
        self.study, self.setting, self.seed = study, setting, seed
        self.train, self.val = train, val
        self.first_loss = np.nan

    def rows(self) -> list[Row]:
        """Train and measure."""
        seed_everything(self.seed)
        return list(getattr(self, f"_{self.study}")())

    def _start(self) -> Iterator[Row]:
        name, optimiser, rate, loss = STARTS[self.setting]
        pt_range = 0 if "first range" in self.setting else -1
        network = SequentialCNN(20)
        losses = {"penalty": partial(with_penalty, network), "probabilities": probability_loss}
        how = {"optimiser": OPTIMISERS[optimiser], "rate": rate, "loss": losses.get(loss)}
        self._fit(network, name, self.train.rows(pt_range=pt_range), **how)
        yield self._measured(network, name, pt_range=pt_range)

    def _scan(self) -> Iterator[Row]:
        sizes = {"filters": (16, 16)} | SCAN[self.setting]
        how = {"batch_size": sizes.pop("batch_size", 128)}
        network = SequentialCNN(20, **sizes)
        # Other jets for each seed would measure something else: the report kept its jets.
        rows = self.train.rows(pt_range=0)[:JETS_OF_SCAN]
        self._fit(network, "GeV / 100", rows, **how)
        yield self._measured(network, "GeV / 100", pt_range=0)

    def _sequence(self) -> Iterator[Row]:
        network, name = SequentialCNN(20), "GeV / 100"
        adam = torch.optim.Adam(network.parameters())
        dice, seen = np.random.default_rng(self.seed), []
        for stage, pt_range in enumerate(ORDERS[self.setting], 1):
            rows = self.train.rows(pt_range=pt_range)
            n_new = len(rows)
            if seen and "replay" in self.setting:
                again = round(SHARE_OF_REPLAY * n_new)
                rows = np.append(rows, dice.choice(np.concatenate(seen), again, replace=False))
            seen.append(rows[:n_new])
            self._fit(network, name, rows, adam=adam)
            for tested in range(N_RANGES):
                yield self._measured(network, name, pt_range=tested, stage=stage)

    def _inputs(self) -> Iterator[Row]:
        name = self.setting
        network = SequentialCNN(self.train.inputs[name].shape[-1])
        self._fit(network, name, self.train.rows())
        for tested in range(-1, N_RANGES):
            yield self._measured(network, name, pt_range=tested)
            for n_quarks in (-1, 0, 1, 2, 3):
                yield self._measured(network, name, pt_range=tested, kind="top", n_quarks=n_quarks)

    def _fit(
        self,
        network: nn.Module,
        name: str,
        rows: NDArray[np.intp],
        *,
        optimiser: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
        rate: float = 1e-3,
        loss: Callable | None = None,
        batch_size: int = 128,
        adam: torch.optim.Optimizer | None = None,
    ) -> None:
        x, y = self.train.inputs[name][rows], self.train.is_w[rows].astype(int)
        few = self.val.rows()[:200]  # the loop wants some; what counts is measured afterwards
        watch = self.val.inputs[name][few], self.val.is_w[few].astype(int)
        optimiser = adam or optimiser(network.parameters(), lr=rate)
        how = {"batch_size": batch_size, "loss": loss, "seed": self.seed, "label": ""}
        history = fit_torch(network, (x, y), watch, optimiser, n_epochs=EPOCHS[self.study], **how)
        self.first_loss = history.loss[0]

    def _measured(
        self,
        network: nn.Module,
        name: str,
        *,
        pt_range: int,
        stage: int = 1,
        kind: str = "W",
        n_quarks: int = -1,
    ) -> Row:
        rows = self.val.rows(pt_range=pt_range, kind=kind, n_quarks=n_quarks)
        y = (self.val.is_w | self.val.is_top)[rows].astype(int)
        score = predict_torch(network, self.val.inputs[name][rows]).astype(float)
        loss = -np.log(np.where(y == 1, score, 1 - score).clip(1e-12)).mean()
        ranked = metrics.roc_auc(y, score).value if 1 < y.sum() < len(y) - 1 else np.nan
        said = [self.study, self.setting, self.seed, stage, kind, pt_range, n_quarks, len(rows)]
        right = metrics.accuracy(y, score).value
        return Row(*said, *(round(float(x), 4) for x in (self.first_loss, loss, right, ranked)))


SETTINGS = {"inputs": INPUTS, "sequence": ORDERS, "scan": SCAN, "start": STARTS}


def done(path: Path) -> set[tuple[str, str, int]]:
    """Trainings that are in the table."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["study"], row["setting"], int(row["seed"])) for row in csv.DictReader(file)}


def append(path: Path, rows: list[Row]) -> None:
    """Add the rows of one training, all at once."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Row)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(map(asdict, rows))
        file.flush()


def main() -> None:
    """Read the command line, and train what the table lacks, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--studies", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--jets", type=int, default=18_000, help="for training, at most")
    options = parser.parse_args()
    wanted = [(study, setting, seed) for seed in range(1, options.seeds + 1)
              for study in options.studies for setting in SETTINGS[study]]  # fmt: skip
    missing = [each for each in wanted if each not in done(options.table)]
    if missing:
        train = prepared(load_jets(SAMPLE, "train", stop=options.jets))
        val = prepared(load_jets(SAMPLE, "val", stop=8 * options.jets // 15))
        for each in tqdm(missing, unit="training"):
            append(options.table, Training(*each, train, val).rows())
    print(f"{len(wanted)} trainings in {options.table}.")


if __name__ == "__main__":
    main()
