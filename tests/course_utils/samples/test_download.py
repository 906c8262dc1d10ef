"""The public files, fetched from a site: whole and verified, or one sentence on what to do."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tqdm import tqdm

from course_utils.__main__ import main
from course_utils.files import locked
from course_utils.samples import load_jets

if TYPE_CHECKING:
    from conftest import Places, Site

GENERATE = "./data_download.sh --generate top_tagging"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_public_files_arrive_whole_and_can_be_loaded(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top_tagging"]) == 0
    assert names(folder) == ["test.h5", "train.h5", "val.h5"]
    for split in ("train", "val", "test"):
        assert (folder / f"{split}.h5").read_bytes() == site.files[f"/top_tagging/{split}.h5"]
        assert len(load_jets("top_tagging", split)) == 9
    assert capsys.readouterr().out.count("verified") == 3


def test_only_the_splits_asked_for_are_fetched(site: Site, folder: Path) -> None:
    assert main(["top_tagging", "--split", "val", "test"]) == 0
    assert names(folder) == ["test.h5", "val.h5"]


def test_a_second_run_fetches_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    main(["top_tagging"])
    site.asked.clear()
    assert main(["top_tagging"]) == 0
    assert site.asked == [("/top_tagging/checksums.txt", None)]
    assert capsys.readouterr().out.count("already there") == 3


def test_others_may_read_a_fetched_file_as_the_umask_says(site: Site, folder: Path) -> None:
    before = os.umask(0o022)
    try:
        main(["top_tagging", "--split", "train"])
    finally:
        os.umask(before)
    assert (folder / "train.h5").stat().st_mode & 0o777 == 0o644


def test_a_broken_connection_is_taken_up_where_it_broke(site: Site, folder: Path) -> None:
    site.cuts = [5000, 3000]
    assert main(["top_tagging", "--split", "train"]) == 0
    assert site.of_file("train.h5") == [None, "bytes=5000-", "bytes=8000-"]
    assert (folder / "train.h5").read_bytes() == site.files["/top_tagging/train.h5"]


def test_what_was_fetched_before_a_final_break_serves_the_next_run(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cuts = [7000, 0, 0, 0]
    assert main(["top_tagging", "--split", "train"]) == 1
    error = capsys.readouterr().err
    assert "run the same command again to continue" in error
    assert GENERATE in error
    assert not (folder / "train.h5").exists()
    site.asked.clear()
    assert main(["top_tagging", "--split", "train"]) == 0
    assert site.of_file("train.h5") == ["bytes=7000-"]
    assert (folder / "train.h5").read_bytes() == site.files["/top_tagging/train.h5"]
    assert names(folder) == ["train.h5"]


@pytest.mark.parametrize("fault", ["ignores the range", "answers with another range"])
def test_a_server_that_does_not_resume_is_asked_for_the_whole(
    site: Site, folder: Path, fault: str
) -> None:
    site.cuts = [5000]
    site.obeys_range = fault != "ignores the range"
    site.shifts_range = fault == "answers with another range"
    assert main(["top_tagging", "--split", "train"]) == 0
    assert (folder / "train.h5").read_bytes() == site.files["/top_tagging/train.h5"]


@pytest.mark.parametrize("too_much", [b"", b"and more"])
def test_a_part_that_is_whole_or_too_long_does_no_harm(
    site: Site, folder: Path, too_much: bytes
) -> None:
    content = site.files["/top_tagging/train.h5"]
    folder.mkdir(parents=True)
    part = folder / f".train.{hashlib.md5(content).hexdigest()[:12]}.part"
    part.write_bytes(content + too_much)
    assert main(["top_tagging", "--split", "train"]) == 0
    assert (folder / "train.h5").read_bytes() == content


def test_a_corrupted_download_is_removed_and_told(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(site.files["/top_tagging/train.h5"])
    content[1234] ^= 1
    site.files["/top_tagging/train.h5"] = bytes(content)
    assert main(["top_tagging", "--split", "train"]) == 1
    assert "train.h5" in (error := capsys.readouterr().err)
    assert "does not match the record and was removed" in error
    assert names(folder) == []


def test_a_missing_file_of_the_site_is_told_with_its_address(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del site.files["/top_tagging/train.h5"]
    assert main(["top_tagging"]) == 1
    error = capsys.readouterr().err
    assert f"{site.address}/top_tagging/train.h5 answered 404 Not Found" in error
    assert names(folder) == []


def test_an_error_page_in_place_of_a_file_is_told(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files["/top_tagging/train.h5"] = b"<html>Please log in</html>"
    site.types["/top_tagging/train.h5"] = "text/html; charset=utf-8"
    assert main(["top_tagging", "--split", "train"]) == 1
    assert "got a web page" in capsys.readouterr().err
    assert names(folder) == []


@pytest.mark.parametrize("listing", [b"<html>Please log in</html>", b"0123456789abcdef  train.h5"])
def test_an_unreadable_list_of_checksums_is_told(
    site: Site, listing: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files["/top_tagging/checksums.txt"] = listing
    assert main(["top_tagging"]) == 1
    assert "Expected a checksum and a name" in capsys.readouterr().err


def test_a_file_the_list_does_not_name_is_told(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files["/top_tagging/checksums.txt"] = b""
    assert main(["top_tagging", "--split", "val"]) == 1
    assert "has no val.h5" in capsys.readouterr().err


def test_sha256_with_the_star_of_binary_mode_is_understood(site: Site, folder: Path) -> None:
    digest = hashlib.sha256(site.files["/top_tagging/val.h5"]).hexdigest().upper()
    site.files["/top_tagging/checksums.txt"] = f"{digest} *val.h5\r\n\n".encode()
    assert main(["top_tagging", "--split", "val"]) == 0
    assert main(["top_tagging", "--split", "val"]) == 0
    assert site.of_file("val.h5") == [None]


def test_no_server_at_all_is_one_sentence_with_a_way_out(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JET_DATA_MIRROR", "http://127.0.0.1:1")
    assert main(["top_tagging"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "No connection" in error
    assert GENERATE in error


def test_generated_jets_are_not_overwritten_by_public_ones_unless_forced(
    site: Site, places: Places, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generated = places.put(places.environment, "train", 4).read_bytes()
    assert main(["top_tagging", "--split", "train"]) == 1
    assert "--force" in capsys.readouterr().err
    assert (folder / "train.h5").read_bytes() == generated
    assert main(["top_tagging", "--split", "train", "--force"]) == 0
    assert (folder / "train.h5").read_bytes() == site.files["/top_tagging/train.h5"]


def test_without_a_mirror_the_record_is_asked_by_doi(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record's own answer, as its interface gives it, from the local server."""
    monkeypatch.delenv("JET_DATA_MIRROR")
    dois = []

    def resolve(doi: str, **options: object) -> str:
        dois.append(doi)
        return "https://zenodo.org/records/2603256"

    monkeypatch.setattr("pooch.downloaders.doi_to_url", resolve)
    monkeypatch.setattr(
        "pooch.downloaders.ZenodoRepository.base_api_url", f"{site.address}/api/records"
    )
    content = site.files["/top_tagging/train.h5"]
    site.files["/api/records/2603256"] = json.dumps(
        {
            "files": [
                {
                    "key": "train.h5",
                    "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                    "links": {"self": f"{site.address}/top_tagging/train.h5"},
                }
            ]
        }
    ).encode()
    site.cuts = [4000]
    assert main(["top_tagging", "--split", "train"]) == 0
    assert (folder / "train.h5").read_bytes() == content
    assert set(dois) == {"10.5281/zenodo.2603256"}
    assert site.of_file("train.h5") == [None, "bytes=4000-"]


