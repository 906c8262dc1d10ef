"""The scores of lesson 05: networks of five kernel sizes and two paddings, each from five seeds.

    ./data_download.sh --generate w_tagging --jets 20000
    ./data_download.sh --generate w_tagging_window --split test --jets 100000
    nice python benchmarks/kernel_scan.py --folder scan
    python benchmarks/kernel_scan.py --folder scan --write kernel_scan.npz

The file belongs into ``course_utils/samples/data``. The first command of Python trains what is not
in the folder yet. Stop it at any time; two of them share the work, with ``--seeds 0 1``
and ``--seeds 2 3 4``. The second one scores the test jets of the window with all networks that
are there. One training takes some 15 s on one idle core.

The network is that of Jet-Images (arXiv:1511.05190, section 5.1) with numbers that its draft leaves
open: 16 and 16 filters, two dense layers of 64, dropout 0.1, Adam 1e-3, batches of 64, 8 epochs,
the weights of the smallest validation loss.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from course_utils.images import trimmed_images
from course_utils.jetfile import JetTable
from course_utils.kinematics import delta_phi, eta, jet_mass, jet_pt, phi, pt
from course_utils.metrics import roc_auc
from course_utils.samples import load_jets
from course_utils.substructure import n_subjettiness, subjets, tau_ratio
from course_utils.training import fit_torch, predict_torch

SIZES = (3, 5, 7, 11, 15)
PADDINGS = ("valid", "same")
N_SEEDS = 5
N_EPOCHS = 8
N_JETS = {"train": 5000, "val": 2500}
N_SIGNAL = 4000  # in the file; all QCD jets are kept, since those that pass a cut are few
N_CODES = 256  # a score is kept as one byte

Run = tuple[str, int, int]  # padding, size, seed


def network(size: int, padding: str, *, n_pixels: int = 25) -> nn.Sequential:
    """Two convolutions, two poolings, two dense layers; logits of (QCD, W).

    With ``"same"`` padding the map behind the first kernel keeps its 25 x 25 pixels, whatever the
    kernel; with ``"valid"`` it shrinks by the kernel's size less one.
    """
    convolutions = nn.Sequential(
        nn.Conv2d(1, 16, size, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )
    n_left = convolutions(torch.zeros(1, 1, n_pixels, n_pixels)).shape[1]
    dense = [nn.Linear(n_left, 64), nn.ReLU(), nn.Dropout(0.1)]
    dense += [nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 2)]
    return nn.Sequential(*convolutions, *dense)


def inputs(table: JetTable) -> NDArray[np.float32]:
    """Pixels in units of 50 GeV, shape (n_jets, 1, 25, 25)."""
    return trimmed_images(table.jets)[:, None] / np.float32(50)


def train(run: Run, x: tuple, x_val: tuple) -> nn.Sequential:
    """One network; its weights are those of the epoch with the smallest validation loss."""
    padding, size, seed = run
    torch.manual_seed(seed)
    made = network(size, padding)
    adam = torch.optim.Adam(made.parameters(), lr=1e-3)
    how = {"n_epochs": N_EPOCHS, "patience": N_EPOCHS, "batch_size": 64, "seed": seed, "label": ""}
    fit_torch(made, x, x_val, adam, **how)
    return made


def path_of(folder: Path, run: Run) -> Path:
    """Where the weights of a run lie."""
    return folder / "{}_{}_{}.pt".format(*run)


def train_all(folder: Path, sizes: list[int], seeds: list[int]) -> None:
    """Train what is missing, seed by seed, so that an early end leaves complete scans."""
    runs = [(padding, size, seed) for seed in seeds for size in sizes for padding in PADDINGS]
    jets = (load_jets("w_tagging", split, stop=stop) for split, stop in N_JETS.items())
    x, x_val = ((inputs(table), table.y_true.astype(int)) for table in jets)
    with tqdm(runs, unit="training") as bar:
        for run in bar:
            if path_of(folder, run).exists():
                continue
            made = train(run, x, x_val)
            auc = roc_auc(x_val[1], predict_torch(made, x_val[0]))
            bar.write(f"{run[0]} {run[1]:2} seed {run[2]}: validation AUC {auc}")
            part = path_of(folder, run).with_suffix(".part")
            torch.save(made.state_dict(), part)
            part.rename(path_of(folder, run))


def coded(score: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The place of each score in one byte, higher for higher scores; equal scores stay equal.

    Of the jets above, the root of their share is what is rounded: so the steps are finest among
    the highest scores, where a ROC curve needs them.
    """
    _, place, counts = np.unique(-score, return_inverse=True, return_counts=True)
    above = (np.cumsum(counts) - counts)[place] / len(score)
    return np.rint((N_CODES - 1) * (1 - np.sqrt(above))).astype(np.uint8)


def features(table: JetTable) -> dict[str, NDArray[np.float16]]:
    """Numbers of each jet, see `course_utils.samples.KernelScan`; half precision is enough."""
    momenta = subjets(table.jets, radius=0.3)
    (eta1, eta2), (phi1, phi2) = eta(momenta).T, phi(momenta).T
    two = pt(momenta)[:, 1] > 0
    found = {
        "mass": jet_mass(table.jets),
        "pt": jet_pt(table.jets),
        "ungroomed_mass": table.columns["ungroomed_mass"],
        "tau21": tau_ratio(n_subjettiness(table.jets, n_max=2, radius=1.0), 2),
        "n_towers": np.count_nonzero(table.jets[..., 0], axis=1),
        "delta_R": np.where(two, np.hypot(eta1 - eta2, delta_phi(phi1, phi2)), 0),
        "z": pt(momenta)[:, 1] / jet_pt(table.jets),
    }
    return {name: np.asarray(values).astype(np.float16) for name, values in found.items()}


def write(folder: Path, path: Path) -> None:
    """Score the test jets with every network in the folder, and write one file."""
    table = load_jets("w_tagging_window", "test")
    kept = np.flatnonzero((table.y_true == 0) | (np.cumsum(table.y_true) <= N_SIGNAL))
    table = table[kept]
    pixels = inputs(table)
    seeds = [k for k in range(N_SEEDS) if path_of(folder, ("same", SIZES[-1], k)).exists()]
    shape = (len(PADDINGS), len(SIZES), len(seeds), len(table))
    codes = np.zeros(shape, np.uint8)
    for i, j, k in tqdm(list(itertools.product(*map(range, shape[:3]))), unit="network"):
        run = PADDINGS[i], SIZES[j], seeds[k]
        made = network(run[1], run[0]).eval()
        made.load_state_dict(torch.load(path_of(folder, run)))
        made.to(memory_format=torch.channels_last)
        score = predict_torch(made, pixels)
        codes[i, j, k] = coded(score)
        loss = roc_auc(table.y_true, score).value - roc_auc(table.y_true, codes[i, j, k]).value
        assert abs(loss) < 1e-4, f"coding changes the AUC of {run} by {loss}"
    np.savez_compressed(
        path,
        y_true=table.y_true.astype(np.uint8),
        event=np.unique(table.columns["event"], return_inverse=True)[1].astype(np.uint16),
        sizes=np.array(SIZES),
        paddings=np.array(PADDINGS),
        scores=codes,
        **features(table),
    )
    print(f"{path}: {len(table)} jets, {len(seeds)} seeds, {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Read the command line; train, or write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("scan"), help="of the weights")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(N_SEEDS)))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="of the first kernel")
    parser.add_argument("--write", type=Path, metavar="FILE", help="score, do not train")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.write:
        write(options.folder, options.write)
    else:
        train_all(options.folder, options.sizes, options.seeds)


if __name__ == "__main__":
    main()
