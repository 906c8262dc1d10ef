"""Damaged prepared jets are found and made again."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from prepared_jets import N_JETS, made

from course_utils.jetfile import DataError
from course_utils.prepared import PackedError, Prepared, preparation
from course_utils.prepared import jets as opened_jets

if TYPE_CHECKING:
    from conftest import Places


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
def test_a_damaged_one_is_found_told_and_made_again(
    source: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    jets = made()
    expected, folder = jets[:].copy(), jets.folder
    DAMAGES[damage](folder / name)
    again = made()
    (record,) = caplog.records
    assert f"{folder} are damaged: " in record.getMessage()
    assert name in record.getMessage()
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
def test_a_damaged_manifest_is_found_and_made_again(
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
    assert "its manifest describes other jets" in caplog.text


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


def test_one_that_cannot_be_read_is_made_again_elsewhere(
    source: Path, places: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shared = made().folder
    opened = opened_jets.open_packed

    def refused(folder: Path, **options: object):
        if folder == shared:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return opened(folder, **options)

    monkeypatch.setattr(opened_jets, "open_packed", refused)
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
def test_another_process_compares_lengths_not_checksums() -> None:
    jets = made()
    message = pickle.dumps(jets)
    flip(jets.folder / "value.bin")
    assert len(pickle.loads(message)) == N_JETS
    DAMAGES["a cut end"](jets.folder / "value.bin")
    with pytest.raises(PackedError, match="bytes instead of"):
        pickle.loads(message)
