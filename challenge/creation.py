"""A new challenge: public jets in a secret order, and the labels that only the instructor reads.

::

    CreationError   the jets or labels cannot make a challenge: a reason code and one sentence
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from challenge.folder import LABELS, SETTINGS, TEST_JETS, Challenge, write_durably
from challenge.names import clean_name
from challenge.store import DATABASE, SUBMISSIONS, Store
from challenge.submission import Refusal, SubmissionError, read_vector

if TYPE_CHECKING:
    from course_utils.jetfile import JetTable

__all__ = ["CreationError", "create_from_jets", "create_from_labels"]

_LABEL_DTYPES: Final = frozenset(
    {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}
)
_JETS_AT_ONCE: Final = 10_000


class CreationError(Refusal):
    """Jets or labels that cannot make a challenge, or a folder that is not free."""


def create_from_jets(folder: Path, jets: Path, *, seed: int, name: str | None = None) -> Challenge:
    """A challenge from a file of labelled jets.

    The public file holds the same jets in random order. Its labels and truth columns are zero,
    its split column is constant, and nothing of the provenance is carried over: the seed that
    generated the jets would generate the labels as well. The order follows from `seed` *and* from
    the source file, so guessing the seed is not enough to undo it.

    Parameters
    ----------
    folder : Path
        A new or an empty folder.
    jets : Path
        A jet file (see `course_utils.jetfile`) that no student has. It is read into memory:
        3.2 kB a jet.
    seed : int
        The instructor's own, not negative.
    name : str, optional
        Shown on the leaderboard; the folder's name if not given.

    Raises
    ------
    CreationError
        With one of the reasons exists, challenge-name, jets, one-class.
    """
    from course_utils.jetfile import DataError, JetFile, write_jets  # only creation reads jets

    title = _clean_title(folder, name)
    try:
        with JetFile(jets) as file:
            table = file.read()
        _require_both_classes(table.y_true)
        order = _secret_order(table, seed)
        with _claimed(folder):
            write_jets(
                folder / TEST_JETS, _public_tables(table, order), provenance={"challenge": title}
            )
            return _finish(folder, title, table.y_true[order])
    except DataError as error:
        raise CreationError("jets", str(error)) from error


def create_from_labels(folder: Path, labels: Path, *, name: str | None = None) -> Challenge:
    """A challenge for labels that come from anywhere; the rows keep their order.

    Parameters
    ----------
    folder : Path
        A new or an empty folder.
    labels : Path
        A ``.npy`` file of shape (n_jets,) that holds 0 and 1, of any number type.
    name : str, optional
        Shown on the leaderboard; the folder's name if not given.

    Raises
    ------
    CreationError
        With one of the reasons exists, challenge-name, unreadable, labels, one-class, or the
        reasons of `challenge.submission.read_vector`.
    """
    title = _clean_title(folder, name)
    try:
        values = read_vector(labels.read_bytes(), dtypes=_LABEL_DTYPES)
    except OSError as error:
        raise CreationError("unreadable", f"{labels} cannot be read: {error.strerror}.") from error
    except SubmissionError as error:
        raise CreationError(error.reason, f"{labels}: {error.sentence}") from error
    if not np.all((values == 0) | (values == 1)):
        raise CreationError("labels", f"Expected labels 0 and 1 only; {labels} holds others.")
    _require_both_classes(values)
    with _claimed(folder):
        return _finish(folder, title, values)


def _clean_title(folder: Path, name: str | None) -> str:
    try:
        return clean_name(folder.resolve().name if name is None else name, what="challenge")
    except SubmissionError as error:
        advice = " Give one with --name." if name is None else ""
        raise CreationError(error.reason, error.sentence + advice) from error


def _require_both_classes(labels: NDArray[np.generic]) -> None:
    n_signal = np.count_nonzero(labels)
    n_background = len(labels) - n_signal
    if min(n_signal, n_background) < 2:
        raise CreationError(
            "one-class",
            f"Expected at least two jets of each class; got {n_signal} signal and "
            f"{n_background} background jets.",
        )


def _secret_order(table: "JetTable", seed: int) -> NDArray[np.intp]:
    content = hashlib.sha256()
    for array in (table.jets[:, 0], table.truth, table.y_true):
        content.update(np.ascontiguousarray(array))
    rng = np.random.default_rng([seed, int.from_bytes(content.digest())])
    return rng.permutation(len(table))


def _public_tables(table: "JetTable", order: NDArray[np.intp]) -> Iterator["JetTable"]:
    for start in range(0, len(order), _JETS_AT_ONCE):
        rows = order[start : start + _JETS_AT_ONCE]
        yield type(table)(
            jets=table.jets[rows],
            truth=np.zeros((len(rows), 4), np.float32),
            y_true=np.zeros(len(rows), np.int8),
            ttv=np.ones(len(rows), np.int8),
        )


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """An empty folder with a store, for one creator; emptied again if what follows fails."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise _not_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        Store.create(folder)
    except FileExistsError:  # another creator was faster
        raise _not_free(folder) from None
    try:
        yield
    except BaseException:
        for each in (SETTINGS, LABELS, TEST_JETS, DATABASE):
            (folder / each).unlink(missing_ok=True)
        (folder / SUBMISSIONS).rmdir()
        raise


def _not_free(folder: Path) -> CreationError:
    return CreationError(
        "exists", f"Expected a new or an empty folder; {folder} holds something: choose another."
    )


def _finish(folder: Path, title: str, labels: NDArray[np.generic]) -> Challenge:
    archive = io.BytesIO()
    np.savez(archive, labels=labels.astype(np.int8))
    write_durably(folder / LABELS, archive.getvalue())
    # Last, because it is what makes the folder a challenge.
    created = datetime.now(UTC).isoformat(timespec="seconds")
    settings = f'name = "{title}"\nn_jets = {len(labels)}\ncreated = {created}\n'
    write_durably(folder / SETTINGS, settings.encode())
    (folder / SETTINGS).chmod(0o644)  # public: `check` reads it
    return Challenge.open(folder)
