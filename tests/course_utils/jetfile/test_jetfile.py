"""Reading a jet file: the same as pandas reads, and plain words for faults."""

from __future__ import annotations

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import tables
from frames import COLUMNS, frame_of_table, table_of_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.jetfile import DataError, JetFile, JetTable, write_jets

if TYPE_CHECKING:
    from conftest import AssertSame, SomeJets


@pytest.fixture(scope="module")
def table(some_jets: SomeJets) -> JetTable:
    return some_jets(301)


@pytest.fixture(scope="module")
def path(table: JetTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jets") / "train.h5"
    write_jets(path, [table[:100], table[100:101], table[101:]], provenance={"seed": 7})
    return path


# ---------------------------------------------------------------- the format


def test_what_is_written_is_read_back_bit_for_bit(
    path: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    with JetFile(path) as file:
        assert file.n_jets == len(table) == 301
        assert_same_jets(file.read(), table)


def test_pandas_reads_the_columns_types_and_index_of_the_public_files(
    path: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    frame = pd.read_hdf(path, key="table")
    assert list(frame.columns) == COLUMNS
    assert frame.dtypes.iloc[:804].eq("float32").all()
    assert frame.dtypes.iloc[804:].eq("int64").all()
    assert frame.index.tolist() == list(range(301))
    assert_same_jets(table_of_frame(frame), table)


def test_the_table_on_disk_is_one_float32_block_of_804_and_one_int64_block_of_2(path: Path) -> None:
    with tables.open_file(path) as file:
        node = file.root.table.table
        assert node.dtype["values_block_0"] == np.dtype(("<f4", (804,)))
        assert node.dtype["values_block_1"] == np.dtype(("<i8", (2,)))
        assert file.root.table._v_attrs.pandas_type == "frame_table"


def test_the_frame_is_the_one_pandas_reads(path: Path) -> None:
    with JetFile(path) as file:
        pd.testing.assert_frame_equal(file.frame(), pd.read_hdf(path, key="table"))
        pd.testing.assert_frame_equal(
            file.frame(40, 90), pd.read_hdf(path, key="table", start=40, stop=90)
        )


@settings(max_examples=40)
@given(
    start=st.integers(-400, 400),
    stop=st.none() | st.integers(-400, 400),
)
def test_a_range_of_jets_is_what_a_slice_of_all_jets_is(
    path: Path, table: JetTable, start: int, stop: int | None, assert_same_jets: AssertSame
) -> None:
    with JetFile(path) as file:
        assert_same_jets(file.read(start, stop), table[start:stop])
        assert len(file.frame(start, stop)) == len(table[start:stop])


def test_reading_in_small_pieces_changes_nothing(
    path: Path, table: JetTable, monkeypatch: pytest.MonkeyPatch, assert_same_jets: AssertSame
) -> None:
    monkeypatch.setattr("course_utils.jetfile.reader._ROWS_AT_ONCE", 13)
    with JetFile(path) as file:
        assert_same_jets(file.read(5, 250), table[5:250])


@settings(max_examples=40)
@given(rows=st.lists(st.integers(-301, 300), max_size=40))
def test_rows_in_any_order_are_those_of_an_index_array(
    path: Path, table: JetTable, rows: list[int], assert_same_jets: AssertSame
) -> None:
    with JetFile(path) as file:
        assert_same_jets(file.read_rows(rows), table[np.array(rows, int)])


@pytest.mark.parametrize("rows", [[301], [0, -302]])
def test_rows_outside_the_file_are_refused(path: Path, rows: list[int]) -> None:
    with JetFile(path) as file, pytest.raises(IndexError, match=r"rows of 301 jets; got row -?30"):
        file.read_rows(rows)


@pytest.mark.parametrize("rows", [[0.5], [[1, 2]], 3, "all", [True, False]])
def test_what_is_no_list_of_row_numbers_is_refused(path: Path, rows: object) -> None:
    with JetFile(path) as file, pytest.raises(IndexError, match="Expected row numbers"):
        file.read_rows(rows)


@pytest.mark.parametrize(("start", "stop"), [(0, None), (17, 203), (-5, None), (9, 3)])
def test_columns_are_those_of_the_frame(path: Path, start: int, stop: int | None) -> None:
    names = ["PX_199", "E_0", "truthPZ", "ttv", "is_signal_new"]
    with JetFile(path) as file:
        frame, columns = file.frame(start, stop), file.read_columns(names, start, stop)
    assert list(columns) == names
    for name in names:
        assert columns[name].dtype == frame[name].dtype
        np.testing.assert_array_equal(columns[name], frame[name])


def test_an_unknown_column_is_told_with_the_known_ones(path: Path) -> None:
    with JetFile(path) as file, pytest.raises(ValueError, match=r"no mass. There are E_0, .* ttv"):
        file.read_columns(["mass", "E_0"])


def test_columns_need_no_memory_for_the_others(
    tmp_path: Path, some_jets: SomeJets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course_utils.jetfile.reader._ROWS_AT_ONCE", 50)
    write_jets(tmp_path / "f.h5", (some_jets(500) for _ in range(4)), provenance={})  # 6.4 MB
    with JetFile(tmp_path / "f.h5") as file:
        file.read_columns(["ttv"], 0, 10)
        tracemalloc.start()
        file.read_columns(["E_0", "ttv"])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1e6


def test_batches_follow_each_other_through_the_whole_file(
    path: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    with JetFile(path) as file:
        batches = list(file.batches(120))
    assert [len(batch) for batch in batches] == [120, 120, 61]
    for i, batch in enumerate(batches):
        assert_same_jets(batch, table[120 * i : 120 * (i + 1)])


def test_a_number_that_is_not_finite_is_told_with_its_row_in_the_file(
    tmp_path: Path, table: JetTable
) -> None:
    frame = frame_of_table(table)
    frame.loc[217, "PX_5"] = np.nan
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table")
    with JetFile(tmp_path / "f.h5") as file:
        for read in (
            lambda: file.read(100),
            lambda: file.read_rows([4, 217]),
            lambda: [block() for block in file.blocks(50)],
        ):
            with pytest.raises(DataError, match="first in row 217"):
                read()


def test_blocks_are_batches_that_another_thread_may_finish(
    path: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    with JetFile(path) as file:
        blocks = list(file.blocks(120))
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda block: block(), blocks))
    for i, batch in enumerate(done):
        assert_same_jets(batch, table[120 * i : 120 * (i + 1)])


def test_a_batch_holds_at_least_one_jet(path: Path) -> None:
    with JetFile(path) as file, pytest.raises(ValueError, match="at least one jet; got size 0"):
        next(file.batches(0))
    with JetFile(path) as file, pytest.raises(ValueError, match="at least one jet; got size 0"):
        next(file.blocks(0))


def test_a_closed_file_says_so(path: Path) -> None:
    with JetFile(path) as file:
        pass
    with pytest.raises(ValueError, match=r"train\.h5 was closed: read inside the with statement"):
        file.read()


def test_arrays_are_contiguous_and_writeable(path: Path) -> None:
    with JetFile(path) as file:
        table = file.read(3, 9)
    for array in (table.jets, table.truth, table.y_true, table.ttv):
        assert array.flags.c_contiguous
        assert array.flags.writeable


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_file_as_pandas_writes_it_is_read_the_same_way(
    tmp_path: Path, table: JetTable, dtype: type, assert_same_jets: AssertSame
) -> None:
    frame = frame_of_table(table, dtype).set_index(np.arange(301)[::-1] * 3)
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table", complib="zlib", complevel=1)
    with JetFile(tmp_path / "f.h5") as file:
        assert_same_jets(file.read(7, 200), table[7:200])
        pd.testing.assert_frame_equal(file.frame(7, 200), frame.iloc[7:200])


def test_columns_are_found_by_name_not_by_place(
    tmp_path: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    shuffled = np.random.default_rng(1).permutation(COLUMNS)
    frame = frame_of_table(table)[list(shuffled)].assign(extra=1.5)
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table", data_columns=["is_signal_new"])
    with JetFile(tmp_path / "f.h5") as file:
        found = file.read()
    assert_same_jets(replace(found, columns={}), table)
    np.testing.assert_array_equal(found.columns["extra"], np.full(len(table), 1.5, np.float32))


def test_two_readers_of_one_file_do_not_close_it_for_each_other(path: Path) -> None:
    with JetFile(path) as one, JetFile(path) as two:
        one.close()
        assert len(two.read(0, 3)) == 3


# ---------------------------------------------------------------- provenance


def test_provenance_comes_back_as_it_was_and_fits_into_json(
    tmp_path: Path, some_jets: SomeJets
) -> None:
    given = {"process": "tt̄ → hadrons.", "empty": "", "like_a_pickle": "I1\n.", "seed": 2**62}
    given |= {"pt_min": 550.0, "n_tried": np.int64(12), "fraction": np.float32(0.5)}
    write_jets(tmp_path / "f.h5", [some_jets(1)], provenance=given)
    with JetFile(tmp_path / "f.h5") as file:
        assert file.provenance == given
        assert json.loads(json.dumps(file.provenance)) == given


def test_a_file_written_by_pandas_has_no_provenance(tmp_path: Path, table: JetTable) -> None:
    frame_of_table(table).to_hdf(tmp_path / "f.h5", key="table", format="table")
    with JetFile(tmp_path / "f.h5") as file:
        assert file.provenance == {}


@pytest.mark.parametrize("key", ["two words", "class", "_v_file", "TITLE", "", "1st"])
def test_a_provenance_key_is_a_plain_name(tmp_path: Path, key: str, some_jets: SomeJets) -> None:
    with pytest.raises(ValueError, match="provenance key"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={key: 1})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**64, "a\0b", "x" * 70_000])
def test_a_provenance_value_fits_into_json_and_hdf5(
    tmp_path: Path, value: object, some_jets: SomeJets
) -> None:
    with pytest.raises(ValueError, match="Expected provenance 'seed'"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={"seed": value})


@pytest.mark.parametrize("value", [None, [1], b"x", {"a": 1}])
def test_a_provenance_value_is_a_number_or_text(
    tmp_path: Path, value: object, some_jets: SomeJets
) -> None:
    with pytest.raises(TypeError, match="to be str, int or float; got"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={"seed": value})
