"""Charts as inline SVG, whose colors follow the page's: light, dark or paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from ...detection.false_sizes import RADIUS_EDGES_MM
from ...organs import RGB

__all__ = ["color", "draw_histogram", "draw_interval", "draw_rates", "draw_scale", "draw_spread"]

_ROW_WIDTH, _ROW_HEIGHT = 540, 26
_CLASSES = (("tiny", 3), ("small", 2), ("medium", 2), ("large", 1))
"""Size classes of the paper, and how many bars each holds."""


def color(rgb: RGB) -> str:
    """Write a color for CSS."""
    return f"rgb({rgb[0]} {rgb[1]} {rgb[2]})"


def draw_interval(share: float, interval: tuple[float, float], most: float, rgb: RGB) -> str:
    """Draw a share as a dot on its interval.

    Args:
        share: In [0, 1].
        interval: Its ends, in [0, 1].
        most: Share at the right edge.
        rgb: Of the dot.

    Returns:
        SVG.
    """
    low, middle, high = (_place(x, most) for x in (interval[0], share, interval[1]))
    y = _ROW_HEIGHT / 2
    grid = (_line(x, 0, x, _ROW_HEIGHT, "guide") for x in (_place(t, most) for t in _ticks(most)))
    dot = f'<circle cx="{middle:.1f}" cy="{y}" r="6" fill="{color(rgb)}" class="dot"/>'
    label = f"{share:.1%}, 95% interval {interval[0]:.1%} to {interval[1]:.1%}"
    inner = [*grid, _line(low, y, high, y, "whisker"), dot]
    return _svg(_ROW_WIDTH, _ROW_HEIGHT, inner, label)


def draw_scale(most: float) -> str:
    """Draw the axis below the rows of `draw_interval`.

    Args:
        most: Share at the right edge.

    Returns:
        SVG.
    """
    texts = [_text(_place(tick, most), 13, f"{100 * tick:g}%", "tick") for tick in _ticks(most)]
    return _svg(_ROW_WIDTH, 18, texts, "Axis in percent")


def _place(share: float, most: float) -> float:
    return 16 + (_ROW_WIDTH - 36) * min(share / most, 1.0)


def _ticks(most: float) -> list[float]:
    """Four or five round numbers from 0 to `most`."""
    step = next(one for one in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if most / one <= 5.01)
    return [n * step for n in range(round(most / step) + 1)]


def draw_histogram(counts: Sequence[int], rgb: RGB, name: str) -> str:
    """Draw how many lesions there are by radius, the size classes marked.

    Args:
        counts: By class of `RADIUS_EDGES_MM`.
        rgb: Of the bars.
        name: Of the organ, for who cannot see it.

    Returns:
        SVG.
    """
    width, height, left, base, tall = 340, 176, 10, 140, 98
    step, most = (width - 2 * left) / len(counts), max(*counts, 1)
    parts, first = [], 0
    for n, (word, size) in enumerate(_CLASSES):
        x = left + first * step
        shade = "band" if n % 2 == 0 else "none"
        parts.append(_rectangle(x, 4, size * step, base - 4, f'class="{shade}"'))
        parts.append(_text(x + size * step / 2, 18, word, "tick"))
        first += size
    for n, count in enumerate(counts):
        x, y = left + n * step, base - tall * count / most
        look = f'rx="2" fill="{color(rgb)}" class="column"'
        if count:
            parts.append(_rectangle(x + 3, y, step - 6, base - y, look))
            parts.append(_text(x + step / 2, y - 4, f"{count:,}"))
    parts.append(_line(left, base, width - left, base, "axis"))
    parts += [
        _text(left + n * step, base + 15, f"{edge:g}", "tick")
        for n, edge in enumerate(RADIUS_EDGES_MM, start=1)
    ]
    parts.append(_text(width / 2, height - 5, "radius, mm", "tick"))
    return _svg(width, height, parts, f"{name}: number of lesions by radius")


def draw_rates(rates: Sequence[float], span: float, unit: str) -> str:
    """Draw how many cases ended per hour, over time.

    Args:
        rates: Cases per hour, in parts of the time of equal length.
        span: The whole time.
        unit: Of the time.

    Returns:
        SVG.
    """
    width, height, left, base, top = 1080, 190, 46, 150, 14
    wide, tall, highest = width - left - 12, base - top, _round_up(max(rates, default=0.0))
    x = [left + wide * n / len(rates) for n in range(len(rates) + 1)]
    y = [base - tall * rate / highest for rate in rates]
    steps = " ".join(f"{x[n]:.1f},{y[n]:.1f} {x[n + 1]:.1f},{y[n]:.1f}" for n in range(len(y)))
    parts = []
    for n in range(3):
        level = base - tall * n / 2
        parts.append(_line(left, level, width - 12, level, "guide" if n else "axis"))
        parts.append(_text(left - 6, level + 4, f"{highest * n / 2:,g}", "tick", anchor="end"))
    parts.append(f'<polygon points="{left},{base} {steps} {x[-1]:.1f},{base}" class="area"/>')
    parts.append(f'<polyline points="{steps}" class="curve"/>')
    step = _round_up(span / 6)
    for n in range(int(span / step) + 1):
        parts.append(_text(left + wide * n * step / span, base + 16, f"{n * step:g}", "tick"))
    parts.append(_text(left, 9, "cases per hour", "tick", anchor="start"))
    text = f"{unit} since the first case began"
    parts.append(_text(left + wide / 2, height - 6, text, "tick"))
    return _svg(width, height, parts, "Cases per hour over time")


def draw_spread(middle: float, high: float, most: float) -> str:
    """Draw a median as a bar, and with a line how far most values reach.

    Args:
        middle: The median.
        high: The 95th percentile.
        most: Value at the right edge.

    Returns:
        SVG.
    """
    bar, end = ((_ROW_WIDTH - 8) * value / most if most else 0.0 for value in (middle, high))
    parts = [
        _rectangle(0, 4, max(bar, 1.0), 12, 'rx="2" class="spread"'),
        _line(bar, 10, end, 10, "whisker"),
        _line(end, 6, end, 14, "whisker"),
    ]
    return _svg(_ROW_WIDTH, 20, parts, f"median {middle:.3g}, 95% below {high:.3g}")


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 10 and their tenfolds."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 4.0, 5.0, 10.0) if step * power >= value)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{escape(kind)}"/>'


def _rectangle(x: float, y: float, width: float, height: float, look: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {look}/>'


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "middle") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"'
    return f"<text {place}>{escape(text)}</text>"


def _svg(width: int, height: int, parts: Iterable[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
