"""Executors that break on purpose."""

from concurrent.futures import Executor, Future


class BreaksAfter(Executor):
    """Works in this thread, and breaks after some units, as a killed machine would."""

    def __init__(self, n_units):
        self.left = n_units

    def submit(self, work, /, *arguments):
        future = Future()
        if self.left:
            self.left -= 1
            future.set_result(work(*arguments))
        else:
            future.set_exception(KeyboardInterrupt())
        return future
