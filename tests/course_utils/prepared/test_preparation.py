"""Prepared jets: the same as in the file, made once, and never half."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tables
from hypothesis import given
from hypothesis import strategies as st

from course_utils import samples
from course_utils.images import jet_images
from course_utils.jetfile import DataError, DataNotFound, write_jets
from course_utils.prepared import (
    Constituents,
    Form,
    Images,
    Prepared,
    preparation,
    prepare,
    prepared_forms,
)
from course_utils.samples import load_jets

if TYPE_CHECKING:
    from conftest import Places, SomeJets

N_JETS = 120
FORMS = (Constituents(), Images(n_pixels=15))


@pytest.fixture
def source(places: Places, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A jet file in the place that the environment names."""
    monkeypatch.setenv("JET_DATA", str(places.environment))
    return places.put(places.environment, "train", N_JETS)


def made(form: Form = FORMS[1], **options: object) -> Prepared:
    return prepare("top_tagging", "train", form, progress=False, **options)


@pytest.fixture
def never_made_again(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From here on, whoever prepares anew fails."""
    made()
    monkeypatch.setattr(preparation, "_make", lambda *of, **options: pytest.fail("made again"))
    return source


# ---------------------------------------------------------------- what is in it


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("jets_at_once", [1024, 7])
def test_prepared_jets_are_those_of_the_file(
    monkeypatch: pytest.MonkeyPatch, jets_at_once: int
) -> None:
    monkeypatch.setattr(preparation, "_JETS_AT_ONCE", jets_at_once)
    table = load_jets()
    constituents, images = map(made, FORMS)
    np.testing.assert_array_equal(constituents[:], table.jets)
    np.testing.assert_array_equal(images[:], jet_images(table.jets, n_pixels=15))
    for jets in (constituents, images):
        assert jets[:].dtype == np.float32
        assert len(jets) == N_JETS
        assert jets.shape == jets[:].shape
        np.testing.assert_array_equal(jets.y_true, table.y_true)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    "options",
    [
        {"half_width": 0.5, "rotate": False, "flip": False},
        {"n_pixels": 300, "normalise": False},
        {"intensity": "et"},
    ],
    ids=str,
)
def test_every_option_of_images_is_kept(options: dict) -> None:
    jets = made(Images(**options))
    assert jets.form == Images(**options)
    np.testing.assert_array_equal(jets[:], jet_images(load_jets().jets, **options))


@pytest.mark.usefixtures("source")
def test_of_constituents_the_hardest_are_kept() -> None:
    np.testing.assert_array_equal(made(Constituents(30))[:], load_jets().jets[:, :30])


def test_padding_between_constituents_and_jets_of_nothing_are_kept(
    source: Path, some_jets: SomeJets
) -> None:
    table = some_jets(40)
    table.jets[3], table.jets[5, 1], table.jets[39] = 0, 0, 0
    write_jets(source, [table], provenance={})
    jets = made(Constituents())[:]
    packed = [np.concatenate([jet[jet.any(axis=1)], jet[~jet.any(axis=1)]]) for jet in table.jets]
    np.testing.assert_array_equal(jets, packed)
    np.testing.assert_array_equal(made()[:], jet_images(table.jets, n_pixels=15))


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: form.name)
def jets_and_dense(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, some_jets: SomeJets
) -> tuple[Prepared, np.ndarray]:
    """Prepared once for all examples of hypothesis, and as one array."""
    root = tmp_path_factory.mktemp("prepared")
    write_jets(root / "top_tagging" / "train.h5", [some_jets(N_JETS)], provenance={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(root))
        jets = made(request.param)
    return jets, jets[:]


@given(
    rows=st.lists(st.integers(-N_JETS, N_JETS - 1), max_size=30).map(lambda r: np.array(r, int))
    | st.lists(st.booleans(), min_size=N_JETS, max_size=N_JETS).map(np.array)
    | st.slices(N_JETS)
    | st.integers(-N_JETS, N_JETS - 1),
)
def test_rows_are_chosen_as_of_an_array(jets_and_dense, rows) -> None:
    jets, dense = jets_and_dense
    np.testing.assert_array_equal(jets[rows], dense[rows])


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    "rows", [N_JETS, -N_JETS - 1, [0, N_JETS], [0.5], [[1, 2]], np.ones(5, bool), "train"]
)
def test_rows_that_are_not_there_are_refused(rows: object) -> None:
    with pytest.raises(IndexError, match="Expected"):
        made()[rows]


@pytest.mark.parametrize("wrong", [{"n_pixels": 0}, {"half_width": -1.0}])
def test_images_that_cannot_be_are_refused_at_once(wrong: dict) -> None:
    with pytest.raises(ValueError, match="n_pixels of at least 1"):
        Images(**wrong)


@pytest.mark.parametrize("n_constituents", [0, 201])
def test_a_number_of_constituents_that_cannot_be_is_refused(n_constituents: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 200 constituents; got {n_constituents}"):
        Constituents(n_constituents)


def test_jets_without_a_truth_label_are_left_out_and_columns_kept(
    places: Places, some_jets: SomeJets
) -> None:
    from hbb_jets import with_labels

    table = with_labels(some_jets(100, ttv=0))
    write_jets(places.cache / "hbb" / "train.h5", [table], provenance={})
    expected, jets = load_jets("hbb", "train"), prepare("hbb", "train", progress=False)
    np.testing.assert_array_equal(jets[:], expected.jets)
    assert jets.columns.keys() == expected.columns.keys()
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(jets.columns[name], values)


# ---------------------------------------------------------------- made once, where, for whom


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


def test_every_user_of_a_shared_folder_may_take_the_lock(source: Path) -> None:
    before = os.umask(0o022)
    try:
        lock = made().folder.with_name(f".{made().folder.name}.lock")
    finally:
        os.umask(before)
    assert lock.stat().st_mode & 0o666 == 0o666


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


def test_another_jet_file_makes_it_anew_and_removes_the_old(
    source: Path, some_jets: SomeJets
) -> None:
    before, kept = made(), made(FORMS[0])
    write_jets(source, [some_jets(50, seed=9)], provenance={})
    after = made()
    assert len(after) == 50
    assert not before.folder.exists()
    assert kept.folder.exists()  # until somebody asks for that form
    assert len(before[:]) == N_JETS  # whoever has it open keeps it


def test_a_change_of_time_alone_makes_it_anew(source: Path) -> None:
    before = made().folder
    os.utime(source, ns=(0, 0))
    assert made().folder != before


def test_two_versions_of_the_code_each_have_their_own(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = made().folder
    monkeypatch.setattr(preparation, "_VERSION", "another")
    theirs = made().folder
    assert theirs != ours
    assert ours.exists()  # someone may still work with it
    assert [current for _, _, current in prepared_forms("top_tagging", "train")].count(True) == 1


def test_the_version_is_that_of_the_code_that_runs_not_of_the_files_of_now(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made().folder
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"pulled while a notebook was open")
    assert preparation._code_version() != preparation._VERSION
    monkeypatch.undo()
    monkeypatch.setenv("JET_DATA", str(source.parents[1]))
    assert made().folder == before


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


def test_a_damaged_jet_file_is_told_and_nothing_kept(source: Path) -> None:
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


# ---------------------------------------------------------------- damage


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a flipped bit": flip,
    "a cut end": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "nothing left": lambda path: path.write_bytes(b""),
    "no file": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["pixel.bin", "value.bin", "counts.bin", "y_true.bin"])
def test_a_damaged_one_is_found_told_and_made_anew(
    source: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    jets = made()
    expected, folder = jets[:].copy(), jets.folder
    DAMAGES[damage](folder / name)
    again = made()
    (record,) = caplog.records
    assert f"{folder} are damaged: {name}" in record.getMessage()
    assert again.folder == folder
    np.testing.assert_array_equal(again[:], expected)
    caplog.clear()
    made()
    assert not caplog.records


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"about": 1, "arrays": 2}',
        b'{"about": {}, "arrays": {}}',
        b'{"about": {"form": {"name": "spam", "options": {}}}, "arrays": {}}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_manifest_is_found_and_made_anew(
    source: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    folder = made().folder
    (folder / "manifest.json").write_bytes(content)
    assert len(made()) == N_JETS
    assert "are damaged" in caplog.text
    assert len(Prepared(folder)) == N_JETS


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(("name", "value"), [("n_pixels", 16), ("half_width", 0.9)])
def test_a_manifest_of_other_options_is_found(
    name: str, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    jets = made()
    manifest = json.loads((jets.folder / "manifest.json").read_text())
    manifest["about"]["form"]["options"][name] = value
    (jets.folder / "manifest.json").write_text(json.dumps(manifest))
    assert made().form == jets.form
    assert "its manifest is that of other jets" in caplog.text


def test_a_damaged_one_that_cannot_be_removed_is_not_taken(
    source: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    jets = made()
    expected = jets[:].copy()
    flip(jets.folder / "value.bin")
    remove = shutil.rmtree
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, **options: path == jets.folder or remove(path, **options)
    )
    again = made()
    assert again.folder.parent == places.cache / "top_tagging" / "prepared"
    np.testing.assert_array_equal(again[:], expected)
    flip(again.folder / "value.bin")
    monkeypatch.setattr(shutil, "rmtree", lambda path, **options: None)
    with pytest.raises(DataError, match=r"Cannot replace the damaged .*\. Ask its owner"):
        made()


def test_one_that_cannot_be_read_is_made_anew_elsewhere(
    source: Path, places: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shared = made().folder
    opened = preparation.open_packed

    def refused(folder: Path, **options: object):
        if folder == shared:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return opened(folder, **options)

    monkeypatch.setattr(preparation, "open_packed", refused)
    monkeypatch.setattr(preparation, "_is_writable", lambda place: places.cache in place.parents)
    assert made().folder.parent == places.cache / "top_tagging" / "prepared"
    assert "cannot be read: Permission denied" in caplog.text


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("kind", ["|O", "<U4", "|V8"])
def test_a_manifest_cannot_ask_for_objects(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = made().folder
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["arrays"]["value"]["dtype"] = kind
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert len(made()) == N_JETS
    assert "value.bin would hold" in caplog.text


@pytest.mark.usefixtures("source")
def test_without_verifying_lengths_are_still_compared(caplog: pytest.LogCaptureFixture) -> None:
    jets = made()
    flip(jets.folder / "value.bin")
    made(verify=False)
    assert not caplog.records
    DAMAGES["a cut end"](jets.folder / "value.bin")
    made(verify=False)
    assert "bytes instead of" in caplog.text


# ---------------------------------------------------------------- interruptions


def left_behind(source: Path) -> list[str]:
    return [path.name for path in (source.parent / "prepared").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_nothing(
    source: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    blocks = samples.jet_blocks

    def stopped(*of: object):
        yield next(iter(blocks(*of)))
        raise fault

    monkeypatch.setattr(samples, "jet_blocks", stopped)
    with pytest.raises(fault):
        made()
    assert left_behind(source) == []


def test_a_full_disk_is_told_with_what_is_needed(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*of: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preparation.PackedWriter, "append", full)
    with pytest.raises(DataError, match=r"No space left on device\. Make room there .*JET_DATA"):
        made()
    assert left_behind(source) == []


PREPARE_SLOWLY = """
    import sys, time
    from pathlib import Path
    from course_utils import samples
    from course_utils.prepared import Images, preparation

    log, lock = Path(sys.argv[1]), sys.argv[2]
    if lock == "without":
        def refuse(self, *of, **options):
            raise NotImplementedError("no locks on this file system")
        preparation.FileLock.acquire = refuse
    make, blocks = preparation._make, samples.jet_blocks

    def noted(*of, **options):
        with log.open("a") as file:
            file.write("making\\n")
        make(*of, **options)

    def slow(*of):
        for block in blocks(*of):
            time.sleep(float(sys.argv[3]))
            yield block

    preparation._make, samples.jet_blocks, preparation._JETS_AT_ONCE = noted, slow, 40
    jets = preparation.prepare("top_tagging", "train", Images(15), progress=False)
    print(len(jets), float(jets[:].sum()))
"""


def start(log: Path, lock: str, seconds: float) -> subprocess.Popen[str]:
    code = textwrap.dedent(PREPARE_SLOWLY)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(log), lock, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(("lock", "times"), [("with", 1), ("without", 2)])
def test_two_who_prepare_at_once_get_the_same(
    source: Path, tmp_path: Path, lock: str, times: int
) -> None:
    log = tmp_path / "log"
    both = [start(log, lock, 0.7) for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0] == f"{N_JETS} {float(made()[:].sum())}\n"
    assert log.read_text() == times * "making\n"
    assert len(left_behind(source)) == 1


def test_where_only_one_has_locks_neither_disturbs_the_other(source: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = [start(log, lock, 0.7) for lock in ("without", "with")]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]


def test_after_a_kill_the_next_one_starts_anew_and_old_remains_go(
    source: Path, tmp_path: Path
) -> None:
    folder = source.parent / "prepared"
    process = start(tmp_path / "log", "with", 30)
    wait_for(lambda: list(folder.glob(".*.part")))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    (half,) = left_behind(source)
    assert half.endswith(".part")
    jets = made()
    assert len(jets) == N_JETS
    assert sorted(left_behind(source)) == sorted([half, jets.folder.name])  # it might be at work
    for path in ((folder / half), *(folder / half).iterdir()):
        os.utime(path, (0, 0))
    other = made(FORMS[0])
    assert sorted(left_behind(source)) == sorted([other.folder.name, jets.folder.name])
