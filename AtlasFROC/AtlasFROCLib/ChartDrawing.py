"""What the chart looks like: axes, confidence band, curve and point, as shapes.

The horizontal axis is logarithmic, as false positives double more often than they grow by one; 0
has a place of its own at its left end. Knows no Qt, so it is tested by numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from slicer.i18n import tr as _

from atlastumor.detection.bootstrap import FP_GRID, Bands
from atlastumor.detection.froc import FrocCurve, thin_rows

from .Shapes import Area, Dot, Line, Shape, Text

__all__ = ["Axes", "Colors", "axesFor", "drawChart", "nearestRow"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 44
_ZERO_GAP = 26
_MOST_ROWS = 800
_MOST_TICKS = 9
_LOWEST, _HIGHEST = 1 / 8, 8.0


@dataclass(frozen=True)
class Colors:
    """Colors of the chart, as "#rrggbb"; these suit a white page."""

    background: str = "#ffffff"
    text: str = "#202020"
    grid: str = "#d8d8d8"
    curve: str = "#1f6fb4"
    point: str = "#d1372c"


@dataclass(frozen=True)
class Axes:
    """Where numbers lie on the picture.

    Args:
        size: Width and height of the picture, pixels.
        low: The least false positives per scan above 0 on the axis.
        high: The most.
    """

    size: tuple[int, int]
    low: float
    high: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the frame, pixels."""
        return _LEFT, _TOP, self.size[0] - _RIGHT, self.size[1] - _BOTTOM

    def x(self, fpPerScan: np.ndarray | float) -> np.ndarray:
        """Give pixels for false positives per scan, of any shape."""
        left, _top, right, _bottom = self.box
        values = np.asarray(fpPerScan, float)
        start = left + _ZERO_GAP
        share = np.log(np.maximum(values, self.low) / self.low) / math.log(self.high / self.low)
        # What lies between 0 and the least tick has its place in the gap, to scale.
        below = left + _ZERO_GAP * values / self.low
        return np.where(values < self.low, below, start + share * (right - start))

    def y(self, sensitivity: np.ndarray | float) -> np.ndarray:
        """Give pixels for sensitivities, of any shape."""
        _left, top, _right, bottom = self.box
        return bottom - np.asarray(sensitivity, float) * (bottom - top)


def axesFor(curve: FrocCurve, size: tuple[int, int]) -> Axes:
    """Choose axes that show a whole curve.

    Args:
        curve: Of a cohort.
        size: Width and height of the picture, pixels.

    Returns:
        The axes; they end at powers of two.
    """
    fp = curve.fp_per_scan[curve.fp_per_scan > 0]
    low, high = _LOWEST, _HIGHEST
    if fp.size:
        low = min(low, 2.0 ** math.floor(math.log2(float(fp.min()))))
        high = max(high, 2.0 ** math.ceil(math.log2(float(fp.max()))))
    return Axes(size, low, high)


def nearestRow(curve: FrocCurve, axes: Axes, at: tuple[float, float]) -> int:
    """Find the evaluated threshold whose point lies nearest to a place on the picture.

    Args:
        curve: Of a cohort.
        axes: On which it is drawn.
        at: Pixels.

    Returns:
        Its row; -1 if the curve has none. Of equals the highest threshold.
    """
    if not curve.thresholds.size or not curve.n_lesions:
        return -1
    dx = axes.x(curve.fp_per_scan) - at[0]
    dy = axes.y(curve.sensitivity) - at[1]
    return int(np.argmin(dx * dx + dy * dy))


