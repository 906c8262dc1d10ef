"""Fetch public files by DOI: resumed after a broken connection, verified, then renamed.

Pooch asks the record for its checksums, verifies and renames. It restarts a broken download from
the beginning, which hurts at a gigabyte; the downloader here continues it (HTTP ``Range``).

A site that keeps a copy sets ``JET_DATA_MIRROR`` to an address that serves
``<sample>/<split>.h5`` and ``<sample>/checksums.txt``, the output of ``md5sum *.h5`` or
``sha256sum *.h5``.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pooch
import requests
from pooch.downloaders import doi_to_repository
from requests.exceptions import ChunkedEncodingError, HTTPError, RequestException, Timeout
from tqdm import tqdm

from course_utils.files import disk_room, is_full, locked
from course_utils.jetfile import DataError, data_command
from course_utils.samples.entry import Sample
from course_utils.samples.places import is_there

MIRROR: Final = "JET_DATA_MIRROR"
_BLOCK: Final = 1 << 16  # bytes; the most that a broken connection loses
_TIMEOUT: Final = (10, 60)  # seconds to connect, and between two pieces of an answer
_ALGORITHMS: Final = {32: "md5", 40: "sha1", 64: "sha256"}
_FAILURES: Final = 3  # in a row, each without a single new byte
_FIRST_PAUSE: Final = 1.0  # seconds


class Resuming:
    """A downloader for pooch that keeps what has arrived in `part` and continues from there.

    Parameters
    ----------
    part : Path
        The unfinished file. If the connection breaks for good, it stays for the next run.
    """

    def __init__(self, part: Path) -> None:
        self.part = part

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch `url`, which may be a ``doi:``, into `output_file`."""
        url = _resolved(url)
        failures = 0
        while True:
            before = self._size()
            try:
                self._pull(url)
            except (requests.ConnectionError, ChunkedEncodingError, Timeout):
                failures = 0 if self._size() > before else failures + 1
                if failures == _FAILURES:
                    raise
                time.sleep(_FIRST_PAUSE * 2**failures)
            else:
                self.part.replace(output_file)
                return

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _pull(self, url: str) -> None:
        have = self._size()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            span = answer.headers.get("Content-Range", "")
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                if span == f"bytes */{have}":
                    return  # complete already: the last run ended just before the renaming
                self.part.unlink()
                raise requests.ConnectionError("The unfinished file was too long.")
            answer.raise_for_status()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                raise DataError(
                    f"Expected jets from {url}; got a web page. Open the address in a browser."
                )
            resumed = answer.status_code == requests.codes.partial_content
            if resumed and not span.startswith(f"bytes {have}-"):
                self.part.unlink()
                raise requests.ConnectionError(f"Asked for bytes from {have}, got {span!r}.")
            self._append(answer, have if resumed else 0)

    @contextmanager
    def _full_disk_told(self, length: int) -> Iterator[None]:
        """Name the disk that has no room for so many bytes more; leave nothing on it."""
        try:
            if shutil.disk_usage(self.part.parent).free < length:
                raise OSError(errno.ENOSPC, "No space left on device")
            yield
        except OSError as error:
            if not is_full(error):
                raise
            self.part.unlink(missing_ok=True)
            raise DataError(
                f"Fetching into {self.part.parent} stopped: no room on the disk, or a quota is "
                f"used up. {disk_room(self.part.parent, needed=length)} Make room there and run "
                f"the same command again, or set JET_DATA to another folder."
            ) from error

    def _append(self, answer: requests.Response, have: int) -> None:
        length = int(answer.headers.get("Content-Length", 0))
        with (
            self._full_disk_told(length),
            self.part.open("ab" if have else "wb") as file,
            tqdm(
                total=have + length if length else None,
                initial=have,
                desc=self.part.name.split(".")[1],
                unit="B",
                unit_scale=True,
                disable=None,  # no bar unless standard error is a terminal
            ) as bar,
        ):
            for block in answer.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))


