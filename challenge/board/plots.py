"""The plots of the page, as positions in a drawing of fixed size; the template only writes them.

All positions are in the units of the drawing, with y downwards as SVG has it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from challenge.board.axes import LogAxis, Scale, Tick, nice_ticks
from challenge.board.standings import Standing
from challenge.scoring import Bin
from course_utils.metrics import Measurement

__all__ = ["Bar", "BarMark", "Curve", "Panel", "bar_of", "bin_panel", "curve_panel", "grid_of"]

WIDTH: Final = 1000
HEIGHT: Final = 620
LEFT, RIGHT, TOP, BOTTOM = 150, 20, 20, 100  # margins

_CELL: Final = 1000  # width of the drawing of an error bar
_ROOM: Final = 0.06  # of an axis, left free at both ends
_BESIDE: Final = 0.12  # of a bin, from one entry to the next


@dataclass(frozen=True)
class Bar:
    """An AUC with its error bar, in the drawing of a cell that is 1000 wide and 10 high.

    A thousand cells make most of a page, so each is one path; the cell stretches it to its width.
    """

    path: str  # the bar with its caps; empty below the axis, where an arrow stands instead
    at: int
    below: str  # what the arrow says


@dataclass(frozen=True)
class Curve:
    """A line through points, in the colour of its entry."""

    colour: int  # from 1
    points: str  # "x,y x,y ..."
    marks: tuple[tuple[float, float], ...]  # empty for a line alone


@dataclass(frozen=True)
class BarMark:
    """A point with its error bar."""

    colour: int
    x: float
    y: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Panel:
    """Axes and what is drawn in them. Ticks are positions in the drawing."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...] = ()
    bars: tuple[BarMark, ...] = ()
    blanks: tuple[float, ...] = ()  # where a bin has too few jets for anybody
    guides: tuple[Tick, ...] = ()
    chance: str = ""  # the curve of a tagger that knows nothing
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def bar_of(scale: Scale, auc: Measurement) -> Bar:
    """Where the error bar of an AUC lies in its cell."""
    if scale.is_below(auc):
        return Bar("", 0, f"◂ {auc.value:.3f}")
    low, at, high = (round(_CELL * scale.at(auc.value + sign * auc.error)) for sign in (-1, 0, 1))
    return Bar(f"M{low} 2v6m0-3H{high}m0-3v6", at, "")


def grid_of(scale: Scale) -> str:
    """The ticks of the axis as lines through a cell, as one path."""
    return "".join(f"M{round(_CELL * each.at)} 0v10" for each in scale.ticks)


def curve_panel(leaders: Sequence[Standing]) -> Panel:
    """Background rejection against signal efficiency of the leaders, one curve each."""
    curves = [_points(each) for each in leaders]
    highest = max((rejection for curve in curves for _, rejection in curve), default=10.0)
    y_axis = LogAxis(1.0, max(2 * highest, 10.0))
    return Panel(
        title="Background rejection",
        x_label="signal efficiency",
        y_label="background rejection 1/ε",
        x_ticks=tuple(Tick(_x(at / 10), f"{at / 10:.1f}") for at in range(0, 11, 2)),
        y_ticks=tuple(Tick(_y(each.at), each.label) for each in y_axis.ticks),
        curves=tuple(
            Curve(colour, *_drawn(leader, curve, y_axis))
            for colour, (leader, curve) in enumerate(zip(leaders, curves, strict=True), start=1)
        ),
        guides=(Tick(_x(0.3), "R30"), Tick(_x(0.5), "R50")),
        chance=" ".join(f"{_x(at / 50):.1f},{_y(y_axis.at(50 / at)):.1f}" for at in range(5, 51)),
    )


def bin_panel(leaders: Sequence[Standing], title: str, unit: str, column: str) -> Panel | None:
    """AUC of the leaders in bins, side by side; cells of too few jets stay blank."""
    rows = [_bins(each, column) for each in leaders]
    filled = [each.auc for row in rows for each in row if each.auc is not None]
    if not filled:
        return None
    axis = _auc_axis(filled)
    bins = next(row for row in rows if row)
    return Panel(
        title=f"AUC by {title}",
        x_label=f"{title} / {unit}",
        y_label="AUC",
        x_ticks=tuple(
            Tick(_x((number + 0.5) / len(bins)), f"{each.low:.0f}–{each.high:.0f}")
            for number, each in enumerate(bins)
        ),
        y_ticks=tuple(
            Tick(axis.y(value), label)
            for value, label in nice_ticks(axis.low, axis.high, at_most=5)
        ),
        blanks=tuple(
            _x((number + 0.5) / len(bins))
            for number, cells in enumerate(zip(*filter(None, rows), strict=True))
            if all(each.auc is None for each in cells)
        ),
        bars=tuple(_bar_marks(rows, axis)),
    )


@dataclass(frozen=True)
class _AucAxis:
    """An axis that holds all error bars, with room at both ends."""

    low: float
    high: float

    def y(self, value: float) -> float:
        return _y((value - self.low) / (self.high - self.low))


def _auc_axis(measured: Sequence[Measurement]) -> _AucAxis:
    low = min(each.value - each.error for each in measured)
    high = max(each.value + each.error for each in measured)
    room = _ROOM * max(high - low, 1e-3)
    return _AucAxis(low - room, min(high + room, 1.0 + room / 2))


def _bar_marks(rows: Sequence[Sequence[Bin]], axis: _AucAxis) -> Iterator[BarMark]:
    """The entries of one bin stand side by side."""
    for colour, row in enumerate(rows, start=1):
        beside = _BESIDE * (colour - (len(rows) + 1) / 2)
        for number, each in enumerate(row):
            if each.auc is not None:
                x = _x((number + 0.5 + beside) / len(row))
                ends = (each.auc.value + sign * each.auc.error for sign in (0, 1, -1))
                yield BarMark(colour, x, *map(axis.y, ends))


def _points(leader: Standing) -> list[tuple[float, float]]:
    """Efficiencies and rejections: the full curve after the reveal, working points before."""
    if leader.diagnostics is not None:
        return list(leader.diagnostics.roc)
    return [(each.signal_efficiency, each.rejection.value) for each in leader.working_points]


def _drawn(
    leader: Standing, curve: Sequence[tuple[float, float]], y_axis: LogAxis
) -> tuple[str, tuple[tuple[float, float], ...]]:
    at = [(round(_x(x), 1), round(_y(y_axis.at(y)), 1)) for x, y in curve]
    line = " ".join(f"{x},{y}" for x, y in at)
    return line, () if leader.diagnostics is not None else tuple(at)


def _bins(leader: Standing, column: str) -> tuple[Bin, ...]:
    return () if leader.diagnostics is None else getattr(leader.diagnostics, column)


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
