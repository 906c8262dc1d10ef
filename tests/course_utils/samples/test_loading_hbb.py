"""Loading hbb: jets without a truth label are left out, and counted out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hbb_jets import with_labels

from course_utils.jetfile import TTV, DataError, JetFile, JetTable, write_jets
from course_utils.samples import SAMPLES, TRUTH_LABELS, load_frame, load_jets, loading, stream_jets

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Places, SomeJets

GENERATE = "./data_download.sh --generate hbb"

pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture
def raw(places: Places, some_jets: SomeJets) -> JetTable:
    """What train.h5 of hbb holds: 100 jets, not all of them labelled."""
    table = with_labels(some_jets(100, ttv=TTV["train"]))
    write_jets(places.cache / "hbb" / "train.h5", [table], provenance={"seed": 1})
    return table


@pytest.fixture
def labelled(raw: JetTable) -> JetTable:
    total = sum(raw.columns[name].astype(int) for name in TRUTH_LABELS)
    chosen = raw[total == 1]
    assert 60 < len(chosen) < 80
    return chosen


def test_only_jets_with_one_label_are_loaded(labelled: JetTable, assert_same_jets) -> None:
    assert_same_jets(load_jets("hbb", "train"), labelled)


@pytest.mark.parametrize("rows_at_once", [16_384, 7])
@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (0, 30), (5, 40), (10, None), (-9, None), (-9, -2), (0, 0), (50, 9)]
)
def test_start_and_stop_count_the_labelled_ones(
    labelled: JetTable,
    assert_same_jets,
    monkeypatch: pytest.MonkeyPatch,
    rows_at_once: int,
    start: int,
    stop: int | None,
) -> None:
    monkeypatch.setattr(loading, "_ROWS_AT_ONCE", rows_at_once)
    assert_same_jets(load_jets("hbb", "train", start=start, stop=stop), labelled[start:stop])


def test_streaming_gives_the_same_jets(labelled: JetTable, assert_same_jets) -> None:
    batches = list(stream_jets("hbb", "train", batch_size=30))
    assert [len(batch) for batch in batches] == [30, 30, len(labelled) - 60]
    for i, batch in enumerate(batches):
        assert_same_jets(batch, labelled[30 * i : 30 * (i + 1)])


def test_the_frame_has_every_row_and_every_column(raw: JetTable) -> None:
    frame = load_frame("hbb", "train")
    assert frame.shape == (100, 817)
    assert list(frame.columns[-11:]) == list(SAMPLES["hbb"].columns)
    for name, values in raw.columns.items():
        np.testing.assert_array_equal(frame[name], values)
    assert len(load_frame("hbb", "train", start=90, stop=95)) == 5


def test_the_small_sample_keeps_the_splits_and_the_rule(
    places: Places, some_jets: SomeJets, assert_same_jets
) -> None:
    table = with_labels(some_jets(100, ttv=np.resize([0, 0, 0, 1, 2], 100)))
    write_jets(places.package / "hbb_small.h5", [table], provenance={"seed": 1})
    total = sum(table.columns[name].astype(int) for name in TRUTH_LABELS)
    for split, ttv in TTV.items():
        assert_same_jets(load_jets("hbb", split), table[(table.ttv == ttv) & (total == 1)])
        assert len(load_frame("hbb", split)) == (table.ttv == ttv).sum()


def test_asking_for_more_than_there_are_counts_the_labelled_ones(
    labelled: JetTable, caplog: pytest.LogCaptureFixture
) -> None:
    load_jets("hbb", "train", stop=len(labelled))
    assert not caplog.records
    load_jets("hbb", "train", stop=600)
    (record,) = caplog.records
    assert f"there are {len(labelled)}" in record.message
    assert GENERATE in record.message


def test_faults_name_the_command_of_this_sample(places: Places, some_jets: SomeJets) -> None:
    path = places.cache / "hbb" / "train.h5"
    with pytest.raises(DataError, match=re.escape(GENERATE)):
        load_jets("hbb", "train")
    write_jets(path, [some_jets(5)], provenance={})  # top tagging under a wrong name
    with pytest.raises(DataError, match=rf"no column label_H_bb.*{re.escape(GENERATE)}"):
        load_jets("hbb", "train")
    pd.DataFrame({"E_0": [1.0]}).to_hdf(path, key="table", format="table")
    with pytest.raises(DataError, match=re.escape(GENERATE)):
        load_jets("hbb", "train")
    for content in (b"<html>", b"\x89HDF\r\n\x1a\n nothing more"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=re.escape(GENERATE)):
            load_jets("hbb", "train")


# ---------------------------------------------------------------- the jet file


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label_H_bb", 2, r"label_H_bb to be one of \(0, 1\)"),
        ("fj_pt", np.nan, "finite fj_pt"),
        ("fj_pt", 1e300, "finite fj_pt"),
        ("file", -1, "file as whole numbers of at least 0"),
        ("file", 0.5, "file as whole numbers of at least 0"),
    ],
)
def test_unsound_columns_are_neither_written_nor_read(
    tmp_path: Path, some_jets: SomeJets, name: str, value: float, message: str
) -> None:
    table = with_labels(some_jets(10))
    path = tmp_path / "f.h5"
    write_jets(path, [table], provenance={})
    frame = pd.read_hdf(path, key="table")
    frame[name] = frame[name].astype(np.float64)
    frame.loc[3, name] = value
    columns = {**table.columns, name: frame[name].to_numpy()}
    with pytest.raises(DataError, match=message):
        write_jets(tmp_path / "g.h5", [replace(table, columns=columns)], provenance={})
    frame.to_hdf(path, key="table", format="table")
    with JetFile(path) as file, pytest.raises(DataError, match=message):
        file.read()


def test_columns_without_a_name_of_their_own_or_of_other_lengths_are_not_written(
    tmp_path: Path, some_jets: SomeJets
) -> None:
    table = some_jets(4)
    for columns, message in (
        ({"jet mass": np.zeros(4)}, r"plain names .*; got \['jet mass'\]"),
        ({"PX_7": np.zeros(4)}, r"names of their own, .*; got \['PX_7'\]"),
        ({"fj_pt": np.zeros(3)}, r"fj_pt of shape \(4,\); got \(3,\)"),
    ):
        with pytest.raises(DataError, match=message):
            write_jets(tmp_path / "f.h5", [replace(table, columns=columns)], provenance={})
    tables = [table, replace(table, columns={"fj_pt": np.zeros(4)})]
    with pytest.raises(DataError, match="every table with 200 constituents and the columns"):
        write_jets(tmp_path / "f.h5", tables, provenance={})
    assert not list(tmp_path.glob("*.h5*"))


def test_text_is_left_alone_and_other_numbers_are_read(tmp_path: Path, some_jets: SomeJets) -> None:
    write_jets(tmp_path / "f.h5", [with_labels(some_jets(6))], provenance={})
    frame = pd.read_hdf(tmp_path / "f.h5", key="table").assign(fj_pt="high", other=1.0)
    frame.to_hdf(tmp_path / "g.h5", key="table", format="table")
    with JetFile(tmp_path / "g.h5") as file:
        assert "fj_pt" not in file.columns
        assert set(file.read().columns) == {*SAMPLES["hbb"].columns, "other"} - {"fj_pt"}
        assert file.read().columns["other"].dtype == np.float32


def test_a_column_that_is_not_there_is_named(tmp_path: Path, some_jets: SomeJets) -> None:
    write_jets(tmp_path / "f.h5", [some_jets(6)], provenance={})
    with JetFile(tmp_path / "f.h5") as file:
        assert file.columns == ()
        with pytest.raises(ValueError, match="no fj_pt"):
            file.read_columns(["fj_pt"])