def test_a_record_that_answers_with_an_error_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JET_DATA_MIRROR")
    monkeypatch.setattr(
        "pooch.downloaders.doi_to_url", lambda doi, **options: "https://zenodo.org/records/1"
    )
    monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", f"{site.address}/api")
    for answer in (b'{"status": 429, "message": "slow down"}', b"<html>gateway</html>"):
        site.files["/api/1"] = answer
        assert main(["top_tagging"]) == 1
        assert GENERATE in capsys.readouterr().err


def test_two_who_fetch_one_file_do_not_mix_their_bytes(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir(parents=True)
    with locked(folder / "train.h5", busy=lambda: pytest.fail("nobody else is here")):
        assert main(["top_tagging", "--split", "train"]) == 1
    error = capsys.readouterr().err
    assert f"Another process is fetching {folder / 'train.h5'} now" in error
    assert site.of_file("train.h5") == []
    assert main(["top_tagging", "--split", "train"]) == 0
    assert names(folder) == ["train.h5"]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_disk_without_room_is_named_and_no_part_stays(
    site: Site,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    when: str,
) -> None:
    size = len(site.files["/top_tagging/train.h5"])
    if when == "before":
        usage = shutil.disk_usage("/")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=size - 1))
    else:
        written = []

        def full(self: tqdm, n: int = 1) -> None:
            written.append(n)
            if sum(written) > size // 2:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(tqdm, "update", full)
    assert main(["top_tagging", "--split", "train"]) == 1
    error = capsys.readouterr().err
    assert f"which holds {folder}, has " in error
    assert f"MB free, {size / 1e6:.1f} MB are needed. Make room there" in error
    assert names(folder) == []
