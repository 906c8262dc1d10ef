"""1.2 million jets through a small machine: time, memory and waiting, beside what one would do.

    python benchmarks/full_scale.py [--jets 1200000] [--figure full_scale.png]

The file is made of the training jets that `course_utils.samples` finds, repeated with a random
azimuth, a random mirror and each constituent's momentum smeared by 1 %: as many numbers as the
public file has, not as many independent jets. It stays in `--folder` for the next run.

1. The cost of a jet, from 10^4 to 10^6 jets.
2. How long a small CNN waits for its next batch, on prepared images and on the jet file.
3. From the file to images of 40 x 40 pixels on disk: `course_utils.prepared` against
   ``pandas.read_hdf`` of the whole table followed by the same images, which has the memory it
   wants and writes all pixels. Each way runs in a process of its own; its memory is sampled.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from course_utils.jetfile import JetFile, JetTable, write_jets
from course_utils.samples import stream_jets

WAYS = {
    "course_utils.prepared": "prepared",
    "pandas.read_hdf, jet_images": "with_pandas",
    "pandas.read_hdf, steps in numpy": "with_numpy",
}
BLOCK = 2048  # jets that `prepare` takes at once
SIZES = (5 * BLOCK, 50 * BLOCK, 500 * BLOCK)
BATCH = 256


# ---------------------------------------------------------------- a file of full size


def full_size_file(path: Path, n_jets: int) -> None:
    """Write so many jets in the public format, unless they are there."""
    if path.exists():
        with JetFile(path) as file:
            if "smeared" not in file.provenance:
                raise SystemExit(f"{path} is no file of this benchmark; name another --folder.")
            if file.n_jets == n_jets:
                return
    with tqdm(total=n_jets, desc="full-size file", unit=" jets") as bar:
        write_jets(path, smeared(n_jets, bar), provenance={"smeared": 1})


def smeared(n_jets: int, bar: tqdm) -> Iterator[JetTable]:
    """The training jets over and over, never twice the same numbers."""
    rng, left = np.random.default_rng(1), n_jets
    while True:
        for table in stream_jets("top_tagging", "train", batch_size=4096):
            table = table[: min(left, len(table))]
            turn = np.exp(2j * np.pi * rng.random((len(table), 1)))
            transverse = turn * (table.jets[..., 1] + 1j * table.jets[..., 2])
            jets = table.jets.copy()
            jets[..., 1], jets[..., 2] = transverse.real, transverse.imag
            jets[..., 3] *= rng.choice([-1, 1], (len(table), 1))
            jets *= rng.normal(1, 0.01, (*jets.shape[:2], 1)).astype(np.float32)
            left -= len(table)
            bar.update(len(table))
            yield JetTable(jets, table.truth, table.y_true, table.ttv, table.columns)
            if not left:
                return


# ---------------------------------------------------------------- from the file to images


def prepared(source: Path, n_jets: int) -> None:
    """The course's way. The first jets stand for all where fewer are asked for."""
    from course_utils import samples
    from course_utils.prepared import Images, prepare

    os.environ["JET_DATA"] = str(source.parents[1])
    blocks = samples.jet_blocks
    samples.jet_blocks = lambda *of: islice(blocks(*of), -(-n_jets // BLOCK))
    prepare("top_tagging", "train", Images(), progress=False)


def with_pandas(source: Path, n_jets: int, images_of: Callable[[np.ndarray], np.ndarray]) -> None:
    """The whole table as a frame, then images of it, then a file."""
    import pandas as pd

    start = perf_counter()
    frame = pd.read_hdf(source, key="table", stop=n_jets)
    print(perf_counter() - start)
    jets = frame.iloc[:, :800].to_numpy().reshape(-1, 200, 4)
    path, shape = source.with_name("images.npy"), (len(jets), 40, 40)
    images = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for start in range(0, len(jets), 1024):
        rows = slice(start, start + 1024)
        images[rows] = images_of(jets[rows])
    images.flush()


def one_run(way: str, source: Path, n_jets: int) -> None:
    """Run a way, and print its seconds; the imports and compiled code are ready before."""
    import pandas  # noqa: F401

    from course_utils import prepared as _  # noqa: F401
    from course_utils.images import jet_images

    images_of = jet_images
    if way == "with_numpy":
        from images import by_numpy as images_of  # the script beside this one
    jet_images(np.ones((1, 1, 4), np.float32))
    start = perf_counter()
    if way == "prepared":
        prepared(source, n_jets)
    else:
        with_pandas(source, n_jets, images_of)
    print(perf_counter() - start)


def measured(way: str, source: Path, n_jets: int) -> tuple[list[float], np.ndarray]:
    """What a way printed in a process of its own, and its memory: rows of (seconds, MB)."""
    shutil.rmtree(source.parent / "prepared", ignore_errors=True)
    source.with_name("images.npy").unlink(missing_ok=True)
    os.sync()  # what an earlier way has still to write is not this one's time
    command = [sys.executable, __file__, "--way", way, "--jets", str(n_jets)]
    process = subprocess.Popen(
        [*command, "--folder", str(source.parents[1])], stdout=subprocess.PIPE, text=True
    )
    curve, ended = [], threading.Event()

    def sample() -> None:
        started = perf_counter()
        watched = psutil.Process(process.pid)
        while not ended.wait(0.02):
            try:
                curve.append((perf_counter() - started, watched.memory_info().rss / 1e6))
            except psutil.Error:
                return

    thread = threading.Thread(target=sample)
    thread.start()
    output, _ = process.communicate()
    ended.set()
    thread.join()
    if process.returncode:
        raise SystemExit(f"{way} ended with status {process.returncode}")
    return [float(number) for number in output.split()], np.array(curve)


def images_table(source: Path, n_jets: int, repeats: int) -> tuple[Table, dict[str, np.ndarray]]:
    """Time and peak memory of every way, and the memory curves of the last round."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    reading, curves = {}, {}
    for name in tqdm([name for _ in range(repeats) for name in WAYS], unit="run"):
        taken, curves[name] = measured(WAYS[name], source, n_jets)
        seconds[name].append(taken[-1])
        reading[name] = f"{taken[0]:.1f}" if len(taken) > 1 else ""
    table = Table(
        "file -> images on disk", "s", "of it read_hdf", "us per jet", "ratio", "peak memory / MB",
        title=f"{n_jets} jets, median of {repeats}",
    )  # fmt: skip
    first = next(iter(WAYS))
    for name in WAYS:
        ratio = median(a / b for a, b in zip(seconds[name], seconds[first], strict=True))
        taken = median(seconds[name])
        table.add_row(
            name,
            f"{taken:.1f}",
            reading[name],
            f"{1e6 * taken / n_jets:.2f}",
            f"{ratio:.1f}",
            f"{curves[name][:, 1].max():.0f}",
        )
    return table, curves


def figure(curves: dict[str, np.ndarray], path: str) -> None:
    """Resident memory against time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    drawn, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, curve), colour in zip(
        curves.items(), ("#0072B2", "#D55E00", "#888888"), strict=True
    ):
        ax.plot(curve[:, 0], curve[:, 1] / 1e3, label=name, color=colour)
    ax.axhline(1.5, color="0.5", linestyle=":")
    ax.annotate("1.5 GB", (ax.get_xlim()[1], 1.5), ha="right", va="bottom", color="0.4")
    ax.set(xlabel="time / s", ylabel="resident memory / GB", ylim=(0, None), xlim=(0, None))
    ax.legend(frameon=False)
    drawn.savefig(path, dpi=130)


# ---------------------------------------------------------------- the cost of a jet


def scaling_table(source: Path, n_jets: int) -> Table:
    """Microseconds per jet for preparing, and for shuffled batches of what is prepared."""
    table = Table("jets", "prepare images", "shuffled batches", title="us per jet, median of 3")
    for size in [size for size in SIZES if size <= n_jets] or [n_jets]:
        preparing, shuffling = [], []
        for _ in range(3):
            preparing.append(measured("prepared", source, size)[0][-1] / size)
            start = perf_counter()
            count = sum(len(x) for x, _ in shuffled_batches(source))
            shuffling.append((perf_counter() - start) / count)
        row = (f"{1e6 * median(times):.2f}" for times in (preparing, shuffling))
        table.add_row(f"{size:.0e}", *row)
    return table


def shuffled_batches(source: Path):
    """An epoch of what was prepared last."""
    from course_utils.prepared import Batches, Prepared

    (folder,) = (source.parent / "prepared").glob("train-images-*")
    return Batches(Prepared(folder), batch_size=BATCH, seed=1, transform=for_torch)


def for_torch(images: np.ndarray) -> np.ndarray:
    """Square root of the pixels, with a channel."""
    return np.sqrt(images)[:, None]


# ---------------------------------------------------------------- a network that does not wait


class Timed:
    """Batches, and how long the training stood still for them."""

    def __init__(self, make, n_batches: int) -> None:
        self._make, self._n_batches, self.waited = make, n_batches, 0.0

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self):
        batches, left = iter(self._make()), self._n_batches
        while left:
            start = perf_counter()
            batch = next(batches)
            self.waited += perf_counter() - start
            yield batch
            left -= 1


