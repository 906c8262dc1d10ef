"""The learning curves of lesson 07: every model, several seeds, 500 to 10 000 events.

    python benchmarks/events_trainings.py [--seeds 3] [--models "CNN, grid" ...]

Reads 12 000 training and 2000 validation events, as ``./data_download.sh --generate events`` makes
them. The last 2000 training events and 1500 validation events only measure; 500 validation events
say when a training ends. A seed draws its events from the other 10 000 (all of them at the largest
size) and its first weights. Each training adds its row to the table at once, and one that is there
is not repeated: a run that was killed goes on. Whoever wants all of them again removes the file.

Columns: ``model``, ``n_train``, ``seed``; ``auc`` with ``auc_error`` of the events that measure;
``over_trees`` with ``over_trees_error``, the difference to the trees on exact variables of the same
training events; ``n_weights`` that were trained; ``cpu_seconds``, pictures and features aside.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from events_inputs import BACKBONE, N_THAWED, PALETTE, Events, joined  # the module beside this one
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from tqdm import tqdm

from course_utils import metrics, networks
from course_utils.samples import load_events
from course_utils.training import count_parameters, fit_torch, predict_torch, seed_everything

SAMPLE = "events"
TABLE = Path(__file__).parents[1] / f"course_utils/samples/data/{SAMPLE}_trainings.csv"
N_EVENTS, N_MEASURE, N_STOP = (12_000, 2000), 2000, 500  # read; of training; of validation events
SIZES = (500, 1500, 4000, 10_000)
EPOCHS = {500: 20, 1500: 12, 4000: 8, 10_000: 6}  # at most
CHANNELS = (8, 16, 32, 64)
REFERENCE = "trees, exact"

Score = tuple[NDArray[np.float64], int]


@dataclass(frozen=True)
class Row:
    """One training; see the head of this file."""

    model: str
    n_train: int
    seed: int
    auc: float
    auc_error: float
    over_trees: float
    over_trees_error: float
    n_weights: int
    cpu_seconds: float


@dataclass(frozen=True)
class Split:
    """Rows of the events: those to train on, those that end a training, those that measure."""

    train: NDArray[np.intp]
    stop: NDArray[np.intp]
    measure: NDArray[np.intp]
    seed: int


def split(n_train: int, seed: int, n_events: tuple[int, int] = N_EVENTS) -> Split:
    """Draw training events; what stops and what measures is the same for all seeds."""
    n_all, n_pool = sum(n_events), n_events[0] - N_MEASURE
    chosen = np.random.default_rng(seed).permutation(n_pool)[:n_train]
    first_val = n_events[0]
    measure = np.r_[n_pool:first_val, first_val + N_STOP : n_all]
    return Split(chosen, np.arange(first_val, first_val + N_STOP), measure, seed)


def with_trees(x: NDArray[np.float64], events: Events, rows: Split) -> Score:
    trees = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.06, max_leaf_nodes=15, random_state=rows.seed
    )
    trees.fit(x[rows.train], events.y_true[rows.train])
    return trees.predict_proba(x[rows.measure])[:, 1], 0


def with_linear_head(x: NDArray[np.float32], events: Events, rows: Split) -> Score:
    head = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(0, 6, 9)))
    head.fit(x[rows.train], events.y_true[rows.train])
    return head.decision_function(x[rows.measure]), x.shape[1] + 1


def build_cnn(grid: int) -> nn.Module:
    """The network that students build in exercise 4.1, on palette numbers."""
    layers, n_from = [networks.Colours(PALETTE)], 3
    for n_to in CHANNELS:
        layers += [nn.Conv2d(n_from, n_to, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        n_from = n_to
    layers += [nn.AdaptiveAvgPool2d(grid), nn.Flatten(), nn.Linear(n_from * grid**2, 64)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(64, 2))


def trained(network: nn.Module, x: ArrayLike, events: Events, rows: Split, rate: float) -> Score:
    adam = torch.optim.Adam(network.parameters(), lr=rate)
    x, y = torch.as_tensor(x), events.y_true
    data, watched = ((x[part], y[part]) for part in (rows.train, rows.stop))
    n_epochs = next(n for size, n in EPOCHS.items() if len(rows.train) <= size)
    how = {"batch_size": 64, "patience": 3, "seed": rows.seed, "label": ""}
    fit_torch(network, data, watched, adam, n_epochs=n_epochs, **how)
    return predict_torch(network, x[rows.measure]).astype(float), count_parameters(network)


def with_cnn(grid: int) -> Callable[[Events, Split], Score]:
    return lambda events, rows: trained(build_cnn(grid), events.pictures, events, rows, 1e-3)


def thawed(events: Events, rows: Split) -> Score:
    """The last stages, trained further on the maps in front of them."""
    maps, means = events.photographs
    tail = networks.backbone(BACKBONE).stages[-N_THAWED:]
    end = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(means.shape[1], 2)
    return trained(nn.Sequential(*tail, *end), maps, events, rows, 3e-4)


MODELS: dict[str, Callable[[Events, Split], Score]] = {
    REFERENCE: lambda events, rows: with_trees(events.exact, events, rows),
    "trees, from circles": lambda events, rows: with_trees(events.circles, events, rows),
    "pixels of each colour": lambda events, rows: with_trees(events.counts, events, rows),
    "CNN, grid": with_cnn(4),
    "CNN, averaged": with_cnn(1),
    "photographs": lambda events, rows: with_linear_head(events.photographs[1], events, rows),
    "random weights": lambda events, rows: with_linear_head(events.random_weights[1], events, rows),
    "thawed": thawed,
}


def measured(model: str, n_train: int, seed: int, events: Events, rows: Split) -> Row:
    """Train one model and compare it with the reference on the same events."""
    seed_everything(seed)
    reference, _ = MODELS[REFERENCE](events, rows)
    started = time.process_time()
    score, n_weights = MODELS[model](events, rows)
    seconds = time.process_time() - started
    y = events.y_true[rows.measure]
    area, lead = metrics.roc_auc(y, score), metrics.compare_auc(y, score, reference)
    numbers = area.value, area.error, lead.difference, lead.error
    return Row(model, n_train, seed, *(round(x, 5) for x in numbers), n_weights, round(seconds, 1))


def done(path: Path) -> set[tuple[str, int, int]]:
    """Trainings that are in the table."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {(row["model"], int(row["n_train"]), int(row["seed"])) for row in rows}


def append(path: Path, row: Row) -> None:
    """Add a training."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Row)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))


def main() -> None:
    """Read the command line, and train what the table lacks, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    wanted = [(model, size, seed) for seed in range(1, options.seeds + 1)
              for size in SIZES for model in options.models]  # fmt: skip
    missing = [each for each in wanted if each not in done(options.table)]
    if missing:
        tables = [
            load_events(part, stop=n) for part, n in zip(("train", "val"), N_EVENTS, strict=True)
        ]
        if (found := tuple(map(len, tables))) != N_EVENTS:
            raise SystemExit(
                f"Expected {N_EVENTS} events to train and to validate; got {found}. "
                "Make them with ./data_download.sh --generate events"
            )
        events = Events(joined(*tables))
        for model, size, seed in tqdm(missing, unit="training"):
            rows = split(size, seed)
            append(options.table, measured(model, size, seed, events, rows))
    print(f"{len(wanted)} trainings in {options.table}.")


if __name__ == "__main__":
    main()
