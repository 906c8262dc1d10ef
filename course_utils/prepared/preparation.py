"""Making prepared jets, once, and finding them again.

A jet file is compressed in chunks of 80 jets, so reading jets in random order decompresses 80 for
each. `prepare` reads the file once and stores, for each jet, only what is not zero: a fifth of a
constituent table, a fiftieth of an image. 1.2 million jets take 0.3 GB as images of 40 x 40 pixels
and 0.8 GB as constituents. They are mapped to memory, not loaded::

    images = prepare("top_tagging", "train", Images())
    images[:100]                      # dense, shape (100, 40, 40)
    images.y_true                     # labels of all jets

The form is stored in ``prepared/`` beside the jet file, where a class shares it, or in the user's
cache folder if that is not writable. It belongs to its jet file (size and time of change: copy both
with ``cp -a``), its options and `VERSION`; when one of them changes, it is made again. Checksums
are compared whenever it is opened, and a damaged form is made again.

Two processes may prepare the same form at once: where the file system has locks, the second one
waits and uses what the first one made. A killed preparation leaves nothing that looks finished. A
form is removed once its jet file has changed; forms of other versions stay, and
``./data_download.sh`` lists them as outdated.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
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
from tqdm.auto import tqdm

from course_utils import samples
from course_utils.files import disk_room, is_full, locked, part_of
from course_utils.jetfile import DataError, JetTable
from course_utils.prepared.arrays import MANIFEST, PackedError, PackedWriter, open_packed
from course_utils.prepared.forms import FORMS, Constituents, Form, Packed
from course_utils.prepared.jets import Prepared

__all__ = ["VERSION", "prepare", "prepared_forms"]

# Raise it with every change of what is stored; a golden test notices one.
VERSION: Final = 1

_JETS_AT_ONCE: Final = 2048  # 7 MB of constituents, 13 MB of images
_AHEAD: Final = 2  # blocks that are read while one is packed
_MAKE_ROOM: Final = (
    "Make room there (a million jets take 0.3 GB as images, 0.7 GB as constituents), or set"
)
_OLD_S: Final = 86_400  # unfinished for so long: its process was killed
_logger = logging.getLogger(__name__)


def prepare(
    sample: str = "top_tagging",
    split: str = "train",
    form: Form | None = None,
    *,
    progress: bool = True,
) -> Prepared:
    """Open the prepared jets of a split; make them first if they are not there.

    Parameters
    ----------
    sample, split : str
        The jets of `course_utils.samples.load_jets`, in the same order.
    form : Constituents or Images, optional
        By default `Constituents()`.
    progress : bool
        Show a progress bar while the form is made.

    Raises
    ------
    DataNotFound, DataError
        If the jet file is missing or damaged, or there is no room for the prepared form.

    Examples
    --------
    >>> from course_utils.prepared import Images
    >>> images = prepare("top_tagging", "val", Images(n_pixels=10), progress=False)
    >>> images.shape == (len(images.y_true), 10, 10)
    True
    """
    source, form = samples.find(sample, split), form or Constituents()
    about = _about(sample, split, form, source)
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    places = [root / f"{split}-{form.name}-{key}" for root in _roots(sample, source)]
    for place in places:
        if (there := _found(place, about)) is not None:
            return there
    for place in [place for place in places if _is_writable(place)] or places[-1:]:
        with _lock(place):
            there = _found(place, about, warn=False)
            if there is not None:
                return there  # another process made it while we waited
            _make(place, about, form, source, progress=progress)
        if (there := _found(place, about)) is not None:
            return there  # otherwise a damaged form is in the way, and not ours to remove
    raise DataError(f"Cannot replace the damaged {place}. Ask its owner to remove it.")


def prepared_forms(sample: str, split: str) -> list[tuple[str, int, bool]]:
    """List the prepared forms of a split on this machine: kind, bytes, whether it is current."""
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
    """Everything that decides what is stored."""
    stat = source.stat()
    return {
        "sample": sample,
        "split": split,
        "form": {"name": form.name, "options": asdict(form)},
        "source": {"bytes": stat.st_size, "modified_ns": stat.st_mtime_ns},
        "version": VERSION,
    }


def _is_of(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return {name: found.get(name) for name in wanted} == wanted


def _roots(sample: str, source: Path) -> list[Path]:
    """Folders for the forms of a jet file: beside it, then in the user's cache."""
    own = samples.data_roots()[-1] / sample / "prepared"
    return [own] if source == samples.small_sample(sample) else [source.parent / "prepared", own]


def _found(place: Path, about: dict[str, Any], *, warn: bool = True) -> Prepared | None:
    """The form in a folder, if there is one that can be read and is sound."""
    try:
        there = Prepared(place)
        if not _is_of(there.about, about):
            raise PackedError("its manifest describes other jets")
        return there
    except FileNotFoundError:
        return None
    except PackedError as error:
        reason = f"are damaged: {error}"
    except OSError as error:  # such as another user's folder, or a lost disk
        reason = f"cannot be read: {error.strerror}"
    if warn:
        _logger.warning("Prepared jets in %s %s. Making them again.", place, reason)
    return None


def _is_writable(place: Path) -> bool:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place.parent, os.W_OK)


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    """Let one process at a time make a form, so that two do not both do the work."""

    def busy() -> None:
        _logger.warning("Another process is making %s; waiting for it.", place)

    with locked(place, busy=busy):
        _clear_up(place.parent)
        yield


def _clear_up(folder: Path) -> None:
    """Remove what killed processes left; recent files may belong to one still at work."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):
            youngest = max(path.stat().st_mtime for path in (part, *part.iterdir()))
            if time.time() - youngest > _OLD_S:
                shutil.rmtree(part, ignore_errors=True)


def _make(place: Path, about: dict[str, Any], form: Form, source: Path, *, progress: bool) -> None:
    """Write a form under a temporary name and rename it once it is complete."""
    part = part_of(place)
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
        full = is_full(error)
        raise DataError(
            f"Cannot keep prepared jets in {place.parent}: {error.strerror}. "
            f"{f'{disk_room(place.parent)} {_MAKE_ROOM}' if full else 'Set'} JET_DATA to another "
            f"folder with the jets."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _packed(
    about: dict[str, Any], form: Form, *, progress: bool
) -> Iterator[tuple[JetTable, Packed]]:
    """Packed jets in file order. Another thread packs while this one reads, which takes longer."""
    sample, split = about["sample"], about["split"]
    blocks = samples.jet_blocks(sample, split, _JETS_AT_ONCE)
    waiting: deque[Future[tuple[JetTable, Packed]]] = deque()
    with (
        ThreadPoolExecutor(1) as pool,
        tqdm(
            # Where labels select the jets, counting them means reading them all.
            total=None if samples.SAMPLES[sample].labels else samples.count_jets(sample, split),
            desc=f"{sample} {split}: {form.name}",
            unit=" jets",
            disable=not progress,
        ) as bar,
    ):
        for block in chain(blocks, [None] * _AHEAD):  # the last ones only wait for the thread
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
    """Rename what was made, unless another process was faster; replace a damaged form."""
    if place.exists() and _found(place, about, warn=False) is None:
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
    """Whether both are the same form of the same file and version: then the file has changed."""
    try:
        ours, theirs = (open_packed(folder, verify=False)[0] for folder in (place, other))
    except (OSError, PackedError):
        return False
    return all(ours.get(name) == theirs.get(name) for name in ("form", "path", "version"))
