"""Where jets are found and how they are loaded, or one sentence on what to do."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from public_files import write_public_file

from course_utils import samples
from course_utils.jetfile import DataError, DataNotFound, JetFile, JetTable
from course_utils.samples import (
    count_jets,
    find,
    load_frame,
    load_jets,
    stream_jets,
)

if TYPE_CHECKING:
    from conftest import AssertSame, Places, SomeJets

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
    known = r"out of (train, val, test|top_tagging, hbb, .*events); got"
    with pytest.raises(ValueError, match=known):
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


# ---------------------------------------------------------------- public files


@pytest.fixture
def public(places: Places, some_jets: SomeJets) -> JetTable:
    """Downloaded jets: the first 400 of 4000 are 65 % signal, all of them 51.5 %."""
    table = some_jets(4000, ttv=0)
    rng = np.random.default_rng(1)
    first = np.repeat(np.int8([1, 0]), (260, 140))
    table.y_true[:] = np.concatenate([first, rng.permutation(np.resize([0, 1], 3600))])
    write_public_file(places.cache / "top_tagging" / "train.h5", table)
    return table


def test_every_way_in_reads_public_files(public: JetTable, assert_same_jets: AssertSame) -> None:
    assert_same_jets(load_jets(), public)
    assert count_jets() == 4000
    frame = load_frame(stop=20)
    assert frame.shape == (20, 806)
    np.testing.assert_array_equal(frame["PX_2"], public.jets[:20, 2, 1])
    for first, batch in zip(
        range(0, 4000, 1500), stream_jets("top_tagging", "train", batch_size=1500), strict=True
    ):
        assert_same_jets(batch, public[first : first + 1500])
    rows = [3999, 0, -2]
    assert_same_jets(load_jets(rows=rows), public[np.array(rows)])


def test_a_lopsided_range_of_a_public_file_is_told_with_the_way_to_a_fair_one(
    public: JetTable, caplog: pytest.LogCaptureFixture
) -> None:
    load_jets()
    load_jets(start=400)
    load_jets(start=1000, stop=1400)
    assert not caplog.records
    table = load_jets(stop=400)
    assert table.y_true.mean() == pytest.approx(0.65)
    (record,) = caplog.records
    assert "These 400 jets of top_tagging train are 65.0% signal" in record.message
    assert "the file 51.5%" in record.message
    assert "is not in random order" in record.message
    load_frame(stop=300)
    assert "These 300 jets" in caplog.records[-1].message


def test_the_way_to_a_fair_sample_works_as_it_is_written(
    public: JetTable, caplog: pytest.LogCaptureFixture
) -> None:
    load_jets(stop=400)
    program = caplog.records[-1].message.split("file: ")[-1]
    call = re.search(r"(load_jets\(.*\)), with rng = (.*)$", program)
    names = {"load_jets": load_jets, "count_jets": count_jets, "numpy": np}
    names["rng"] = eval(call[2], names)
    assert 0.45 < eval(call[1], names).y_true.mean() < 0.58


def test_files_of_this_course_and_chance_are_not_called_lopsided(
    places: Places, some_jets: SomeJets, caplog: pytest.LogCaptureFixture
) -> None:
    places.put(places.cache, "train", 500)
    load_jets(stop=20)
    write_public_file(places.cache / "top_tagging" / "val.h5", some_jets(3000, ttv=2))
    for stop in (1, 5, 50, 700, 2999):
        load_jets("top_tagging", "val", stop=stop)
    assert not caplog.records
