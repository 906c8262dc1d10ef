"""What every training shares: a seed, a size that fits the machine, a progress bar, a record.

Keras is imported when a function needs it, so that reading a :class:`History` costs nothing.
"""

from __future__ import annotations

import io
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = [
    "LIMITS",
    "History",
    "fit_keras",
    "progress_bar",
    "quiet_tensorflow",
    "seed_everything",
    "sized",
]

#: Largest value while nbgrader runs a notebook, by the name of the limit.
LIMITS = {"COURSE_MAX_JETS": 4000, "COURSE_MAX_EPOCHS": 10, "COURSE_MAX_SEEDS": 2}
_SECONDS_BETWEEN: Final = 0.5  # two pictures of the same progress bar


@dataclass(frozen=True)
class History:
    """Loss and accuracy after each epoch of a training, on training and validation jets.

    One record for every framework: a Keras log is read with :meth:`from_keras`, a training loop
    of one's own fills the four columns itself.

    Parameters
    ----------
    loss, accuracy : sequences of n_epochs numbers
        On the training jets, averaged while the weights were still changing.
    val_loss, val_accuracy : sequences of n_epochs numbers
        On the validation jets, at the end of each epoch.
    val_loss_error, val_accuracy_error : float
        Standard error of one validation point, from the spread between the validation jets after
        the last epoch; 0 where nobody computed it.

    Raises
    ------
    ValueError
        If there is no epoch, or the columns differ in length.

    Examples
    --------
    >>> history = History([0.7, 0.5, 0.3], [0.5, 0.7, 0.9], [0.7, 0.6, 0.8], [0.5, 0.7, 0.6])
    >>> history.n_epochs, history.best_epoch
    (3, 2)
    """

    loss: Sequence[float]
    accuracy: Sequence[float]
    val_loss: Sequence[float]
    val_accuracy: Sequence[float]
    val_loss_error: float = 0.0
    val_accuracy_error: float = 0.0

    def __post_init__(self) -> None:
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        lengths = {name: len(getattr(self, name)) for name in names}
        if len(set(lengths.values())) != 1 or not lengths["loss"]:
            raise ValueError(f"Expected one number per epoch in every column; got {lengths}.")
        for name in names:
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))

    @classmethod
    def from_keras(
        cls,
        log: Mapping[str, Sequence[float]],
        *,
        val_loss_error: float = 0.0,
        val_accuracy_error: float = 0.0,
    ) -> History:
        """The record in ``model.fit(...).history``.

        Parameters
        ----------
        log : mapping
            Must hold ``loss``, ``accuracy``, ``val_loss`` and ``val_accuracy``; more is ignored.
        val_loss_error, val_accuracy_error : float
            See the class.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If a column is missing.
        """
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        if missing := [name for name in names if name not in log]:
            raise ValueError(
                f"The training log has no {', '.join(missing)}, only {', '.join(log) or 'nothing'}."
                ' Compile with metrics=["accuracy"], fit with validation_data=(features, labels).'
            )
        return cls(*(log[name] for name in names), val_loss_error, val_accuracy_error)

    @property
    def n_epochs(self) -> int:
        """Number of epochs."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, with the smallest validation loss."""
        return 1 + min(range(self.n_epochs), key=self.val_loss.__getitem__)


