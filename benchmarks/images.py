"""What an image costs: `jet_images` beside other means, and beside a copy of its input.

    python benchmarks/images.py [--jets 12000] [--repeats 7]

The same jets go through every way, one core each but for the row that says otherwise; medians over
repeats in turn. EnergyFlow (1.4.0, which needs numpy below 2) runs in an environment of its own
that this benchmark makes in the user's cache folder, in the same minute; it begins with
(pt, y, phi), the others with four-momenta. The kernels of NumPy and PyTorch are the steps of
`course_utils.images` on whole arrays, in blocks that stay in the processor's cache.

The second table is the cost of a jet against the number of jets. The third tells what bounds it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import platformdirs
import torch
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from course_utils import kinematics
from course_utils.datasets import load_jets
from course_utils.images import centred, flipped, jet_images, pixelated, rotated

N_PIXELS, HALF_WIDTH = 40, 0.8
BLOCK = 1024
SIZES = (10_000, 100_000, 1_000_000)

ENERGYFLOW = """
import sys
from time import perf_counter
import numpy as np
from energyflow.utils import center_ptyphims, pixelate, reflect_ptyphims, rotate_ptyphims

with np.load(sys.argv[1]) as stored:
    jets = np.split(stored["particles"], stored["ends"][:-1])
start = perf_counter()
for jet in jets:
    jet = center_ptyphims(jet, center="ptscheme")
    jet = reflect_ptyphims(rotate_ptyphims(jet, copy=False), copy=False)
    pixelate(jet, npix=40, img_width=1.6)
