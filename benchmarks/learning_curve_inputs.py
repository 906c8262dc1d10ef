"""What the trainings of ``learning_curve_training.py`` read, made once and mapped into memory.

Every jet is stored in each form that some tagger of the course reads: images, constituents as a
list, substructure, Lund planes, four-momenta.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from course_utils import images, kinematics
from course_utils.jetfile import JetFile
from course_utils.samples import count_jets, find, load_jets
from course_utils.substructure import (
    LundBins,
    lund_images,
    lund_plane,
    n_subjettiness,
    soft_drop_mass,
)
from course_utils.training import best_device

__all__ = ["SAMPLE", "Inputs", "drawn", "inputs", "one_core_each", "origin"]

SAMPLE = "top_tagging"
JETS_AT_ONCE = 4000  # that become inputs in a worker
N_MOMENTA = 100  # the hardest constituents, as ParticleNet has them
LUND = LundBins(n_pixels=25, radius=0.8)
Inputs = dict[str, NDArray]  # by their name, one row per jet


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
        "lund": lund_images(lund_plane(table.jets), LUND)[:, None].astype(np.float16),
        "momenta": table.jets[:, :N_MOMENTA],
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
    with one_core_each() as pool:
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


def drawn(jets: Inputs, n_jets: int, seed: int) -> Inputs:
    """The jets of a seed: another block of the file for each, the last one if it has no more."""
    start = min(seed * n_jets, len(jets["y_true"]) - n_jets)
    return {name: x[max(start, 0) : start + n_jets] for name, x in jets.items()}


def one_core_each() -> ProcessPoolExecutor:
    """A pool with one thread per process: on a busy machine threads wait for each other."""
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers inherit it
    on_cpu = best_device().type == "cpu"
    workers = len(os.sched_getaffinity(0)) if on_cpu else 1
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
