"""A challenge: one folder, and everything that is done with it.

Its name and its rules are read at once, for students' copies have nothing else. The store and the
labels are the instructor's: they are opened when they are first asked for.
"""

import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from challenge.errors import ChallengeError, SubmissionError
from challenge.scoring import CACHE, read_scores, read_vector
from challenge.store.folder import COLUMNS, LABELS, SETTINGS, Rules, Truth
from challenge.store.records import Split
from challenge.store.settings import read_settings
from challenge.store.store import Store, system_clock

__all__ = ["Challenge"]


@dataclass(frozen=True)
class Challenge:
    """What every action works on.

    Attributes
    ----------
    folder : Path
    name : str
        Shown on the leaderboard.
    n_jets : int
        Jets of the test set, public and private.
    rules : Rules
    clock : callable
        Says what time it is, in UTC.
    store : Store
        Submissions and the log.
    truth : Truth
        The labels, and which of them are public.
    """

    folder: Path
    name: str
    n_jets: int
    rules: Rules = field(default_factory=Rules)
    clock: Callable[[], datetime] = field(default=system_clock, repr=False, compare=False)

    @classmethod
    def open(cls, folder: Path, *, clock: Callable[[], datetime] = system_clock) -> Self:
        """The challenge in a folder.

        Raises
        ------
        ChallengeError
            If the folder is not a challenge, or its settings cannot be read.
        """
        try:
            settings = read_settings(folder / SETTINGS)
        except (FileNotFoundError, NotADirectoryError):
            raise ChallengeError(
                f"{folder} is not a challenge: {SETTINGS} is not there. Make one with: "
                f"python -m challenge create {folder} --jets test.h5 --seed N"
            ) from None
        return cls(folder, settings.name, settings.n_jets, settings.rules, clock)

    @cached_property
    def store(self) -> Store:
        """Submissions and the log.

        Raises
        ------
        ChallengeError
            If there is no database, or one that this version cannot use.
        """
        return Store(self.folder, clock=self.clock)

    @cached_property
    def truth(self) -> Truth:
        """The hidden labels and the split.

        Raises
        ------
        ChallengeError
            If this account may not read them, others may, or they are damaged.
        """
        path = self.folder / LABELS
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ChallengeError(f"Others can read {path}: chmod 600 {path}")
            with zipfile.ZipFile(path) as archive:
                labels = self._column(archive, "labels", "i1")
                return Truth(labels, self._column(archive, "is_public", "b1"))
        except OSError as error:
            raise ChallengeError(
                f"{path} cannot be read ({error.strerror}). Only the account that made the "
                "challenge can score; to look at a file without labels use: "
                f"python -m challenge check {self.folder} FILE"
            ) from error
        except (zipfile.BadZipFile, KeyError, SubmissionError) as error:
            if getattr(error, "reason", "") == "shape":
                raise ChallengeError(
                    f"{self.folder / SETTINGS} says n_jets = {self.n_jets}, and {path} holds the "
                    "labels of another number of jets: put back the right one."
                ) from error
            raise ChallengeError(f"{path} is damaged ({error}). Put back a copy of it.") from error

    @property
    def cache(self) -> Path:
        """A folder that can be thrown away: covariances of AUCs (`challenge.scoring`)."""
        return self.folder / CACHE

    def scores_of(self, sha256: str, split: Split | None = None) -> NDArray[np.float64]:
        """The scores in a file that was handed in, of the jets of a split or of all jets.

        Raises
        ------
        ChallengeError
            If the file is gone or has changed.
        SubmissionError
            If the rules of reading have become stricter since it was handed in.
        """
        scores = read_scores(self.store.content(sha256), self.n_jets)
        return scores if split is None else scores[self.truth.jets_of(split)]

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """``pt`` and ``mass`` of the jets in GeV, shape (n_jets,); empty if there are no jets."""
        path = self.folder / COLUMNS
        if not path.is_file():
            return {}
        try:
            with zipfile.ZipFile(path) as archive:
                return {name: self._column(archive, name, "f8") for name in ("pt", "mass")}
        except (OSError, zipfile.BadZipFile, KeyError, SubmissionError) as error:
            raise ChallengeError(f"{path} is damaged ({error}). Put back a copy of it.") from error

    def _column(self, archive: zipfile.ZipFile, name: str, dtype: str) -> NDArray[Any]:
        data = archive.read(f"{name}.npy")
        return read_vector(data, dtypes=frozenset({dtype}), length=self.n_jets, what=name)
