"""The training loop of the Keras lessons.

Keras is imported when a function needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.training.history import History
from course_utils.training.progress import EpochBar

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = ["fit_keras", "progress_bar"]


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
        Ends in a softmax over (background, signal), or over more classes; compiled with the loss
        ``"sparse_categorical_crossentropy"`` and ``metrics=["accuracy"]``.
    train, val : (features, y_true) or tf.data.Dataset
        Arrays of shapes (n_jets, ...) and (n_jets,), or batches of both, such as those of
        `course_utils.prepared.tf_dataset`, which need not fit into memory.
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
    of_the_truth, is_right = _compared(network, val)
    smallest = np.finfo(np.float32).tiny  # a certain and wrong network would have infinite loss
    spreads = np.log(np.maximum(of_the_truth, smallest)).std(), is_right.std()
    errors = [float(spread / np.sqrt(len(of_the_truth))) for spread in spreads]
    return History.from_keras(log.history, val_loss_error=errors[0], val_accuracy_error=errors[1])


def _arrays(data: tuple[ArrayLike, ArrayLike] | tf.data.Dataset) -> bool:
    return isinstance(data, tuple | list)


def _compared(
    network: keras.Model, val: tuple[ArrayLike, ArrayLike] | tf.data.Dataset
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The probability of the true class of each jet, and whether it is the largest."""
    if _arrays(val):
        parts = [(network.predict(val[0], batch_size=1024, verbose=0), val[1])]
    else:
        parts = [(network.predict_on_batch(x), y) for x, y in val]
    outputs = np.concatenate([outputs for outputs, _ in parts])
    y_true = np.concatenate([np.asarray(y, dtype=int) for _, y in parts])
    return outputs[np.arange(len(outputs)), y_true], outputs.argmax(axis=1) == y_true


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
