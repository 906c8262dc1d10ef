"""The CMS record: its files chosen, fetched, verified and made jet files, from a local portal."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("awkward", reason="needs the extra 'cms'")
pytest.importorskip("uproot", reason="needs the extra 'cms'")

from cms_files import hard_jets, write_hdf5, write_root

from course_utils.__main__ import main
from course_utils.jetfile import JetFile
from course_utils.samples import TRUTH_LABELS, cms_portal, load_frame, load_jets
from course_utils.samples.cms_portal import PublicFile, choose, public_files

if TYPE_CHECKING:
    from conftest import Places, Site

EOS = "/eos/opendata/cms/datascience/HbbNTuple"
NUMBERS = {"train": (10, 11, 12, 13), "val": (9, 14), "test": (0, 1)}
N_JETS = 30


def entry(path: str, content: bytes) -> dict[str, object]:
    return {
        "uri": f"root://eospublic.cern.ch/{path}",
        "size": len(content),
        "checksum": f"adler32:{zlib.adler32(content):08x}",
    }


def put_record(site: Site, tmp_path: Path, form: str = "files", suffix: str = "root") -> None:
    """Let the local server answer as the portal does."""
    entries, write = [], {"root": write_root, "h5": write_hdf5}[suffix]
    for number in sum(NUMBERS.values(), ()):
        name = f"ntuple_merged_{number}.{suffix}"
        content = write(tmp_path / name, hard_jets(N_JETS, seed=number)[1]).read_bytes()
        path = f"{EOS}/{'test' if number < 9 else 'train'}/{name}"
        site.files[path] = content
        entries.append(entry(path, content))
    index = json.dumps(entries).encode()
    metadata = {
        "files": {"files": entries},
        "index": {"files": [entry(f"{EOS}/HbbNTuple_file_index.json", index)]},
        "indices": {"_file_indices": [{"key": "HbbNTuple_file_index.json", "files": entries}]},
    }[form]
    site.files["/record/12102/files/HbbNTuple_file_index.json"] = index
    site.files["/api/records/12102"] = json.dumps({"id": 12102, "metadata": metadata}).encode()


@pytest.fixture
def portal(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    put_record(site, tmp_path)
    monkeypatch.delenv("JET_DATA_MIRROR")
    monkeypatch.setattr(cms_portal, "PORTAL", site.address)
    return site


@pytest.fixture
def hbb(places: Places) -> Path:
    return places.environment / "hbb"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_public_files_become_the_jet_files_of_the_course(
    portal: Site, hbb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hbb"]) == 0
    assert names(hbb) == ["ntuples", "test.h5", "train.h5", "val.h5"]
    assert names(hbb / "ntuples") == []  # a gigabyte each: not kept
    for split, files in (("train", {10, 11}), ("val", {9}), ("test", {0})):
        frame, table = load_frame("hbb", split), load_jets("hbb", split)
        assert set(frame["file"]) == files
        assert len(frame) == N_JETS * len(files)
        assert (sum(table.columns[name] for name in TRUTH_LABELS) == 1).all()
    said = capsys.readouterr().out
    assert said.count("verified") == 4
    assert "60 jets of 2 public files" in said
    with JetFile(hbb / "train.h5") as file:
        assert file.provenance["files"] == "ntuple_merged_10.root ntuple_merged_11.root"


@pytest.mark.parametrize("form", ["files", "index", "indices"])
@pytest.mark.parametrize("suffix", ["root", "h5"])
def test_every_form_of_the_record_is_understood(
    portal: Site, tmp_path: Path, hbb: Path, form: str, suffix: str
) -> None:
    put_record(portal, tmp_path, form, suffix)
    assert main(["hbb", "--split", "test"]) == 0
    assert len(load_frame("hbb", "test")) == N_JETS


def test_root_files_come_before_their_hdf5_form(portal: Site) -> None:
    record = json.loads(portal.files["/api/records/12102"])
    for where in (0, len(record["metadata"]["files"])):
        record["metadata"]["files"].insert(where, entry(f"{EOS}/train/ntuple_merged_10.h5", b""))
        record["metadata"]["files"].insert(where, entry(f"{EOS}/README.txt", b""))
    portal.files["/api/records/12102"] = json.dumps(record).encode()
    assert [file.name for file in public_files() if file.number == 10] == ["ntuple_merged_10.root"]


def test_as_many_files_as_asked_for_are_fetched(portal: Site, hbb: Path) -> None:
    assert main(["hbb", "--files", "4"]) == 0
    for split, numbers in {**NUMBERS, "val": (9, 14), "test": (0, 1)}.items():
        assert set(load_frame("hbb", split)["file"]) == set(numbers)


def test_a_file_keeps_its_split_however_many_are_fetched() -> None:
    files = [PublicFile(number, "", "", "") for number in range(100)]
    few, many = choose(files, 2), choose(files, 27)
    for split, chosen in few.items():
        assert chosen == many[split][: len(chosen)]
    numbers = [file.number for chosen in many.values() for file in chosen]
    assert len(set(numbers)) == len(numbers) == 45
    assert [file.number for file in many["test"]] == list(range(9))  # as in the record
    assert not {file.number for file in many["train"]} & set(range(10))


def test_more_files_than_there_are_is_told(
    portal: Site, hbb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hbb", "--files", "5"]) == 1
    assert "Asked for 5 files for train; the record lists 4" in capsys.readouterr().err
    assert names(hbb) == []


def test_a_second_run_fetches_nothing(portal: Site) -> None:
    main(["hbb"])
    portal.asked.clear()
    assert main(["hbb"]) == 0
    assert [path for path, _ in portal.asked] == ["/api/records/12102"]


def test_a_broken_connection_is_taken_up_where_it_broke(portal: Site) -> None:
    portal.cuts = [5000, 3000]
    assert main(["hbb", "--split", "test"]) == 0
    assert portal.of_file("ntuple_merged_0.root") == [None, "bytes=5000-", "bytes=8000-"]
    assert len(load_frame("hbb", "test")) == N_JETS


def test_files_that_arrived_before_a_break_serve_the_next_run(portal: Site, hbb: Path) -> None:
    second = portal.files.pop(f"{EOS}/train/ntuple_merged_11.root")
    assert main(["hbb", "--split", "train"]) == 1
    assert not (hbb / "train.h5").exists()
    portal.files[f"{EOS}/train/ntuple_merged_11.root"] = second
    portal.asked.clear()
    assert main(["hbb", "--split", "train"]) == 0
    assert portal.of_file("ntuple_merged_10.root") == []


def test_a_corrupted_file_is_removed_and_told(
    portal: Site, hbb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{EOS}/test/ntuple_merged_0.root"
    content = bytearray(portal.files[path])
    content[1234] ^= 1
    portal.files[path] = bytes(content)
    assert main(["hbb", "--split", "test"]) == 1
    error = capsys.readouterr().err
    assert "not what the record promises" in error
    assert "adler32" in error
    assert names(hbb / "ntuples") == []


def test_generated_jets_are_not_replaced_unless_forced(
    portal: Site, hbb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hbb.mkdir(parents=True)
    (hbb / "test.h5").write_bytes(b"mine")
    assert main(["hbb", "--split", "test"]) == 1
    assert "--force" in capsys.readouterr().err
    assert (hbb / "test.h5").read_bytes() == b"mine"
    assert main(["hbb", "--split", "test", "--force"]) == 0
    assert len(load_frame("hbb", "test")) == N_JETS


@pytest.mark.parametrize(
    "answer",
    [b"<html>maintenance</html>", b"[]", b'{"metadata": 0}', b'{"metadata": {"files": [{}]}}'],
)
def test_an_answer_that_is_no_record_is_told(
    portal: Site, answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.files["/api/records/12102"] = answer
    assert main(["hbb"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "./data_download.sh --generate hbb" in error


def test_no_portal_at_all_is_one_sentence_with_a_way_out(
    portal: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cms_portal, "PORTAL", "http://127.0.0.1:1")
    assert main(["hbb"]) == 1
    error = capsys.readouterr().err
    assert "No connection" in error
    assert "./data_download.sh --generate hbb" in error


def test_without_uproot_the_way_to_install_it_is_told(
    portal: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cms_portal, "find_spec", lambda name: None)
    assert main(["hbb"]) == 1
    assert "pip install -c constraints.txt -e '.[cms]'" in capsys.readouterr().err
    assert portal.asked == []


def test_a_file_without_a_branch_leaves_no_jet_file(
    portal: Site, hbb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = hard_jets(5)[1]
    del columns["fj_mass"]
    content = write_root(tmp_path / "ntuple_merged_0.root", columns).read_bytes()
    path = f"{EOS}/test/ntuple_merged_0.root"
    portal.files[path] = content
    metadata = {"files": [entry(path, content)]}
    portal.files["/api/records/12102"] = json.dumps({"metadata": metadata}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cms_portal, "choose", lambda files, n: {"test": list(files)})
        assert main(["hbb", "--split", "test"]) == 1
    assert "missing ['fj_mass']" in capsys.readouterr().err
    assert names(hbb) == ["ntuples"]


def test_a_site_with_its_own_copy_of_jet_files_is_asked_instead(
    portal: Site, hbb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["hbb", "--split", "test"])
    content = (hbb / "test.h5").read_bytes()
    (hbb / "test.h5").unlink()
    portal.files["/hbb/test.h5"] = content
    portal.files["/hbb/checksums.txt"] = f"{hashlib.md5(content).hexdigest()} test.h5".encode()
    monkeypatch.setenv("JET_DATA_MIRROR", portal.address)
    assert main(["hbb", "--split", "test"]) == 0
    assert (hbb / "test.h5").read_bytes() == content
    assert main(["hbb", "--files", "1"]) == 1  # it has no files to choose from


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["top_tagging", "--files", "2"], "--files goes with the public files of hbb"),
        (["hbb", "--generate", "--files", "2"], "--files goes with the public files of hbb"),
        (["hbb", "--files", "0"], "expected 1 to 27, got 0"),
    ],
)
def test_wrong_usage_ends_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as info:
        main(arguments)
    assert info.value.code == 2
    assert message in capsys.readouterr().err
