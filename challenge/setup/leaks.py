"""What a test set could give away before anyone trains a network.

A challenge opens only if nothing but the physics of its jets separates signal from background.
Every check asks whether a number that physics leaves free, such as the row or the azimuth of a jet,
separates the classes after all.
"""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.metrics import roc_auc

__all__ = ["Leak", "leak_scan", "public_leak", "seed_leak"]

_Z_OF_A_LEAK: Final = 5.0  # a clean set is accused once in 2 million checks
_ROWS_AT_ONCE: Final = 10_000
_SEEDS_ANYONE_CAN_TRY: Final = 2**32
_SHUFFLE: Final = "Shuffle jets and labels together."
_SHUFFLE_BLOCKS: Final = (
    "The public files are stored like that. Give the jet file itself with --jets, which shuffles "
    "its jets; or shuffle jets and labels together."
)
_CONSTITUENTS_THAT_TELL: Final = 10  # two different jets never share their ten hardest


@dataclass(frozen=True)
class Leak:
    """A way to infer the labels without any physics: a reason code and one sentence."""

    reason: str
    sentence: str


def leak_scan(
    labels: ArrayLike,
    *,
    jets: ArrayLike | None = None,
    training_jets: Iterable[ArrayLike] = (),
) -> list[Leak]:
    """Look for leaks in a test set, in its public order; an empty list is good news.

    Parameters
    ----------
    labels : array of shape (n_jets,)
        1 signal, 0 background; two of each at least.
    jets : array of shape (n_jets, n_constituents, 4), optional
        The public jets.
    training_jets : iterable of arrays of shape (any, n_constituents, 4)
        Jets that students have with labels, in batches.

    Returns
    -------
    list of Leak
        With the reasons row-order, blocks, not-finite, padding, precision, azimuth, forward,
        repeated-jets, training-jets.
    """
    is_signal = np.asarray(labels) == 1
    leaks = [*_order_leaks(is_signal)]
    if jets is not None:
        public = np.asarray(jets, np.float32)
        leaks += _column_leaks(is_signal, public)
        leaks += _duplicate_leaks(public, training_jets)
    return leaks


def seed_leak(seed: object) -> list[Leak]:
    """A seed that can be guessed: anyone could generate the same jets, with their labels.

    Parameters
    ----------
    seed : object
        The seed of the generation, from the provenance of the source file; None if it has none.

    Examples
    --------
    >>> [leak.reason for leak in seed_leak(20260401)]
    ['seed']
    """
    if not isinstance(seed, int | np.integer) or seed >= _SEEDS_ANYONE_CAN_TRY:
        return []
    return [
        Leak(
            "seed",
            f"These jets were generated with seed {seed}. It can be guessed, and anyone could "
            "generate the jets again, with their labels: draw a random seed with "
            "python -c 'import secrets; print(secrets.randbits(63))'.",
        )
    ]


def public_leak(n_jets: int, *, downloads: Collection[int]) -> list[Leak]:
    """A file of the public sample: anyone can download the same jets, with their labels.

    Parameters
    ----------
    n_jets : int
        In a source file without provenance, which every generated file has.
    downloads : collection of int
        Numbers of jets in the public files.

    Examples
    --------
    >>> [leak.reason for leak in public_leak(404_000, downloads=[1_211_000, 404_000])]
    ['public']
    """
    if n_jets not in downloads:
        return []
    return [
        Leak(
            "public",
            f"These {n_jets} jets are a file of the public sample, which anyone can download with "
            "its labels: they serve for practice, not for marks. For marks, generate jets.",
        )
    ]


