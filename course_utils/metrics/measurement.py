"""Measured numbers with their errors, and how they are printed."""

import math
from dataclasses import dataclass

__all__ = ["AucDifference", "Measurement", "Rejection"]


@dataclass(frozen=True)
class Measurement:
    """A value with its standard error; as text, rounded to what the error allows (PDG rule).

    Examples
    --------
    >>> print(Measurement(0.983243, 0.000871))
    0.9832 ± 0.0009
    """

    value: float
    error: float

    def __str__(self) -> str:
        digits = max(_pdg_decimals(self.error), 0) if self.error > 0 else 4
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"


@dataclass(frozen=True)
class AucDifference:
    """AUC of tagger a minus AUC of tagger b on the same jets, and the p-value of no difference."""

    difference: float
    error: float
    p_value: float


@dataclass(frozen=True)
class Rejection:
    """Background rejection 1/eps_B with its interval.

    If too little background survives to measure it, ``is_limit`` is True, and ``value``, ``low``
    and ``high`` are all the lower limit.

    Examples
    --------
    >>> print(Rejection(264.97, low=231.3, high=304.5, is_limit=False))
    265 +40 -34
    >>> print(Rejection(871.0, low=871.0, high=871.0, is_limit=True))
    > 871
    """

    value: float
    low: float
    high: float
    is_limit: bool

    def __str__(self) -> str:
        if self.is_limit:
            return f"> {_floor_to_three_digits(self.value):.10g}"
        up, down = self.high - self.value, self.value - self.low
        digits = _pdg_decimals(min(up, down) or up)  # nothing below a rejection of 1
        shown = [f"{round(number, digits):.{max(digits, 0)}f}" for number in (self.value, up, down)]
        return "{} +{} -{}".format(*shown)


def _pdg_decimals(error: float) -> int:
    """Return the decimals that show an error by the PDG rule: 1 digit, or 2 if it starts small."""
    exponent = math.floor(math.log10(error))
    return (1 if error / 10.0**exponent < 3.55 else 0) - exponent


def _floor_to_three_digits(limit: float) -> float:
    step = 10.0 ** (math.floor(math.log10(limit)) - 2)
    return math.floor(limit / step) * step
