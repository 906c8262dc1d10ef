"""Write a trained network's scores as the file that the challenge scores.

The file has one number per jet, in the order of the jets; higher means more top-like, on any
monotone scale. It is a plain NumPy ``.npy`` of shape ``(n_jets,)`` and type float32.

::

    SubmissionError   the prediction or a name cannot be submitted; the message says why
"""

from __future__ import annotations

import inspect
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.files import replacing

__all__ = ["SubmissionError", "predict_for_cnn_challenge", "predict_for_dnn_challenge"]

MAX_NAME_LENGTH = 30  # two names of four-byte letters still fit into a file name


class SubmissionError(ValueError):
    """A prediction or a name that cannot be submitted."""

    __module__ = "course_utils.grading"


def predict_for_dnn_challenge(
    model: Any,
    features: Any,
    *,
    group: str,
    name: str,
    folder: str | Path = "submission_predictions",
) -> Path:
    """Write a network's scores for the challenge's jets, ready to hand in.

    Parameters
    ----------
    model : Keras model, scikit-learn classifier, PyTorch module or any function
        Called as ``model.predict_proba(features)``, else ``model.predict(features)``, else
        ``model(features)``. It returns one score per jet, shape ``(n_jets,)`` or ``(n_jets, 1)``,
        or the two columns ``(background, signal)`` of a softmax; the second is used.
    features : array of shape (n_jets, ...)
        The network's inputs, prepared exactly as in training, in the order of the jets.
    group, name : str
        Your group and this network: letters, digits and ``- _ .``, at most 30 of them.
    folder : path
        Created if missing.

    Returns
    -------
    Path
        ``<folder>/<group>_<name>.npy``. The same names replace the file.

    Raises
    ------
    SubmissionError
        If a name could not be a file name, or the scores are not one finite number per jet.

    Examples
    --------
    A "network" that calls everything with a large mass a top jet:

    >>> from tempfile import TemporaryDirectory
    >>> masses = np.array([175.0, 12.5])
    >>> with TemporaryDirectory() as folder:
    ...     path = predict_for_dnn_challenge(
    ...         lambda mass: mass / 200, masses, group="us", name="mass", folder=folder
    ...     )
    ...     path.name, np.load(path)
    ('us_mass.npy', array([0.875 , 0.0625], dtype=float32))
    """
    return _write_prediction(model, features, group, name, folder)


def predict_for_cnn_challenge(
    model: Any,
    images: Any,
    *,
    group: str,
    name: str,
    folder: str | Path = "submission_predictions",
) -> Path:
    """Write the scores of a network that reads images, ready to hand in.

    Parameters
    ----------
    model : Keras model, PyTorch module or any function
        See `predict_for_dnn_challenge`; file and rules are the same.
    images : array of shape (n_jets, n_pixels, n_pixels, n_channels)
        The network's inputs, prepared exactly as in training, in the order of the jets. For
        PyTorch the channels come second.
    group, name : str
        Your group and this network: letters, digits and ``- _ .``, at most 30 of them.
    folder : path
        Created if missing.

    Returns
    -------
    Path
        ``<folder>/<group>_<name>.npy``. The same names replace the file.

    Raises
    ------
    SubmissionError
        If the images have no axis for channels, a name could not be a file name, or the scores
        are not one finite number per jet.

    Examples
    --------
    A "network" that looks at the pixel in the middle:

    >>> from tempfile import TemporaryDirectory
    >>> images = np.zeros((2, 3, 3, 1))
    >>> images[0, 1, 1] = 0.5
    >>> with TemporaryDirectory() as folder:
    ...     path = predict_for_cnn_challenge(
    ...         lambda image: 1 - image[:, 1, 1], images, group="us", name="core", folder=folder
    ...     )
    ...     np.load(path)
    array([0.5, 1. ], dtype=float32)
    """
    if len(np.shape(images)) != 4:
        raise SubmissionError(
            "Expected images with an axis for channels, shape (n_jets, n_pixels, n_pixels, 1);"
            f" got {tuple(np.shape(images))}. images[..., None] adds one."
        )
    return _write_prediction(model, images, group, name, folder)


def _write_prediction(model: Any, features: Any, group: str, name: str, folder: str | Path) -> Path:
    """Check the names, run the network, check its scores, and only then write the file."""
    group, name = _safe_name(group, "group"), _safe_name(name, "name")
    scores = _one_score_per_jet(_output(model, features), len(features))
    path = Path(folder) / f"{group}_{name}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, scores, allow_pickle=False)
    return path


def _output(model: Any, features: Any) -> NDArray[Any]:
    """Return the model's output as an array."""
    for method in ("predict_proba", "predict"):
        if predict := getattr(model, method, None):
            # Keras would draw another progress bar.
            quiet = {"verbose": 0} if "verbose" in inspect.signature(predict).parameters else {}
            output = predict(features, **quiet)
            break
    else:
        if not callable(model):
            raise SubmissionError(
                f"Expected a model with .predict, or a function; got {type(model).__name__}."
            )
        output = model(features)
    if hasattr(output, "detach"):  # a PyTorch tensor that remembers its gradient
        output = output.detach().cpu()
    return np.asarray(output)


def _one_score_per_jet(output: NDArray[Any], n_jets: int) -> NDArray[np.float32]:
    """Check a model's output and return its signal column."""
    if not np.issubdtype(output.dtype, np.number) or np.iscomplexobj(output):
        raise SubmissionError(f"Expected real numbers from the model; got {output.dtype}.")
    if output.shape not in {(n_jets,), (n_jets, 1), (n_jets, 2)}:
        raise SubmissionError(
            f"Expected one score per jet, shape ({n_jets},), ({n_jets}, 1), or ({n_jets}, 2) for"
            f" (background, signal); got {output.shape}. Are these the features of all the jets?"
        )
    scores = output if output.ndim == 1 else output[:, -1]
    with np.errstate(over="ignore"):  # reported below, with the number of jets
        scores = scores.astype(np.float32)
    if n_bad := int(np.count_nonzero(~np.isfinite(scores))):
        raise SubmissionError(
            f"Expected finite scores; {n_bad} of {n_jets} are nan or infinite in single precision."
            " Look for nan in the features, or for a loss that became nan in training."
        )
    return scores


def _safe_name(text: str, what: str) -> str:
    """Return a group or network name that is safe inside a file name."""
    rule = (
        f"letters, digits and - _ . only, starting with a letter or digit, at most"
        f" {MAX_NAME_LENGTH} characters"
    )
    safe = unicodedata.normalize("NFKC", text) if isinstance(text, str) else ""
    letters_only = all(character.isalnum() or character in "-_." for character in safe)
    if not (safe[:1].isalnum() and letters_only and len(safe) <= MAX_NAME_LENGTH):
        raise SubmissionError(f"Expected a {what} of {rule}; got {text!r}.")
    return safe
