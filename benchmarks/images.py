"""What an image costs: beside EnergyFlow, beside a copy of the input, and of any number of jets.

    python benchmarks/images.py [--jets 36000] [--file jets.h5] [--most 1000000]

Without a file the jets are the packaged ones, repeated with new directions. Prints medians, on one
core where nothing else is said, and the ratios they are to meet: at least 50 times faster than
EnergyFlow 1.4.0 (in an environment of its own, since it needs numpy 1: made on the first run and
kept in the user's cache); at most 4 times one copy of the input into fresh memory; the same cost
per jet from 10 000 to a million jets.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from course_utils import kinematics
from course_utils.images import jet_images
from course_utils.jetfile import JetFile
from course_utils.samples import load_jets

CORES = os.cpu_count() or 1
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
ENERGYFLOW = """
import sys, time
import numpy as np
from energyflow.utils import center_ptyphims, pixelate, reflect_ptyphims, rotate_ptyphims
jets = [jet[jet[:, 0] > 0] for jet in np.load(sys.argv[1])]
taken = []
for _ in range(4):
    start = time.perf_counter()
    for jet in jets:
        jet = reflect_ptyphims(rotate_ptyphims(center_ptyphims(jet, center="ptscheme")))
        pixelate(jet, npix=40, img_width=1.6)
    taken.append(time.perf_counter() - start)
print(sorted(taken[1:])[1])
"""


def seconds(work: Callable[[], object], *, repeats: int = 9) -> float:
    """Median time of a piece of work, after one call to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        taken.append(perf_counter() - start)
    return median(taken)


@contextmanager
def one_core() -> Iterator[None]:
    """This process and those it starts are kept on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    yield
    os.sched_setaffinity(0, before)


def some_jets(n_jets: int, file: Path | None) -> np.ndarray:
    """Jets of shape (n_jets, 200, 4) in single precision."""
    if file is not None:
        with JetFile(file) as opened:
            jets = opened.read().jets
        return np.resize(jets, (n_jets, *jets.shape[1:])).astype(np.float32)
    jets = load_jets("top_tagging", "train").jets
    jets = np.resize(jets, (n_jets, *jets.shape[1:])).astype(np.float32)
    angle = np.random.default_rng(1).uniform(-np.pi, np.pi, (n_jets, 1))
    px, py = jets[..., 1].copy(), jets[..., 2].copy()
    jets[..., 1] = np.cos(angle) * px - np.sin(angle) * py
    jets[..., 2] = np.sin(angle) * px + np.cos(angle) * py
    return jets


def by_numpy(jets: np.ndarray) -> np.ndarray:
    """The steps in numpy, a thousand jets at a time."""
    starts = range(0, len(jets), 1024)
    return np.concatenate([_numpy_block(jets[start : start + 1024]) for start in starts])


def _numpy_block(jets: np.ndarray) -> np.ndarray:
    pt, eta, phi = (f(jets) for f in (kinematics.pt, kinematics.eta, kinematics.phi))
    total = pt.sum(axis=1, keepdims=True)
    phi = kinematics.delta_phi(phi, np.take_along_axis(phi, pt.argmax(1)[:, None], 1))
    eta, phi = (angle - (pt * angle).sum(1, keepdims=True) / total for angle in (eta, phi))
    across = 2 * (pt * eta * phi).sum(1, keepdims=True)
    along = (pt * (eta**2 - phi**2)).sum(1, keepdims=True)
    turn = np.pi / 2 - np.arctan2(across, along) / 2
    cos, sin = np.cos(turn), np.sin(turn)
    eta, phi = cos * eta - sin * phi, sin * eta + cos * phi
    surplus = ((pt * np.sign(angle.round(9))).sum(1, keepdims=True) for angle in (eta, phi))
    eta, phi = (
        angle * (1 - 2 * (more < 0)) for angle, more in zip((eta, phi), surplus, strict=True)
    )
    row, column = (np.floor(20 + 25 * angle) for angle in (eta, phi))
    inside = (pt > 0) & (row >= 0) & (row < 40) & (column >= 0) & (column < 40)
    pixel = 1600 * np.arange(len(jets))[:, None] + 40 * row + column
    images = np.bincount(pixel[inside].astype(int), pt[inside], minlength=1600 * len(jets))
    images = images.reshape(-1, 40, 40)
    return (images / images.sum(axis=(1, 2), keepdims=True)).astype(np.float32)


def by_torch(jets: np.ndarray, *, at_once: int = 1024) -> np.ndarray:
    """The steps in torch, in double precision; on the graphics processor if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    done = [_torch_block(block.to(device)) for block in torch.from_numpy(jets).split(at_once)]
    return torch.cat(done).numpy()


