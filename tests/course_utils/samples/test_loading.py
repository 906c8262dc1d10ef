"""Where jets are found and how they are loaded, or one sentence on what to do."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from course_utils import samples
from course_utils.jetfile import DataError, DataNotFound, JetFile
from course_utils.samples import (
    count_jets,
    find,
    load_frame,
    load_jets,
    stream_jets,
)

if TYPE_CHECKING:
    from conftest import Places

GENERATE = "./data_download.sh --generate top_tagging"

pytestmark = pytest.mark.usefixtures("places")


# ---------------------------------------------------------------- finding


def test_samples_are_looked_for_in_jet_data_then_checkout_then_cache(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JET_DATA", str(places.environment))
    places.put_small()
    small = find("top_tagging", "train")
    assert small == places.package / "top_tagging_small.h5"
    for root in (places.cache, places.checkout / "data", places.environment):
        path = places.put(root, "train", 2)
        assert find("top_tagging", "train") == path
    monkeypatch.delenv("JET_DATA")
    assert find("top_tagging", "train").is_relative_to(places.checkout)


def test_new_samples_go_to_jet_data_then_checkout_then_cache(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JET_DATA", str(places.environment))
    assert samples.data_root() == places.environment
    monkeypatch.setenv("JET_DATA", "")
    assert samples.data_root() == places.checkout / "data"
    (places.checkout / "pyproject.toml").unlink()
    assert samples.data_root() == places.cache


def test_the_splits_of_a_sample_never_come_from_two_places(places: Places) -> None:
    places.put(places.checkout / "data", "train", 2)
    places.put(places.cache, "test", 2)
    places.put_small()
    with pytest.raises(DataNotFound, match=re.escape(f"{GENERATE} --split test")):
        find("top_tagging", "test")


def test_nothing_anywhere_names_the_command() -> None:
    with pytest.raises(DataNotFound, match=re.escape(GENERATE)):
        load_jets()
    with pytest.raises(DataNotFound, match=re.escape(GENERATE)):
        stream_jets("top_tagging", "train", batch_size=5)  # at once, not at the first batch


@pytest.mark.parametrize(("sample", "split"), [("top", "train"), ("top_tagging", "../train")])
def test_unknown_names_are_told_with_the_known_ones(sample: str, split: str) -> None:
    with pytest.raises(ValueError, match=r"out of (train, val, test|top_tagging, hbb); got"):
        find(sample, split)


def test_the_small_sample_says_so_once_and_says_how_to_get_more(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    places.put_small()
    for split in ("train", "val", "train"):
        load_jets("top_tagging", split)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == "course_utils.samples"
    assert "small sample" in record.message
    assert GENERATE in record.message
    assert "\n" not in record.message


# ---------------------------------------------------------------- loading


def test_a_split_of_the_small_sample_holds_its_own_jets_and_no_others(places: Places) -> None:
    places.put_small(20)
    with JetFile(places.package / "top_tagging_small.h5") as file:
        everything, frame = file.read(), file.frame()
    for split, ttv, n_jets in (("train", 0, 12), ("test", 1, 4), ("val", 2, 4)):
        mine = everything.ttv == ttv
        table = load_jets("top_tagging", split)
        assert len(table) == n_jets
        np.testing.assert_array_equal(table.jets, everything.jets[mine])
        np.testing.assert_array_equal(table.y_true, everything.y_true[mine])
        pd.testing.assert_frame_equal(load_frame("top_tagging", split), frame[mine])
        batches = list(stream_jets("top_tagging", split, batch_size=3))
        assert max(map(len, batches)) <= 3
        np.testing.assert_array_equal(np.concatenate([b.jets for b in batches]), table.jets)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (2, 5), (3, 100), (100, 200), (-4, None), (-3, -1), (5, 2)]
)
def test_start_and_stop_are_those_of_a_slice(
    places: Places, small: bool, start: int, stop: int | None
) -> None:
    places.put_small(20) if small else places.put(places.cache, "train", 12)
    everything = load_jets()
    assert len(everything) == 12
    np.testing.assert_array_equal(
        load_jets(start=start, stop=stop).jets, everything.jets[start:stop]
    )
    pd.testing.assert_frame_equal(
        load_frame(start=start, stop=stop), load_frame().iloc[start:stop], check_freq=False
    )


def test_asking_for_more_jets_than_there_are_is_told_in_one_line(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    places.put(places.cache, "train", 12)
    load_jets(stop=12)
    assert not caplog.records
    assert len(load_jets(stop=600)) == len(load_frame(stop=600)) == 12
    (record,) = caplog.records
    assert "up to 600" in record.message
    assert "there are 12" in record.message
    assert "--jets 1000" in record.message


def test_streaming_gives_all_jets_in_order(places: Places) -> None:
    places.put(places.cache, "val", 10)
    batches = list(stream_jets("top_tagging", "val", batch_size=4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    everything = load_jets("top_tagging", "val")
    np.testing.assert_array_equal(np.concatenate([b.jets for b in batches]), everything.jets)
    with pytest.raises(ValueError, match="at least one jet; got batch_size 0"):
        stream_jets("top_tagging", "val", batch_size=0)


@pytest.mark.parametrize("small", [True, False])
def test_rows_and_their_number_are_those_of_the_split(places: Places, small: bool) -> None:
    places.put_small(20) if small else places.put(places.cache, "train", 12)
    everything, rows = load_jets(), [11, 0, -2, 0]
    assert count_jets() == 12
    np.testing.assert_array_equal(load_jets(rows=rows).jets, everything.jets[rows])
    np.testing.assert_array_equal(load_jets(rows=[]).jets, everything.jets[:0])
    with pytest.raises(IndexError):
        load_jets(rows=[12])


def test_rows_and_a_range_exclude_each_other(places: Places) -> None:
    places.put_small(20)
    with pytest.raises(ValueError, match="either start and stop or rows"):
        load_jets(stop=3, rows=[1])


def test_a_damaged_file_is_told_not_replaced_by_the_small_sample(places: Places) -> None:
    places.put_small()
    path = places.put(places.cache, "train", 4)
    path.write_bytes(b"<html>")
    with pytest.raises(DataError, match="web page"):
        load_jets()
