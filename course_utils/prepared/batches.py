"""Prepared jets in batches, shuffled across the whole file, for PyTorch, Keras or a loop.

A network that trains on more jets than memory holds gets them batch by batch::

    from course_utils.prepared import Batches, Images, prepare, tf_dataset, torch_loader

    train = Batches(prepare("top_tagging", "train", Images()), batch_size=256, seed=1)
    for x, y in train: ...                      # numpy, one epoch
    for x, y in torch_loader(train): ...        # PyTorch
    network.fit(tf_dataset(train), epochs=5)    # Keras

`course_utils.training.fit_keras` takes such a dataset in place of arrays,
`course_utils.training.fit_torch` takes ``train`` itself.

Every epoch has an order of its own, drawn from all jets, that follows from the seed and the number
of the epoch alone. Memory holds the row numbers and a few batches. A thread gets the next batches
ready while the network works on this one.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.prepared.preparation import Prepared

if TYPE_CHECKING:
    import tensorflow as tf
    from torch.utils.data import DataLoader

__all__ = ["Batches", "JetDataset", "tf_dataset", "torch_loader"]

Batch = tuple[NDArray[np.float32], NDArray[np.int8]]


class Batches:
    """Batches ``(x, y_true)`` of prepared jets; each pass over it is an epoch.

    Parameters
    ----------
    jets : Prepared
    batch_size : int
        Jets in a batch; the last one of an epoch holds the rest.
    seed : int, optional
        Shuffle with it. Without one the jets come in the order of the file.
    rows : slice, mask or array of row numbers, optional
        Only these jets; for instance as many of either class.
    transform : function of an array, optional
        Applied to the jets of each batch, such as ``lambda images: np.sqrt(images)[..., None]``.
    prefetch : int
        Batches that are made ready ahead, in a thread; 0 for none.

    Attributes
    ----------
    epoch : int
        Number of the next pass, from 0. Set it to repeat an epoch, or to go on after a break.

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
        prefetch: int = 2,
    ) -> None:
        self.jets, self.transform, self.epoch = jets, transform, 0
        self.batch_size = _whole(batch_size, "batch_size", at_least=1)
        self.prefetch = _whole(prefetch, "prefetch", at_least=0)
        self.seed = None if seed is None else _whole(seed, "seed", at_least=0)
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
        """Row numbers of the jets of an epoch, in its order."""
        rows = np.arange(len(self.jets)) if self._rows is None else self._rows
        if self.seed is None:
            return rows
        return np.random.default_rng((self.seed, epoch)).permutation(rows)

    def rows_of_batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        """The row numbers of one batch after the other."""
        order = self.order(epoch)
        for first in range(0, len(order), self.batch_size):
            yield order[first : first + self.batch_size]

    def next_epoch(self) -> int:
        """The number of the pass that begins now."""
        self.epoch += 1
        return self.epoch - 1

    def example(self) -> NDArray[Any]:
        """What one jet looks like to a network, shape (1, ...)."""
        return self._batch(self.order(0)[:1])[0]

    def _epoch(self, wanted: Iterator[NDArray[np.int64]]) -> Iterator[Batch]:
        if not self.prefetch:
            yield from map(self._batch, wanted)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
            waiting = deque(pool.submit(self._batch, r) for r in islice(wanted, self.prefetch))
            try:
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self._batch, rows) for rows in islice(wanted, 1))
                    yield batch
            finally:  # a loop that ends early does not wait for the rest
                pool.shutdown(cancel_futures=True)

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        x = self.jets[rows]
        return (x if self.transform is None else self.transform(x)), self.jets.y_true[rows]


def _whole(number: int, name: str, *, at_least: int) -> int:
    try:
        value = index(number)
    except TypeError:
        raise ValueError(f"Expected {name} to be a whole number; got {number!r}.") from None
    if value < at_least:
        raise ValueError(f"Expected {name} of {at_least} or more; got {value}.")
    return value


class JetDataset:
    """Prepared jets as a map-style dataset of ``torch.utils.data``: items ``(jet, y_true)``.

    For what takes a dataset and shuffles itself, such as ``DataLoader(..., shuffle=True)`` or
    ``random_split``. Worker processes share the jets through the disk.

    Parameters
    ----------
    jets : Prepared
    transform : function of an array of jets, optional
        See `Batches`. With worker processes it must have a name that they can import.

    Examples
    --------
    >>> from course_utils.prepared import Images, prepare
    >>> jets = prepare("top_tagging", "val", Images(n_pixels=10), progress=False)
    >>> image, label = JetDataset(jets)[7]
    >>> image.shape, int(label) in (0, 1)
    ((10, 10), True)
    """

    def __init__(
        self,
        jets: Prepared,
        *,
        transform: Callable[[NDArray[np.float32]], NDArray[Any]] | None = None,
    ) -> None:
        self.jets, self.transform = jets, transform

    def __len__(self) -> int:
        return len(self.jets)

    def __getitem__(self, rows: int | NDArray[np.int64]) -> tuple[NDArray[Any], Any]:
        """One jet, or for an array of row numbers a batch."""
        numbers = np.atleast_1d(np.asarray(rows))
        x = self.jets[numbers]
        x = x if self.transform is None else self.transform(x)
        y = self.jets.y_true[numbers].astype(np.int64)  # as the losses of PyTorch want it
        return (x, y) if np.ndim(rows) else (x[0], y[0])

    def __getitems__(self, rows: list[int]) -> list[tuple[NDArray[Any], Any]]:
        """Many jets with one look at the disk: PyTorch calls this for a batch."""
        return list(zip(*self[np.array(rows)], strict=True))


def torch_loader(batches: Batches, *, num_workers: int = 0, **options: Any) -> DataLoader:
    """A PyTorch ``DataLoader`` of these batches: tensors ``(x, y)``, y as int64.

    The order is that of `batches`, whatever the number of workers, and every pass is the next
    epoch.

    Parameters
    ----------
    batches : Batches
    num_workers : int
        Processes that make batches. Decoding takes a few microseconds a jet: they help where
        ``transform`` is slow.
    **options
        Of ``DataLoader``, such as ``pin_memory=True`` for a GPU.

    Examples
    --------
    >>> from course_utils.prepared import Images, prepare
    >>> jets = prepare("top_tagging", "val", Images(n_pixels=10), progress=False)
    >>> x, y = next(iter(torch_loader(Batches(jets, batch_size=32, seed=1))))
    >>> x.shape, y.dtype
    (torch.Size([32, 10, 10]), torch.int64)
    """
    from torch.utils.data import DataLoader

    return DataLoader(
        JetDataset(batches.jets, transform=batches.transform),
        sampler=_RowBatches(batches),
        batch_size=None,  # a sample is a batch already
        num_workers=num_workers,
        **options,
    )


class _RowBatches:
    """A sampler that gives the row numbers of whole batches."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __repr__(self) -> str:
        return repr(self._batches)

    def __len__(self) -> int:
        return len(self._batches)

    def set_epoch(self, epoch: int) -> None:
        """Number of the next pass, as PyTorch's own samplers have it."""
        self._batches.epoch = epoch

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        # A generator: PyTorch asks for two iterators and uses one, which is then the next epoch.
        yield from self._batches.rows_of_batches(self._batches.next_epoch())


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
