"""The training loop of the Keras lessons.

Keras is imported when a function needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        Passes over the training jets, and jets per update of the weights. A dataset sets its own
        batches.
    patience : int, optional
        Stop after this many epochs without a new smallest validation loss, and restore the
        weights that had it.
    label : str
        Written in front of the progress bar.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        Features and labels differ in number, or there are none.
    """
    from keras.callbacks import EarlyStopping

    callbacks = [progress_bar(n_epochs, label=label)]
    if patience is not None:
        callbacks.append(EarlyStopping("val_loss", patience=patience, restore_best_weights=True))
    log = network.fit(
        _batches(*train, batch_size, shuffled=True) if _arrays(train) else train,
        validation_data=_batches(*val, batch_size) if _arrays(val) else val,
        shuffle=False,  # a dataset shuffles itself
        epochs=n_epochs,
        verbose=0,
        callbacks=callbacks,
    )
    of_the_truth, is_right = _compared(network, val)
    smallest = np.finfo(np.float32).tiny  # a network that is certain and wrong has infinite loss
    spreads = np.log(np.maximum(of_the_truth, smallest)).std(), is_right.std()
    errors = [float(spread / np.sqrt(len(of_the_truth))) for spread in spreads]
    return History.from_keras(log.history, val_loss_error=errors[0], val_accuracy_error=errors[1])


def _arrays(data: tuple[ArrayLike, ArrayLike] | tf.data.Dataset) -> bool:
    return isinstance(data, tuple | list)


def _batches(
    x: ArrayLike, y: ArrayLike, batch_size: int, *, shuffled: bool = False
) -> tf.data.Dataset:
    """Return a dataset that copies one batch at a time; Keras itself would copy all, twice.

    Keras's own seed decides in which order each epoch goes through the jets.
    """
    import keras
    import tensorflow as tf

    x, y = np.asarray(x), np.asarray(y)
    if not len(x) or len(x) != len(y):
        raise ValueError(f"Expected as many labels as rows of features; got {len(y)} for {len(x)}.")
    dice = np.random.default_rng(int(keras.random.randint((), 0, 2**31 - 1)))

    def epoch() -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        rows = dice.permutation(len(x)) if shuffled else np.arange(len(x))
        for few in np.split(rows, range(batch_size, len(x), batch_size)):
            yield x[few].astype(np.float32), y[few].astype(np.int32)

    signature = tf.TensorSpec((None, *x.shape[1:])), tf.TensorSpec((None,), tf.int32)
    dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    n_batches = -(-len(x) // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(1)


def _compared(
    network: keras.Model, val: tuple[ArrayLike, ArrayLike] | tf.data.Dataset
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the probability of each jet's true class, and whether it is the largest."""
    if _arrays(val):
        parts = [(network.predict(val[0], batch_size=256, verbose=0), val[1])]
    else:
        parts = [(network.predict_on_batch(x), y) for x, y in val]
    outputs = np.concatenate([outputs for outputs, _ in parts])
    y_true = np.concatenate([np.asarray(y, dtype=int) for _, y in parts])
    return outputs[np.arange(len(outputs)), y_true], outputs.argmax(axis=1) == y_true


def progress_bar(n_epochs: int, *, label: str = "training") -> keras.callbacks.Callback:
    """Return a Keras callback that draws one bar for a training, with the last epoch's losses.

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
