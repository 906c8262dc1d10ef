"""A challenge on disk: one folder.

::

    challenge.toml     name, number of jets, rules; a folder without it is not a challenge
    test_jets.h5       public: jets without labels (absent if the labels came from elsewhere)
    labels.npz         secret: the labels, and which jets are public (mode 0600)
    columns.npz        pt and mass of the jets, for the diagnostics after the reveal
    challenge.sqlite   secret: teams, submissions, scores (see `challenge.store.database`)
    submissions/       secret: every file that was handed in, named by its SHA-256

The folder is the instructor's alone (mode 0700); students get copies of the first two files.

::

    ChallengeError     the challenge cannot be used as asked; the message says what to do
"""

import stat
import tomllib
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from challenge.errors import ChallengeError, SubmissionError
from challenge.scoring import read_vector

__all__ = ["COLUMNS", "LABELS", "SETTINGS", "TEST_JETS", "Challenge", "Rules", "Truth"]

SETTINGS: Final = "challenge.toml"
TEST_JETS: Final = "test_jets.h5"
LABELS: Final = "labels.npz"
COLUMNS: Final = "columns.npz"
_TIMES: Final = ("opens", "closes")


@dataclass(frozen=True)
class Rules:
    """What holds for every team, as it stands in the settings.

    Attributes
    ----------
    opens, closes : datetime or None
        UTC; None for always and never.
    per_day : int
        Submissions of a team in any 24 hours.
    refusals_per_day : int
        Refused files of a team in any 24 hours whose reasons are told and kept.
    networks : int
        Named networks of a team.
    """

    opens: datetime | None = None
    closes: datetime | None = None
    per_day: int = 5
    refusals_per_day: int = 20
    networks: int = 5

    @classmethod
    def of_settings(cls, settings: dict[str, Any]) -> Self:
        """The rules in a settings file; those that are not there have their usual values."""
        counts = ("per_day", "refusals_per_day", "networks")
        numbers = {each: int(settings[each]) for each in counts if each in settings}
        if any(number < 1 for number in numbers.values()):
            raise ValueError(f"limits are at least 1, not {min(numbers.values())}")
        times = {each: _in_utc(settings[each]) for each in _TIMES if each in settings}
        return cls(**numbers, **times)

    def lines(self) -> str:
        """As they stand in the settings file."""
        moments = {each: getattr(self, each) for each in _TIMES}
        times = (
            f"{each} = {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
            for each, at in moments.items()
            if at is not None
        )
        return (
            f"per_day = {self.per_day}\nrefusals_per_day = {self.refusals_per_day}\n"
            f"networks = {self.networks}\n" + "".join(times)
        )


def _in_utc(at: datetime) -> datetime:
    """A time without a zone is UTC too, whatever the zone of this machine."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@dataclass(frozen=True)
class Truth:
    """The secret of a challenge.

    Attributes
    ----------
    labels : array of shape (n_jets,)
        1 signal, 0 background.
    is_public : bool array of shape (n_jets,)
        The jets whose score is told while the challenge is live. The others are private; if there
        is no split, all jets are both.
    """

    labels: NDArray[np.int8]
    is_public: NDArray[np.bool_]

    @property
    def is_private(self) -> NDArray[np.bool_]:
        return self.is_public if self.is_public.all() else ~self.is_public


@dataclass(frozen=True)
class Challenge:
    """The public side of a challenge, and the way to its labels."""

    folder: Path
    name: str
    n_jets: int
    rules: Rules = Rules()

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
            rules = Rules.of_settings(settings)
            return cls(folder, str(settings["name"]), int(settings["n_jets"]), rules)
        except (FileNotFoundError, NotADirectoryError):
            raise ChallengeError(
                f"{folder} is not a challenge: {SETTINGS} is not there. Make one with: "
                f"python -m challenge create {folder} --jets test.h5 --seed N"
            ) from None
        except OSError as error:
            raise ChallengeError(
                f"{folder / SETTINGS} cannot be read: {error.strerror}."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ChallengeError(
                f"{folder / SETTINGS} is damaged: expected a name, n_jets and rules ({error})."
            ) from error

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
            raise ChallengeError(f"{path} is damaged ({error}). Put back a copy of it.") from error

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
        return read_vector(data, dtypes=frozenset({dtype}), length=self.n_jets)
