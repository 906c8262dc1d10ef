"""Axes: from numbers to positions, for the error bars and curves of the board."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from course_utils.metrics import Measurement

__all__ = ["LogAxis", "Scale", "Tick", "nice_ticks"]

_ROOM: Final = 0.04  # left free at both ends
_LEAST_LACKING: Final = 1e-6  # a perfect tagger has to be drawn somewhere
_BETWEEN_TICKS: Final = 0.3
_ROUND_AUCS: Final = (
    *(0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985),
    *(0.99, 0.992, 0.994, 0.995, 0.996, 0.998, 0.999, 0.9995, 0.9999, 0.99999),
)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where it is, from 0 to 1, and what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """The common axis of the AUC error bars: the logarithm of what an AUC lacks to 1.

    Near 1 the error of an AUC shrinks with its distance from 1, so that on this axis all error
    bars are of a size that can be seen. A few hopeless entries must not squeeze all others into
    one point: what lies below ``low`` is drawn as an arrow.
    """

    low: float
    high: float  # less than 1

    @classmethod
    def of(cls, measured: Sequence[Measurement]) -> Self:
        """A scale that fits the better three quarters, at least one, with their error bars."""
        if not measured:
            return cls(0.5, 0.99)
        best_first = sorted(measured, key=lambda each: -each.value)
        shown = best_first[: max(math.ceil(0.75 * len(best_first)), 1)]
        lacking = [
            (_lacking(each.value - each.error), _lacking(each.value + each.error)) for each in shown
        ]
        most, least = max(each for each, _ in lacking), min(each for _, each in lacking)
        room = max((most / least) ** _ROOM, 1.02)
        return cls(1 - min(most * room, 1.0), 1 - least / room)

    def at(self, value: float) -> float:
        """Position from 0 to 1, cut at the ends."""
        span = math.log((1 - self.low) / (1 - self.high))
        return min(max(math.log((1 - self.low) / _lacking(value)) / span, 0.0), 1.0)

    def is_below(self, measured: Measurement) -> bool:
        return measured.value < self.low

    @property
    def ticks(self) -> list[Tick]:
        """Round AUCs, not too near each other."""
        ticks: list[Tick] = []
        for auc in _ROUND_AUCS:
            here = self.at(auc)
            if self.low <= auc <= self.high and 0.02 < here < 0.98:
                if ticks and here - ticks[-1].at < _BETWEEN_TICKS:
                    continue
                ticks.append(Tick(here, f"{auc:g}"))
        if len(ticks) < 2:  # entries so near each other that no round AUC lies between them
            between = nice_ticks(self.low, self.high, at_most=4)
            return [Tick(self.at(auc), label) for auc, label in between]
        return ticks

    @property
    def span(self) -> str:
        """The two ends in words."""
        return f"{self.low:.3f} … {self.high:.4f}"

    def bar(self, measured: Measurement, width: int) -> str:
        """A point with its error bar, in characters.

        Examples
        --------
        >>> Scale(0.9, 0.99).bar(Measurement(0.97, 0.01), 11)
        '    ├●─┤   '
        """
        if self.is_below(measured):
            return "◂".ljust(width)
        low, middle, high = (
            round(self.at(measured.value + sign * measured.error) * (width - 1))
            for sign in (-1, 0, 1)
        )
        cells = [" "] * width
        cells[low : high + 1] = "─" * (high + 1 - low)
        cells[low], cells[high], cells[middle] = "├", "┤", "●"
        return "".join(cells)


def _lacking(auc: float) -> float:
    return min(max(1 - auc, _LEAST_LACKING), 1.0)


@dataclass(frozen=True)
class LogAxis:
    """A logarithmic axis."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Position from 0 to 1, cut at the ends."""
        span = math.log(self.high / self.low)
        return min(max(math.log(value / self.low) / span, 0.0), 1.0)

    @property
    def ticks(self) -> list[Tick]:
        decades = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
        return [Tick(self.at(10.0**power), f"{10**power:,}".replace(",", " ")) for power in decades]


def nice_ticks(low: float, high: float, *, at_most: int) -> list[tuple[float, str]]:
    """Round numbers between two others, with as many decimals as their step needs.

    Examples
    --------
    >>> [label for _, label in nice_ticks(0.9712, 0.9851, at_most=4)]
    ['0.975', '0.980', '0.985']
    """
    from matplotlib.ticker import MaxNLocator  # 0.3 s of import, for a page only

    found = MaxNLocator(at_most, steps=(1, 2, 5, 10)).tick_values(low, high)
    decimals = max(-math.floor(math.log10(found[1] - found[0]) + 1e-9), 0)
    return [(float(each), f"{each:.{decimals}f}") for each in found if low <= each <= high]
