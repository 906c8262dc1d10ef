"""The trainings behind ``learning_curve.py``: inputs, taggers, and one row for each run.

The CNN and the dense network of lesson 02 in PyTorch, and boosted trees on mass and
N-subjettiness. A seed decides the first weights, the order of the jets, and which jets of the file
are learnt from: the seeds of one size share none, as long as there are enough. On a CPU each
training has one core, and as many run at once as there are cores.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from boosted_trees import trained_trees  # the modules beside this one
from numpy.typing import NDArray
from torch import nn
from torch_training import cnn
from tqdm import tqdm

from course_utils import images, kinematics
from course_utils.jetfile import JetFile
from course_utils.metrics import accuracy, background_rejection, roc_auc
from course_utils.samples import count_jets, find, load_jets
from course_utils.substructure import n_subjettiness, soft_drop_mass
from course_utils.training import best_device, fit_torch, predict_torch

SAMPLE = "top_tagging"
SEEDS = {  # at each number of training jets
    1000: 5,
    3162: 5,
    10_000: 5,
    31_623: 3,
    100_000: 2,
    200_000: 1,
    316_228: 1,
    1_200_000: 1,
}
JETS_AT_ONCE = 4000  # that become inputs in a worker
Inputs = dict[str, NDArray]  # by their name, one row per jet


@dataclass(frozen=True)
class Row:
    """One training and its test; ``auc_error`` is DeLong's, of the test jets alone."""

    tagger: str
    n_jets: int
    seed: int
    auc: float
    auc_error: float
    accuracy: float
    r30: float
    r30_low: float
    r30_high: float
    n_epochs: int
    seconds: float
    device: str
    n_test: int
    data: str


# ---------------------------------------------------------------- inputs, computed once


