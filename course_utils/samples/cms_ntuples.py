"""Jets of the CMS H->bb ntuples, ROOT or HDF5, as the tables of this course.

The ntuples are those of the CMS Open Data record 12102, made with HiggsToBBNtupleProducerTool
(doi:10.7483/OPENDATA.CMS.JGJX.MS7Q). What its source code says, and what is done with it here:

=====================  ============================================================================
branch                 meaning (PFCandidateFiller, FatJetInfoFiller, FatJetMatching)
=====================  ============================================================================
``pfcand_ptrel``       pT of the candidate over ``fj_pt``
``pfcand_erel``        its energy over that of the jet, which follows from ``fj_pt``, ``fj_eta``
                       and ``fj_mass``
``pfcand_etarel``      eta minus ``fj_eta``, **times the sign of** ``fj_eta``
``pfcand_phirel``      phi minus ``fj_phi``, the short way round
``label_H_bb``         both b quarks of a Higgs boson within 0.6 of the axis (generated jets: 0.8)
``label_QCD_*``        by the number of b and c hadrons; set for unmatched jets of any sample,
                       so that it counts only together with ``sample_isQCD``
``fj_sdmass``          soft drop mass (beta 0, zcut 0.1) of the jet with charged hadron subtraction
=====================  ============================================================================

Candidates have pT above 0.95 GeV, in no promised order; they are sorted here. The HDF5 form
(``convert-uproot-opendata.py`` of the same tool) has an array per branch at its root, 100
candidates to a jet, padded with zeros. The momentum of the Higgs boson is not in the ntuples, only
its pT and eta: the truth columns stay zero.

Not verified, for want of the files: that every branch is there under its name, and how ``fj_pt``,
which carries the jet energy corrections, compares with the sum of the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import awkward as ak
import numpy as np
import tables
import uproot
from numpy.typing import NDArray

from course_utils.jetfile import (
    N_CONSTITUENTS,
    DataError,
    JetTable,
    column_type,
)
from course_utils.kinematics import from_pt_eta_phi_mass
from course_utils.samples.catalogue import QCD_LABELS, SAMPLES, TRUTH_LABELS

TREE: Final = "deepntuplizer/tree"
CANDIDATE: Final = tuple(f"pfcand_{name}" for name in ("ptrel", "erel", "etarel", "phirel"))
JET: Final = ("fj_pt", "fj_eta", "fj_phi", "fj_mass", "fj_sdmass")
LABELS: Final = (*TRUTH_LABELS, "sample_isQCD")
BRANCHES: Final = (*CANDIDATE, *JET, *LABELS)
FILE_NAME: Final = re.compile(r"ntuple_merged_(\d+)\.(root|h5)")
_ROWS_AT_ONCE: Final = 4096

Columns = Mapping[str, NDArray[Any]]


def file_number(name: str) -> int:
    """The number in the name of a public file, by which training and test files are told apart.

    Examples
    --------
    >>> file_number("ntuple_merged_10.root")
    10
    """
    if not (found := FILE_NAME.fullmatch(name)):
        raise DataError(f"Expected a file such as ntuple_merged_10.root or .h5; got {name}.")
    return int(found[1])


def read_ntuple(path: Path, *, ttv: int) -> Iterator[JetTable]:
    """The jets of one public file inside the cuts, some thousand rows at a time.

    Parameters
    ----------
    path : Path
        ``ntuple_merged_<number>.root`` or ``.h5``.
    ttv : int
        The split the jets go to: 0 train, 1 test, 2 val.

    Yields
    ------
    JetTable
        With the columns of ``hbb``; ``file`` is the number in the name. A table may be
        empty. Jets of the signal samples that hold no H->bb have no label.

    Raises
    ------
    DataError
        If the file is damaged or lacks a branch.
    """
    number = file_number(path.name)
    chunks = _root_chunks(path) if path.suffix == ".root" else _hdf5_chunks(path)
    for columns in chunks:
        yield to_table(columns, ttv=ttv, file=number)


def to_table(columns: Columns, *, ttv: int, file: int) -> JetTable:
    """The jets inside the cuts, from the branches as padded arrays of (n_jets[, n_candidates])."""
    cuts = SAMPLES["hbb"].recipe  # and those of most who used the public sample
    pt, mass = columns["fj_pt"], columns["fj_sdmass"]
    kept = (pt > cuts.jet_pt[0]) & (pt < cuts.jet_pt[1])
    kept &= abs(columns["fj_eta"]) < cuts.jet_abs_eta
    kept &= (mass > cuts.soft_drop_mass[0]) & (mass < cuts.soft_drop_mass[1])
    columns = {name: values[kept] for name, values in columns.items()}
    extra = {name: columns[name] for name in ("fj_pt", "fj_eta", "fj_sdmass")}
    extra |= {name: columns[name] * columns["sample_isQCD"] for name in QCD_LABELS}
    extra |= {name: columns[name] for name in ("label_H_bb", "sample_isQCD")}
    n_jets = int(kept.sum())
    extra["file"] = np.full(n_jets, file)
    return JetTable(
        jets=four_momenta(columns),
        truth=np.zeros((n_jets, 4), np.float32),
        y_true=columns["label_H_bb"].astype(np.int8),
        ttv=np.full(n_jets, ttv, np.int8),
        columns={name: extra[name].astype(column_type(name)) for name in SAMPLES["hbb"].columns},
    )


def four_momenta(columns: Columns) -> NDArray[np.float32]:
    """``(E, px, py, pz)`` in GeV of the candidates, shape (n_jets, 200, 4), by falling pT.

    Parameters
    ----------
    columns : mapping from str to array
        ``pfcand_*`` of shape (n_jets, n_candidates), padded with zeros; ``fj_pt``, ``fj_eta``,
        ``fj_phi``, ``fj_mass`` of shape (n_jets,).
    """
    jet_pt, jet_eta, jet_phi, jet_mass = (
        columns[f"fj_{name}"].astype(np.float64)[:, None] for name in ("pt", "eta", "phi", "mass")
    )
    ptrel, erel, etarel, phirel = (columns[name].astype(np.float64) for name in CANDIDATE)
    outwards = np.where(jet_eta > 0, 1.0, -1.0)  # as the ntuples have it, also at eta 0
    momenta = from_pt_eta_phi_mass(
        ptrel * jet_pt, jet_eta + outwards * etarel, jet_phi + phirel, 0.0
    )
    jet_energy = np.hypot(jet_pt * np.cosh(jet_eta), jet_mass)
    # Rounding must not make a candidate faster than light.
    momenta[..., 0] = np.maximum(erel * jet_energy, momenta[..., 0])
    order = np.argsort(-ptrel, axis=1, kind="stable")[:, :N_CONSTITUENTS]
    hardest = np.take_along_axis(momenta, order[..., None], axis=1)
    padded = np.zeros((len(momenta), N_CONSTITUENTS, 4), np.float32)
    padded[:, : hardest.shape[1]] = hardest
    return padded


def _root_chunks(path: Path) -> Iterator[Columns]:
    try:
        with uproot.open(path) as file:
            tree = file[TREE]
            _require_branches(path, set(tree.keys()))
            for chunk in tree.iterate(BRANCHES, step_size=_ROWS_AT_ONCE, library="ak"):
                yield {name: _rectangular(chunk[name]) for name in BRANCHES}
    except (OSError, ValueError, LookupError, EOFError, uproot.DeserializationError) as fault:
        raise DataError(f"{path} is no ntuple with a tree {TREE}, or damaged: {fault}") from fault


def _rectangular(branch: ak.Array) -> NDArray[Any]:
    """A branch as a numpy array; candidates padded with zeros to the longest jet of the chunk."""
    if branch.ndim == 1:
        return branch.to_numpy()
    longest = int(ak.max(ak.num(branch), initial=0))
    return ak.to_numpy(ak.fill_none(ak.pad_none(branch, longest, clip=True), 0.0))


def _hdf5_chunks(path: Path) -> Iterator[Columns]:
    try:
        with tables.open_file(path) as file:
            _require_branches(path, set(file.root._v_children))
            nodes = {name: file.get_node(f"/{name}") for name in BRANCHES}
            for first in range(0, len(nodes["fj_pt"]), _ROWS_AT_ONCE):
                rows = slice(first, first + _ROWS_AT_ONCE)
                yield {name: node[rows] for name, node in nodes.items()}
    except (OSError, tables.HDF5ExtError) as fault:
        raise DataError(f"{path} is no HDF5 file, or damaged: {fault}") from fault


def _require_branches(path: Path, there: set[str]) -> None:
    if missing := [name for name in BRANCHES if name not in there]:
        raise DataError(
            f"Expected the branches of the CMS record 12102 in {path}; missing {missing}."
        )
