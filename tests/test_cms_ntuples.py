"""The CMS H->bb ntuples, ROOT and HDF5: the momenta that went in come out, and labels mean jets."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tables

pytest.importorskip("awkward", reason="needs the extra 'cms'")
pytest.importorskip("uproot", reason="needs the extra 'cms'")

import awkward as ak
import uproot

from course_utils import cms_ntuples
from course_utils.cms_ntuples import BRANCHES, CANDIDATE, file_number, read_ntuple
from course_utils.jetfile import QCD_LABELS, TRUTH_LABELS, DataError, JetTable, write_jets

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


WRITERS = {"root": write_root, "h5": write_hdf5}


def read_all(path: Path, ttv: int = 0) -> JetTable:
    (table,) = read_ntuple(path, ttv=ttv)
    return table


@pytest.fixture(params=WRITERS)
def form(request: pytest.FixtureRequest) -> str:
    return request.param


def hard_jets(n_jets: int, seed: int = 1) -> tuple[list[np.ndarray], dict[str, object]]:
    rng = np.random.default_rng(seed)
    jets = [j * (600 / np.hypot(*j.sum(axis=0)[1:3])) for j in random_candidates(n_jets, rng)]
    return jets, ntuple(jets, rng)  # 600 GeV each


def test_the_momenta_that_were_written_relative_to_the_jet_come_back(
    tmp_path: Path, form: str
) -> None:
    jets, columns = hard_jets(40)
    table = read_all(WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", columns))
    assert len(table) == 40
    assert (np.sign(columns["fj_eta"]) < 0).any()  # where eta is mirrored
    for found, jet in zip(table.jets, jets, strict=True):
        expected = jet[np.argsort(-np.hypot(jet[:, 1], jet[:, 2]), kind="stable")]
        np.testing.assert_allclose(found[: len(jet)], expected, rtol=2e-4, atol=2e-3)
        assert (found[len(jet) :] == 0).all()


def test_no_candidate_is_faster_than_light(tmp_path: Path, form: str) -> None:
    columns = hard_jets(20)[1]
    columns["pfcand_erel"] = columns["pfcand_erel"] * np.float32(0.9999)  # stored with few bits
    table = read_all(WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", columns))
    energy, momentum = table.jets[..., 0], np.linalg.norm(table.jets[..., 1:], axis=-1)
    assert (energy >= momentum * (1 - 1e-6)).all()


def test_both_forms_give_the_same_jets(tmp_path: Path) -> None:
    columns = hard_jets(20)[1]
    root, hdf5 = (
        read_all(write(tmp_path / f"ntuple_merged_3.{form}", columns), ttv=1)
        for form, write in WRITERS.items()
    )
    np.testing.assert_array_equal(root.jets, hdf5.jets)
    for name, values in root.columns.items():
        np.testing.assert_array_equal(values, hdf5.columns[name], err_msg=name)
    assert set(root.columns["file"]) == {3}
    assert set(root.ttv) == {1}


def test_a_jet_has_the_label_of_its_own_process_only(tmp_path: Path, form: str) -> None:
    """A jet of the signal sample without a Higgs boson carries a QCD label in the ntuples."""
    columns = hard_jets(60)[1]
    columns["sample_isQCD"][:20] = 0
    table = read_all(WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", columns))
    total = sum(table.columns[name].astype(int) for name in TRUTH_LABELS)
    stray = (columns["sample_isQCD"] == 0) & (columns["label_H_bb"] == 0)
    assert 5 < stray.sum() < 20
    np.testing.assert_array_equal(total, 1 - stray)
    np.testing.assert_array_equal(table.y_true, columns["label_H_bb"])
    for name in QCD_LABELS:
        np.testing.assert_array_equal(
            table.columns[name], columns[name] * columns["sample_isQCD"], err_msg=name
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("fj_pt", 299), ("fj_pt", 2001), ("fj_eta", -2.5), ("fj_sdmass", 39), ("fj_sdmass", 201)],
)
def test_jets_outside_the_cuts_are_left_out(
    tmp_path: Path, form: str, name: str, value: float
) -> None:
    columns = hard_jets(20)[1]
    columns[name][3] = value
    table = read_all(WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", columns))
    assert len(table) == 19
    kept = np.arange(20) != 3
    np.testing.assert_array_equal(table.columns["fj_pt"], columns["fj_pt"][kept])


def test_what_is_read_is_a_sound_table_of_the_course(tmp_path: Path, form: str) -> None:
    path = WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", hard_jets(30)[1])
    assert write_jets(tmp_path / "train.h5", read_ntuple(path, ttv=0), provenance={}) == 30


def test_more_than_200_candidates_keep_the_hardest(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    jet = np.concatenate(random_candidates(12, rng))[:300]
    columns = ntuple([jet], rng)
    columns["fj_sdmass"][:] = 100.0
    columns["fj_pt"][:] = 600.0
    columns["fj_eta"][:] = 0.0
    (table,) = read_ntuple(write_root(tmp_path / "ntuple_merged_10.root", columns), ttv=0)
    pt = np.hypot(table.jets[0, :, 1], table.jets[0, :, 2])
    share = np.sort(np.asarray(columns["pfcand_ptrel"][0]))[::-1][:200]
    np.testing.assert_allclose(pt, 600 * share, rtol=1e-5)


def test_a_large_file_is_read_in_pieces(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = hard_jets(60)[1]
    path = WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", columns)
    whole = read_all(path)
    monkeypatch.setattr(cms_ntuples, "_ROWS_AT_ONCE", 25)
    pieces = list(read_ntuple(path, ttv=0))
    assert [len(piece) for piece in pieces] == [25, 25, 10]
    np.testing.assert_array_equal(np.concatenate([p.jets for p in pieces]), whole.jets)


def test_memory_goes_with_the_piece_not_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cms_ntuples, "_ROWS_AT_ONCE", 200)
    columns = hard_jets(200)[1]
    repeated = {name: np.concatenate([values] * 20) for name, values in columns.items()}

    def peak(columns: dict[str, object], name: str) -> int:
        path = write_hdf5(tmp_path / name, columns)
        for _ in read_ntuple(path, ttv=0):  # what is loaded once
            break
        tracemalloc.start()
        for _ in read_ntuple(path, ttv=0):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(repeated, "ntuple_merged_2.h5") < 2 * peak(columns, "ntuple_merged_1.h5")


# ---------------------------------------------------------------- faults


def test_a_missing_branch_is_named(tmp_path: Path, form: str) -> None:
    columns = hard_jets(5)[1]
    del columns["pfcand_erel"]
    path = WRITERS[form](tmp_path / f"ntuple_merged_10.{form}", columns)
    with pytest.raises(DataError, match=r"missing \['pfcand_erel'\]"):
        list(read_ntuple(path, ttv=0))


@pytest.mark.parametrize("content", [b"", b"<html>", b"root" + b"\0" * 400])
def test_a_file_that_is_none_is_told(tmp_path: Path, form: str, content: bytes) -> None:
    path = tmp_path / f"ntuple_merged_10.{form}"
    path.write_bytes(content)
    with pytest.raises(DataError, match="ntuple_merged_10"):
        list(read_ntuple(path, ttv=0))


def test_a_root_file_with_another_tree_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ntuple_merged_10.root"
    with uproot.recreate(path) as file:
        file["Events"] = {"pt": np.zeros(3)}
    with pytest.raises(DataError, match="deepntuplizer/tree"):
        list(read_ntuple(path, ttv=0))


@pytest.mark.parametrize("name", ["ntuple_merged.root", "train.h5", "ntuple_merged_1.root.part"])
def test_a_file_without_a_number_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"Expected a file such as ntuple_merged_10\.root"):
        file_number(name)


def test_every_branch_is_used() -> None:
    assert len(set(BRANCHES)) == len(BRANCHES) == 16