def constituent_inputs(jets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inputs of lesson 02's dense network: the 30 hardest constituents, mass and multiplicity."""
    few = jets[:, :30]
    pt, *angles = (f(few) for f in (kinematics.pt, kinematics.eta, kinematics.phi))
    for step in (images.centred, images.rotated, images.flipped):
        angles = step(pt, *angles)
    whole_jet = np.log1p(kinematics.jet_mass(jets)), np.sum(jets[..., 0] > 0, axis=1)
    return np.column_stack([np.log1p(pt), *angles, *whole_jet]).astype(np.float32)


def some_inputs(split: str, start: int, stop: int) -> Inputs:
    """All inputs of jets `start` to `stop`. Runs in a worker."""
    table = load_jets(SAMPLE, split, start=start, stop=stop)
    mass, pt = kinematics.jet_mass(table.jets), kinematics.jet_pt(table.jets)
    tau1, tau2 = (n_subjettiness(table.jets, n_max=5, beta=beta) for beta in (1.0, 2.0))
    return {
        "constituents": constituent_inputs(table.jets),
        # Half precision: 1 GB for 320 000 jets, and pixels exact to 0.05 %.
        "images": np.sqrt(images.jet_images(table.jets))[:, None].astype(np.float16),
        "substructure": np.column_stack([mass, pt, tau1, tau2]).astype(np.float32),
        "groomed": np.column_stack([soft_drop_mass(table.jets), tau1[:, 1:3], pt]).astype(
            np.float32
        ),
        "y_true": table.y_true,
    }


def inputs(split: str, folder: Path) -> Inputs:
    """Inputs of all jets of a split: from `folder`, mapped into memory, or made there."""
    folder = folder / f"{split}_{count_jets(SAMPLE, split)}_{origin(split)}"
    if not folder.exists():
        _make_inputs(split, count_jets(SAMPLE, split), folder)
    return {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}


@functools.cache
def origin(split: str) -> str:
    """Which jets these are: the seed of generated ones."""
    with JetFile(find(SAMPLE, split)) as file:
        return f"seed{file.provenance['seed']}" if file.provenance else "public"


def _make_inputs(split: str, n_jets: int, folder: Path) -> None:
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    starts = range(0, n_jets, JETS_AT_ONCE)
    stops = [min(start + JETS_AT_ONCE, n_jets) for start in starts]
    with _one_core_each() as pool:
        blocks = pool.map(some_inputs, [split] * len(stops), starts, stops)
        _write_inputs(tqdm(zip(starts, blocks, strict=True), split, len(stops)), n_jets, part)
    part.rename(folder)


def _write_inputs(blocks: Iterable[tuple[int, Inputs]], n_jets: int, folder: Path) -> None:
    files: Inputs = {}
    for start, block in blocks:
        for name, x in block.items():
            if name not in files:
                files[name] = np.lib.format.open_memmap(
                    folder / f"{name}.npy", "w+", dtype=x.dtype, shape=(n_jets, *x.shape[1:])
                )
            files[name][start : start + len(x)] = x
    for array in files.values():
        array.flush()


# ---------------------------------------------------------------- taggers


class HalfToFloat(nn.Module):
    """Images are stored in half precision and convolved in single."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float()


def image_network() -> nn.Module:
    """The CNN of lesson 02, 70 722 parameters; in batches of 64, not 256: as fast on one core."""
    return nn.Sequential(HalfToFloat(), cnn())


def dense_network() -> nn.Module:
    """The dense network of lesson 02, 65 090 parameters."""
    layers, n_from = [], 92
    for units in (256, 128, 64):
        layers += [nn.Linear(n_from, units), nn.ReLU(), nn.Dropout(0.2)]
        n_from = units
    return nn.Sequential(*layers, nn.Linear(n_from, 2))


@dataclass(frozen=True)
class Run:
    """One training: which tagger, on how many jets, from which seed, with what on disk."""

    tagger: str
    n_jets: int
    seed: int
    folder: Path  # of the inputs

    def jets(self) -> tuple[Inputs, Inputs, Inputs]:
        """Those to train on, those to stop early on, those to test."""
        train, val, test = (inputs(split, self.folder) for split in ("train", "val", "test"))
        n_val = min(max(self.n_jets, 2000), len(val["y_true"]))
        return drawn(train, self.n_jets, self.seed), drawn(val, n_val, 0), test


def length_of_training(n_jets: int, *, shortest: int) -> dict[str, int]:
    """Epochs at most, and the patience: more of both where there are few jets."""
    n_epochs = max(min(500_000 // n_jets, 60), shortest)
    return {"n_epochs": n_epochs, "patience": max(n_epochs // 6, 3)}


def network_scores(
    run: Run, name: str, build: Callable[[], nn.Module], *, batch_size: int, shortest: int
) -> tuple[NDArray, int]:
    """Scores of the test jets, and the epochs it took."""
    train, val, test = run.jets()
    x, x_val, x_test = (np.array(part[name]) for part in (train, val, test))
    if name == "constituents":  # standardised on the jets of this training
        mean, spread = x.mean(axis=0), x.std(axis=0)
        x, x_val, x_test = ((part - mean) / spread for part in (x, x_val, x_test))
    torch.manual_seed(run.seed)
    network = build()
    checkpoint = run.folder / f"{name}_{run.n_jets}_{run.seed}.pt"
    history = fit_torch(
        network,
        (torch.from_numpy(x), np.array(train["y_true"])),
        (torch.from_numpy(x_val), np.array(val["y_true"])),
        torch.optim.Adam(network.parameters()),
        batch_size=min(max(run.n_jets // 64, 32), batch_size),  # 1000 jets: 32 updates an epoch
        seed=run.seed,
        checkpoint=checkpoint,
        label="",
        **length_of_training(run.n_jets, shortest=shortest),
    )
    scores = predict_torch(network, torch.from_numpy(x_test))
    checkpoint.unlink()
    return scores, history.n_epochs


def tree_scores(run: Run, name: str) -> tuple[NDArray, int]:
    """Scores of the test jets, and the number of trees."""
    train, _, test = run.jets()
    trees = trained_trees(train[name], train["y_true"], seed=run.seed)
    return trees.predict_proba(test[name])[:, 1], trees.n_iter_


TAGGERS: dict[str, Callable[[Run], tuple[NDArray, int]]] = {
    "CNN": lambda run: network_scores(run, "images", image_network, batch_size=64, shortest=8),
    "dense network": lambda run: network_scores(
        run, "constituents", dense_network, batch_size=128, shortest=20
    ),
    "trees, mass + pT + tau1-5": lambda run: tree_scores(run, "substructure"),
    "trees, groomed mass + tau2, tau3": lambda run: tree_scores(run, "groomed"),
}


# ---------------------------------------------------------------- the runs


def drawn(jets: Inputs, n_jets: int, seed: int) -> Inputs:
    """The jets of a seed: another block of the file for each, the last one if it has no more."""
    start = min(seed * n_jets, len(jets["y_true"]) - n_jets)
    return {name: x[max(start, 0) : start + n_jets] for name, x in jets.items()}


def one_row(run: Run) -> Row:
    """Train, test, measure. Runs in a worker."""
    start = perf_counter()
    score, n_epochs = TAGGERS[run.tagger](run)
    seconds, truth = perf_counter() - start, inputs("test", run.folder)["y_true"]
    auc, r30 = roc_auc(truth, score), background_rejection(truth, score, signal_efficiency=0.3)
    return Row(
        tagger=run.tagger,
        n_jets=run.n_jets,
        seed=run.seed,
        auc=auc.value,
        auc_error=auc.error,
        accuracy=accuracy(truth, score).value,
        r30=r30.value,
        r30_low=r30.low,
        r30_high=r30.high,
        n_epochs=n_epochs,
        seconds=round(seconds, 1),
        device="cpu" if run.tagger.startswith("trees") else str(best_device()),
        n_test=len(truth),
        data=origin("train"),
    )


def read_rows(path: Path) -> list[Row]:
    """The rows of a results file; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [Row(**json.loads(line)) for line in lines if line.endswith("\n")]


def train_all(sizes: list[int], taggers: list[str], results: Path, folder: Path) -> None:
    """Every training that the results file lacks: quick taggers first, long runs before short."""
    for split in ("train", "val", "test"):
        inputs(split, folder)  # made once, before the workers need them
    runs = [
        Run(tagger, size, seed, folder)
        for tagger in reversed(taggers)
        for size in sorted(sizes, reverse=True)
        if size <= count_jets(SAMPLE, "train")
        for seed in range(SEEDS[size])
    ]
    done = {
        (row.tagger, row.n_jets, row.seed)
        for row in read_rows(results)
        if row.data == origin("train")
    }
    left = [run for run in runs if (run.tagger, run.n_jets, run.seed) not in done]
    with (
        _one_core_each() as pool,
        results.open("a") as file,
        tqdm(total=sum(run.n_jets for run in left), unit=" jets", unit_scale=True) as bar,
    ):
        for future in as_completed([pool.submit(one_row, run) for run in left]):
            row = future.result()
            file.write(json.dumps(asdict(row)) + "\n")
            file.flush()
            bar.set_description(f"{row.tagger}, {row.n_jets} jets, seed {row.seed}")
            bar.update(row.n_jets)


def _one_core_each() -> ProcessPoolExecutor:
    """A pool with one thread per process: on a busy machine threads wait for each other."""
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers inherit it
    on_cpu = best_device().type == "cpu"
    workers = len(os.sched_getaffinity(0)) if on_cpu else 1
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
