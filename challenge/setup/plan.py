"""How a new challenge is to be run, and its secret: which jets are public."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from challenge.errors import CreationError, SubmissionError
from challenge.store import Rules, Truth
from challenge.words import clean_name, time_text

__all__ = ["Plan", "checked_title", "require_both_classes", "rng_of", "split"]


@dataclass(frozen=True)
class Plan:
    """How a new challenge is to be run.

    Attributes
    ----------
    name : str or None
        Shown on the leaderboard; the folder's name if None.
    public_fraction : float
        Share of each class whose score is shown while the challenge is live, in (0, 1]; 1 makes
        no split.
    rules : Rules
    training : Path or None
        Another jet file that students have: no jet of it may be in the challenge. The files of the
        course are always checked.
    accept_leaks : bool
        Open it although the leak scan found something.
    """

    name: str | None = None
    public_fraction: float = 0.5
    rules: Rules = field(default_factory=Rules)
    training: Path | None = None
    accept_leaks: bool = False


def checked_title(folder: Path, plan: Plan) -> str:
    """The name of the challenge, once the plan can be carried out."""
    opens, closes = plan.rules.opens, plan.rules.closes
    if opens is not None and closes is not None and closes <= opens:
        raise CreationError(
            "closes",
            f"Expected it to close after it opens, at {time_text(opens)}; got {time_text(closes)}.",
        )
    try:
        return clean_name(
            folder.resolve().name if plan.name is None else plan.name, what="challenge"
        )
    except SubmissionError as error:
        advice = " Give one with --name." if plan.name is None else ""
        raise CreationError(error.reason, error.sentence + advice) from error


def require_both_classes(labels: NDArray[np.generic]) -> None:
    """Raise a CreationError (one-class) unless an AUC has an error."""
    n_signal = np.count_nonzero(labels)
    n_background = len(labels) - n_signal
    if min(n_signal, n_background) < 2:
        raise CreationError(
            "one-class",
            f"Expected at least two jets of each class; got {n_signal} signal and "
            f"{n_background} background jets.",
        )


def split(labels: NDArray[np.int8], public_fraction: float, rng: np.random.Generator) -> Truth:
    """The same share of each class is public, so that both splits are alike."""
    if not 0 < public_fraction <= 1:
        raise CreationError(
            "public-fraction", f"Expected a public fraction in (0, 1]; got {public_fraction}."
        )
    is_public = np.zeros(len(labels), bool)
    for label in (0, 1):
        of_class = rng.permutation(np.flatnonzero(labels == label))
        n_public = round(public_fraction * len(of_class))
        if min(n_public, len(of_class) - n_public) < 2 and public_fraction < 1:
            raise CreationError(
                "public-fraction",
                f"Expected at least two jets of each class in both splits; {public_fraction:g} "
                f"of {len(of_class)} jets leaves fewer: take more jets, or 1 for no split.",
            )
        is_public[of_class[:n_public]] = True
    return Truth(labels, is_public)


def rng_of(seed: int, *arrays: NDArray[np.generic]) -> np.random.Generator:
    """Random numbers that follow from the seed and from the source together."""
    content = hashlib.sha256()
    for array in arrays:
        content.update(np.ascontiguousarray(array))
    return np.random.default_rng([seed, int.from_bytes(content.digest())])
