"""The jet file: the same as pandas reads, whole or not there at all, and plain words for faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.jetfile import (
    N_CONSTITUENTS,
    DataError,
    DataNotFound,
    JetFile,
    JetTable,
    write_jets,
)

COLUMNS = [f"{name}_{i}" for i in range(200) for name in ("E", "PX", "PY", "PZ")]
COLUMNS += ["truthE", "truthPX", "truthPY", "truthPZ", "ttv", "is_signal_new"]
BYTES_PER_JET = 4 * (800 + 4) + 2


def some_jets(n_jets: int, seed: int = 0) -> JetTable:
    """Random massless constituents, sorted by falling pt, padded with zero rows."""
    rng = np.random.default_rng(seed)
    pt = -np.sort(-rng.exponential(20, (n_jets, N_CONSTITUENTS)), axis=1)
    pt[np.arange(N_CONSTITUENTS) >= rng.integers(10, 80, n_jets)[:, None]] = 0
    eta, phi = rng.normal(0, 0.5, pt.shape), rng.uniform(-np.pi, np.pi, pt.shape)
    jets = np.stack([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], -1)
    y_true = rng.integers(0, 2, n_jets).astype(np.int8)
    truth = rng.normal(600, 20, (n_jets, 4)).astype(np.float32) * y_true[:, None]
    ttv = rng.integers(0, 3, n_jets).astype(np.int8)
    return JetTable(jets.astype(np.float32), truth, y_true, ttv)


def assert_same_jets(left: JetTable, right: JetTable) -> None:
    for name in ("jets", "truth", "y_true", "ttv"):
        a, b = getattr(left, name), getattr(right, name)
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=name)


def table_of_frame(frame: pd.DataFrame) -> JetTable:
    """What the columns of the public format mean, written down a second time."""
    values = frame[COLUMNS[:804]].to_numpy(np.float32)
    return JetTable(
        values[:, :800].reshape(-1, 200, 4),
        values[:, 800:],
        frame["is_signal_new"].to_numpy(np.int8),
        frame["ttv"].to_numpy(np.int8),
    )


def frame_of_table(table: JetTable, dtype: type = np.float32) -> pd.DataFrame:
    momenta = np.concatenate([table.jets.reshape(-1, 800), table.truth], axis=1).astype(dtype)
    frame = pd.DataFrame(momenta, columns=COLUMNS[:804])
    labels = pd.DataFrame({"ttv": table.ttv, "is_signal_new": table.y_true}, dtype=np.int64)
    return pd.concat([frame, labels], axis=1)


@pytest.fixture(scope="module")
def table() -> JetTable:
    return some_jets(301)


@pytest.fixture(scope="module")
def path(table: JetTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jets") / "train.h5"
    write_jets(path, [table[:100], table[100:101], table[101:]], provenance={"seed": 7})
    return path


# ---------------------------------------------------------------- the format


def test_what_is_written_is_read_back_bit_for_bit(path: Path, table: JetTable) -> None:
    with JetFile(path) as file:
        assert file.n_jets == len(table) == 301
        assert_same_jets(file.read(), table)


def test_pandas_reads_the_columns_types_and_index_of_the_public_files(
    path: Path, table: JetTable
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


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    start=st.integers(-400, 400),
    stop=st.none() | st.integers(-400, 400),
)
def test_a_range_of_jets_is_what_a_slice_of_all_jets_is(
    path: Path, table: JetTable, start: int, stop: int | None
) -> None:
    with JetFile(path) as file:
        assert_same_jets(file.read(start, stop), table[start:stop])
        assert len(file.frame(start, stop)) == len(table[start:stop])


def test_reading_in_small_pieces_changes_nothing(
    path: Path, table: JetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course_utils.jetfile._ROWS_AT_ONCE", 13)
    with JetFile(path) as file:
        assert_same_jets(file.read(5, 250), table[5:250])


def test_batches_follow_each_other_through_the_whole_file(path: Path, table: JetTable) -> None:
    with JetFile(path) as file:
        batches = list(file.batches(120))
    assert [len(batch) for batch in batches] == [120, 120, 61]
    for i, batch in enumerate(batches):
        assert_same_jets(batch, table[120 * i : 120 * (i + 1)])


def test_a_batch_holds_at_least_one_jet(path: Path) -> None:
    with JetFile(path) as file, pytest.raises(ValueError, match="at least one jet; got size 0"):
        next(file.batches(0))


def test_arrays_are_contiguous_and_writeable(path: Path) -> None:
    with JetFile(path) as file:
        table = file.read(3, 9)
    for array in (table.jets, table.truth, table.y_true, table.ttv):
        assert array.flags.c_contiguous
        assert array.flags.writeable


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_file_as_pandas_writes_it_is_read_the_same_way(
    tmp_path: Path, table: JetTable, dtype: type
) -> None:
    frame = frame_of_table(table, dtype).set_index(np.arange(301)[::-1] * 3)
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table", complib="zlib", complevel=1)
    with JetFile(tmp_path / "f.h5") as file:
        assert_same_jets(file.read(7, 200), table[7:200])
        pd.testing.assert_frame_equal(file.frame(7, 200), frame.iloc[7:200])


def test_columns_are_found_by_name_not_by_place(tmp_path: Path, table: JetTable) -> None:
    shuffled = np.random.default_rng(1).permutation(COLUMNS)
    frame = frame_of_table(table)[list(shuffled)].assign(extra=1.5)
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table", data_columns=["is_signal_new"])
    with JetFile(tmp_path / "f.h5") as file:
        assert_same_jets(file.read(), table)


def test_padding_costs_next_to_nothing(tmp_path: Path, table: JetTable) -> None:
    empty = JetTable(np.zeros_like(table.jets), table.truth * 0, table.y_true * 0, table.ttv * 0)
    write_jets(tmp_path / "a.h5", [table], provenance={})
    write_jets(tmp_path / "b.h5", [table, empty, empty], provenance={})
    added = (tmp_path / "b.h5").stat().st_size - (tmp_path / "a.h5").stat().st_size
    assert added < 0.01 * 2 * len(empty) * BYTES_PER_JET


# ---------------------------------------------------------------- provenance


def test_provenance_comes_back_as_it_was_and_fits_into_json(tmp_path: Path) -> None:
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
def test_a_provenance_key_is_a_plain_name(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="provenance key"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={key: 1})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**64, "a\0b", "x" * 70_000])
def test_a_provenance_value_fits_into_json_and_hdf5(tmp_path: Path, value: object) -> None:
    with pytest.raises(ValueError, match="Expected provenance 'seed'"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={"seed": value})


@pytest.mark.parametrize("value", [None, [1], b"x", {"a": 1}])
def test_a_provenance_value_is_a_number_or_text(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match="to be str, int or float; got"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={"seed": value})


# ---------------------------------------------------------------- faults of a file


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"\./data_download\.sh --generate top_tagging"):
        JetFile(tmp_path / "train.h5")


def test_a_path_through_a_file_is_missing_too(path: Path) -> None:
    with pytest.raises(DataNotFound, match="is not there"):
        JetFile(path / "train.h5")


def test_a_folder_is_no_jet_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        JetFile(tmp_path)
    with pytest.raises(DataError, match="is a folder"):
        write_jets(tmp_path, [some_jets(1)], provenance={})


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", r"an empty file \(0 bytes\)"),
        (b"<!DOCTYPE html><html><title>503</title>", "a web page"),
        (b"\xef\xbb\xbf \r\n<html>", "a web page"),
        (b"PK\x03\x04 a zip archive", r"starts with b'PK"),
        (b"\x89HD", "starts with"),
    ],
)
def test_what_is_not_hdf5_is_told_by_its_first_bytes(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (tmp_path / "train.h5").write_bytes(content)
    with pytest.raises(DataError, match=what) as info:
        JetFile(tmp_path / "train.h5")
    assert "Remove it" in str(info.value)
    assert not isinstance(info.value, DataNotFound)


@pytest.mark.parametrize("kept", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_file_is_told_and_not_held_open(
    tmp_path: Path, path: Path, kept: float
) -> None:
    whole = path.read_bytes()
    (tmp_path / "f.h5").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DataError, match="truncated or damaged"):
        JetFile(tmp_path / "f.h5")
    assert not list(tables.file._open_files.get_handlers_by_name(str(tmp_path / "f.h5")))


def test_damage_in_the_middle_is_told_when_those_jets_are_read(tmp_path: Path, path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 2
    damaged[middle] ^= 1
    (tmp_path / "f.h5").write_bytes(damaged)
    with (
        JetFile(tmp_path / "f.h5") as file,
        pytest.raises(DataError, match="truncated or damaged"),
    ):
        file.read()


def test_missing_columns_are_named(tmp_path: Path, table: JetTable) -> None:
    frame = frame_of_table(table).drop(columns=["PX_3", "is_signal_new"])
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table")
    with pytest.raises(DataError, match="missing 2 of them, first PX_3, is_signal_new"):
        JetFile(tmp_path / "f.h5")


def test_another_key_is_told_with_the_keys_there_are(tmp_path: Path, table: JetTable) -> None:
    frame_of_table(table).to_hdf(tmp_path / "f.h5", key="jets", format="table")
    with pytest.raises(DataError, match="got no such key; keys in the file: jets"):
        JetFile(tmp_path / "f.h5")


def test_a_frame_in_the_fixed_format_is_told(tmp_path: Path, table: JetTable) -> None:
    frame_of_table(table).to_hdf(tmp_path / "f.h5", key="table", format="fixed")
    with pytest.raises(DataError, match="got frame; keys in the file: table"):
        JetFile(tmp_path / "f.h5")


def test_an_array_under_the_key_is_no_table(tmp_path: Path) -> None:
    with tables.open_file(tmp_path / "f.h5", "w") as file:
        file.create_array("/", "table", np.zeros(3))
    with pytest.raises(DataError, match="got nothing pandas wrote"):
        JetFile(tmp_path / "f.h5")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("is_signal_new", 2, r"is_signal_new to be one of \(0, 1\) in .*f.h5; got 2"),
        ("is_signal_new", -1, "is_signal_new to be one of"),
        ("is_signal_new", 256, "is_signal_new to be one of"),
        ("is_signal_new", 0.5, "is_signal_new to be one of"),
        ("is_signal_new", np.nan, "is_signal_new to be one of"),
        ("ttv", 3, r"ttv to be one of \(0, 1, 2\)"),
        ("PX_5", np.nan, "finite momenta in .*first in row 17"),
        ("truthE", 1e300, "finite momenta"),
    ],
)
def test_values_that_no_jet_has_are_refused(
    tmp_path: Path, table: JetTable, column: str, value: float, message: str
) -> None:
    frame = frame_of_table(table, np.float64)
    frame[column] = frame[column].astype(np.float64)
    frame.loc[17, column] = value
    frame.to_hdf(tmp_path / "f.h5", key="table", format="table")
    with JetFile(tmp_path / "f.h5") as file, pytest.raises(DataError, match=message):
        file.read()


# ---------------------------------------------------------------- faults of what is written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jets": np.zeros((5, 100, 4))}, r"jets of shape \(5, 200, 4\); got \(5, 100, 4\)"),
        ({"truth": np.zeros((4, 4))}, r"truth of shape \(5, 4\); got \(4, 4\)"),
        ({"y_true": np.zeros((5, 1))}, r"y_true of shape \(5,\); got \(5, 1\)"),
        ({"ttv": np.zeros(6)}, r"ttv of shape \(5,\); got \(6,\)"),
        ({"jets": np.full((5, 200, 4), np.inf)}, "finite momenta in the jets to write"),
        ({"truth": np.full((5, 4), 1e300)}, "finite momenta in the jets to write"),
        ({"y_true": np.full(5, 2)}, r"y_true to be one of \(0, 1\)"),
        ({"ttv": np.full(5, -1)}, r"ttv to be one of \(0, 1, 2\)"),
    ],
)
def test_unsound_jets_are_not_written(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    sound = some_jets(5)
    parts = {n: getattr(sound, n) for n in ("jets", "truth", "y_true", "ttv")} | change
    with pytest.raises(DataError, match=message):
        write_jets(tmp_path / "f.h5", [sound, JetTable(**parts)], provenance={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chunks", [[], [some_jets(0)]])
def test_a_file_without_jets_is_not_written(tmp_path: Path, chunks: list[JetTable]) -> None:
    with pytest.raises(DataError, match="at least one jet"):
        write_jets(tmp_path / "f.h5", chunks, provenance={})
    assert list(tmp_path.iterdir()) == []


def test_empty_tables_between_others_do_no_harm(tmp_path: Path) -> None:
    table = some_jets(4)
    assert write_jets(tmp_path / "f.h5", [table[:0], table, table[:0]], provenance={}) == 4
    with JetFile(tmp_path / "f.h5") as file:
        assert_same_jets(file.read(), table)


# ---------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_source_that_breaks_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write_jets(tmp_path / "f.h5", [some_jets(3, seed=1)], provenance={})

    def broken() -> Iterator[JetTable]:
        yield some_jets(50)
        raise error("in the middle")

    with pytest.raises(error, match="in the middle"):
        write_jets(tmp_path / "f.h5", broken(), provenance={})
    assert [p.name for p in tmp_path.iterdir()] == ["f.h5"]
    with JetFile(tmp_path / "f.h5") as file:
        assert_same_jets(file.read(), some_jets(3, seed=1))


def test_the_final_name_appears_only_when_the_file_is_whole(tmp_path: Path) -> None:
    seen = []

    def watching() -> Iterator[JetTable]:
        for _ in range(3):
            yield some_jets(5)
            seen.append((tmp_path / "f.h5").exists())

    write_jets(tmp_path / "f.h5", watching(), provenance={})
    assert seen == [False, False, False]
    assert [p.name for p in tmp_path.iterdir()] == ["f.h5"]


def test_a_killed_writer_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    program = (
        "import sys, time, numpy as np\n"
        "from course_utils.jetfile import JetTable, write_jets\n"
        "def slow():\n"
        "    yield JetTable(np.zeros((9, 200, 4)), np.zeros((9, 4)), np.zeros(9), np.zeros(9))\n"
        "    print('half', flush=True)\n"
        "    time.sleep(60)\n"
        "write_jets(sys.argv[1], slow(), provenance={})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "f.h5")], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert not (tmp_path / "f.h5").exists()
    write_jets(tmp_path / "f.h5", [some_jets(2)], provenance={})  # and the next run is not hindered
    with JetFile(tmp_path / "f.h5") as file:
        assert file.n_jets == 2


def test_others_may_read_a_file_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={})
    finally:
        os.umask(before)
    assert (tmp_path / "f.h5").stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise tables.HDF5ExtError("Problems appending the records.")

    monkeypatch.setattr(tables.Table, "append", refuse)
    with pytest.raises(DataError, match="Is the disk full"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={})
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- memory


def peak_bytes(work: object) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_writing_does_not_grow_with_the_number_of_jets(tmp_path: Path) -> None:
    table = some_jets(200)

    def write(n_tables: int) -> int:
        chunks = (table for _ in range(n_tables))
        return peak_bytes(lambda: write_jets(tmp_path / "f.h5", chunks, provenance={}))

    write(1)
    assert write(20) < write(2) + 2 * len(table) * BYTES_PER_JET


def test_memory_of_reading_goes_with_the_range_not_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course_utils.jetfile._ROWS_AT_ONCE", 100)
    table = some_jets(500)
    write_jets(tmp_path / "f.h5", [table] * 8, provenance={})
    with JetFile(tmp_path / "f.h5") as file:
        file.read(0, 10)
        step = 100 * BYTES_PER_JET
        assert peak_bytes(lambda: file.read(0, 100)) < 5 * step
        assert peak_bytes(lambda: file.read(0, 3000)) < 30 * step + 5 * step

        def stream() -> None:
            for _ in file.batches(100):
                pass

        assert peak_bytes(stream) < 8 * step


def test_two_readers_of_one_file_do_not_close_it_for_each_other(path: Path) -> None:
    with JetFile(path) as one, JetFile(path) as two:
        one.close()
        assert len(two.read(0, 3)) == 3
