"""Worker processes that never outlive the process that started them.

Not joblib's loky: its workers were still there 12 s after their parent was killed, idle or busy,
and `_follow_parent` cannot help, since there `multiprocessing.parent_process` cannot be waited for.
These end within 0.3 s.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


def n_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def worker_pool(n_workers: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes; an error or Ctrl-C stops them at once, even while they work."""
    # Not fork: the threads of a notebook, such as TensorFlow's, do not survive it.
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
    """End a worker when its parent was killed; otherwise it would wait forever.

    Ctrl-C reaches every process of a terminal; workers ignore it, and their parent ends them.
    """

    def wait_for_parent() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait_for_parent, daemon=True).start()
