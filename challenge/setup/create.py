"""A new challenge: public jets in a secret order, and the labels that only the instructor reads."""

import io
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from challenge.errors import CreationError, SubmissionError
from challenge.scoring import read_vector
from challenge.setup.leaks import Leak, leak_scan, public_leak, seed_leak
from challenge.setup.plan import Plan, checked_title, require_both_classes, rng_of, split
from challenge.store import (
    COLUMNS,
    LABELS,
    SETTINGS,
    SUBMISSIONS,
    TEST_JETS,
    Challenge,
    Rules,
    Store,
    Truth,
    drop_database,
    system_clock,
)
from challenge.words import iso_text
from course_utils.files import write_file

if TYPE_CHECKING:
    from course_utils.jetfile import JetTable

__all__ = ["create_from_jets", "create_from_labels", "exposed"]

_LABEL_DTYPES: Final = frozenset(
    {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}
)
_LEFT_BY_SYSTEMS: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_JETS_AT_ONCE: Final = 10_000
_USUAL: Final = Plan()


def create_from_jets(
    folder: Path, jets: Path, *, seed: int, plan: Plan = _USUAL
) -> tuple[Challenge, list[Leak]]:
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
        6.4 kB a jet. Generated jets must come from a seed that cannot be guessed.
    seed : int
        The instructor's own, not negative. It also fixes the split.
    plan : Plan, optional

    Returns
    -------
    challenge, leaks
        The leaks that were found and accepted.

    Raises
    ------
    CreationError
        With one of the reasons exists, readable, challenge-name, jets, one-class,
        public-fraction, closes, leak-...
        (see `challenge.setup.leaks`).
    """
    from course_utils.jetfile import DataError, JetFile, write_jets  # scoring reads no jets
    from course_utils.kinematics import jet_mass, jet_pt

    title = checked_title(folder, plan)
    try:
        with JetFile(jets) as file:
            table, provenance = file.read(), file.provenance
        require_both_classes(table.y_true)
        rng = rng_of(seed, table.jets[:, 0], table.truth, table.y_true)
        order = rng.permutation(len(table))
        truth = split(table.y_true[order], plan.public_fraction, rng)
        leaks = _accepted(
            [
                *seed_leak(provenance.get("seed")),
                *([] if provenance else public_leak(len(table), downloads=_downloads())),
                *leak_scan(
                    truth.labels, jets=table.jets[order], training_jets=_known_jets(plan, jets)
                ),
            ],
            plan,
        )
        with _claimed(folder):
            write_jets(
                folder / TEST_JETS, _public_tables(table, order), provenance={"challenge": title}
            )
            _write_columns(
                folder / COLUMNS, pt=jet_pt(table.jets)[order], mass=jet_mass(table.jets)[order]
            )
            return _finish(folder, title, truth, plan.rules), leaks
    except DataError as error:
        raise CreationError("jets", str(error)) from error


def create_from_labels(
    folder: Path, labels: Path, *, seed: int | None = None, plan: Plan = _USUAL
) -> tuple[Challenge, list[Leak]]:
    """A challenge for labels that come from anywhere; the rows keep their order.

    Parameters
    ----------
    folder : Path
        A new or an empty folder.
    labels : Path
        A ``.npy`` file of shape (n_jets,) that holds 0 and 1, of any number type.
    seed : int, optional
        The instructor's own, not negative; it fixes the split. Drawn if not given.
    plan : Plan, optional

    Returns
    -------
    challenge, leaks
        The leaks that were found and accepted.

    Raises
    ------
    CreationError
        With one of the reasons exists, readable, challenge-name, unreadable, labels, one-class,
        public-fraction, closes, leak-..., or those of `challenge.scoring.npy.read_vector`.
    """
    title = checked_title(folder, plan)
    try:
        values = read_vector(labels.read_bytes(), dtypes=_LABEL_DTYPES, what="labels")
    except OSError as error:
        raise CreationError("unreadable", f"{labels} cannot be read: {error.strerror}.") from error
    except SubmissionError as error:
        raise CreationError(error.reason, f"{labels}: {error.sentence}") from error
    if not np.all((values == 0) | (values == 1)):
        raise CreationError("labels", f"Expected labels 0 and 1 only; {labels} holds others.")
    require_both_classes(values)
    y_true = values.astype(np.int8)
    rng = rng_of(secrets.randbits(64) if seed is None else seed, y_true)
    truth = split(y_true, plan.public_fraction, rng)
    leaks = _accepted(leak_scan(truth.labels), plan)
    with _claimed(folder):
        return _finish(folder, title, truth, plan.rules), leaks


def exposed(source: Path) -> str | None:
    """A sentence if others than its owner can read a file that holds the answers."""
    mode = stat.S_IMODE(source.stat().st_mode)
    if not mode & 0o077:
        return None
    return (
        f"{source} holds the answers, and others can read it (mode {mode:o}): "
        f"chmod 600 {source}, or remove it."
    )


def _accepted(leaks: list[Leak], plan: Plan) -> list[Leak]:
    if leaks and not plan.accept_leaks:
        found = " ".join(leak.sentence for leak in leaks)
        raise CreationError(f"leak-{leaks[0].reason}", f"{found} To open it so: --accept-leaks.")
    return leaks


def _downloads() -> list[int]:
    """The numbers of jets in the public files."""
    from course_utils.samples import SAMPLES

    return [n_jets for sample in SAMPLES.values() for n_jets in sample.n_jets.values()]


def _known_jets(plan: Plan, source: Path) -> Iterator[NDArray[np.float32]]:
    """Jets that students have with labels: those of the course, and of the plan's own file.

    Where jets are scored, complete events are not looked at, and the other way round.
    """
    from course_utils.jetfile import JetFile

    with JetFile(source) as file:
        has_kinds = "kind" in file.columns
    for path in [*_course_files(), *([] if plan.training is None else [plan.training])]:
        if path.samefile(source):
            continue
        with JetFile(path) as file:
            if ("kind" in file.columns) != has_kinds:
                continue
            for batch in file.batches(_JETS_AT_ONCE):
                yield batch.jets


def _course_files() -> list[Path]:
    """The small samples that come with the course, and the jets that this machine has."""
    from course_utils.samples import SAMPLES, SPLITS, data_roots, small_sample

    files = [small_sample(name) for name in SAMPLES]
    files += [
        root / name / f"{split}.h5" for root in data_roots() for name in SAMPLES for split in SPLITS
    ]
    return [each for each in files if each.is_file()]


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
    if folder.exists() and (
        not folder.is_dir() or {each.name for each in folder.iterdir()} - _LEFT_BY_SYSTEMS
    ):
        raise _not_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        raise CreationError(
            "readable",
            f"Expected a folder that only you can read; others can read {folder} (mode "
            f"{mode:o}): chmod 700 {folder}",
        )
    try:
        Store.create(folder)
    except FileExistsError:  # another creator was faster
        raise _not_free(folder) from None
    try:
        yield
    except BaseException:
        for each in (SETTINGS, LABELS, COLUMNS, TEST_JETS):
            (folder / each).unlink(missing_ok=True)
        drop_database(folder)
        (folder / SUBMISSIONS).rmdir()
        raise


def _not_free(folder: Path) -> CreationError:
    return CreationError(
        "exists", f"Expected a new or an empty folder; {folder} holds something: choose another."
    )


def _finish(folder: Path, title: str, truth: Truth, rules: Rules) -> Challenge:
    _write_columns(folder / LABELS, labels=truth.labels.astype(np.int8), is_public=truth.is_public)
    # Last, because it is what makes the folder a challenge.
    created = iso_text(system_clock())
    settings = (
        f'name = "{title}"\nn_jets = {len(truth.labels)}\ncreated = {created}\n{rules.lines()}'
    )
    write_file(folder / SETTINGS, settings.encode(), private=True)
    (folder / SETTINGS).chmod(0o644)  # public: `check` reads it
    return Challenge.open(folder)


def _write_columns(path: Path, **columns: NDArray[np.generic]) -> None:
    archive = io.BytesIO()
    np.savez(archive, **columns)
    write_file(path, archive.getvalue(), private=True)
