"""Entries made from the public jets alone, scored like anyone else."""

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from challenge.folder import TEST_JETS, Challenge, ChallengeError

__all__ = ["TOP_MASS", "baseline_files", "mass_window_scores"]

TOP_MASS: Final = 172.5  # GeV
_JETS_AT_ONCE: Final = 10_000


def baseline_files(challenge: Challenge) -> Iterator[tuple[str, bytes]]:
    """Name and ``.npy`` content of each baseline.

    Raises
    ------
    ChallengeError
        If the challenge has no jets, or their file is damaged.
    """
    from course_utils.jetfile import DataError, JetFile  # scoring must do without HDF5

    path = challenge.folder / TEST_JETS
    if not path.is_file():
        raise ChallengeError(
            f"Baselines need {path}; a challenge made with --labels has no jets to compute from."
        )
    try:
        with JetFile(path) as file:
            scores = [mass_window_scores(batch.jets) for batch in file.batches(_JETS_AT_ONCE)]
    except DataError as error:
        raise ChallengeError(str(error)) from error
    content = io.BytesIO()
    np.save(content, np.concatenate(scores))
    yield "jet mass", content.getvalue()


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
