"""Batches of prepared jets, shuffled across the file, for PyTorch, Keras or a loop.

A network can train on more jets than memory holds, batch by batch::

    from course_utils.prepared import Batches, Images, prepare, tf_dataset

    train = Batches(prepare("top_tagging", "train", Images()), batch_size=256, seed=1)
    for x, y in train: ...                      # numpy, one epoch
    network.fit(tf_dataset(train), epochs=5)    # Keras

In place of arrays, `course_utils.training.fit_torch` takes ``train`` itself and
`course_utils.training.fit_keras` takes ``tf_dataset(train)``.

Each epoch has its own order of all jets, which depends only on the seed and the number of the
epoch. Memory holds the row numbers and a few batches. A thread prepares the next two batches while
the network works on the current one.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from operator import index
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.prepared.jets import Prepared

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["Batches", "tf_dataset"]

_AHEAD: Final = 2  # batches that are made ready

Batch = tuple[NDArray[np.float32], NDArray[np.int8]]


class Batches:
    """Batches ``(x, y_true)`` of prepared jets; each pass over it is an epoch.

    Parameters
    ----------
    jets : Prepared
    batch_size : int
        Jets in a batch; the last batch of an epoch holds the rest.
    seed : int, optional
        Shuffle with it. Without a seed the jets come in file order.
    rows : slice, mask or array of row numbers, optional
        Only these jets, for instance equally many of each class.
    transform : function of an array, optional
        Applied to the jets of each batch, such as ``lambda images: np.sqrt(images)[..., None]``.

    Attributes
    ----------
    epoch : int
        Number of the next pass, counted from 0. Set it to repeat or to resume an epoch.

    Examples
    --------
    >>> from course_utils.prepared import Images, prepare
    >>> jets = prepare("top_tagging", "val", Images(n_pixels=10), progress=False)
    >>> batches = Batches(jets, batch_size=150, seed=1)
    >>> [len(x) for x, y in batches] == [150] * (len(jets) // 150) + [len(jets) % 150]
    True
    """

    def __init__(
        self,
        jets: Prepared,
        *,
        batch_size: int,
        seed: int | None = None,
        rows: slice | ArrayLike | None = None,
        transform: Callable[[NDArray[np.float32]], NDArray[Any]] | None = None,
    ) -> None:
        self.jets, self.transform, self.epoch = jets, transform, 0
        self.batch_size = _integer(batch_size, "batch_size", at_least=1)
        self.seed = None if seed is None else _integer(seed, "seed", at_least=0)
        self._rows = None if rows is None else jets.numbers(rows)
        if not self.n_jets:
            raise ValueError("Expected at least one jet; rows choose none.")

    @property
    def n_jets(self) -> int:
        """Jets in an epoch."""
        return len(self.jets) if self._rows is None else len(self._rows)

    def __len__(self) -> int:
        return -(-self.n_jets // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._epoch(self.rows_of_batches(self.next_epoch()))

    def __repr__(self) -> str:
        rows = "" if self._rows is None else hashlib.sha256(self._rows.tobytes()).hexdigest()[:12]
        name = getattr(self.transform, "__qualname__", type(self.transform).__qualname__)
        return (
            f"Batches({self.jets.folder.name}, batch_size={self.batch_size}, seed={self.seed}, "
            f"rows={rows or 'all'}, n_jets={self.n_jets}, transform={name})"
        )

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Row numbers in the order of an epoch."""
        rows = np.arange(len(self.jets)) if self._rows is None else self._rows
        if self.seed is None:
            return rows
        return np.random.default_rng((self.seed, epoch)).permutation(rows)

    def rows_of_batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        """The row numbers of each batch of an epoch."""
        order = self.order(epoch)
        for first in range(0, len(order), self.batch_size):
            yield order[first : first + self.batch_size]

    def next_epoch(self) -> int:
        """Number of the pass that begins now."""
        self.epoch += 1
        return self.epoch - 1

    def example(self) -> NDArray[Any]:
        """One jet as a network reads it, shape (1, ...)."""
        return self._batch(self.order(0)[:1])[0]

    def _epoch(self, wanted: Iterator[NDArray[np.int64]]) -> Iterator[Batch]:
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
            waiting = deque(pool.submit(self._batch, r) for r in islice(wanted, _AHEAD))
            try:
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self._batch, rows) for rows in islice(wanted, 1))
                    yield batch
            finally:  # a loop that ends early does not wait for batches it will not use
                pool.shutdown(cancel_futures=True)

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        x = self.jets[rows]
        return (x if self.transform is None else self.transform(x)), self.jets.y_true[rows]


def _integer(number: int, name: str, *, at_least: int) -> int:
    try:
        value = index(number)
    except TypeError:
        raise ValueError(f"Expected {name} to be an integer; got {number!r}.") from None
    if value < at_least:
        raise ValueError(f"Expected {name} of at least {at_least}; got {value}.")
    return value


def tf_dataset(batches: Batches) -> tf.data.Dataset:
    """Batches for TensorFlow and Keras: tensors ``(x, y)``, y as int32.

    Every pass over it is the next epoch.

    Examples
    --------
    >>> from course_utils.prepared import Images, prepare
    >>> jets = prepare("top_tagging", "val", Images(n_pixels=10), progress=False)
    >>> x, y = next(iter(tf_dataset(Batches(jets, batch_size=32, seed=1))))
    >>> tuple(x.shape), y.dtype.name
    ((32, 10, 10), 'int32')
    """
    import tensorflow as tf

    x = batches.example()
    signature = (
        tf.TensorSpec((None, *x.shape[1:]), tf.as_dtype(x.dtype)),
        tf.TensorSpec((None,), tf.int32),
    )

    def epoch() -> Iterator[tuple[NDArray[Any], NDArray[np.int32]]]:
        for x, y in batches:
            yield x, y.astype(np.int32)

    dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(1)