print((perf_counter() - start) / len(jets))
"""


# ---------------------------------------------------------------- other means


def in_numpy(jets: np.ndarray) -> np.ndarray:
    """The readable steps, block by block."""
    images = np.empty((len(jets), N_PIXELS, N_PIXELS), np.float32)
    for start in range(0, len(jets), BLOCK):
        block = jets[start : start + BLOCK]
        pt = kinematics.pt(block)
        angles = np.where(pt > 0, kinematics.eta(block), 0.0), kinematics.phi(block)
        for step in (centred, rotated, flipped):
            angles = step(pt, *angles)
        image = pixelated(pt, *angles)
        images[start : start + BLOCK] = image / image.sum(axis=(1, 2), keepdims=True)
    return images


def in_torch(jets: np.ndarray, device: str = "cpu", block: int = 256) -> np.ndarray:
    """The same steps in PyTorch, without the care for ties."""
    parts = [_torch_block(part.to(device)) for part in torch.from_numpy(jets).split(block)]
    return torch.cat(parts).cpu().numpy()


def _torch_block(jets: torch.Tensor) -> torch.Tensor:
    n_kept = 1 + int(jets[..., 0].any(dim=0).nonzero().max())
    _, px, py, pz = jets[:, :n_kept].double().unbind(dim=2)
    pt = torch.hypot(px, py)
    real = pt > 0
    eta = torch.where(real, torch.asinh(pz / pt), 0)
    first = pt.argmax(dim=1, keepdim=True)
    px0, py0 = px.gather(1, first), py.gather(1, first)
    phi = torch.atan2(px0 * py - py0 * px, px0 * px + py0 * py)
    weight = pt / pt.sum(dim=1, keepdim=True)
    eta = eta - (weight * eta).sum(dim=1, keepdim=True)
    phi = phi - (weight * phi).sum(dim=1, keepdim=True)
    across = 2 * (weight * eta * phi).sum(dim=1, keepdim=True)
    along = (weight * (eta**2 - phi**2)).sum(dim=1, keepdim=True)
    turn = torch.pi / 2 - torch.atan2(across, along) / 2
    cos, sin = torch.cos(turn), torch.sin(turn)
    eta, phi = cos * eta - sin * phi, sin * eta + cos * phi
    eta = eta * torch.where((weight * eta.sign()).sum(dim=1, keepdim=True) < 0, -1, 1)
    phi = phi * torch.where((weight * phi.sign()).sum(dim=1, keepdim=True) < 0, -1, 1)
    row, column = (((a + HALF_WIDTH) * N_PIXELS / (2 * HALF_WIDTH)).floor() for a in (eta, phi))
    inside = real & (row >= 0) & (row < N_PIXELS) & (column >= 0) & (column < N_PIXELS)
    pixel = torch.where(inside, row * N_PIXELS + column, 0).long()
    images = torch.zeros(len(jets), N_PIXELS**2, dtype=torch.float64, device=jets.device)
    images.scatter_add_(1, pixel, torch.where(inside, weight, 0))
    images /= images.sum(dim=1, keepdim=True)
    return images.float().reshape(-1, N_PIXELS, N_PIXELS)


class EnergyFlow:
    """EnergyFlow on the same jets in its own environment; None where it cannot be installed."""

    def __init__(self, jets: np.ndarray, folder: Path) -> None:
        self._python = self._installed()
        pt = kinematics.pt(jets)
        real = pt > 0
        eta = np.where(real, kinematics.eta(jets), 0.0)
        hardest = kinematics.phi(jets[:, :1])
        phi = kinematics.delta_phi(kinematics.phi(jets), hardest)
        self._path = folder / "jets.npz"
        particles = np.stack([pt, eta, phi], axis=2)[real]
        np.savez(self._path, particles=particles, ends=np.cumsum(real.sum(axis=1)))

    def __call__(self) -> float | None:
        """Seconds per jet."""
        if self._python is None:
            return None
        command = [self._python, "-c", ENERGYFLOW, self._path]
        one_core = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=one_core)
        return float(done.stdout.split()[-1])

    @staticmethod
    def _installed() -> Path | None:
        folder = platformdirs.user_cache_path("jet-tagging-course") / "benchmarks" / "energyflow"
        python = folder / "bin" / "python"
        packages = ("energyflow==1.4.0", "numpy<2")
        try:
            if not (folder / "ready").exists():
                subprocess.run([sys.executable, "-m", "venv", folder], check=True)
                subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
                (folder / "ready").touch()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"EnergyFlow cannot be installed here ({error}); its row is left out.")
            return None
        return python


# ---------------------------------------------------------------- timing


def seconds_per_jet(way: Callable[[np.ndarray], object], jets: np.ndarray) -> float:
    """Of one call."""
    start = perf_counter()
    way(jets)
    return (perf_counter() - start) / len(jets)


def compared(jets: np.ndarray, repeats: int) -> Table:
    """Every way in turn, as ratios to the copy and to EnergyFlow."""
    n_cores = len(os.sched_getaffinity(0))
    ours = f"jet_images, {n_cores} threads"
    ways: dict[str, Callable[[np.ndarray], object]] = {
        "a copy of the jets": np.ndarray.copy,
        "jet_images": jet_images,
        ours: lambda jets: jet_images(jets, workers=n_cores),
        "steps in NumPy": in_numpy,
        "steps in PyTorch, CPU": in_torch,
    }
    if torch.cuda.is_available():
        ways["steps in PyTorch, GPU"] = lambda jets: in_torch(jets, "cuda", 8192)
    for way in ways.values():
        way(jets[:500])  # compiles, and warms up
    times: dict[str, list[float]] = {name: [] for name in ways}
    with TemporaryDirectory() as folder:
        energyflow = EnergyFlow(jets[:2000], Path(folder))
        reference: list[float] = []
        for _ in tqdm(range(repeats), unit="round"):
            for name, way in ways.items():
                times[name].append(seconds_per_jet(way, jets))
            if (taken := energyflow()) is not None:
                reference.append(taken)
    if reference:
        times["EnergyFlow 1.4.0"] = reference
    table = Table("images of 40 x 40 pixels", "us per jet", "times a copy", "EnergyFlow / this")
    for name, taken in times.items():
        per_copy = ratio(taken, times["a copy of the jets"])
        faster = f"{ratio(reference, taken):.1f}" if reference else "-"
        table.add_row(name, f"{1e6 * median(taken):.2f}", f"{per_copy:.1f}", faster)
    return table


def ratio(left: list[float], right: list[float]) -> float:
    """Median of the ratios round by round."""
    return median(a / b for a, b in zip(left, right, strict=True))


def scaling(jets: np.ndarray) -> Table:
    """Cost of a jet from 10^4 to 10^6, in slices that use one memory for the images."""
    table = Table("jets", "us per jet, one core", "per jet, to the first")
    out = np.empty((len(jets), N_PIXELS, N_PIXELS), np.float32)
    jet_images(jets, out=out)  # its memory is there before the clock runs
    first = None
    for size in SIZES:
        start, left = perf_counter(), size
        while left:
            part = jets[: min(left, len(jets))]
            jet_images(part, out=out[: len(part)])
            left -= len(part)
        per_jet = (perf_counter() - start) / size
        first = first or per_jet
        table.add_row(f"{size:.0e}", f"{1e6 * per_jet:.2f}", f"{per_jet / first:.2f}")
    return table


def bounds(jets: np.ndarray, repeats: int) -> Table:
    """Where the time goes: new memory for the result, writing it, and the rest."""
    out = np.empty((len(jets), N_PIXELS, N_PIXELS), np.float32)
    ways = {
        "fill images in new memory": lambda jets: np.empty_like(out).fill(1),
        "fill images in old memory": lambda jets: out.fill(1),
        "read the jets: a sum": lambda jets: jets.sum(),
        "jet_images in new memory": jet_images,
        "jet_images in old memory": lambda jets: jet_images(jets, out=out),
    }
    table = Table("what bounds it, one core", "us per jet")
    for name, way in ways.items():
        way(jets)
        taken = median(seconds_per_jet(way, jets) for _ in range(repeats))
        table.add_row(name, f"{1e6 * taken:.2f}")
    return table


def main() -> None:
    """Read the command line, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=12_000, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    options = parser.parse_args()
    torch.set_num_threads(1)
    jets = load_jets("top_tagging", "train", stop=options.jets).jets
    if len(jets) < options.jets:
        jets = np.tile(jets, (-(-options.jets // len(jets)), 1, 1))[: options.jets]
    console = Console(width=110)
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "torch"))
    n_real = (jets[..., 0] > 0).sum(axis=1).mean()
    console.print(f"{len(jets)} jets, {n_real:.0f} constituents on average; {versions}")
    console.print(compared(jets, options.repeats))
    console.print(scaling(jets))
    console.print(bounds(jets, options.repeats))


if __name__ == "__main__":
    main()