def seed_everything(seed: int) -> None:
    """Start the random numbers of Python, NumPy and the imported frameworks from one seed.

    The course passes generators around instead of seeding globally. Keras and PyTorch draw their
    first weights from global generators, Keras its shuffles and its dropout as well, so for a
    network that can be trained twice with the same result there is no other way.

    Parameters
    ----------
    seed : int
        Not negative.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (Keras draws from it)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Import TensorFlow or Keras inside, without their lines about this machine's processor.

    The lines come from compiled code, so no Python setting stops them: while the block runs,
    standard error leads nowhere. A failing import still raises. Afterwards TensorFlow reports
    errors only, unless ``TF_CPP_MIN_LOG_LEVEL`` was set before.

    Examples
    --------
    >>> with quiet_tensorflow():
    ...     _ = os.write(2, b"what compiled code has to say")
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    standard_error, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(nowhere)


def fit_keras(
    network: keras.Model,
    train: tuple[ArrayLike, ArrayLike] | tf.data.Dataset,
    val: tuple[ArrayLike, ArrayLike] | tf.data.Dataset,
    *,
    n_epochs: int,
    batch_size: int = 256,
    patience: int | None = None,
    label: str = "training",
) -> History:
    """Train a compiled classifier under a progress bar and keep its history.

    Parameters
    ----------
    network : keras.Model
        Ends in a softmax over (background, signal); compiled with the loss
        ``"sparse_categorical_crossentropy"`` and ``metrics=["accuracy"]``.
    train, val : (features, y_true) or tf.data.Dataset
        Arrays of shapes (n_jets, ...) and (n_jets,), or batches of both, such as those of
        `course_utils.streaming.tf_dataset`, which need not fit into memory.
    n_epochs, batch_size : int
        Passes over the training jets, and jets per update of the weights. A dataset brings its
        own batches.
    patience : int, optional
        Stop after so many epochs without a new smallest validation loss, and go back to the
        weights that had it.
    label : str
        Written in front of the progress bar.

    Returns
    -------
    History
    """
    from keras.callbacks import EarlyStopping

    callbacks = [progress_bar(n_epochs, label=label)]
    if patience is not None:
        callbacks.append(EarlyStopping("val_loss", patience=patience, restore_best_weights=True))
    arrays = {"x": train[0], "y": train[1], "batch_size": batch_size} if _arrays(train) else None
    log = network.fit(
        **(arrays or {"x": train, "shuffle": False}),  # a dataset shuffles itself
        validation_data=val,
        epochs=n_epochs,
        verbose=0,
        callbacks=callbacks,
    )
    of_the_truth = _probability_of_the_truth(network, val)
    smallest = np.finfo(np.float32).tiny  # a certain and wrong network would have infinite loss
    spreads = np.log(np.maximum(of_the_truth, smallest)).std(), (of_the_truth > 0.5).std()
    errors = [float(spread / np.sqrt(len(of_the_truth))) for spread in spreads]
    return History.from_keras(log.history, val_loss_error=errors[0], val_accuracy_error=errors[1])


def _arrays(data: tuple[ArrayLike, ArrayLike] | tf.data.Dataset) -> bool:
    return isinstance(data, tuple | list)


def _probability_of_the_truth(
    network: keras.Model, val: tuple[ArrayLike, ArrayLike] | tf.data.Dataset
) -> NDArray[np.float32]:
    """What the network gives to the true class of each jet, shape (n_jets,)."""
    if _arrays(val):
        parts = [(network.predict(val[0], batch_size=1024, verbose=0), val[1])]
    else:
        parts = [(network.predict_on_batch(x), y) for x, y in val]
    return np.concatenate(
        [outputs[np.arange(len(outputs)), np.asarray(y, dtype=int)] for outputs, y in parts]
    )


def progress_bar(n_epochs: int, *, label: str = "training") -> keras.callbacks.Callback:
    """A Keras callback that shows one bar for a training, with the losses of the last epoch.

    Parameters
    ----------
    n_epochs : int
        Length of the training.
    label : str
        Written in front of the bar.

    Returns
    -------
    keras.callbacks.Callback
        For ``model.fit(..., verbose=0, callbacks=[progress_bar(n_epochs)])``.
    """
    from keras.callbacks import LambdaCallback

    bar = EpochBar(n_epochs, label=label)
    return LambdaCallback(
        on_epoch_end=lambda epoch, logs: bar.epoch(logs), on_train_end=lambda logs: bar.close()
    )


class EpochBar:
    """One line that shows how far a training is: epochs, time left, the last losses.

    It is text that is overwritten, in a notebook as in a terminal. Use it in a ``with`` statement.

    Parameters
    ----------
    n_epochs : int
        Length of the training.
    label : str
        Written in front of the bar; without one nothing is shown.
    start : int
        Epochs that were done before.
    """

    def __init__(self, n_epochs: int, *, label: str, start: int = 0) -> None:
        self._show = _overwritten_line() if label else lambda text: None
        self._bar = tqdm(
            total=n_epochs, initial=start, desc=label, unit="epoch", file=io.StringIO(), ncols=100
        )
        self._shown_at = time.monotonic()
        self._show(str(self._bar))

    def within(self, share: float) -> None:
        """Note how much of the current epoch is done, from 0 to 1."""
        if time.monotonic() - self._shown_at > _SECONDS_BETWEEN:
            whole = int(self._bar.n)
            self._bar.n = round(whole + min(share, 0.9), 1)
            self._draw()
            self._bar.n = whole

    def epoch(self, row: Mapping[str, float]) -> None:
        """Count one more epoch, and show its ``loss`` and ``val_loss``."""
        losses = {name: f"{row[name]:.3f}" for name in ("loss", "val_loss") if name in row}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.n += 1
        self._draw()

    def close(self) -> None:
        """End the line; a training that stopped before its last epoch is over all the same."""
        if self._bar.n < self._bar.total:
            self._bar.set_description_str(f"{self._bar.desc} (stopped early)", refresh=False)
            self._bar.total = self._bar.n
        self._show(f"{self._bar}\n")

    def _draw(self) -> None:
        self._shown_at = time.monotonic()
        self._show(str(self._bar))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _overwritten_line() -> Callable[[str], object]:
    """A function that shows a text in place of the one it showed before.

    In a notebook this is one output that changes, as plain text: legible in every front end and
    in the saved file, where a widget would be blank and carriage returns a heap of lines. It
    does not use standard error, which would look like a fault.
    """
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return lambda text: sys.stdout.write(f"\r{text}")
    from IPython.display import Pretty, display

    line = display(Pretty(""), display_id=True)
    return lambda text: line.update(Pretty(text))


def sized(wanted: int, *, limit: str) -> int:
    """The size a notebook asks for, or the smaller one a grader or a test allows.

    Autograding runs a student's training cells again. So that a class is graded in minutes,
    without a change to anyone's notebook, the environment variable named by `limit` caps the
    number of jets, epochs or seeds. While nbgrader autogrades or validates a notebook the caps of
    ``LIMITS`` hold by themselves. Otherwise, without the variable, nothing is capped.

    Parameters
    ----------
    wanted : int
        What the student (or papermill) set.
    limit : {"COURSE_MAX_JETS", "COURSE_MAX_EPOCHS", "COURSE_MAX_SEEDS"}
        The environment variable that may cap it.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `limit` is not one of the three, or its value is not a whole number above zero.

    Examples
    --------
    >>> sized(10, limit="COURSE_MAX_JETS")
    10
    """
    if limit not in LIMITS:
        raise ValueError(f"Expected a limit named {' or '.join(LIMITS)}; got {limit!r}.")
    by_grader = str(LIMITS[limit]) if "NBGRADER_EXECUTION" in os.environ else str(wanted)
    allowed = os.environ.get(limit) or by_grader
    if not allowed.isdecimal() or int(allowed) == 0:
        raise ValueError(f"Expected {limit} to be a whole number above zero; got {allowed!r}.")
    return min(wanted, int(allowed))
