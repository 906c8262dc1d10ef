"""The CMS H->bb ntuples, ROOT and HDF5: the momenta that went in come out, and labels mean jets."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("awkward", reason="needs the extra 'cms'")
pytest.importorskip("uproot", reason="needs the extra 'cms'")

import uproot
from cms_files import hard_jets, ntuple, random_candidates, write_hdf5, write_root

from course_utils.jetfile import DataError, JetTable, write_jets
from course_utils.samples import QCD_LABELS, TRUTH_LABELS, cms_ntuples
from course_utils.samples.cms_ntuples import BRANCHES, file_number, read_ntuple

WRITERS = {"root": write_root, "h5": write_hdf5}


def read_all(path: Path, ttv: int = 0) -> JetTable:
    (table,) = read_ntuple(path, ttv=ttv)
    return table


@pytest.fixture(params=WRITERS)
def form(request: pytest.FixtureRequest) -> str:
    return request.param


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
