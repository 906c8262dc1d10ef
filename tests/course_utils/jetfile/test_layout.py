"""Files that pandas wrote, of any version and in either format, mean the same jets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import tables
from public_files import write_public_file

from course_utils.jetfile import DataError, JetFile, JetTable, write_jets
from course_utils.samples import SAMPLES, small_sample

if TYPE_CHECKING:
    from conftest import AssertSame, SomeJets

PUBLIC = [(layout, complib) for layout in ("table", "fixed") for complib in ("blosc", "zlib")]


@pytest.fixture(scope="module")
def table(some_jets: SomeJets) -> JetTable:
    return some_jets(301)


@pytest.fixture(scope="module", params=PUBLIC, ids="-".join)
def public(
    request: pytest.FixtureRequest, table: JetTable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    layout, complib = request.param
    path = tmp_path_factory.mktemp("public") / "test.h5"
    write_public_file(path, table, layout=layout, complib=complib)
    return path


def test_the_texts_of_a_public_file_are_bytes_on_which_pandas_3_fails(public: Path) -> None:
    with tables.open_file(public) as file:
        said = file.root.table._v_attrs
        assert isinstance(said.pandas_type, bytes)
        assert said.pandas_version == b"0.15.2"
    if pd.__version__.startswith("3."):
        with pytest.raises(TypeError, match="bytes-like object"):
            pd.read_hdf(public, key="table")


def test_every_way_of_reading_a_public_file_gives_its_jets(
    public: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    rows = np.array([300, 3, 3, -7])
    with JetFile(public) as file:
        assert (file.n_jets, file.n_constituents, file.columns) == (301, 200, ())
        assert file.provenance == {}
        assert_same_jets(file.read(), table)
        assert_same_jets(file.read(17, 230), table[17:230])
        assert_same_jets(file.read_rows(rows), table[rows])
        for first, batch in zip(range(0, 301, 100), file.batches(100), strict=True):
            assert_same_jets(batch, table[first : first + 100])
        for first, block in zip(range(0, 301, 100), file.blocks(100), strict=True):
            assert_same_jets(block(), table[first : first + 100])
        found = file.read_columns(["is_signal_new", "PZ_3"], 5, 40)
    np.testing.assert_array_equal(found["is_signal_new"], table.y_true[5:40])
    np.testing.assert_array_equal(found["PZ_3"], table.jets[5:40, 3, 3])


def test_its_frame_has_the_806_columns_types_and_index_that_are_in_the_file(
    public: Path, table: JetTable
) -> None:
    with JetFile(public) as file:
        frame = file.frame(10, 14)
    assert list(frame.columns[:5]) == ["E_0", "PX_0", "PY_0", "PZ_0", "E_1"]
    assert list(frame.columns[-3:]) == ["truthPZ", "ttv", "is_signal_new"]
    assert frame.dtypes.value_counts().to_dict() == {np.dtype("f4"): 804, np.dtype("i8"): 2}
    assert frame.index.tolist() == [395, 397, 399, 401]
    np.testing.assert_array_equal(frame["E_1"], table.jets[10:14, 1, 0])
    np.testing.assert_array_equal(frame["is_signal_new"], table.y_true[10:14])


def test_the_index_may_be_text_and_columns_may_be_text(tmp_path: Path, table: JetTable) -> None:
    write_jets(tmp_path / "f.h5", [table[:4]], provenance={})
    frame = pd.read_hdf(tmp_path / "f.h5", key="table").assign(name="ein Jät")
    frame.index = pd.Index(list("äbcd"))
    for layout in ("table", "fixed"):
        frame.to_hdf(tmp_path / "g.h5", key="table", mode="w", format=layout)
        with JetFile(tmp_path / "g.h5") as file:
            found = file.frame()
        # The fixed format pickles columns of text, which are left in the file.
        expected = frame if layout == "table" else frame.drop(columns="name")
        pd.testing.assert_frame_equal(found, expected, check_column_type=False)


def test_a_text_that_is_not_there_is_nan_as_in_pandas(tmp_path: Path, table: JetTable) -> None:
    write_jets(tmp_path / "f.h5", [table[:4]], provenance={})
    frame = pd.read_hdf(tmp_path / "f.h5", key="table").assign(name=["a", None, "b", None])
    frame.to_hdf(tmp_path / "g.h5", key="table", format="table")
    with JetFile(tmp_path / "g.h5") as file:
        assert file.frame()["name"].isna().tolist() == [False, True, False, True]


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_dates_and_categories_are_left_out_and_named_but_never_called_numbers(
    tmp_path: Path, table: JetTable, layout: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_jets(tmp_path / "f.h5", [table[:4]], provenance={})
    others = {"day": pd.Timestamp("2026-04-01"), "took": pd.Timedelta("1s")}
    if layout == "table":
        others |= {"kind": pd.Categorical([10, 20, 10, 20])}
    frame = pd.read_hdf(tmp_path / "f.h5", key="table").assign(extra=2.5, **others)
    frame.to_hdf(tmp_path / "g.h5", key="table", format=layout)
    with JetFile(tmp_path / "g.h5") as file:
        assert file.columns == ("extra",)
        found = file.frame()
    pd.testing.assert_frame_equal(found, frame.drop(columns=list(others)), check_column_type=False)
    (record,) = caplog.records
    assert ", ".join(others) in record.getMessage()


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_labels_that_are_text_are_told(tmp_path: Path, table: JetTable, layout: str) -> None:
    write_jets(tmp_path / "f.h5", [table[:4]], provenance={})
    frame = pd.read_hdf(tmp_path / "f.h5", key="table").assign(is_signal_new="top")
    frame.to_hdf(tmp_path / "g.h5", key="table", format=layout)
    with pytest.raises(DataError, match="expected numbers in is_signal_new, which holds something"):
        JetFile(tmp_path / "g.h5")


def test_sound_frames_that_are_no_jet_file_are_not_called_damaged(
    tmp_path: Path, table: JetTable
) -> None:
    write_jets(tmp_path / "f.h5", [table[:4]], provenance={})
    frame = pd.read_hdf(tmp_path / "f.h5", key="table")
    rows = frame.set_index(pd.MultiIndex.from_product([[0, 1], [0, 1]]))
    for other, what in (
        (rows, "rows with an index of the kind 'multi'"),
        (rows.T, "columns with an index of the kind 'multi'"),
        (frame.iloc[:0], "no rows of numbers"),
    ):
        other.to_hdf(tmp_path / "g.h5", key="table", mode="w", format="fixed")
        with pytest.raises(DataError, match=f"is not a jet file: it has {what}"):
            JetFile(tmp_path / "g.h5")


def test_what_is_written_says_the_version_that_older_pandas_ask_for(
    tmp_path: Path, table: JetTable
) -> None:
    write_jets(tmp_path / "f.h5", [table[:4]], provenance={})
    for path in (tmp_path / "f.h5", *map(small_sample, SAMPLES)):
        with tables.open_file(path) as file:
            assert re.fullmatch(r"\d+\.\d+\.\d+", str(file.root.table._v_attrs.pandas_version))


@pytest.mark.parametrize(
    ("layout", "node", "attribute"),
    [
        ("table", "/table/table", "values_block_0_kind"),
        ("table", "/table", "non_index_axes"),
        ("table", "/table", "values_cols"),
        ("fixed", "/table", "nblocks"),
    ],
)
def test_a_description_that_is_wrong_or_gone_is_told_as_damage(
    tmp_path: Path, table: JetTable, layout: str, node: str, attribute: str
) -> None:
    path = tmp_path / "f.h5"
    for wrong in (None, 7, ["E_0"], "no such thing"):
        write_public_file(path, table[:5], layout=layout)
        with tables.open_file(path, "a") as file:
            attributes = file.get_node(node)._v_attrs
            del attributes[attribute]
            if wrong is not None:
                attributes[attribute] = wrong
        with pytest.raises(DataError, match=r"truncated or damaged|not a jet file"):
            JetFile(path)


def test_blocks_of_unequal_length_are_told_as_damage(tmp_path: Path, table: JetTable) -> None:
    write_public_file(tmp_path / "f.h5", table[:5], layout="fixed")
    with tables.open_file(tmp_path / "f.h5", "a") as file:
        file.remove_node("/table/block1_values")
        file.create_array("/table", "block1_values", obj=np.zeros((4, 2), np.int64))
    with pytest.raises(DataError, match="truncated or damaged"):
        JetFile(tmp_path / "f.h5")
