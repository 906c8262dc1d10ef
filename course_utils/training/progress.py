"""One line that shows how far a training is, in a notebook or a terminal."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self, TypeVar

from tqdm import tqdm

__all__ = ["EpochBar", "tracked"]

Item = TypeVar("Item")

_SECONDS_BETWEEN: Final = 0.5  # two drawings of the bar within an epoch


class EpochBar:
    """One line that shows how far a training is: epochs, time left, the last losses.

    The text overwrites itself, in a notebook or a terminal. Use it in a ``with`` statement.

    Parameters
    ----------
    n_epochs : int
        Length of the training.
    label : str
        Written in front of the bar; if empty, nothing is shown.
    start : int
        Epochs done before.
    unit : str
        What is counted.
    """

    def __init__(self, n_epochs: int, *, label: str, start: int = 0, unit: str = "epoch") -> None:
        self._show = _overwritten_line() if label else lambda text: None
        self._bar = tqdm(
            total=n_epochs, initial=start, desc=label, unit=unit, file=io.StringIO(), ncols=100
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
        """End the line; a training that stopped early ends with a full bar, too."""
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


def tracked(items: Sequence[Item], *, label: str, unit: str = "batch") -> Iterator[Item]:
    """Yield each item, under one line that shows how far a loop is.

    Parameters
    ----------
    items : sequence
    label : str
        Written in front of the bar; if empty, nothing is shown.
    unit : str
        What an item is.

    Examples
    --------
    >>> sum(tracked([1, 2, 3], label=""))
    6
    """
    with EpochBar(len(items), label=label, unit=unit) as bar:
        for item in items:
            yield item
            bar.epoch({})


def _overwritten_line() -> Callable[[str], object]:
    """Return a function that shows a text in place of the one before.

    In a notebook this is a single plain-text output that changes. Every front end and the saved
    file show it; a widget would be blank there, and carriage returns would pile up lines. It
    avoids standard error, which would look like a fault.
    """
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return lambda text: sys.stdout.write(f"\r{text}")
    from IPython.display import Pretty, display

    line = display(Pretty(""), display_id=True)
    return lambda text: line.update(Pretty(text))