def _torch_block(jets: torch.Tensor) -> torch.Tensor:
    _, px, py, pz = jets.double().unbind(-1)
    pt = torch.hypot(px, py)
    eta = torch.where(pt > 0, torch.asinh(pz / pt), 0.0)
    hardest = pt.argmax(1, keepdim=True)
    x0, y0 = px.gather(1, hardest), py.gather(1, hardest)
    phi = torch.atan2(x0 * py - y0 * px, x0 * px + y0 * py)
    total = pt.sum(1, keepdim=True)
    eta, phi = (angle - (pt * angle).sum(1, keepdim=True) / total for angle in (eta, phi))
    across = 2 * (pt * eta * phi).sum(1, keepdim=True)
    along = (pt * (eta**2 - phi**2)).sum(1, keepdim=True)
    turn = torch.pi / 2 - torch.atan2(across, along) / 2
    cos, sin = turn.cos(), turn.sin()
    eta, phi = cos * eta - sin * phi, sin * eta + cos * phi
    row, column = (
        torch.floor(20 + angle * (1 - 2 * ((pt * angle.sign()).sum(1, keepdim=True) < 0)) * 25)
        for angle in (eta, phi)
    )
    inside = (row >= 0) & (row < 40) & (column >= 0) & (column < 40)
    pixel = torch.where(inside, 40 * row + column, 0).long()
    images = pt.new_zeros(len(pt), 1600).scatter_add_(1, pixel, torch.where(inside, pt, 0.0))
    return (images / images.sum(1, keepdim=True)).float().cpu().reshape(-1, 40, 40)