def fetch(sample: Sample, splits: list[str], folder: Path, *, force: bool) -> Iterator[str]:
    """Fetch the public files of the splits into `folder`; yield a line about each.

    Raises
    ------
    DataError
        If the record cannot be reached, a download is corrupted, or a file of other jets is in
        the way and `force` is not given.
    """
    pooch.get_logger().setLevel("ERROR")  # the progress bar and the yielded line suffice
    record = _record(sample, folder)
    for split in splits:
        name = f"{split}.h5"
        with faults_told(sample, name):
            if name not in record.registry:
                raise DataError(f"{record.base_url} has no {name}, only {sorted(record.registry)}.")
            yield _fetch_file(record, name, folder, force=force)


def refuse_second(target: Path) -> None:
    """Raise the error of who fetches a file that another process is fetching."""
    raise DataError(
        f"Another process is fetching {target} now. Wait until it is finished, or set JET_DATA to "
        f"another folder."
    )


def _fetch_file(record: pooch.Pooch, name: str, folder: Path, *, force: bool) -> str:
    target, checksum = folder / name, record.registry[name]
    folder.mkdir(parents=True, exist_ok=True)
    with locked(target, busy=partial(refuse_second, target)):
        return _fetch_one(record, target, checksum, force=force)


def _fetch_one(record: pooch.Pooch, target: Path, checksum: str, *, force: bool) -> str:
    def is_public(path: Path) -> bool:
        return pooch.file_hash(path, _algorithm(checksum)) == _digest(checksum)

    if is_there(target, is_wanted=is_public, force=force):
        return f"{target} is already there."
    # With the checksum in its name, parts of two versions of a record are never joined.
    part = target.with_name(f".{target.stem}.{_digest(checksum)[:12]}.part")
    record.fetch(target.name, downloader=Resuming(part))
    return f"{target}: {target.stat().st_size / 1e9:.2f} GB, verified."


def _record(sample: Sample, folder: Path) -> pooch.Pooch:
    """Look up the public files and their checksums, at the mirror if there is one, else by DOI."""
    with faults_told(sample, "the list of files"):
        if mirror := os.environ.get(MIRROR):
            base_url = f"{mirror.rstrip('/')}/{sample.name}/"
            answer = requests.get(f"{base_url}checksums.txt", timeout=_TIMEOUT)
            answer.raise_for_status()
            return pooch.create(folder, base_url, registry=_checksums(answer.text))
        record = pooch.create(folder, f"doi:{sample.doi}/", registry={})
        record.load_registry_from_doi()
        return record


def _checksums(text: str) -> dict[str, str]:
    """Read the output of ``md5sum`` or ``sha256sum``: ``{name: "md5:..."}``."""
    registry = {}
    for line in filter(str.strip, text.splitlines()):
        digest, _, name = line.strip().partition(" ")
        if len(digest) not in _ALGORITHMS or not name.strip():
            raise ValueError(f"Expected a checksum and a name, got {line[:60]!r}")
        registry[name.strip().removeprefix("*")] = f"{_ALGORITHMS[len(digest)]}:{digest.lower()}"
    return registry


def _algorithm(checksum: str) -> str:
    return checksum.partition(":")[0] if ":" in checksum else "sha256"


def _digest(checksum: str) -> str:
    return checksum.rpartition(":")[2]


def _resolved(url: str) -> str:
    """Return the address of a file; it may be given as ``doi:<record>/<name>``."""
    if not url.startswith("doi:"):
        return url
    doi, _, name = url.removeprefix("doi:").rpartition("/")
    return doi_to_repository(doi, timeout=_TIMEOUT).download_url(name)


@contextmanager
def faults_told(sample: Sample, what: str) -> Iterator[None]:
    """Turn every fault of a download into one sentence that says what to do."""
    way_out = (
        f"run the same command again to continue, or make jets of the same kind offline: "
        f"{data_command('--generate', sample.name)}"
    )
    try:
        yield
    except HTTPError as error:
        status = f"{error.response.status_code} {error.response.reason}"
        message = f"{error.response.url} answered {status}; {way_out}"
        raise DataError(message) from error
    except RequestException as error:
        where = error.request.url if error.request is not None else f"doi:{sample.doi}"
        raise DataError(f"No connection for {what} from {where}; {way_out}") from error
    except (ValueError, KeyError) as error:  # from pooch: a wrong checksum, or an unreadable record
        raise DataError(
            f"The download of {what} for {sample.name} does not match the record and was "
            f"removed; {way_out} ({str(error).splitlines()[0]})"
        ) from error
