"""Files as the CMS tool writes them, from jets whose momenta are known."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import tables
import uproot

from course_utils.samples import TRUTH_LABELS
from course_utils.samples.cms_ntuples import CANDIDATE

N_HDF5 = 100  # candidates of a jet in the HDF5 form


def random_candidates(n_jets: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Massive candidates ``(E, px, py, pz)`` of some jets, in no order, as float64."""
    jets = []
    for _ in range(n_jets):
        n = rng.integers(5, 60)
        pt, mass = rng.exponential(20, n) + 1, rng.choice([0.0, 0.14, 0.5], n)
        eta, phi = (rng.normal(rng.uniform(-c, c), 0.2, n) for c in (1.5, np.pi))
        px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
        jets.append(np.stack([np.sqrt(px**2 + py**2 + pz**2 + mass**2), px, py, pz], axis=-1))
    return jets


def ntuple(jets: list[np.ndarray], rng: np.random.Generator) -> dict[str, object]:
    """The branches that describe these jets, written down from their definition in the tool."""
    sums = np.array([jet.sum(axis=0) for jet in jets])
    fj_pt, fj_phi = np.hypot(sums[:, 1], sums[:, 2]), np.arctan2(sums[:, 2], sums[:, 1])
    fj_eta = np.arcsinh(sums[:, 3] / fj_pt)
    fj_mass = np.sqrt(sums[:, 0] ** 2 - (sums[:, 1:] ** 2).sum(axis=1))
    branches: dict[str, list] = {name: [] for name in CANDIDATE}
    for i, (energy, px, py, pz) in enumerate(jet.T for jet in jets):
        pt = np.hypot(px, py)
        away = np.arctan2(py, px) - fj_phi[i]
        branches["pfcand_ptrel"].append(pt / fj_pt[i])
        branches["pfcand_erel"].append(energy / sums[i, 0])
        branches["pfcand_phirel"].append(np.arctan2(np.sin(away), np.cos(away)))
        sign = 1 if fj_eta[i] > 0 else -1
        branches["pfcand_etarel"].append(sign * (np.arcsinh(pz / pt) - fj_eta[i]))
    n = len(jets)
    labels = np.eye(6, dtype=np.int32)[rng.integers(0, 6, n)]
    return {
        **{
            name: ak.Array([v.astype(np.float32) for v in values])
            for name, values in branches.items()
        },
        **dict(zip(TRUTH_LABELS, labels.T, strict=True)),
        "sample_isQCD": 1 - labels[:, 0],
        "fj_pt": fj_pt.astype(np.float32),
        "fj_eta": fj_eta.astype(np.float32),
        "fj_phi": fj_phi.astype(np.float32),
        "fj_mass": fj_mass.astype(np.float32),
        "fj_sdmass": rng.uniform(50, 190, n).astype(np.float32),
        "npv": np.full(n, 20, np.int32),  # one of the many others
    }


def write_root(path: Path, columns: dict[str, object]) -> Path:
    with uproot.recreate(path) as file:
        file["deepntuplizer/tree"] = columns
    return path


def write_hdf5(path: Path, columns: dict[str, object]) -> Path:
    with tables.open_file(path, "w") as file:
        for name, values in columns.items():
            if name in CANDIDATE:
                padded = ak.pad_none(values, N_HDF5, clip=True)
                values = ak.to_numpy(ak.fill_none(padded, 0.0)).astype(np.float64)
            file.create_carray("/", name, obj=np.asarray(values))
    return path


def hard_jets(n_jets: int, seed: int = 1) -> tuple[list[np.ndarray], dict[str, object]]:
    rng = np.random.default_rng(seed)
    jets = [j * (600 / np.hypot(*j.sum(axis=0)[1:3])) for j in random_candidates(n_jets, rng)]
    return jets, ntuple(jets, rng)  # 600 GeV each
