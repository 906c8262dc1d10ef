"""Where the jets of a sample lie on this machine."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import platformdirs

from course_utils.jetfile import (
    DataError,
    DataNotFound,
    DataUnavailable,
    JetFile,
    data_command,
)
from course_utils.samples.catalogue import SAMPLES, SPLITS
from course_utils.samples.environment import jet_data, nothing_there, require_sound

__all__ = [
    "data_root",
    "data_roots",
    "described",
    "find",
    "holds",
    "is_there",
    "located",
    "small_sample",
    "warn_once",
]

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_PACKAGED: Final = Path(__file__).resolve().with_name("data")
_logger = logging.getLogger("course_utils.samples")


def data_roots() -> tuple[Path, ...]:
    """Return the places where samples are looked for, first choice first."""
    roots = [] if (root := jet_data()) is None else [root]
    if (_CHECKOUT / "pyproject.toml").exists():  # not so in an installed package
        roots.append(_CHECKOUT / "data")
    return (*roots, platformdirs.user_cache_path("jet-tagging-course"))


def data_root() -> Path:
    """Return the place where new samples are put: the first of `data_roots`."""
    return data_roots()[0]


def small_sample(sample: str) -> Path:
    """Return where the small sample that comes with the course is, all splits in one file."""
    return _PACKAGED / f"{sample}_small.h5"


def find(sample: str, split: str) -> Path:
    """Return the jet file of a split; the small sample of the course if there is none.

    Parameters
    ----------
    sample : str
        A key of `SAMPLES`.
    split : {"train", "val", "test"}

    Raises
    ------
    DataNotFound
        If the place that holds the sample lacks this split, or nothing is there at all.
    DataError
        If ``JET_DATA`` cannot be meant as a place of samples.
    ValueError
        If there is no sample or split of that name.

    Examples
    --------
    >>> find("top_tagging", "training")
    Traceback (most recent call last):
        ...
    ValueError: Expected a split out of train, val, test; got 'training'.
    """
    path = located(sample, split)
    elsewhere = _elsewhere(path, sample)
    if path == small_sample(sample):
        warn_once(
            f"{elsewhere}This is the small sample {path.name}, enough to try things out. "
            f"For more: {data_command('--generate', sample)}"
        )
    elif elsewhere:
        warn_once(f"{elsewhere}These are the data of {path.parent}.")
    return path


def located(sample: str, split: str) -> Path:
    """`find` without a word in the log."""
    _require_known(sample, split)
    require_sound(sample)
    for root in data_roots():
        folder = root / sample
        if (folder / f"{split}.h5").exists():
            return folder / f"{split}.h5"
        if others := [other for other in SPLITS if (folder / f"{other}.h5").exists()]:
            raise DataNotFound(
                f"{folder} holds {', '.join(others)} of {sample}, but no {split}.h5. Make it "
                f"with: {data_command('--generate', sample, '--split', split)}"
            )
    small = small_sample(sample)
    if not small.exists():
        raise DataNotFound(
            f"{_elsewhere(small, sample)}No jets of {sample} in "
            f"{', '.join(map(str, data_roots()))}. "
            f"Make them with: {data_command('--generate', sample)}"
        )
    return small


def _elsewhere(path: Path, sample: str) -> str:
    """A sentence on ``JET_DATA``, if jets come from another place; none on the place by default."""
    root = jet_data()
    if root in (None, _CHECKOUT / "data") or path.parent == root / sample:
        return ""
    return f"{nothing_there(sample)} "


def is_there(path: Path, *, is_wanted: Callable[[Path], bool], force: bool) -> bool:
    """Whether a file that is to be made is there already; refuse to replace another one.

    Parameters
    ----------
    path : Path
    is_wanted : function of path
        Whether it holds what is asked for; called only if it exists.
    force : bool
        Replace whatever else is there.

    Raises
    ------
    DataError
        If it holds something else and `force` is not given.
    """
    if not path.exists():
        return False
    if is_wanted(path):
        return True
    if force:
        return False
    raise DataError(
        f"{path} holds other jets ({described(path)}); add --force to replace it, ask for those, "
        f"or set JET_DATA to another folder."
    )


def described(path: Path) -> str:
    """In a few words, what a jet file holds."""
    try:
        with JetFile(path) as file:
            seed = file.provenance.get("seed")
            origin = "public" if seed is None else f"generated with seed {seed}"
            return f"{file.n_jets} jets, {origin}"
    except DataUnavailable:
        return "a file that cannot be read now"
    except DataError:
        return "not a sound jet file"


def holds(wanted: Mapping[str, str | int], path: Path) -> bool:
    """Whether a jet file says all of this about its jets; ``jets`` is their number.

    Raises
    ------
    DataUnavailable
        If that cannot be known now: a sound file shall not be called another one.
    """
    try:
        with JetFile(path) as file:
            found = {**file.provenance, "jets": file.n_jets}
    except DataUnavailable:
        raise
    except DataError:
        return False
    return all(found.get(key) == value for key, value in wanted.items())


def _require_known(sample: str, split: str) -> None:
    if sample not in SAMPLES:
        raise ValueError(f"Expected a sample out of {', '.join(SAMPLES)}; got {sample!r}.")
    if split not in SPLITS:
        raise ValueError(f"Expected a split out of {', '.join(SPLITS)}; got {split!r}.")


@functools.cache
def warn_once(message: str) -> None:
    _logger.warning(message)
