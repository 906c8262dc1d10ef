"""A challenge on disk: one folder.

::

    challenge.toml     name, number of jets, rules; a folder without it is not a challenge
    test_jets.h5       public: jets without labels (absent if the labels came from elsewhere)
    labels.npz         secret: the labels, and which jets are public (mode 0600)
    columns.npz        pt and mass of the jets, for the diagnostics after the reveal
    challenge.sqlite   secret: teams, submissions, scores (see `challenge.store.database`)
    submissions/       secret: every file that was handed in, named by its SHA-256

The folder is the instructor's alone (mode 0700); students get copies of the first two files.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.store.records import Split
from challenge.words import iso_text

__all__ = ["COLUMNS", "LABELS", "SETTINGS", "TEST_JETS", "Rules", "Truth"]

SETTINGS: Final = "challenge.toml"
TEST_JETS: Final = "test_jets.h5"
LABELS: Final = "labels.npz"
COLUMNS: Final = "columns.npz"
_TIMES: Final = ("opens", "closes")


@dataclass(frozen=True)
class Rules:
    """The rules for every team, from the settings file (see `challenge.store.settings`).

    Attributes
    ----------
    opens, closes : datetime or None
        UTC; None for always and never.
    per_day : int
        Submissions of a team in any 24 hours.
    refusals_per_day : int
        Refused files of a team in any 24 hours; their reasons are reported and kept.
    networks : int
        Named networks of a team.
    """

    opens: datetime | None = None
    closes: datetime | None = None
    per_day: int = 5
    refusals_per_day: int = 20
    networks: int = 5

    def lines(self) -> str:
        """The rules as lines of the settings file."""
        moments = {each: getattr(self, each) for each in _TIMES}
        times = (f"{each} = {iso_text(at)}\n" for each, at in moments.items() if at is not None)
        return (
            f"per_day = {self.per_day}\nrefusals_per_day = {self.refusals_per_day}\n"
            f"networks = {self.networks}\n" + "".join(times)
        )


@dataclass(frozen=True)
class Truth:
    """The secret of a challenge.

    Attributes
    ----------
    labels : array of shape (n_jets,)
        1 signal, 0 background.
    is_public : bool array of shape (n_jets,)
        The jets whose score is shown while the challenge is live. The others are private; without
        a split, all jets are both.
    """

    labels: NDArray[np.int8]
    is_public: NDArray[np.bool_]

    @property
    def is_private(self) -> NDArray[np.bool_]:
        return self.is_public if self.is_public.all() else ~self.is_public

    def jets_of(self, split: Split) -> NDArray[np.bool_]:
        """Which jets a split holds, shape (n_jets,)."""
        return self.is_public if split is Split.PUBLIC else self.is_private

    def labels_of(self, split: Split) -> NDArray[np.int8]:
        """Labels of the jets of a split."""
        return self._labels[split]

    @cached_property
    def _labels(self) -> dict[Split, NDArray[np.int8]]:
        """Chosen once: every submission needs them several times."""
        return {split: self.labels[self.jets_of(split)] for split in Split}
