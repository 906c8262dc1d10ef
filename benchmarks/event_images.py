"""What a picture of an event costs: compiled, and in plain NumPy.

    python benchmarks/event_images.py [--events 1000]

Prints medians on one core for pictures of 224, 112 and 64 pixels, and the ratio of the two, which
give identical pixels; the target is 20 ms for 1000 pictures of 224 pixels. Also what the colours
of a batch cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

import numpy as np
from rich.console import Console
from rich.table import Table

from course_utils.images import colours, event_images, painting
from course_utils.images import events as module
from course_utils.samples import load_events


def milliseconds(
    work: Callable[[], object], *, repeats: int = 9, clock: Callable[[], float] = perf_counter
) -> float:
    """Median time of a piece of work, after one call to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        start = clock()
        work()
        taken.append(clock() - start)
    return 1000 * median(taken)


def in_numpy(*events: np.ndarray, n_pixels: int) -> np.ndarray:
    """The same pictures, drawn without numba."""
    compiled, module.painter = module.painter, lambda: painting.painted
    try:
        return event_images(*events, n_pixels=n_pixels)
    finally:
        module.painter = compiled


def measured(n_events: int) -> Table:
    """One row for each size."""
    events = load_events("train", stop=n_events)
    arrays = events.momenta, events.kinds
    table = Table("pixels", "numba", "processor", "NumPy", "ratio", "colours of 64", "filled")
    table.title = f"milliseconds for {len(events)} pictures"
    for n_pixels in (224, 112, 64):
        images = event_images(*arrays, n_pixels=n_pixels)
        np.testing.assert_array_equal(images, in_numpy(*arrays, n_pixels=n_pixels))

        def draw(n_pixels: int = n_pixels, out: np.ndarray = images) -> None:
            event_images(*arrays, n_pixels=n_pixels, out=out)

        ours, processor = milliseconds(draw), milliseconds(draw, clock=process_time)
        plain = milliseconds(lambda n=n_pixels: in_numpy(*arrays, n_pixels=n), repeats=3)
        looked_up = milliseconds(lambda some=images[:64]: colours(some))
        numbers = (ours, processor, plain, plain / ours, looked_up)
        filled = f"{(images > 0).mean():.1%}"
        table.add_row(f"{n_pixels}", *(f"{number:.1f}" for number in numbers), filled)
    return table


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=1000, help="default: %(default)s")
    Console(width=100).print(measured(parser.parse_args().events))


if __name__ == "__main__":
    main()
