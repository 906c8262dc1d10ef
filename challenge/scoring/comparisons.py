"""DeLong's covariance of many AUCs on the same jets, each pair computed only once.

The covariance of two AUCs needs nothing of a submission but its placements, one number per jet
(`course_utils.metrics.OrderedScores.placements`). They are kept in a cache folder under the SHA-256
of the submitted file, and so are the matrix of covariances and the errors of differences that the
Ladder asked for: an unchanged board reads them, a new entry adds to them. The folder can be thrown
away: it is made again from the submitted files.

The cache depends on the hidden labels, so its files can be read by the instructor's account only.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.files import write_file
from course_utils.metrics import OrderedScores, ordered, paired_error

__all__ = ["CACHE", "covariances", "error_of_difference", "errors_of_differences", "remember"]

CACHE: Final = "comparisons"  # folder of a challenge that can be thrown away
_JETS_AT_ONCE: Final = 8192  # of a thousand entries: 65 MB
_KEY_BYTES: Final = 64  # a SHA-256 in hexadecimal
_DIGEST_BYTES: Final = 32

Scores = Callable[[str], ArrayLike]


def covariances(
    labels: ArrayLike, keys: Sequence[str], scores_of: Scores, *, cache: Path
) -> NDArray[np.float64]:
    """Covariance matrix of the AUCs of some submissions.

    Parameters
    ----------
    labels : array of shape (n_jets,)
        The labels of one split, 1 for signal; at least two jets of each class.
    keys : sequence of str
        SHA-256 of the submitted files.
    scores_of : function
        Maps a key to its scores on the same jets, shape (n_jets,). Called only for what is not
        in the cache.
    cache : Path
        A folder for this purpose alone; it need not exist.

    Returns
    -------
    array of shape (n_keys, n_keys)
        The diagonal holds the squares of DeLong's errors, up to rounding.
    """
    is_signal = np.asarray(labels) == 1
    folder = _folder(is_signal, cache)
    distinct = list(dict.fromkeys(keys))
    known_keys, known = _load(folder / "covariances", distinct)
    everyone = list(dict.fromkeys([*known_keys, *distinct]))
    new = everyone[len(known_keys) :]
    if new:
        for key in everyone:
            if not _is_complete(folder / key, len(is_signal)):
                _remember(ordered(is_signal, scores_of(key)), folder / key)
        known = _extended(known, folder, everyone, is_signal)
        _save(folder / "covariances", everyone, known)
    place = {key: row for row, key in enumerate(everyone)}
    rows = [place[key] for key in keys]
    return known[np.ix_(rows, rows)]


def error_of_difference(
    labels: ArrayLike, keys: tuple[str, str], scores_of: Scores, *, cache: Path
) -> float:
    """DeLong's paired error of the difference of two AUCs; parameters as `covariances`."""
    return errors_of_differences(labels, scores_of, cache=cache)(keys)


def errors_of_differences(
    labels: ArrayLike, scores_of: Scores, *, cache: Path
) -> Callable[[tuple[str, str]], float]:
    """A function that gives `error_of_difference` of two keys, for many pairs on the same jets.

    Kept in the cache as well: a board asks for thousands each time it is drawn.
    """
    is_signal = np.asarray(labels) == 1
    folder, n_signal = _folder(is_signal, cache), int(np.count_nonzero(is_signal))

    def error_of(keys: tuple[str, str]) -> float:
        note = folder / "-".join(sorted(keys))
        if (known := _unsealed(note)) is not None:
            return float(np.frombuffer(known)[0])
        for key in keys:
            if not _is_complete(folder / key, len(is_signal)):
                _remember(ordered(is_signal, scores_of(key)), folder / key)
        first, second = (np.fromfile(folder / key, np.float32).astype(np.float64) for key in keys)
        error = paired_error(np.split(first - second, [n_signal]))
        _seal(note, np.float64(error).tobytes())
        return error

    return error_of


def remember(tagger: OrderedScores, key: str, *, cache: Path) -> None:
    """Put the placements of a scored submission into the cache."""
    _remember(tagger, _folder(tagger.is_signal, cache) / key)


def _folder(is_signal: NDArray[np.bool_], cache: Path) -> Path:
    """A folder for these labels alone: another split never meets this one's numbers."""
    digest = hashlib.sha256(np.packbits(is_signal).tobytes() + str(len(is_signal)).encode())
    folder = cache / digest.hexdigest()[:16]
    for each in (cache, folder):
        each.mkdir(mode=0o700, exist_ok=True)
    return folder


def _remember(tagger: OrderedScores, path: Path) -> None:
    # About the mean, the rounding to single precision is 1e-7 of the spread.
    centred = tagger.placements() - tagger.area()
    by_class = np.concatenate([centred[tagger.is_signal], centred[~tagger.is_signal]])
    write_file(path, by_class.astype(np.float32).tobytes(), private=True)


def _is_complete(path: Path, n_jets: int) -> bool:
    return path.is_file() and path.stat().st_size == 4 * n_jets


def _extended(
    known: NDArray[np.float64], folder: Path, keys: Sequence[str], is_signal: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The covariances of the first keys, with rows and columns for the others."""
    placed = [np.memmap(folder / key, np.float32, "r") for key in keys]
    n_known, n_signal = len(known), int(np.count_nonzero(is_signal))
    rows = np.zeros((len(keys) - n_known, len(keys)))
    for first, last in ((0, n_signal), (n_signal, len(is_signal))):
        n = last - first
        for start in range(first, last, _JETS_AT_ONCE):
            stop = min(start + _JETS_AT_ONCE, last)
            block = np.empty((len(placed), stop - start))  # double: a difference of these is small
            for row, each in enumerate(placed):
                block[row] = each[start:stop]
            rows += block[n_known:] @ block.T / (n * (n - 1))
    extended = np.empty((len(keys), len(keys)))
    extended[:n_known, :n_known] = known
    extended[n_known:] = rows
    extended[:, n_known:] = rows.T
    return extended


def _load(path: Path, wanted: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """Wanted keys that are in the file, and their covariances; a damaged file holds none."""
    nothing: tuple[list[str], NDArray[np.float64]] = [], np.empty((0, 0))
    if (body := _unsealed(path)) is None:
        return nothing
    n = int.from_bytes(body[:8], "little")
    names = body[8 : 8 + n * _KEY_BYTES].decode("ascii")
    keys = [names[at : at + _KEY_BYTES] for at in range(0, len(names), _KEY_BYTES)]
    matrix = np.frombuffer(body, np.float64, offset=8 + n * _KEY_BYTES).reshape(n, n)
    still = set(wanted)
    kept = [row for row, key in enumerate(keys) if key in still]
    return [keys[row] for row in kept], matrix[np.ix_(kept, kept)]


def _save(path: Path, keys: Sequence[str], matrix: NDArray[np.float64]) -> None:
    body = len(keys).to_bytes(8, "little") + "".join(keys).encode("ascii") + matrix.tobytes()
    _seal(path, body)


def _seal(path: Path, body: bytes) -> None:
    write_file(path, hashlib.sha256(body).digest() + body, private=True)


def _unsealed(path: Path) -> bytes | None:
    """The content of a sealed file; None if it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return body if hashlib.sha256(body).digest() == digest else None
