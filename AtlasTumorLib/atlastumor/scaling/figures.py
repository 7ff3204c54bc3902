"""The figures of a study, as SVG and PNG, after those of the paper.

scaling   Dice over the number of real scans, a panel per set: the curves and where they end
metrics   every metric, a row per set
organs    Dice of each organ over the share of the real scans, a row per set
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..organs import find_organ
from .analysis import Curve, Study
from .fitting import predict
from .metrics import ALL, METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["name_arm", "name_organ", "write_figures"]

_DPI = 130
_COLORS = ("#4d4d4d", "#c0392b", "#1f4e79", "#2e7d32", "#8a5a44", "#6a3d9a")
_SETTINGS: Any = {
    "svg.hashsalt": "AtlasTumor",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
}
_SHARES = tuple(key for key in METRICS if key != "false_per_scan")
_COLUMNS = 4
_ASIDE = 1.04


def name_arm(fold: float) -> str:
    """Name an arm for people."""
    return f"real + {fold:g}-fold synthetic" if fold else "real only"


def name_organ(key: str) -> str:
    """Name an organ, or all of them, for people."""
    return "All organs" if key == ALL else find_organ(key).name


def write_figures(folder: Path, study: Study) -> list[Path]:
    """Draw the study; equal input gives equal bytes.

    Args:
        folder: Where the files go.
        study: What to draw.

    Returns:
        The .svg and the .png file of each figure.
    """
    figures = {
        "scaling": _draw_scaling(study),
        "metrics": _draw_metrics(study),
        "organs": _draw_organs(study),
    }
    paths: list[Path] = []
    with mpl.rc_context(_SETTINGS):
        for name, figure in figures.items():
            paths += [folder / f"{name}.svg", folder / f"{name}.png"]
            figure.savefig(paths[-2], metadata={"Date": None, "Creator": None})
            figure.savefig(paths[-1], dpi=_DPI, metadata={"Software": None})
    return paths


def _make(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[list[Axes]]]:
    figure = Figure(figsize=(columns * size[0], rows * size[1] + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in grid]


def _draw_scaling(study: Study) -> Figure:
    sets = list(study.config.held_out)
    figure, grid = _make(1, len(sets), (5.2, 4.0))
    for axes, name in zip(grid[0], sets, strict=True):
        _set_up(axes, study, "DSC of tumors")
        _draw_arms(axes, study, (name, _main_organ(study), "dsc"), whole=True)
        axes.set_title(f"{name}, {study.n_patients[name]} scans", fontsize=10, loc="left")
        axes.legend(fontsize=8, frameon=False, loc="best")
    return figure


def _draw_metrics(study: Study) -> Figure:
    """Two rows of panels for each set; the last panel says which arm has which color."""
    sets = list(study.config.held_out)
    figure, grid = _make(2 * len(sets), _COLUMNS, (2.7, 2.3))
    for row, name in enumerate(sets):
        panels = [*grid[2 * row], *grid[2 * row + 1]]
        for axes, metric in zip(panels, _SHARES, strict=False):
            _set_up(axes, study, name if axes in {panels[0], panels[_COLUMNS]} else "")
            _draw_arms(axes, study, (name, _main_organ(study), metric))
            axes.set_ylim(-0.02, 1.02)
            axes.set_title(METRICS[metric].title, fontsize=9, loc="left")
        for axes in panels[len(_SHARES) :]:
            axes.legend(*panels[0].get_legend_handles_labels(), fontsize=8, loc="center")
            axes.set_axis_off()
    return figure


def _draw_organs(study: Study) -> Figure:
    sets = list(study.config.held_out)
    figure, grid = _make(len(sets), len(study.organs), (3.6, 2.9))
    for row, name in zip(grid, sets, strict=True):
        for axes, organ in zip(row, study.organs, strict=True):
            _set_up(axes, study, f"DSC, {name}" if axes is row[0] else "", as_share=True)
            _draw_arms(axes, study, (name, organ, "dsc"))
            axes.set_title(name_organ(organ), fontsize=9, loc="left")
    grid[0][0].legend(fontsize=7, frameon=False, loc="best")
    return figure


def _main_organ(study: Study) -> str:
    return ALL if len(study.organs) > 1 else study.organs[0]


def _draw_arms(
    axes: Axes, study: Study, names: tuple[str, str, str], *, whole: bool = False
) -> None:
    """Draw all arms of a set, organ and metric; points of later arms a little to the right."""
    for number, fold in enumerate(study.config.folds):
        color = _COLORS[number % len(_COLORS)]
        curve = study.curves[*names, fold]
        _draw_curve(axes, curve, color, aside=_ASIDE**number, seeds=whole)
        if whole:
            _mark_plateau(axes, curve, color)


def _set_up(axes: Axes, study: Study, label: str, *, as_share: bool = False) -> None:
    """Sizes across on a logarithmic axis, the metric up."""
    sizes = study.config.sizes
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 1.25, sizes[-1] * 1.25)
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    largest = sizes[-1]
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"{100 * x / largest:.3g} %" if as_share else f"{x:g}")
    )
    axes.tick_params(labelsize=7.5)
    axes.set_xlabel("Share of the real scans" if as_share else "Real scans", fontsize=8.5)
    axes.set_ylabel(label, fontsize=8.5)
    axes.grid(visible=True, color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_curve(axes: Axes, curve: Curve, color: str, *, aside: float, seeds: bool) -> None:
    """The means with their intervals, the fit, and the seeds where there is room."""
    low, high = curve.interval
    n = np.array(curve.sizes, float)
    at = n * aside
    spread = np.vstack([curve.mean - low, high - curve.mean]).clip(min=0)
    axes.errorbar(
        *(at, curve.mean, spread),
        fmt="o",
        color=color,
        markersize=4,
        linewidth=1.1,
        capsize=2,
        label=name_arm(curve.fold),
        zorder=3,
    )
    if seeds:
        for values in curve.seeds:
            axes.plot(at, values, ".", color=color, markersize=3, alpha=0.4, zorder=2)
    if curve.law is None or math.isnan(float(curve.law.a[0])):
        axes.plot(n, curve.mean, "-", color=color, linewidth=0.9, alpha=0.6)
        return
    line = np.geomspace(n[0], n[-1], 60)
    fitted = 1.0 - predict(curve.law, line)
    axes.plot(line, fitted[0], "-", color=color, linewidth=1.3, zorder=2)
    ends = np.nanpercentile(fitted[1:], [2.5, 97.5], axis=0)
    axes.fill_between(line, *ends, color=color, alpha=0.10, linewidth=0)


def _mark_plateau(axes: Axes, curve: Curve, color: str) -> None:
    if curve.plateau is not None and math.isfinite(curve.plateau.value):
        axes.axvline(curve.plateau.value, color=color, linewidth=0.9, linestyle=(0, (4, 3)))
