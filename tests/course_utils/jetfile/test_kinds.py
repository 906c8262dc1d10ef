"""A column with a number for each constituent: stored as many, read as one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from course_utils.jetfile import DataError, JetFile, JetTable, write_jets

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import AssertSame, SomeJets

N_OBJECTS = 12


@pytest.fixture
def table(some_jets: SomeJets) -> JetTable:
    """90 rows: more than one chunk of the file."""
    jets = some_jets(90)
    kinds = np.random.default_rng(0).integers(0, 6, (90, N_OBJECTS)).astype(np.int32)
    number = np.arange(90, dtype=np.int32)
    return replace(jets, jets=jets.jets[:, :N_OBJECTS], columns={"file": number, "kind": kinds})


@pytest.fixture
def path(tmp_path: Path, table: JetTable) -> Path:
    write_jets(tmp_path / "f.h5", [table[:30], table[30:]], provenance={})
    return tmp_path / "f.h5"


def test_kinds_come_back_in_every_way_of_reading(
    path: Path, table: JetTable, assert_same_jets: AssertSame
) -> None:
    rows = [80, 3, 3, -1]
    with JetFile(path) as file:
        assert file.columns == ("file", "kind")
        assert_same_jets(file.read(), table)
        assert_same_jets(file.read(20, 45), table[20:45])
        assert_same_jets(file.read_rows(rows), table[rows])
        blocks = [block() for block in file.blocks(40)]
        assert_same_jets(blocks[1], table[40:80])


def test_a_data_frame_shows_a_column_for_each_constituent(path: Path, table: JetTable) -> None:
    with JetFile(path) as file:
        frame = file.frame()
        few = file.read_columns(["kind_11", "file"], 5, 9)
    assert list(frame.columns[-13:]) == ["file", *(f"kind_{i}" for i in range(N_OBJECTS))]
    np.testing.assert_array_equal(frame["kind_7"], table.columns["kind"][:, 7])
    np.testing.assert_array_equal(few["kind_11"], table.columns["kind"][5:9, 11])


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (np.zeros((90, 3)), r"kind of shape \(90, 12\); got \(90, 3\)"),
        (np.zeros(90), r"kind of shape \(90, 12\); got \(90,\)"),
        (np.full((90, N_OBJECTS), -1), "kind as whole numbers of at least 0"),
        (np.full((90, N_OBJECTS), 0.5), "kind as whole numbers of at least 0"),
    ],
)
def test_other_kinds_are_not_written(
    tmp_path: Path, table: JetTable, kinds: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write_jets(tmp_path / "f.h5", [replace(table, columns={"kind": kinds})], provenance={})
    assert list(tmp_path.iterdir()) == []


def test_the_smallest_file_holds_the_same(
    tmp_path: Path, some_jets: SomeJets, assert_same_jets: AssertSame
) -> None:
    """Padded rows of rounded momenta, as in the package."""
    table = some_jets(200)
    rounded = (table.jets.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    table = replace(table, jets=rounded)
    size = {}
    for smallest in (True, False):
        path = tmp_path / f"{smallest}.h5"
        write_jets(path, [table], provenance={}, smallest=smallest)
        size[smallest] = path.stat().st_size
        with JetFile(path) as file:
            assert_same_jets(file.read(), table)
    assert size[True] < 0.9 * size[False]


def test_too_few_kinds_are_columns_of_their_own(tmp_path: Path, some_jets: SomeJets) -> None:
    """A file of somebody else that happens to have a column of that name."""
    table = replace(some_jets(4), columns={"kind_0": np.arange(4)})
    write_jets(tmp_path / "f.h5", [table], provenance={})
    with JetFile(tmp_path / "f.h5") as file:
        assert file.columns == ("kind_0",)
        np.testing.assert_array_equal(file.read().columns["kind_0"], np.arange(4))
