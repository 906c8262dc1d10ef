"""A challenge on disk: one folder.

::

    challenge.toml     name and number of jets; a folder without it is not a challenge
    test_jets.h5       public: jets without labels (absent if the labels came from elsewhere)
    labels.npz         secret: the labels, readable by the instructor's account only (mode 0600)
    challenge.sqlite   secret: teams, submissions, scores
    submissions/       secret: every file that was handed in, named by its SHA-256

::

    ChallengeError     the challenge cannot be used as asked; the message says what to do
"""

import os
import secrets
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from challenge.submission import SubmissionError, read_vector

__all__ = ["LABELS", "SETTINGS", "TEST_JETS", "Challenge", "ChallengeError", "write_durably"]

SETTINGS: Final = "challenge.toml"
TEST_JETS: Final = "test_jets.h5"
LABELS: Final = "labels.npz"


class ChallengeError(Exception):
    """The challenge cannot be used as asked. The message says what to do."""


@dataclass(frozen=True)
class Challenge:
    """The public side of a challenge, and the way to its labels."""

    folder: Path
    name: str
    n_jets: int

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The challenge in a folder.

        Raises
        ------
        ChallengeError
            If the folder is not a challenge, or its settings are damaged.
        """
        try:
            settings = tomllib.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            return cls(folder, str(settings["name"]), int(settings["n_jets"]))
        except (FileNotFoundError, NotADirectoryError):
            raise ChallengeError(
                f"{folder} is not a challenge: {SETTINGS} is not there. Make one with: "
                f"python -m challenge create {folder} --jets test.h5 --seed N"
            ) from None
        except OSError as error:
            raise ChallengeError(
                f"{folder / SETTINGS} cannot be read: {error.strerror}."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ChallengeError(
                f"{folder / SETTINGS} is damaged: expected a name and n_jets ({error})."
            ) from error

    def labels(self) -> NDArray[np.int8]:
        """The hidden labels, shape (n_jets,), 1 for signal.

        Raises
        ------
        ChallengeError
            If this account may not read them, or they are damaged.
        """
        path = self.folder / LABELS
        try:
            with zipfile.ZipFile(path) as archive:
                data = archive.read("labels.npy")
            return read_vector(data, dtypes=frozenset({"i1"}), length=self.n_jets)
        except OSError as error:
            raise ChallengeError(
                f"{path} cannot be read ({error.strerror}). Only the account that made the "
                "challenge can score; to look at a file without labels use: "
                f"python -m challenge check {self.folder} FILE"
            ) from error
        except (zipfile.BadZipFile, KeyError, SubmissionError) as error:
            raise ChallengeError(f"{path} is damaged ({error}). Put back a copy of it.") from error


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that only this account can read, whole and safe on disk, or not at all.

    A kill leaves at worst a file with the ending ``.part``. A file of that name is replaced.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    # Created with its final mode: no moment in which others could open it.
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
