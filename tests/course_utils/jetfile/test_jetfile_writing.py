"""Writing a jet file: sound jets only, whole or not at all, in no more memory than it takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tables

from course_utils.jetfile import DataError, JetFile, JetTable, write_jets

if TYPE_CHECKING:
    from conftest import AssertSame, SomeJets

BYTES_PER_JET = 4 * (800 + 4) + 2


# ---------------------------------------------------------------- faults of what is written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jets": np.zeros((5, 100, 4))}, "table with 200 constituents .* one has 100"),
        ({"jets": np.zeros((5, 200, 3))}, r"jets of shape \(5, 200, 4\); got \(5, 200, 3\)"),
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
    tmp_path: Path, change: dict[str, np.ndarray], message: str, some_jets: SomeJets
) -> None:
    sound = some_jets(5)
    parts = {n: getattr(sound, n) for n in ("jets", "truth", "y_true", "ttv")} | change
    with pytest.raises(DataError, match=message):
        write_jets(tmp_path / "f.h5", [sound, JetTable(**parts)], provenance={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_tables", [0, 1])
def test_a_file_without_jets_is_not_written(
    tmp_path: Path, n_tables: int, some_jets: SomeJets
) -> None:
    with pytest.raises(DataError, match="at least one jet"):
        write_jets(tmp_path / "f.h5", [some_jets(0)] * n_tables, provenance={})
    assert list(tmp_path.iterdir()) == []


def test_empty_tables_between_others_do_no_harm(
    tmp_path: Path, some_jets: SomeJets, assert_same_jets: AssertSame
) -> None:
    table = some_jets(4)
    assert write_jets(tmp_path / "f.h5", [table[:0], table, table[:0]], provenance={}) == 4
    with JetFile(tmp_path / "f.h5") as file:
        assert_same_jets(file.read(), table)


# ---------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_source_that_breaks_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException], some_jets: SomeJets, assert_same_jets: AssertSame
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


def test_the_final_name_appears_only_when_the_file_is_whole(
    tmp_path: Path, some_jets: SomeJets
) -> None:
    seen = []

    def watching() -> Iterator[JetTable]:
        for _ in range(3):
            yield some_jets(5)
            seen.append((tmp_path / "f.h5").exists())

    write_jets(tmp_path / "f.h5", watching(), provenance={})
    assert seen == [False, False, False]
    assert [p.name for p in tmp_path.iterdir()] == ["f.h5"]


def test_a_killed_writer_leaves_nothing_under_the_final_name(
    tmp_path: Path, some_jets: SomeJets
) -> None:
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


def test_others_may_read_a_file_as_the_umask_says(tmp_path: Path, some_jets: SomeJets) -> None:
    before = os.umask(0o022)
    try:
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={})
    finally:
        os.umask(before)
    assert (tmp_path / "f.h5").stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some_jets: SomeJets
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise tables.HDF5ExtError("Problems appending the records.")

    monkeypatch.setattr(tables.Table, "append", refuse)
    with pytest.raises(DataError, match="Is the disk full"):
        write_jets(tmp_path / "f.h5", [some_jets(1)], provenance={})
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- memory and disk


def test_padding_costs_next_to_nothing(tmp_path: Path, some_jets: SomeJets) -> None:
    table = some_jets(301)
    empty = JetTable(np.zeros_like(table.jets), table.truth * 0, table.y_true * 0, table.ttv * 0)
    write_jets(tmp_path / "a.h5", [table], provenance={})
    write_jets(tmp_path / "b.h5", [table, empty, empty], provenance={})
    added = (tmp_path / "b.h5").stat().st_size - (tmp_path / "a.h5").stat().st_size
    assert added < 0.01 * 2 * len(empty) * BYTES_PER_JET


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_writing_does_not_grow_with_the_number_of_jets(
    tmp_path: Path, some_jets: SomeJets
) -> None:
    table = some_jets(200)

    def write(n_tables: int) -> int:
        chunks = (table for _ in range(n_tables))
        return peak_bytes(lambda: write_jets(tmp_path / "f.h5", chunks, provenance={}))

    write(1)
    assert write(20) < write(2) + 2 * len(table) * BYTES_PER_JET


def test_memory_of_reading_goes_with_the_range_not_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some_jets: SomeJets
) -> None:
    monkeypatch.setattr("course_utils.jetfile.reader._ROWS_AT_ONCE", 100)
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


def test_a_file_says_how_many_constituents_its_jets_have(
    tmp_path: Path, some_jets: SomeJets, assert_same_jets: AssertSame
) -> None:
    table = some_jets(9)
    few = replace(table, jets=table.jets[:, :12])
    write_jets(tmp_path / "f.h5", [few], provenance={})
    with JetFile(tmp_path / "f.h5") as file:
        assert file.n_constituents == 12
        assert file.frame().shape[1] == 4 * 12 + 6
        assert_same_jets(file.read(), few)
        assert_same_jets(file.read_rows([3, 1]), few[[3, 1]])
