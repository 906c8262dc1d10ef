"""One line that shows how far a training is, in a notebook as in a terminal."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

from tqdm import tqdm

__all__ = ["EpochBar"]

_SECONDS_BETWEEN: Final = 0.5  # two pictures of the same progress bar


class EpochBar:
    """One line that shows how far a training is: epochs, time left, the last losses.

    It is text that is overwritten, in a notebook as in a terminal. Use it in a ``with`` statement.

    Parameters
    ----------
    n_epochs : int
        Length of the training.
    label : str
        Written in front of the bar; without one nothing is shown.
    start : int
        Epochs that were done before.
    """

    def __init__(self, n_epochs: int, *, label: str, start: int = 0) -> None:
        self._show = _overwritten_line() if label else lambda text: None
        self._bar = tqdm(
            total=n_epochs, initial=start, desc=label, unit="epoch", file=io.StringIO(), ncols=100
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
        """End the line; a training that stopped before its last epoch is over all the same."""
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


def _overwritten_line() -> Callable[[str], object]:
    """A function that shows a text in place of the one it showed before.

    In a notebook this is one output that changes, as plain text: legible in every front end and
    in the saved file, where a widget would be blank and carriage returns a heap of lines. It
    does not use standard error, which would look like a fault.
    """
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return lambda text: sys.stdout.write(f"\r{text}")
    from IPython.display import Pretty, display

    line = display(Pretty(""), display_id=True)
    return lambda text: line.update(Pretty(text))
