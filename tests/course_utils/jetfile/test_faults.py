"""Faults of a jet file: which it is, in plain words, and no advice to remove what may be sound."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import tables
from frames import frame_of_table

from course_utils.jetfile import (
    DataError,
    DataNotFound,
    DataUnavailable,
    JetFile,
    JetTable,
    write_jets,
)

if TYPE_CHECKING:
    from conftest import SomeJets


@pytest.fixture(scope="module")
def table(some_jets: SomeJets) -> JetTable:
    return some_jets(301)


@pytest.fixture(scope="module")
def path(table: JetTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jets") / "train.h5"
    write_jets(path, [table], provenance={"seed": 7})
    return path


# ---------------------------------------------------------------- perhaps sound, but out of reach


def test_a_file_that_another_process_writes_is_told_as_locked(path: Path) -> None:
    program = (
        "import sys, tables\n"
        "with tables.open_file(sys.argv[1], 'a'):\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(DataUnavailable, match="is locked: another process") as info:
            JetFile(path)
        writer.stdin.close()
    assert "--generate" not in str(info.value)
    with JetFile(path) as file:
        assert file.n_jets == 301


def test_a_file_that_this_process_writes_is_told_so(path: Path) -> None:
    with (
        pd.HDFStore(path),
        pytest.raises(DataUnavailable, match=r"open for writing in this Python process\. Close it"),
    ):
        JetFile(path)


def back_trace(*calls: str) -> tables.HDF5ExtError:
    """What PyTables raises, with the texts that HDF5 1.14 leaves."""
    error = tables.HDF5ExtError("Unable to open/create file")
    error.h5backtrace = [("H5FDsec2.c", 956, "H5FD__sec2_lock", call) for call in calls]
    return error


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        (
            [
                "unable to lock the file",
                "unable to lock file, errno = 37, error message = 'No locks available'",
            ],
            r"\(No locks available\): .* has no locks\. Set HDF5_USE_FILE_LOCKING=FALSE",
        ),
        (
            ["unable to lock file, errno = 38, error message = 'Function not implemented'"],
            "its file system has no locks",
        ),
        (
            [
                "file read failed: time = Fri, filename = 'f.h5', file descriptor = 5, "
                "errno = 5, error message = 'Input/output error', buf = 0x1, total read size = 8"
            ],
            r"cannot be read: Input/output error\. The file itself may be sound",
        ),
        (
            ["unable to open file: errno = 116, error message = 'Stale file handle'"],
            "cannot be read: Stale file handle",
        ),
        (
            ["required filter 'lz4' is not registered"],
            "compressed in a way that this PyTables cannot read",
        ),
    ],
)
def test_what_the_system_refuses_is_no_damage(
    path: Path, calls: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise back_trace("unable to open file", *calls)

    with monkeypatch.context() as patch:
        patch.setattr(tables, "open_file", refused)
        with pytest.raises(DataUnavailable, match=message) as info:
            JetFile(path)
    assert "--generate" not in str(info.value)
    with JetFile(path) as file:  # and while it is read
        monkeypatch.setattr(tables.Table, "read", refused)
        with pytest.raises(DataUnavailable, match=message):
            file.read()


def test_a_file_without_permission_is_no_damage(tmp_path: Path, path: Path) -> None:
    (tmp_path / "f.h5").write_bytes(path.read_bytes())
    (tmp_path / "f.h5").chmod(0)
    if os.access(tmp_path / "f.h5", os.R_OK):
        pytest.skip("this account may read everything")
    with pytest.raises(DataUnavailable, match="Permission denied"):
        JetFile(tmp_path / "f.h5")


# ---------------------------------------------------------------- wrong or damaged


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"\./data_download\.sh --generate top_tagging"):
        JetFile(tmp_path / "train.h5")


def test_a_path_through_a_file_is_missing_too(path: Path) -> None:
    with pytest.raises(DataNotFound, match="is not there"):
        JetFile(path / "train.h5")


def test_a_folder_is_no_jet_file(tmp_path: Path, some_jets: SomeJets) -> None:
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
    assert "--generate top_tagging --force" in str(info.value)
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


def test_another_kind_of_pandas_object_is_told(tmp_path: Path, table: JetTable) -> None:
    frame_of_table(table)["E_0"].to_hdf(tmp_path / "f.h5", key="table", format="fixed")
    with pytest.raises(DataError, match="got series; keys in the file: table"):
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