def energyflow(jets: np.ndarray) -> float | str:
    """Seconds that EnergyFlow takes for these jets, or why it is not known."""
    folder = user_cache_path("jet-tagging-course") / "energyflow-1.4.0"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    try:
        if not (folder / "ready").exists():
            venv.create(folder, with_pip=True, clear=True)
            pip = [python, "-m", "pip", "install", "-q", "energyflow==1.4.0", "numpy<2"]
            subprocess.run(pip, check=True, capture_output=True, text=True)
            (folder / "ready").touch()
        pt, eta, phi = kinematics.pt(jets), kinematics.eta(jets), kinematics.phi(jets)
        hardest = np.take_along_axis(phi, pt.argmax(1)[:, None], 1)
        phi = np.where(pt > 0, kinematics.delta_phi(phi, hardest), 0)
        with TemporaryDirectory() as scratch:
            np.save(Path(scratch, "jets.npy"), np.stack([pt, eta, phi], axis=-1))
            command = [python, "-c", ENERGYFLOW, Path(scratch, "jets.npy")]
            environment = os.environ | ONE_THREAD
            environment.pop("PYTHONPATH", None)  # it has packages of its own
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
        return float(done.stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        text = getattr(error, "stderr", None) or str(error)
        return text.strip().splitlines()[-1]


def means(jets: np.ndarray) -> Table:
    """Every way to make the same images on one core, and EnergyFlow."""
    table = Table("what", "microseconds a jet", "ours is faster by", "target")
    table.title = f"{len(jets)} jets of {jets.shape[1]} rows, one core"
    few = jets[:3000]
    with one_core():
        other = energyflow(few)
        ours = 1e6 * seconds(lambda: jet_images(jets)) / len(jets)
        numpy = 1e6 * seconds(lambda: by_numpy(few), repeats=5) / len(few)
        torched = 1e6 * seconds(lambda: by_torch(few), repeats=5) / len(few)
    if isinstance(other, float):
        other = 1e6 * other / len(few)
        table.add_row("EnergyFlow 1.4.0", f"{other:.0f}", f"{other / ours:.0f}", ">= 50")
    else:
        table.add_row("EnergyFlow 1.4.0", "not installed", other, ">= 50")
    device = "graphics processor" if torch.cuda.is_available() else "processor"
    table.add_row("numpy", f"{numpy:.1f}", f"{numpy / ours:.0f}", "")
    table.add_row(f"torch on the {device}", f"{torched:.1f}", f"{torched / ours:.0f}", "")
    table.add_row("jet_images (numba)", f"{ours:.2f}", "1", "")
    return table


def memory(jets: np.ndarray) -> Table:
    """Beside a copy of the input, and where the time goes."""
    shape = (len(jets), 40, 40)
    out = np.empty(shape, np.float32)
    nothing = np.zeros_like(jets)
    rows: list[tuple[str, Callable[[], object], str]] = [
        ("jet_images into fresh memory", lambda: jet_images(jets), "<= 4"),
        ("jet_images(out=...)", lambda: jet_images(jets, out=out), ""),
        ("  of these: padding seen, zeros written", lambda: jet_images(nothing, out=out), ""),
        ("fresh memory for images, zeroed", lambda: np.empty(shape, np.float32).fill(0), ""),
        ("the same memory zeroed again", lambda: out.fill(0), ""),
    ]
    with one_core():
        copy = seconds(lambda: jets.copy())
        taken = [seconds(work) for _, work, _ in rows]
    every = seconds(lambda: jet_images(jets, workers=CORES))
    table = Table("what", "microseconds a jet", "copies", "target", title="beside jets.copy()")
    table.add_row("jets.copy()", f"{1e6 * copy / len(jets):.2f}", "1", "")
    for (what, _, target), time in zip(rows, taken, strict=True):
        table.add_row(what, f"{1e6 * time / len(jets):.2f}", f"{time / copy:.1f}", target)
    what = f"jet_images into fresh memory, {CORES} cores"
    table.add_row(what, f"{1e6 * every / len(jets):.2f}", f"{every / copy:.1f}", "<= 4")
    return table


def numbers(jets: np.ndarray, most: int) -> Table:
    """Ever more jets, by slices of the same into the same memory."""
    slice_ = np.resize(jets, (min(most, 100_000), *jets.shape[1:]))
    out = np.empty((len(slice_), 40, 40), np.float32)
    table = Table("jets", "microseconds a jet", title="the same cost for any number, out=...")
    n_jets = 10_000
    with one_core():
        while n_jets <= most:
            part = slice_[: min(n_jets, len(slice_))]

            def work(part: np.ndarray = part, times: int = n_jets // len(part)) -> None:
                for _ in range(times):
                    jet_images(part, out=out[: len(part)])

            taken = seconds(work, repeats=9 if n_jets < 100_000 else 3)
            table.add_row(f"{n_jets}", f"{1e6 * taken / n_jets:.2f}")
            n_jets *= 10
    return table


def first_call() -> Table:
    """What a process pays once, with and without a compiled loop in the cache."""
    code = "from course_utils.images import jet_images; import numpy as np, time; "
    code += "t = time.perf_counter(); jet_images(np.ones((1, 1, 4), np.float32)); "
    code += "print(time.perf_counter() - t)"
    table = Table("first call of a process", "s")
    with TemporaryDirectory() as cache:
        for what in ("compiles", "finds it in the cache"):
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            command = [sys.executable, "-c", code]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            table.add_row(what, f"{float(done.stdout):.1f}")
    return table


def main() -> None:
    """Read the command line, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=36_000, help="default: %(default)s")
    parser.add_argument("--file", type=Path, help="jets in the public format")
    parser.add_argument("--most", type=int, default=1_000_000, help="default: %(default)s")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    jets = some_jets(arguments.jets, arguments.file)
    same = np.abs(by_numpy(jets[:1000]) - jet_images(jets[:1000])).max()
    console = Console(width=100)
    console.print(f"largest difference of a pixel between numpy and numba: {same:.1g}")
    console.print(means(jets))
    console.print(memory(jets))
    console.print(numbers(jets, arguments.most))
    console.print(first_call())


if __name__ == "__main__":
    main()