def straight_from_the_file(source: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Random jets of the whole file, read and turned into images batch by batch."""
    from course_utils.images import jet_images

    with JetFile(source) as file:
        rng = np.random.default_rng(1)
        while True:
            table = file.read_rows(rng.integers(0, file.n_jets, BATCH))
            yield for_torch(jet_images(table.jets)), table.y_true


def waiting_table(source: Path, n_batches: int) -> Table:
    """Share of a training that goes into waiting for its input."""
    import torch
    from torch_training import cnn

    from course_utils.training import fit_torch

    table = Table("input of the CNN of lesson 02", "jets/s", "waiting / %")
    for name, make in (
        ("course_utils.prepared.Batches, shuffled", lambda: shuffled_batches(source)),
        ("JetFile.read_rows, jet_images", lambda: straight_from_the_file(source)),
    ):
        network, timed = cnn(), Timed(make, n_batches)
        val = np.zeros((2, 1, 40, 40), np.float32), np.arange(2)
        adam = torch.optim.Adam(network.parameters())
        fit_torch(network, Timed(make, 2), val, adam, n_epochs=1, label="")  # warms up
        start = perf_counter()
        fit_torch(network, timed, val, adam, n_epochs=1, label="")
        taken = perf_counter() - start
        table.add_row(name, f"{BATCH * n_batches / taken:.0f}", f"{100 * timed.waited / taken:.2f}")
    return table


def main() -> None:
    """Read the command line, run everything, print the tables, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=1_200_000, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=1, help="of every way (default: 1)")
    parser.add_argument("--batches", type=int, default=100, help="of the CNN's training")
    parser.add_argument("--folder", type=Path, default=Path("build/full_scale"))
    parser.add_argument("--figure", help="draw the memory curves to this file")
    parser.add_argument("--way", choices=WAYS.values(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    source = options.folder.resolve() / "top_tagging" / "train.h5"
    if options.way:
        one_run(options.way, source, options.jets)
        return
    full_size_file(source, options.jets)
    console = Console(width=110)
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "tables"))
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}")
    console.print(f"{source}: {source.stat().st_size / 1e6:.0f} MB")
    console.print(scaling_table(source, options.jets))
    console.print(waiting_table(source, options.batches))
    table, curves = images_table(source, options.jets, options.repeats)
    console.print(table)
    source.with_name("images.npy").unlink(missing_ok=True)
    if options.figure:
        figure(curves, options.figure)
        console.print(f"figure: {options.figure}")


if __name__ == "__main__":
    main()