def _order_leaks(is_signal: NDArray[np.bool_]) -> Iterator[Leak]:
    # Wald and Wolfowitz, Ann. Math. Statist. 11 (1940) 147: classes in blocks have too few runs,
    # classes that take turns too many.
    n_runs = 1 + np.count_nonzero(is_signal[1:] != is_signal[:-1])
    both = 2 * float(is_signal.sum()) * float((~is_signal).sum())
    n = len(is_signal)
    expected = 1 + both / n
    spread = math.sqrt(max(both * (both - n), 1.0) / (n * n * max(n - 1, 1)))
    advice = _SHUFFLE_BLOCKS if n_runs < expected else _SHUFFLE
    for leak in _separates("row-order", "the row of a jet", is_signal, np.arange(len(is_signal))):
        yield Leak(leak.reason, f"{leak.sentence} {advice}")
    if abs(n_runs - expected) > _Z_OF_A_LEAK * spread:
        often = "too often" if n_runs < expected else "too seldom"
        yield Leak(
            "blocks",
            f"Neighbouring jets share their label {often}: {n_runs} runs of equal labels where a "
            f"random order has {expected:.0f} ± {spread:.0f}. {advice}",
        )


def _column_leaks(is_signal: NDArray[np.bool_], jets: NDArray[np.float32]) -> Iterator[Leak]:
    if not np.isfinite(jets).all():
        yield Leak("not-finite", "Some jets hold NaN or infinite momenta: leave these jets out.")
        return
    columns = _in_batches(jets)
    if columns["padding"].any():
        yield Leak(
            "padding",
            f"{int(columns['padding'].sum())} jets hold momenta after their first empty row, "
            "where only padding should be: write them again.",
        )
    for reason, what in (
        ("precision", "the last bits of the hardest energy"),
        ("azimuth", "the azimuth of a jet"),
        ("forward", "the sign of a jet's momentum along the beam"),
    ):
        yield from _separates(reason, what, is_signal, columns[reason])


def _in_batches(jets: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    batches = [
        _free_columns(jets[start : start + _ROWS_AT_ONCE])
        for start in range(0, len(jets), _ROWS_AT_ONCE)
    ]
    return {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}


def _free_columns(jets: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """Numbers of each jet that physics leaves free: by symmetry, or because they are rounding."""
    filled = np.any(jets != 0, axis=2)
    total = jets.sum(axis=1, dtype=np.float64)
    return {
        "padding": np.any(filled[:, 1:] & ~filled[:, :-1], axis=1),
        "precision": np.ascontiguousarray(jets[:, 0, 0]).view(np.uint32) & 0xFF,
        "azimuth": np.arctan2(total[:, 2], total[:, 1]),
        "forward": np.sign(total[:, 3]),
    }


def _separates(
    reason: str, what: str, is_signal: NDArray[np.bool_], column: NDArray[np.generic]
) -> Iterator[Leak]:
    auc = roc_auc(is_signal, column)
    # Never less than the error of a column that ignores the labels: perfect ones have none.
    n_signal, n_background = np.count_nonzero(is_signal), np.count_nonzero(~is_signal)
    chance = math.sqrt((n_signal + n_background + 1) / (12 * n_signal * n_background))
    if abs(auc.value - 0.5) > _Z_OF_A_LEAK * chance:
        yield Leak(
            reason,
            f"Labels can be read from {what}: it has AUC {auc.value:.4f}, where 0.5 ± "
            f"{chance:.4f} is expected.",
        )


def _duplicate_leaks(
    jets: NDArray[np.float32], training_jets: Iterable[ArrayLike]
) -> Iterator[Leak]:
    prints = _fingerprints(jets)
    public = set(prints)
    if len(public) < len(prints):
        yield Leak("repeated-jets", f"{len(prints) - len(public)} jets are in the test set twice.")
    known = {
        each
        for batch in training_jets
        for each in _fingerprints(np.asarray(batch, np.float32))
        if each in public
    }
    if known:
        yield Leak(
            "training-jets",
            f"{len(known)} jets of the test set are in a file that students have, with their "
            "labels: generate a fresh test set.",
        )


def _fingerprints(jets: NDArray[np.float32]) -> list[int]:
    """One number of 64 bits for each jet, equal for equal jets within this process."""
    hardest = np.ascontiguousarray(jets[:, :_CONSTITUENTS_THAT_TELL]) + np.float32(0)  # no -0
    return [hash(jet.tobytes()) for jet in hardest]