def drawChart(
    curve: FrocCurve,
    axes: Axes,
    *,
    row: int = -1,
    bands: Bands | None = None,
    target: float | None = None,
    colors: Colors | None = None,
) -> list[Shape]:
    """Draw a FROC curve.

    Args:
        curve: Of a cohort.
        axes: On which to draw it.
        row: The current point; -1 draws none.
        bands: Its confidence bands; None draws none.
        target: A sensitivity to mark; None marks none.
        colors: To draw with; None takes those for a white page.

    Returns:
        The shapes, from back to front.
    """
    colors = colors or Colors()
    shapes = _frame(axes, colors)
    if not curve.n_lesions:
        return [*shapes, _note(axes, colors, _("No lesions, so no sensitivity"))]
    if not curve.thresholds.size:
        return [*shapes, _note(axes, colors, _("No candidates at any threshold"))]
    if bands is not None and bands.sensitivity_at_fp is not None:
        shapes.append(_band(bands.sensitivity_at_fp, axes, colors))
    if target is not None:
        left, _top, right, _bottom = axes.box
        y = float(axes.y(target))
        shapes.append(Line([(left, y), (right, y)], colors.text, isDashed=True))
    shapes.append(Line(_steps(curve, axes, row), colors.curve, width=2.0))
    if row >= 0:
        shapes += _point(curve, axes, row, colors)
    return shapes


def _frame(axes: Axes, colors: Colors) -> list[Shape]:
    left, top, right, bottom = axes.box
    shapes: list[Shape] = []
    for value in np.linspace(0, 1, 6):
        y = float(axes.y(value))
        shapes.append(Line([(left, y), (right, y)], colors.grid))
        shapes.append(Text(f"{value:.0%}", (left - 6, y), colors.text, "right", 11))
    for value in _ticks(axes):
        x = float(axes.x(value))
        shapes.append(Line([(x, top), (x, bottom)], colors.grid))
        shapes.append(Text(_tickText(value), (x, bottom + 11), colors.text, "center", 11))
    corners = [(left, top), (left, bottom), (right, bottom)]
    middle = ((left + right) / 2, (top + bottom) / 2)
    return [
        *shapes,
        Line(corners, colors.text),
        Text(_("False positives per scan"), (middle[0], bottom + 30), colors.text),
        Text(_("Sensitivity"), (12, middle[1]), colors.text, isUpward=True),
    ]


def _ticks(axes: Axes) -> list[float]:
    """0 and powers of two; every second, third ... one where they would stand too close."""
    first, last = round(math.log2(axes.low)), round(math.log2(axes.high))
    step = math.ceil((last - first + 1) / _MOST_TICKS)
    return [0.0, *(2.0**n for n in range(first, last + 1) if n % step == 0)]


def _tickText(value: float) -> str:
    return f"1/{1 / value:.0f}" if 0 < value < 1 else f"{value:.0f}"


def _note(axes: Axes, colors: Colors, text: str) -> Text:
    left, top, right, bottom = axes.box
    return Text(text, ((left + right) / 2, (top + bottom) / 2), colors.text, size=14)


def _steps(curve: FrocCurve, axes: Axes, row: int) -> list[tuple[float, float]]:
    """Steps through evaluated thresholds; nothing between two of them is promised."""
    rows = thin_rows(curve, _MOST_ROWS, keep=[row])
    xs = axes.x(curve.fp_per_scan[rows])
    ys = axes.y(curve.sensitivity[rows])
    points = [(float(axes.x(0.0)), float(axes.y(0.0)))]
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        points += [(x, points[-1][1]), (x, y)]
    return points


def _band(ends: np.ndarray, axes: Axes, colors: Colors) -> Area:
    """Where the curve lies in 95 % of the samples, as steps like the curve's own."""
    grid = np.array(FP_GRID)
    inside = np.flatnonzero((grid >= axes.low) & (grid <= axes.high))
    xs = axes.x(grid[inside])
    edges = np.append(np.repeat(xs, 2)[1:], axes.x(axes.high)).tolist()
    low, high = (np.repeat(axes.y(side[inside]), 2).tolist() for side in ends)
    there, back = zip(edges, low, strict=True), zip(edges[::-1], high[::-1], strict=True)
    return Area([*there, *back], colors.curve, opacity=0.18)


def _point(curve: FrocCurve, axes: Axes, row: int, colors: Colors) -> Sequence[Shape]:
    left, _top, _right, bottom = axes.box
    x, y = float(axes.x(curve.fp_per_scan[row])), float(axes.y(curve.sensitivity[row]))
    return [
        Line([(left, y), (x, y)], colors.point, isDashed=True),
        Line([(x, y), (x, bottom)], colors.point, isDashed=True),
        Dot((x, y), 5.0, colors.point, colors.background),
    ]
