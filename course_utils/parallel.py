"""A function of some jets, applied to very many: batch by batch, on all cores, in order.

FastJet's Python interface keeps one core busy; here as many worker processes as there are cores do
a batch each. What is in memory is a few batches and the results, however many jets there are.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from course_utils._workers import n_cores, worker_pool

__all__ = ["in_batches", "iter_batches"]

Function = Callable[[NDArray], NDArray]
# Work for so long is shared. A process takes 0.8 s of an idle core to start, and several times as
# long where cores are busy or the packages not yet read from the disk.
_WORTH_SHARING_S = 5.0


class HasJets(Protocol):
    """Some jets with more about them, such as a `course_utils.jetfile.JetTable`."""

    jets: NDArray


Jets = NDArray | HasJets | Iterable[NDArray | HasJets]


def in_batches(
    function: Function,
    jets: Jets,
    *,
    batch_size: int = 2000,
    workers: int | None = None,
    n_jets: int | None = None,
    progress: bool = True,
) -> NDArray:
    """What ``function`` gives for each jet, computed batch by batch on all cores.

    The result is that of ``function(jets)``, for a function that treats each jet by itself. This
    process does the first batches; only if five seconds of work are left does it start others. They
    end with it, however it ends; Ctrl-C stops them at once.

    Parameters
    ----------
    function : callable
        From jets, an array of shape (n, ...), to an array of shape (n, ...), such as
        ``n_subjettiness``, or ``partial(n_subjettiness, n_max=4)`` to set its options. With more
        than one worker it must live in a module: other processes cannot find what a notebook
        defines.
    jets : array of shape (n_jets, ...), JetTable, or iterable of those
        An iterable is read as the work goes on, so that a file need not fit in memory:
        ``file.batches(10_000)`` of a `course_utils.jetfile.JetFile`. Each of its pieces is cut into
        batches; pieces far smaller than ``batch_size`` waste time.
    batch_size : int
        Jets in a batch. No result depends on it.
    workers : int, optional
        Processes; by default the number of cores. With 1, all is done in this process.
    n_jets : int, optional
        How many jets an iterable holds, if that is known: the progress bar then has an end, and
        workers start earlier.
    progress : bool
        Show a progress bar, counted in jets.

    Returns
    -------
    array of shape (n_jets, ...)
        In the order of the jets.

    Raises
    ------
    TypeError
        If other processes cannot find ``function``.
    ValueError
        If ``batch_size`` or ``workers`` is below 1, an iterable holds no jets at all, or a result
        is not one row per jet.

    An error inside ``function`` comes as it is, with a note that names the batch.

    Examples
    --------
    >>> from course_utils.kinematics import jet_mass
    >>> jets = np.tile([[50, 50, 0, 0], [50, -50, 0, 0]], (5000, 1, 1))
    >>> in_batches(jet_mass, jets, progress=False)[:3]
    array([100., 100., 100.])
    """
    results = iter_batches(
        function, jets, batch_size=batch_size, workers=workers, n_jets=n_jets, progress=progress
    )
    if parts := list(results):
        return np.concatenate(parts)
    raise ValueError("Expected at least one array of jets; the iterable was empty.")


def iter_batches(
    function: Function,
    jets: Jets,
    *,
    batch_size: int = 2000,
    workers: int | None = None,
    n_jets: int | None = None,
    progress: bool = True,
) -> Iterator[NDArray]:
    """What :func:`in_batches` joins, batch by batch: for results that do not fit in memory.

    Same arguments and errors. No jets at all are no batches, not an error.

    Examples
    --------
    >>> from course_utils.kinematics import jet_mass
    >>> jets = np.tile([[50, 50, 0, 0], [50, -50, 0, 0]], (5000, 1, 1))
    >>> [len(masses) for masses in iter_batches(jet_mass, jets, progress=False)]
    [2000, 2000, 1000]
    """
    workers = n_cores() if workers is None else workers
    for name, value in (("batch_size", batch_size), ("workers", workers)):
        if value < 1:
            raise ValueError(f"Expected {name} of 1 or more; got {value}.")
    if workers > 1:
        _require_in_a_module(function)
    pieces = [jets] if isinstance(jets, np.ndarray) or hasattr(jets, "jets") else jets
    if pieces is not jets:
        n_jets = len(getattr(jets, "jets", jets))
    batches = _batches(pieces, batch_size)
    return _shown(_results(function, batches, workers, n_jets), n_jets, progress)


@dataclass(frozen=True)
class _Place:
    """Where a batch is among all jets."""

    number: int
    first: int
    n_jets: int

    def __str__(self) -> str:
        return f"batch {self.number} (jets {self.first} to {self.first + self.n_jets - 1})"


_Batches = Iterator[tuple[_Place, NDArray]]
_Results = Iterator[tuple[_Place, NDArray]]


def _batches(pieces: Iterable[NDArray | HasJets], size: int) -> _Batches:
    number = first = 0
    for piece in pieces:
        array = np.asarray(getattr(piece, "jets", piece))
        if array.ndim == 0:
            raise TypeError(
                f"Expected an array of jets, a JetTable, or an iterable of those; got {piece!r}."
            )
        for start in range(0, max(len(array), 1), size):  # one empty batch tells the result's shape
            batch = array[start : start + size]
            yield _Place(number, first, len(batch)), batch
            number, first = number + 1, first + len(batch)


def _results(function: Function, batches: _Batches, workers: int, n_jets: int | None) -> _Results:
    """Alone, until it is worth while to share what is left."""
    alone = 0.0
    for place, batch in batches:
        if workers > 1 and _seconds_left(alone, place.first, n_jets) >= _WORTH_SHARING_S:
            yield from _shared(function, chain([(place, batch)], batches), workers)
            return
        start = perf_counter()
        with _told(place):
            result = _checked(function(batch), place)
        alone += perf_counter() - start
        yield place, result


def _seconds_left(alone: float, done: int, n_jets: int | None) -> float:
    """For one process: in proportion to the jets; if their number is unknown, as long as so far."""
    if done == 0 or n_jets is None or n_jets <= done:
        return alone
    return alone * (n_jets / done - 1)


def _shared(function: Function, batches: _Batches, workers: int) -> _Results:
    """In order; no more than two batches a worker are under way or wait to be taken."""
    waiting: deque[tuple[_Place, Future[NDArray]]] = deque()
    with worker_pool(workers) as pool:

        def next_result() -> tuple[_Place, NDArray]:
            place, future = waiting.popleft()
            with _told(place):
                return place, _checked(future.result(), place)

        for place, batch in batches:
            if len(waiting) == 2 * workers:
                yield next_result()
            with _told(place):
                waiting.append((place, pool.submit(function, batch)))
        while waiting:
            yield next_result()


@contextmanager
def _told(place: _Place) -> Iterator[None]:
    """Say in which batch an error happened."""
    try:
        yield
    except BrokenExecutor as error:
        error.add_note(
            f"A worker process died at or before {place}. If memory ran out, take a smaller "
            "batch_size or fewer workers. A script must start its work under "
            "`if __name__ == '__main__':`, since every worker imports it."
        )
        raise
    except Exception as error:
        error.add_note(f"This happened in {place}.")
        raise


def _checked(result: NDArray, place: _Place) -> NDArray:
    result = np.asarray(result)
    if result.ndim == 0 or len(result) != place.n_jets:
        raise ValueError(
            f"Expected one row per jet from the function, {place.n_jets} in all; "
            f"got shape {result.shape}."
        )
    return result


def _shown(results: _Results, n_jets: int | None, progress: bool) -> Iterator[NDArray]:
    with tqdm(total=n_jets, unit=" jets", disable=not progress) as bar:
        for place, result in results:
            bar.update(place.n_jets)
            yield result


def _require_in_a_module(function: Function) -> None:
    """Other processes import a function by name, and have no notebook to import it from."""
    try:
        name_is_in_notebook = b"__main__" in pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError):
        found = False
    else:
        found = not name_is_in_notebook or hasattr(sys.modules["__main__"], "__file__")
    if not found:
        raise TypeError(
            f"Expected a function that worker processes can import; got {function!r}. Put it in a "
            ".py file and import it from there (for options: functools.partial instead of a "
            "lambda), or pass workers=1."
        )
