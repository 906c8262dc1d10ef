"""Prepared jets are made once, found again, and belong to their jet file and version."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tables
from prepared_jets import FORMS, N_JETS, made

from course_utils import kinematics
from course_utils.jetfile import DataError, DataNotFound, JetTable, write_jets
from course_utils.prepared import (
    Constituents,
    Images,
    preparation,
    prepare,
    prepared_forms,
)
from course_utils.prepared.arrays import open_packed

if TYPE_CHECKING:
    from conftest import Places, SomeJets

RAISE = "What is stored has changed: raise VERSION in course_utils/prepared/preparation.py by one."
LABELS = {"y_true": "|i1", "counts": "<u2"}
GOLDEN = {
    "constituents": {
        "types": {"momenta": "<f4", **LABELS},
        "values": {
            "momenta": [
                [41.813541, -39.599701, 5.6448002, 12.180812],
                [20.100084, -19.982702, -0.83161324, -2.003335],
                [31.360155, -29.699776, 4.2336001, 9.1356087],
            ],
            "y_true": [1, 0, 1],
            "counts": [2, 1, 0],
        },
    },
    "images": {
        "types": {"pixel": "<u2", "value": "<f4", **LABELS},
        "values": {
            "pixel": [21, 26, 36, 36],
            "value": [1 / 7, 2 / 7, 4 / 7, 1],
            "y_true": [1, 0, 1],
            "counts": [3, 1, 0],
        },
    },
}


@pytest.fixture
def never_made_again(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From here on, making a form again fails."""
    made()
    monkeypatch.setattr(preparation, "_make", lambda *of, **options: pytest.fail("made again"))
    return source


@pytest.mark.usefixtures("never_made_again")
def test_the_second_time_it_is_opened_not_made() -> None:
    assert len(made()) == N_JETS


def test_it_lies_beside_the_jet_file_for_all_to_read(source: Path) -> None:
    jets = made()
    assert jets.folder.parent == source.parent / "prepared"
    mask = os.umask(0)
    os.umask(mask)
    for path in (jets.folder, *jets.folder.iterdir()):
        wanted = 0o555 if path.is_dir() else 0o444
        assert path.stat().st_mode & wanted == wanted & ~mask


def test_where_the_folder_is_not_writable_it_goes_to_the_users_cache(
    source: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(FORMS[0])  # by the instructor
    shared = source.parent
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK or shared not in Path(path).parents
    )
    assert made().folder.parent == places.cache / "top_tagging" / "prepared"
    assert made(FORMS[0]).folder.parent == source.parent / "prepared"


def test_of_the_small_sample_nothing_is_put_into_the_package(places: Places) -> None:
    small = places.put_small(20)
    jets = prepare("top_tagging", "val", progress=False)
    assert len(jets) == 4
    assert jets.folder.parent == places.cache / "top_tagging" / "prepared"
    assert list(small.parent.iterdir()) == [small]


def test_other_options_make_another_one_and_leave_this(source: Path) -> None:
    first, second = made(), made(Images(n_pixels=16))
    assert first.folder != second.folder
    assert len(list(first.folder.parent.glob("train-*"))) == 2
    assert first[:].shape[1:] == (15, 15)


def test_another_jet_file_makes_it_again_and_removes_the_old(
    source: Path, some_jets: SomeJets
) -> None:
    before, kept = made(), made(FORMS[0])
    write_jets(source, [some_jets(50, seed=9)], provenance={})
    after = made()
    assert len(after) == 50
    assert not before.folder.exists()
    assert kept.folder.exists()  # until somebody asks for that form
    assert len(before[:]) == N_JETS  # whoever has it open keeps it


def test_a_change_of_time_alone_makes_it_again(source: Path) -> None:
    before = made().folder
    os.utime(source, ns=(0, 0))
    assert made().folder != before


def test_two_versions_each_have_their_own(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = made().folder
    monkeypatch.setattr(preparation, "VERSION", 2)
    theirs = made().folder
    assert theirs != ours
    assert ours.exists()  # someone may still work with it
    assert [current for _, _, current in prepared_forms("top_tagging", "train")].count(True) == 1


def test_what_is_stored_belongs_to_the_version(source: Path) -> None:
    """Three jets whose packed form is known. The numbers of an image may differ by rounding."""
    pt = [[40, 20, 10, 0], [30, 0, 0, 0], [0, 0, 0, 0]]
    eta, phi = [0.3, -0.1, 0.2, 0], [3.0, -3.1, 2.7, 0]
    momenta = kinematics.from_pt_eta_phi_mass(np.array(pt, float), eta, phi) + 0
    label = np.array([1, 0, 1])
    table = JetTable(momenta.astype(np.float32), np.zeros((3, 4), np.float32), label, 0 * label)
    write_jets(source, [table], provenance={})
    for form in (Constituents(2), Images(n_pixels=8)):
        stored, golden = open_packed(made(form).folder, verify=True)[1], GOLDEN[form.name]
        assert {name: values.dtype.str for name, values in stored.items()} == golden["types"], RAISE
        for name, values in golden["values"].items():
            np.testing.assert_allclose(stored[name], values, rtol=2e-6, err_msg=RAISE)


def test_forms_of_two_files_in_one_cache_do_not_remove_each_other(
    source: Path, places: Places, monkeypatch: pytest.MonkeyPatch, some_jets: SomeJets
) -> None:
    monkeypatch.setattr(preparation, "_is_writable", lambda place: places.cache in place.parents)
    first = made()
    other = places.environment.parent / "other"
    write_jets(other / "top_tagging" / "train.h5", [some_jets(30, seed=3)], provenance={})
    monkeypatch.setenv("JET_DATA", str(other))
    assert len(made()) == 30
    assert first.folder.exists()


@pytest.mark.usefixtures("never_made_again")
@pytest.mark.parametrize(
    "options",
    [
        {"n_pixels": np.int64(15)},
        {"n_pixels": 15, "half_width": np.float64(0.8)},
        {"n_pixels": 15, "rotate": np.bool_(True), "flip": 1},
    ],
    ids=str,
)
def test_the_same_options_are_the_same_form_whatever_numbers_they_came_as(options: dict) -> None:
    assert made(Images(**options)).form == FORMS[1]
    assert Images(half_width=1) == Images(half_width=1.0)


def test_no_jets_no_prepared_form(places: Places) -> None:
    with pytest.raises(DataNotFound, match=r"data_download\.sh --generate top_tagging"):
        made()


def test_a_damaged_jet_file_is_reported_and_nothing_kept(source: Path) -> None:
    with tables.open_file(source) as file:
        chunk = file.root.table.table.chunk_info((0,))
    content = bytearray(source.read_bytes())
    content[chunk.offset + chunk.size // 2] ^= 1
    source.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        made()
    assert list((source.parent / "prepared").glob("*train*/*")) == []


@pytest.mark.usefixtures("source")
def test_to_another_process_goes_a_name_not_the_jets() -> None:
    jets = made()
    message = pickle.dumps(jets)
    assert len(message) < 500
    np.testing.assert_array_equal(pickle.loads(message)[:], jets[:])


def test_memory_does_not_grow_with_the_jets(
    source: Path, some_jets: SomeJets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_JETS_AT_ONCE", 64)

    def peak(n_times: int) -> int:
        write_jets(source, (some_jets(400) for _ in range(n_times)), provenance={})
        tracemalloc.start()
        made(FORMS[0])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few = peak(1)
    assert peak(6) < few + 0.5 * 2000 * 45 * 16  # what 2000 jets more have when they are packed
