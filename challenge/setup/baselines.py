"""Entries made from the public jets alone, scored like anyone else.

A cut on the jet mass needs nothing but the jets. N-subjettiness needs FastJet, boosted trees also
scikit-learn and the course's training jets; where those are missing, the entries before them are
made all the same.
"""

import io
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from challenge.errors import ChallengeError
from challenge.store import TEST_JETS, Challenge

__all__ = ["TOP_MASS", "baseline_files", "boosted_trees", "mass_window_scores"]

TOP_MASS: Final = 172.5  # GeV
N_TRAINING_JETS: Final = 60_000

_JETS_AT_ONCE: Final = 10_000
_N_TAUS: Final = 5


def baseline_files(challenge: Challenge) -> Iterator[tuple[str, bytes]]:
    """Name and ``.npy`` content of each baseline: jet mass, tau32, boosted trees.

    Raises
    ------
    ChallengeError
        If the challenge has no jets, or their file is damaged; after the jet mass also if FastJet
        or scikit-learn is not installed.
    """
    yield "jet mass", _npy(_of_public_jets(challenge, mass_window_scores))
    features = _of_public_jets(challenge, _features)
    yield "tau32", _npy(-features[:, -1])
    yield "boosted trees", _npy(boosted_trees(*_training_features(), features))


def mass_window_scores(jets: ArrayLike) -> NDArray[np.float64]:
    """A cut on the jet mass, as a score: how near it is to the top quark's.

    Any threshold on this score is a window around 172.5 GeV. It is no likelihood ratio, which
    would know the shapes of both mass spectra, and so a little less than the mass can do.

    Parameters
    ----------
    jets : array of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV; zero rows are padding.

    Returns
    -------
    array of shape (n_jets,)
        Minus the distance in GeV; 0 is best.

    Examples
    --------
    A jet with the mass of the W boson is 92.1 GeV away:

    >>> mass_window_scores([[[40.2, 40.2, 0, 0], [40.2, -40.2, 0, 0]]])
    array([-92.1])
    """
    from course_utils.kinematics import jet_mass

    return -np.abs(jet_mass(jets) - TOP_MASS)


def boosted_trees(
    training: NDArray[np.float64], y_true: ArrayLike, features: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Boosted trees on jet mass, pT, tau_1 ... tau_5 and tau32 (see `course_utils.substructure`).

    Parameters
    ----------
    training : array of shape (n_training_jets, n_features)
    y_true : array of shape (n_training_jets,)
    features : array of shape (n_jets, n_features)
        The jets to score.

    Returns
    -------
    array of shape (n_jets,)
        Probabilities of being signal.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise _missing("Boosted trees need scikit-learn", "jupyter") from error
    trees = HistGradientBoostingClassifier(
        max_iter=300, learning_rate=0.05, early_stopping=True, random_state=0
    )
    trees.fit(training, y_true)
    return trees.predict_proba(features)[:, 1]


def _features(jets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mass, pT, tau_1 ... tau_5, tau32 of each jet, shape (n_jets, 8)."""
    from course_utils.kinematics import jet_mass, jet_pt

    try:
        from course_utils.substructure import n_subjettiness, tau_ratio
    except ImportError as error:
        raise _missing("N-subjettiness needs FastJet", "simulation") from error
    taus = n_subjettiness(jets, n_max=_N_TAUS)
    return np.column_stack([jet_mass(jets), jet_pt(jets), taus, tau_ratio(taus, 3)])


def _training_features() -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    from course_utils.jetfile import DataError
    from course_utils.samples import load_jets

    try:
        table = load_jets("top_tagging", "train", stop=N_TRAINING_JETS)
    except DataError as error:
        raise ChallengeError(str(error)) from error
    rows = range(0, len(table), _JETS_AT_ONCE)
    parts = [_features(table.jets[start : start + _JETS_AT_ONCE]) for start in rows]
    return np.concatenate(parts), table.y_true


def _of_public_jets(
    challenge: Challenge, of_jets: Callable[[NDArray[np.float32]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Apply a function to the public jets, in batches and in order."""
    from course_utils.jetfile import DataError, JetFile  # scoring must do without HDF5

    path = challenge.folder / TEST_JETS
    if not path.is_file():
        raise ChallengeError(
            f"Baselines need {path}; a challenge made with --labels has no jets to compute from."
        )
    try:
        with JetFile(path) as file:
            return np.concatenate([of_jets(batch.jets) for batch in file.batches(_JETS_AT_ONCE)])
    except DataError as error:
        raise ChallengeError(str(error)) from error


def _missing(what: str, extra: str) -> ChallengeError:
    from course_utils.jetfile import install_command

    return ChallengeError(f"{what}: {install_command(extra)}, then run baselines again.")


def _npy(scores: NDArray[np.float64]) -> bytes:
    content = io.BytesIO()
    np.save(content, scores)
    return content.getvalue()
