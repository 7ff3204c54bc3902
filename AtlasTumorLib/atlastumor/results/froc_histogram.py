"""How large the false positives are at the chosen threshold: bars beside the FROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..detection.false_sizes import RADIUS_EDGES_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..detection.summary import OrganSummary

__all__ = ["draw_histogram"]

_BAR, _GRAY = "#8a5a44", "#7a7a7a"


def draw_histogram(axes: Axes, summary: OrganSummary) -> None:
    """Draw a bar for each size class, the smallest on top.

    Args:
        axes: Where to.
        summary: With false positives by size; there are as many as the chosen point has.
    """
    counts = summary.false_sizes
    bars = axes.barh(range(len(counts)), counts, color=_BAR, height=0.8)
    axes.bar_label(bars, [str(n) if n else "" for n in counts], fontsize=7.5, padding=2)
    axes.set_yticks([n + 0.5 for n in range(len(RADIUS_EDGES_MM))])
    axes.set_yticklabels([f"{edge:g}" for edge in RADIUS_EDGES_MM])
    axes.set_ylim(len(counts) - 0.5, -0.5)
    axes.set_xlim(0, max(1.25 * max(counts, default=0), 1.0))
    axes.set_xticks([])
    axes.tick_params(labelsize=8)
    point = summary.choice.chosen_or_best
    at = f" at {point.threshold:.4g}" if point else ""
    axes.set_title(f"False positives{at}", fontsize=9, loc="left")
    axes.set_ylabel("Radius (mm), of the ball of their volume", fontsize=8.5)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
