"""Jets in the form a network reads, made once and kept on disk: any of them in any order at once.

A jet file is compressed in chunks of 80 jets, so that a random order reads 80 for each.
`prepare` goes through the file once and keeps, for each jet, only what is not zero: a fifth of a
constituent table, a fiftieth of an image. 1.2 million jets then take 0.3 GB as images of 40 x 40
pixels and 0.8 GB as constituents, and are mapped to memory, not loaded::

    images = prepare("top_tagging", "train", Images())
    images[:100]                      # dense, shape (100, 40, 40)
    images.y_true                     # labels of all jets

`course_utils.prepared.Batches` shuffles them into batches for PyTorch and Keras.

The form lies beside the jet file, in ``prepared/``, where a whole class shares it; where that
folder is not writable, in the user's cache folder. It belongs to its jet file (by size and time of
change: copy both with ``cp -a``), to its options, and to the code that made it; when one of them
changes it is made anew. Each time it is opened its checksums are compared, and a damaged one is
made anew. Two who prepare the same at the same time do not disturb each other: where the file
system has locks, the second one waits and takes what the first has made. A preparation that is
killed leaves nothing that could be mistaken for a finished one. A form is removed once its jet file
has changed; those of other versions of the code stay, and ``./data_download.sh`` lists them as
outdated.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from filelock import FileLock
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from course_utils import samples
from course_utils.jetfile import DataError, JetTable, row_numbers
from course_utils.prepared.arrays import MANIFEST, PackedError, PackedWriter, open_packed
from course_utils.prepared.forms import FORMS, Constituents, Form, Packed

__all__ = ["Prepared", "prepare", "prepared_forms"]

# The code that decides what is stored: another version makes another form.
_CODE: Final = (
    "prepared/forms", "_image_kernel", "jetfile/format", "jetfile/table", "prepared/arrays",
    "samples/loading", "images", "jetfile/reader", "kinematics", "prepared/preparation",
)  # fmt: skip
_JETS_AT_ONCE: Final = 2048  # 7 MB of constituents, 13 MB of images
_AHEAD: Final = 2  # blocks that are read while one is packed
_MAKE_ROOM: Final = (
    "Make room there (a million jets take 0.3 GB as images, 0.7 GB as constituents), or set"
)
_OLD_S: Final = 86_400  # what is unfinished for so long belongs to a process that was killed
_logger = logging.getLogger(__name__)


def _code_version() -> str:
    digest = hashlib.sha256()
    for module in _CODE:
        digest.update((Path(__file__).parents[1] / f"{module}.py").read_bytes())
    return digest.hexdigest()


# As it is imported: a file that changes later is not the code that runs.
_VERSION: Final = _code_version()


class Prepared:
    """Prepared jets of one split: ``len``, rows as dense arrays, and the labels.

    `prepare` returns it. A slice, a mask or an array of row numbers gives float32, n_rows
    times the form's shape; nothing but these rows is read from the disk.

    Parameters
    ----------
    folder : path
        Where it lies.
    verify : bool
        Compare all checksums, which reads the folder once.

    Attributes
    ----------
    form : Constituents or Images
    about : dict
        Sample, split, options, jet file and version of the code.
    y_true : array of shape (n_jets,), int8
        1 signal, 0 background.
    columns : dict of arrays of shape (n_jets,)
        What the sample has beyond the public format, such as ``fj_sdmass``.
    """

    def __init__(self, folder: Path, *, verify: bool = True) -> None:
        about, arrays = open_packed(folder, verify=verify)
        try:
            self.form: Form = FORMS[about["form"]["name"]](**about["form"]["options"])
            self.y_true: NDArray[np.int8] = np.array(arrays.pop("y_true"))
            self._offsets = np.append(0, np.cumsum(arrays.pop("counts"), dtype=np.int64))
        except (KeyError, TypeError, ValueError) as error:
            raise PackedError(f"its manifest is not that of prepared jets ({error})") from error
        self.folder, self.about = folder.resolve(), about
        prefix = "column_"
        self.columns = {
            name.removeprefix(prefix): np.array(arrays.pop(name))
            for name in list(arrays)
            if name.startswith(prefix)
        }
        self._arrays = arrays

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all jets together, if they were in memory."""
        return len(self), *self.form.shape

    @property
    def nbytes(self) -> int:
        """What they take on the disk, without the labels."""
        return sum(values.nbytes for values in self._arrays.values())

    def __len__(self) -> int:
        return len(self.y_true)

    def __getitem__(self, rows: int | slice | ArrayLike) -> NDArray[np.float32]:
        if isinstance(rows, int | np.integer):
            return self[np.array([rows])][0]
        numbers = self.numbers(rows)
        begins = self._offsets[numbers]
        counts = self._offsets[numbers + 1] - begins
        if isinstance(rows, slice) and rows.step in (None, 1):  # one piece of the disk
            first = int(begins[0]) if len(begins) else 0
            take: slice | NDArray[np.int64] = slice(first, first + int(counts.sum()))
        else:
            take = np.repeat(begins - np.cumsum(counts) + counts, counts)
            take += np.arange(len(take))
        return self.form.unpack(counts, **{k: values[take] for k, values in self._arrays.items()})

    def numbers(self, rows: slice | ArrayLike) -> NDArray[np.int64]:
        """Row numbers from 0, whichever way they are asked for."""
        if isinstance(rows, slice):
            return np.arange(*rows.indices(len(self)))
        return row_numbers(rows, len(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process goes the folder's name: memory is shared through the disk."""
        return _reopened, (self.folder,)


def _reopened(folder: Path) -> Prepared:
    return Prepared(folder, verify=False)


def prepare(
    sample: str = "top_tagging",
    split: str = "train",
    form: Form | None = None,
    *,
    verify: bool = True,
    progress: bool = True,
) -> Prepared:
    """Jets of a split in a prepared form: opened if it is there, else made and kept.

    Parameters
    ----------
    sample, split : str
        As for `course_utils.samples.load_jets`: the same jets in the same order.
    form : Constituents or Images, optional
        All constituents by default.
    verify : bool
        Compare the checksums of a form that is there, which reads it once.
    progress : bool
        Show a progress bar while the form is made.

    Raises
    ------
    DataNotFound, DataError
        If there is no jet file, it is damaged, or there is no room for the prepared form.

    Examples
    --------
    >>> images = prepare("top_tagging", "val", Images(n_pixels=10), progress=False)
    >>> images.shape == (len(images.y_true), 10, 10)
    True
    """
    source, form = samples.find(sample, split), form or Constituents()
    about = _about(sample, split, form, source)
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    places = [root / f"{split}-{form.name}-{key}" for root in _roots(sample, source)]
    for place in places:
        if (there := _found(place, about, verify=verify)) is not None:
            return there
    for place in [place for place in places if _is_writable(place)] or places[-1:]:
        with _lock(place):
            there = _found(place, about, verify=verify, tell=False)
            if there is not None:
                return there  # somebody else made it while we waited
            _make(place, about, form, source, progress=progress)
        if (there := _found(place, about, verify=True)) is not None:
            return there  # else a damaged one is in the way that is not ours to remove
    raise DataError(f"Cannot replace the damaged {place}. Ask its owner to remove it.")


def prepared_forms(sample: str, split: str) -> list[tuple[str, int, bool]]:
    """The prepared forms of a split on this machine: kind, bytes, and whether they are current."""
    source = samples.located(sample, split)
    found = []
    for root in _roots(sample, source):
        for manifest in sorted(root.glob(f"{split}-*/{MANIFEST}")):
            try:
                about, arrays = open_packed(manifest.parent, verify=False)
                form = FORMS[about["form"]["name"]](**about["form"]["options"])
            except (KeyError, OSError, PackedError, TypeError, ValueError):
                continue
            size = sum(values.nbytes for values in arrays.values())
            current = _is_of(about, _about(sample, split, form, source))
            found.append((form.name, size, current))
    return found


def _about(sample: str, split: str, form: Form, source: Path) -> dict[str, Any]:
    """All that decides what is stored."""
    stat = source.stat()
    return {
        "sample": sample,
        "split": split,
        "form": {"name": form.name, "options": asdict(form)},
        "source": {"bytes": stat.st_size, "modified_ns": stat.st_mtime_ns},
        "code": _VERSION,
    }


def _is_of(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return {name: found.get(name) for name in wanted} == wanted


def _roots(sample: str, source: Path) -> list[Path]:
    """Where prepared forms of a jet file may be: beside it, and in the user's cache folder."""
    own = samples.data_roots()[-1] / sample / "prepared"
    return [own] if source == samples.small_sample(sample) else [source.parent / "prepared", own]


def _found(
    place: Path, about: dict[str, Any], *, verify: bool, tell: bool = True
) -> Prepared | None:
    """What is there, if it can be read and is sound."""
    try:
        there = Prepared(place, verify=verify)
        if not _is_of(there.about, about):
            raise PackedError("its manifest is that of other jets")
        return there
    except FileNotFoundError:
        return None
    except PackedError as error:
        reason = f"are damaged: {error}"
    except OSError as error:  # another user's, a disk that is gone
        reason = f"cannot be read: {error.strerror}"
    if tell:
        _logger.warning("Prepared jets in %s %s. Making them anew.", place, reason)
    return None


def _is_writable(place: Path) -> bool:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place.parent, os.W_OK)


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    """Let one process at a time make a form; without the lock they would both do the work."""
    # Open to all users of the folder. A soft lock would outlive a process that is killed.
    lock = FileLock(place.with_name(f".{place.name}.lock"), mode=0o666, fallback_to_soft=False)
    with suppress(NotImplementedError, OSError):  # no locks here
        try:
            lock.acquire(blocking=False)
        except TimeoutError:
            _logger.warning("Another process is making %s; waiting for it.", place)
            lock.acquire()
    try:
        _clear_up(place.parent)
        yield
    finally:
        lock.release()


def _clear_up(folder: Path) -> None:
    """Remove what killed processes left: young files may be those of one that is at work."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):
            youngest = max(path.stat().st_mtime for path in (part, *part.iterdir()))
            if time.time() - youngest > _OLD_S:
                shutil.rmtree(part, ignore_errors=True)


def _make(place: Path, about: dict[str, Any], form: Form, source: Path, *, progress: bool) -> None:
    """Write a form under a temporary name, and give it its own when it is whole."""
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True)
        with PackedWriter(part) as writer:
            for table, (counts, arrays) in _packed(about, form, progress=progress):
                columns = {f"column_{name}": values for name, values in table.columns.items()}
                arrays = arrays | columns | {"y_true": table.y_true}
                for name, values in (arrays | {"counts": counts.astype(np.uint16)}).items():
                    writer.append(name, values)
            writer.finish(about | {"path": str(source.resolve())})
        _put(part, place, about)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise DataError(
            f"Cannot keep prepared jets in {place.parent}: {error.strerror}. "
            f"{_MAKE_ROOM if full else 'Set'} JET_DATA to another folder with the jets."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _packed(
    about: dict[str, Any], form: Form, *, progress: bool
) -> Iterator[tuple[JetTable, Packed]]:
    """Packed jets in the order of the file; one thread packs while this one reads, the slower."""
    sample, split = about["sample"], about["split"]
    blocks = samples.jet_blocks(sample, split, _JETS_AT_ONCE)
    waiting: deque[Future[tuple[JetTable, Packed]]] = deque()
    with (
        ThreadPoolExecutor(1) as pool,
        tqdm(
            # Where jets are chosen by their labels, counting them is to read them all.
            total=None if samples.SAMPLES[sample].labels else samples.count_jets(sample, split),
            desc=f"{sample} {split}: {form.name}",
            unit=" jets",
            disable=not progress,
        ) as bar,
    ):
        for block in chain(blocks, [None] * _AHEAD):  # the last ones only wait
            if block is not None:
                waiting.append(pool.submit(_pack, form, block))
            if len(waiting) > _AHEAD or (block is None and waiting):
                table, packed = waiting.popleft().result()
                bar.update(len(table))
                yield table, packed


def _pack(form: Form, block: Callable[[], JetTable]) -> tuple[JetTable, Packed]:
    table = block()
    return table, form.pack(table.jets)


def _put(part: Path, place: Path, about: dict[str, Any]) -> None:
    """Name what is made, unless somebody was faster; a damaged one makes room."""
    if place.exists() and _found(place, about, verify=True, tell=False) is None:
        shutil.rmtree(place, ignore_errors=True)
    try:
        part.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return
    for other in place.parent.glob(f"{place.name.rsplit('-', 1)[0]}-*"):
        if other != place and _supersedes(place, other):
            shutil.rmtree(other, ignore_errors=True)


def _supersedes(place: Path, other: Path) -> bool:
    """Whether two are the same form of the same file, by the same code: then the file changed."""
    try:
        ours, theirs = (open_packed(folder, verify=False)[0] for folder in (place, other))
    except (OSError, PackedError):
        return False
    return all(ours.get(name) == theirs.get(name) for name in ("form", "path", "code"))
