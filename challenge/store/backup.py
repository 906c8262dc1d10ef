"""A copy of a challenge that is a challenge: complete, also while teams hand in files."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from challenge.errors import ChallengeError
from challenge.store.challenge import Challenge
from challenge.store.database import create_database
from challenge.store.folder import COLUMNS, LABELS, SETTINGS, TEST_JETS
from challenge.store.store import SUBMISSIONS
from challenge.store.tables import Base, Course, Submission
from course_utils.files import part_of, write_file

__all__ = ["copy_to"]


def copy_to(challenge: Challenge, folder: Path) -> list[str]:
    """Copy a challenge with its database, at one moment, and every file that was handed in.

    The database of the copy is in its folder, wherever the other is. The files come after the
    database, so none is missing: each was on disk before its row.

    Parameters
    ----------
    challenge : Challenge
    folder : Path
        Must not be there yet; it appears complete or not at all.

    Returns
    -------
    list of str
        A sentence for each file that is gone, damaged or changed in the challenge itself.

    Raises
    ------
    ChallengeError
        If there is something in the place of the folder.
    """
    if folder.exists():
        raise ChallengeError(f"Expected a new folder; {folder} is there: choose another.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(folder)
    part.mkdir(mode=0o700)
    try:
        hashes = _copy_database(challenge, part)
        complaints = [*_copy_files(challenge, part, hashes), *_faults_of_files(challenge)]
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part)
        raise
    return complaints


def _copy_database(challenge: Challenge, folder: Path) -> list[str]:
    """Copy every table as it is at one moment; returns the hashes of the files."""
    copy = create_database(folder, in_folder=True).execution_options(writes=True)
    with challenge.store.reading() as session, Session(copy) as into, into.begin():
        into.execute(delete(Course))  # a new database has an empty one
        for table in Base.metadata.sorted_tables:
            rows = session.execute(select(table)).mappings().all()
            if rows:
                into.execute(insert(table), [dict(row) for row in rows])
        return list(session.scalars(select(Submission.sha256).distinct()))


def _copy_files(challenge: Challenge, folder: Path, hashes: list[str]) -> list[str]:
    (folder / SUBMISSIONS).mkdir(mode=0o700)
    complaints = []
    for sha256 in hashes:
        try:
            data = challenge.store.content(sha256)
        except ChallengeError as error:
            complaints.append(str(error))
            continue
        write_file(folder / SUBMISSIONS / f"{sha256}.npy", data, private=True)
    for name in (TEST_JETS, COLUMNS, LABELS, SETTINGS):
        if (challenge.folder / name).is_file():
            shutil.copy(challenge.folder / name, folder / name)
    return complaints


def _faults_of_files(challenge: Challenge) -> Iterator[str]:
    """Without these files the copy could not be gone on with, or the board lacks something."""
    folder = challenge.folder
    has_jets = any((folder / name).exists() for name in (TEST_JETS, COLUMNS))
    for name in (LABELS, TEST_JETS, COLUMNS) if has_jets else (LABELS,):
        if not (folder / name).is_file():
            yield f"{folder / name} is not there, nor in the copy: put it back, and copy again."
    for name, read in ((LABELS, lambda: challenge.truth), (COLUMNS, challenge.columns)):
        if (folder / name).is_file():
            try:
                read()
            except ChallengeError as error:
                yield str(error)
