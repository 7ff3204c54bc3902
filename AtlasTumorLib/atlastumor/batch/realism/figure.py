"""`embedding.png` and `pairs-<organ>.png`: tumors as points, and side by side."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...organs import RGB, find_organ, select_organs
from .comparison import Comparison, OrganComparison
from .features import FEATURES
from .pictures import arrange, draw_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_embedding", "write_embedding", "write_pairs"]

_COLUMNS, _INCHES = 3, 3.3
_DPI, _TILE = 130, 200
_NAMED = 3  # features that name an axis
_LETTERS = 52  # of a line below a panel
_SETTINGS: Any = {"font.family": "DejaVu Sans", "font.size": 8}


def write_embedding(path: Path, comparison: Comparison) -> None:
    """Draw the tumors in the plane in which they differ most; equal input gives equal bytes.

    Args:
        path: The .png file.
        comparison: What to draw.
    """
    with mpl.rc_context(_SETTINGS):
        draw_embedding(comparison).savefig(path, dpi=_DPI, metadata={"Software": None})


def draw_embedding(comparison: Comparison) -> Figure:
    """Draw the plane, a panel for each organ, real tumors filled and synthetic ones as crosses.

    Args:
        comparison: What to draw.

    Returns:
        The figure, on a canvas of its own.
    """
    present = {tumor.organ for tumor in comparison.tumors}
    organs = [organ for organ in select_organs(None) if organ.key in present]
    n_columns = min(len(organs), _COLUMNS)
    n_rows = -(-len(organs) // n_columns)
    figure = Figure(figsize=(_INCHES * n_columns + 0.6, _INCHES * n_rows + 0.6))
    FigureCanvasAgg(figure)
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, organ in zip(panels, organs, strict=False):
        _draw_panel(axes, comparison, organ.key, organ.tumor_color)
        axes.set_title(organ.name, fontsize=9, loc="left")
    for axes in panels[len(organs) :]:
        axes.set_visible(False)
    figure.supxlabel(_name_axis(comparison, 0, _LETTERS * n_columns), fontsize=8)
    figure.supylabel(_name_axis(comparison, 1, _LETTERS * n_rows), fontsize=8)
    figure.tight_layout()
    return figure


def _draw_panel(axes: Axes, comparison: Comparison, organ: str, color: RGB) -> None:
    """One organ's tumors, over those of all others in gray."""
    points = comparison.plane.points
    axes.scatter(points[:, 0], points[:, 1], s=6, color="#dddddd", linewidths=0)
    own = np.array([tumor.organ == organ for tumor in comparison.tumors])
    is_real = np.array([tumor.kind == "real" for tumor in comparison.tumors])
    dark = tuple(0.8 * channel / 255.0 for channel in color)
    for mask, marker, label in ((own & is_real, "o", "real"), (own & ~is_real, "x", "synthetic")):
        axes.scatter(
            points[mask, 0],
            points[mask, 1],
            s=26,
            marker=marker,
            color=dark,
            linewidths=1.2 if marker == "x" else 0.0,
            label=f"{label} ({int(mask.sum())})",
        )
    axes.legend(fontsize=7, framealpha=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _name_axis(comparison: Comparison, number: int, width: int) -> str:
    """Which part of the differences an axis shows, and the features that weigh most on it."""
    weights = comparison.plane.axes[number]
    heaviest = np.argsort(-np.abs(weights))[:_NAMED]
    names = ", ".join(
        f"{'+' if weights[n] > 0 else '−'}{FEATURES[n].title.lower()}"  # noqa: RUF001 - minus sign
        for n in heaviest
    )
    share = comparison.plane.shares[number]
    text = f"Principal component {number + 1} ({share:.0%} of all differences): {names}"
    return "\n".join(textwrap.wrap(text, width))


def write_pairs(path: Path, result: OrganComparison) -> None:
    """Draw the nearest pairs of an organ: real on the left, synthetic on the right, each twice.

    Args:
        path: The .png file.
        result: The organ's.
    """
    color = find_organ(result.organ).tumor_color
    rows, captions = [], []
    for real, synthetic, apart in result.pairs:
        rows.append(
            [
                draw_picture(one.picture, _TILE, color=outline)
                for one in (real, synthetic)
                for outline in (None, color)
            ]
        )
        sizes = [f"{one.features['diameter_mm']:.0f} mm" for one in (real, synthetic)]
        captions.append(f"real, {sizes[0]}  |  synthetic, {sizes[1]}  |  {apart:.1f} SD apart")
    arrange(rows, captions).save(path, format="PNG", optimize=True)
