"""Fetch H->bb jets from the CERN Open Data Portal and turn them into jet files.

CMS record 12102 (doi:10.7483/OPENDATA.CMS.JGJX.MS7Q, CC0) holds some 245 GB in files
``train/ntuple_merged_<number>.root`` and ``test/...``, each larger than a gigabyte; numbers 0 to 8
are the test files. A few files are enough for the lessons. Each is fetched over https, resumed
after a broken connection, checked against the record's adler32, and read by
`course_utils.samples.cms_ntuples`.

The form of the record, ``/api/records/12102``, is the one that cernopendata-client 1.0.2 reads
(``searcher.get_files_list``): files under ``metadata.files``, and more under
``metadata._file_indices[...].files``, each with ``uri`` and ``checksum``. The client itself is not
used: it prints and exits where this course raises, sets no timeout, takes an error page for data,
and its ``verify`` leaves out the files of the indices. What the portal itself answers was not seen
while this was written.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import requests

from course_utils.files import locked
from course_utils.jetfile import TTV, DataError, JetTable, install_command, write_jets
from course_utils.samples.catalogue import SPLITS
from course_utils.samples.download import Resuming, faults_told, refuse_second
from course_utils.samples.entry import Sample
from course_utils.samples.places import holds, is_there

PORTAL: Final = "https://opendata.cern.ch"
RECORD: Final = "12102"
STORAGE: Final = "root://eospublic.cern.ch/"  # the portal serves the same paths over https
TEST_FILES: Final = range(9)
TRAIN_FILES: Final = 2  # by default; 5 GB with one file each for val and test
_TIMEOUT: Final = (10, 60)


@dataclass(frozen=True)
class PublicFile:
    """One file of the record."""

    number: int
    name: str
    url: str
    adler32: str


def fetch_ntuples(
    sample: Sample,
    splits: Iterable[str],
    folder: Path,
    *,
    train_files: int | None = None,
    force: bool = False,
) -> Iterator[str]:
    """Make the jet files of the splits from public files; yield a line about each step.

    Parameters
    ----------
    sample : Sample
        ``hbb``, from the catalogue.
    splits : iterable of {"train", "val", "test"}
    folder : Path
        Where the jet files go. Public files wait in its subfolder ``ntuples`` and are removed
        when their split is written.
    train_files : int, optional
        Number of files for train; val and test get a third as many each, but at least one.

    Raises
    ------
    DataError
        If the portal cannot be reached, a file is corrupted or not an ntuple, or a file of other
        jets is in the way and `force` is not given.
    """
    if find_spec("uproot") is None:
        raise DataError(
            "Reading the public files needs uproot, which is not installed. Install it with: "
            + install_command("cms")
        )
    with faults_told(sample, "the list of files"):
        chosen = choose(public_files(), TRAIN_FILES if train_files is None else train_files)
    folder.mkdir(parents=True, exist_ok=True)
    for split in splits:
        path = folder / f"{split}.h5"
        with locked(path, busy=partial(refuse_second, path)):
            yield from _fetch_split(sample, path, chosen[split], force=force)


def _fetch_split(
    sample: Sample, path: Path, files: list[PublicFile], *, force: bool
) -> Iterator[str]:
    """One jet file of some public files, while nobody else makes it."""
    names = " ".join(file.name for file in files)
    if is_there(path, is_wanted=partial(holds, {"files": names}), force=force):
        yield f"{path} is already there."
        return
    ntuples = []
    for file in files:
        with faults_told(sample, file.name):
            ntuples.append(_fetch(file, path.parent / "ntuples"))
        yield f"{file.name}: {ntuples[-1].stat().st_size / 1e9:.2f} GB, verified."
    split = path.stem
    n_jets = write_jets(path, _tables(ntuples, split), provenance=_provenance(split, files))
    for ntuple in ntuples:
        ntuple.unlink()
    yield f"{path}: {n_jets} jets from {len(files)} public files."


def public_files() -> list[PublicFile]:
    """List the record's ntuples by number; where ROOT and HDF5 both exist, take ROOT."""
    record = _json(f"{PORTAL}/api/records/{RECORD}")
    if not isinstance(record, dict) or not isinstance(record.get("metadata"), dict):
        raise ValueError("the answer has no metadata")
    found = {}
    for entry in _entries(record["metadata"]):
        name = entry["uri"].rpartition("/")[2]
        stem, _, suffix = name.rpartition(".")
        number = stem.removeprefix("ntuple_merged_")
        if suffix in ("root", "h5") and number.isdecimal():
            better = suffix == "root" or int(number) not in found
            if better:
                checksum = entry["checksum"].removeprefix("adler32:")
                found[int(number)] = PublicFile(int(number), name, _url(entry["uri"]), checksum)
    return [found[number] for number in sorted(found)]


def choose(files: Iterable[PublicFile], train_files: int) -> dict[str, list[PublicFile]]:
    """Choose the files of each split. A file's split does not depend on how many are asked for.

    Numbers 0 to 8 are for the test, as in the record; every fifth of the others is for validation.
    """
    by_split: dict[str, list[PublicFile]] = {split: [] for split in SPLITS}
    for file in sorted(files, key=lambda file: file.number):
        by_split[split_of(file.number)].append(file)
    third = -(-train_files // 3)
    for split, n_files in {"train": train_files, "val": third, "test": third}.items():
        if len(by_split[split]) < n_files:
            raise DataError(
                f"Asked for {n_files} files for {split}; the record lists only "
                f"{len(by_split[split])}. Ask for fewer with --files."
            )
        del by_split[split][n_files:]
    return by_split


def split_of(number: int) -> str:
    """The split a public file belongs to.

    Examples
    --------
    >>> [split_of(number) for number in (0, 8, 9, 10, 14)]
    ['test', 'test', 'val', 'train', 'val']
    """
    if number in TEST_FILES:
        return "test"
    return "val" if number % 5 == 4 else "train"


def _entries(metadata: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All files of the record, those of its indices included."""
    yield from metadata.get("files", ())
    for index in metadata.get("_file_indices", ()):
        yield from index["files"]


def _url(uri: str) -> str:
    return uri.replace(STORAGE, PORTAL)


def _json(url: str) -> Any:
    answer = requests.get(url, timeout=_TIMEOUT)
    answer.raise_for_status()
    # answer.json() would raise a RequestException, which faults_told takes for a lost connection.
    return json.loads(answer.text)


def _fetch(file: PublicFile, folder: Path) -> Path:
    path = folder / file.name
    if path.exists() and _adler32(path) == file.adler32:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{path.stem}.{file.adler32}.part"
    Resuming(part)(file.url, str(path), None)
    if (found := _adler32(path)) != file.adler32:
        path.unlink()
        raise ValueError(f"Expected adler32 {file.adler32}; got {found}.")
    return path


def _adler32(path: Path) -> str:
    value = 1
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.adler32(block, value)
    return f"{value:08x}"


def _tables(ntuples: Iterable[Path], split: str) -> Iterator[JetTable]:
    from course_utils.samples.cms_ntuples import read_ntuple  # loads uproot and awkward

    for path in ntuples:
        yield from read_ntuple(path, ttv=TTV[split])


def _provenance(split: str, files: Iterable[PublicFile]) -> dict[str, str]:
    return {
        "sample": "hbb",
        "split": split,
        "record": f"CERN Open Data {RECORD}, doi:10.7483/OPENDATA.CMS.JGJX.MS7Q",
        "files": " ".join(file.name for file in files),
        "cuts": "pT 300 to 2000 GeV, abs(eta) < 2.4, soft drop mass 40 to 200 GeV",
    }
