"""Processes that do a share of the work, and that never outlive what started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # elsewhere a process cannot be tied to some cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def worker_pool(n_workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that an error or Ctrl-C stops at once, in the middle of their work."""
    # Not fork: a notebook's threads (TensorFlow's, say) do not survive it.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_workers, mp_context=spawn, initializer=_follow_parent)
    try:
        yield pool
    except BaseException:
        # The public way, ProcessPoolExecutor.kill_workers, is new in Python 3.14.
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """Let a worker end when the process that started it was killed, instead of waiting forever.

    Ctrl-C reaches every process of a terminal; a worker leaves it to its parent, who ends it.
    """

    def wait_for_parent() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait_for_parent, daemon=True).start()
