"""The FROC figure of one organ, as SVG and PNG: the curve, how sure it is, the chosen point.

Beside it stand the sizes of the false positives at that point.

The curve is drawn as the step function that `sensitivity_at` reads: the best sensitivity that a
number of false positives per scan buys. The hit rule stands below it, as the numbers mean nothing
without it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from ..detection.bootstrap import FP_GRID
from ..detection.froc import FP_PER_SCAN, FrocCurve, Point, sensitivity_at, thin_rows
from ..organs import find_organ
from .froc_histogram import draw_histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..detection.summary import OrganSummary

__all__ = ["draw_figure", "write_figure"]

_INCHES = (9.4, 5.4)
_LINE = 154  # letters of the caption
_DPI = 150
_INK, _GRAY, _MARK = "#1f4e79", "#7a7a7a", "#c0392b"
_MOST_DOTS = 800
_SETTINGS: Any = {
    "svg.hashsalt": "AtlasTumor",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
}


def write_figure(stem: Path, summary: OrganSummary, data_set: str) -> tuple[Path, Path]:
    """Draw one organ's curve into two files; equal input gives equal bytes.

    Args:
        stem: Path without the ending.
        summary: With lesions and candidates.
        data_set: Name of the cohort.

    Returns:
        The .svg and the .png file.
    """
    with mpl.rc_context(_SETTINGS):
        figure = draw_figure(summary, data_set)
        paths = stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")
        figure.savefig(paths[0], metadata={"Date": None, "Creator": None})
        figure.savefig(paths[1], dpi=_DPI, metadata={"Software": None})
    return paths


def draw_figure(summary: OrganSummary, data_set: str) -> Figure:
    """Draw one organ's curve.

    Args:
        summary: With lesions and candidates.
        data_set: Name of the cohort.

    Returns:
        The figure, on a canvas of its own; pyplot's global state is not touched.
    """
    figure = Figure(figsize=_INCHES)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.075, 0.225, 0.645, 0.70))
    curve = summary.curve
    _set_up(axes, curve)
    _draw_band(axes, summary)
    _draw_curve(axes, curve)
    _draw_points(axes, summary)
    axes.legend(loc="lower right", fontsize=8, framealpha=0.9)
    if summary.false_sizes:
        draw_histogram(figure.add_axes((0.80, 0.225, 0.18, 0.70)), summary)
    organ = find_organ(curve.organ)
    axes.set_title(f"{organ.name} tumors, {data_set}", fontsize=11, loc="left")
    figure.text(0.022, 0.02, _caption(summary), fontsize=7.5, color="#333333", va="bottom")
    return figure


def _set_up(axes: Axes, curve: FrocCurve) -> None:
    """Octaves across, percent up."""
    axes.set_xscale("log", base=2)
    highest = float(curve.fp_per_scan.max(initial=0.0))
    axes.set_xlim(FP_GRID[0], max(FP_PER_SCAN[-1], min(2 * highest, FP_GRID[-1])))
    axes.set_ylim(0.0, 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _octave(x)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(labelsize=8)
    axes.minorticks_off()
    kind = "strict" if curve.strict else "lenient"
    axes.set_xlabel(
        f"False positives per scan ({kind}, {_count(curve.n_scans, 'scan')})", fontsize=9
    )
    axes.set_ylabel(f"Sensitivity ({_count(curve.n_lesions, 'lesion')})", fontsize=9)
    axes.grid(visible=True, color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _octave(x: float) -> str:
    return f"{x:g}" if x >= 1 else f"1/{1 / x:g}"


def _draw_band(axes: Axes, summary: OrganSummary) -> None:
    if summary.bands is None or summary.bands.sensitivity_at_fp is None:
        return
    low, high = summary.bands.sensitivity_at_fp
    axes.fill_between(
        FP_GRID, low, high, color=_INK, alpha=0.15, linewidth=0, label="95 %, cases resampled"
    )


def _draw_curve(axes: Axes, curve: FrocCurve) -> None:
    """Every evaluated threshold as a dot, and the step function over them."""
    left, right = axes.get_xlim()
    rows = thin_rows(curve, _MOST_DOTS)
    axes.plot(
        np.maximum(curve.fp_per_scan[rows], left),  # a logarithmic axis has no 0
        curve.sensitivity[rows],
        ".",
        color=_GRAY,
        markersize=2.5,
        alpha=0.5,
        zorder=2,
    )
    order = np.lexsort((-curve.sensitivity, curve.fp_per_scan))
    order = order[curve.fp_per_scan[order] > left]
    start = sensitivity_at(curve, left)
    y = np.maximum.accumulate(np.concatenate([[start], curve.sensitivity[order]]))
    x = np.concatenate([[left], curve.fp_per_scan[order]])
    axes.step([*x, right], [*y, y[-1]], where="post", color=_INK, lw=1.6, label="FROC", zorder=3)


def _draw_points(axes: Axes, summary: OrganSummary) -> None:
    target = summary.options.target
    axes.axhline(target, color=_GRAY, linewidth=0.9, linestyle=(0, (4, 3)))
    words, side = f"target {100 * target:.10g}%", "bottom" if target < 0.95 else "top"
    axes.text(axes.get_xlim()[0] * 1.03, target, words, fontsize=7.5, va=side)
    choice = summary.choice
    highest = choice.highest_feasible
    if highest is not None and highest != choice.point:
        _mark(axes, highest, "o", "none", f"highest that reaches it: {highest.threshold:.4g}")
    if choice.point is not None:
        _mark(axes, choice.point, "o", _MARK, f"chosen threshold: {choice.point.threshold:.4g}")
    elif choice.best is not None:
        _mark(axes, choice.best, "X", _MARK, f"unreachable; best at {choice.best.threshold:.4g}")


def _mark(axes: Axes, point: Point, marker: str, fill: str, label: str) -> None:
    axes.plot(
        [max(point.fp_per_scan, axes.get_xlim()[0])],
        [point.sensitivity],
        marker,
        color="none",
        markerfacecolor=fill,
        markeredgecolor=_MARK,
        markersize=8,
        zorder=4,
        clip_on=False,
        label=label,
    )


def _caption(summary: OrganSummary) -> str:
    """The chosen point with its intervals, and every definition."""
    curve, choice = summary.curve, summary.choice
    text = choice.reason
    if (point := choice.point) is not None:
        interval = summary.sensitivity_interval(point)
        sensitivity = _with_interval(point.sensitivity, interval, "{:.1%}")
        fp = _with_interval(point.fp_per_scan, summary.fp_interval(point), "{:.3g}")
        text = f"Threshold {point.threshold:.4g}: sensitivity {sensitivity}, {fp} FP per scan."
    kind = (
        "Candidates that touch a lesion without a hit count as false positives."
        if curve.strict
        else "False positives touch no lesion."
    )
    scans = f"{_count(curve.n_scans, 'scan')}, {curve.n_clear} of them without tumor."
    words = f"{curve.rule.text} {kind} {scans} Not for clinical use."
    lines = [*textwrap.wrap(text, _LINE), *textwrap.wrap(words, _LINE)]
    return "\n".join(lines)


def _with_interval(value: float, interval: tuple[float, float] | None, form: str) -> str:
    text = form.format(value)
    if interval is None:
        return text
    return f"{text} (95 %: {form.format(interval[0])} to {form.format(interval[1])})"
