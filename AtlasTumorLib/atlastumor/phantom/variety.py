"""How organs lie in bodies that differ more than most: for training alone.

In the bodies that models are measured on, every colon takes much the same course and organs lie
within a centimeter of their places. A network that learned those alone did not know a colon that
hangs down into the pelvis, nor a kidney two centimeters higher. How far organs of patients move is
our estimate from a handful of scans, not a measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Vector

__all__ = [
    "KIDNEY",
    "MUCH_STOOL",
    "PANCREAS",
    "SMALL_BOWEL",
    "STOMACH",
    "Spread",
    "paint_moved",
    "vary_colon",
]


@dataclass(frozen=True)
class Spread:
    """How differently an organ lies: standard deviations.

    Args:
        shift_mm: Along R, A, S.
        turn_deg: About each of these.
        scale: Of the logarithm of its size.
        about: Point about which it is turned and scaled, body coordinates in mm.
    """

    shift_mm: Vector
    turn_deg: float = 0.0
    scale: float = 0.0
    about: Vector = (0.0, 0.0, 0.0)


KIDNEY = Spread((7.0, 8.0, 14.0), turn_deg=10.0, scale=0.1)
"""Of each kidney by itself, about its own center."""
STOMACH = Spread((10.0, 8.0, 14.0), turn_deg=10.0, scale=0.15, about=(-45.0, 30.0, 95.0))
PANCREAS = Spread((3.0, 3.0, 5.0))
"""Little, for its vessels and the duodenum stay where they are."""
SMALL_BOWEL = Spread((12.0, 4.0, 15.0))

MUCH_STOOL = 6.0
"""Weight of stool among what a colon may hold (gas: 2.5)."""

_CECUM, _RIGHT_FLEXURE, _TRANSVERSE = slice(0, 2), slice(3, 5), slice(5, 8)
_LEFT_FLEXURE, _SIGMOID = slice(8, 11), slice(13, 16)
_HANGING, _REDUNDANT, _WIDE = 0.5, 0.4, 0.5  # chances
Points = npt.NDArray[np.float64]


def paint_moved(
    rng: np.random.Generator,
    canvas: Canvas,
    spread: Spread,
    paint: Callable[[np.random.Generator], None],
) -> None:
    """Paint something beside its usual place, turned and scaled.

    Args:
        rng: Draws how far, and is passed on.
        canvas: What to paint on.
        spread: How differently it may lie.
        paint: Paints it in its usual place on this canvas.
    """
    dx, dy, dz = (float(step) for step in rng.normal(0.0, spread.shift_mm))
    tx, ty, tz = (float(angle) for angle in rng.normal(0.0, spread.turn_deg, 3))
    scale = float(np.exp(rng.normal(0.0, spread.scale)))
    with canvas.moved((dx, dy, dz), about=spread.about, turn_deg=(tx, ty, tz), scale=scale):
        paint(rng)


def vary_colon(rng: np.random.Generator, path: Points, radii: Points) -> tuple[Points, Points]:
    """Let the transverse colon hang, the sigmoid loop, the flexures wander, and all be wider.

    Args:
        rng: Source of randomness.
        path: Control points of the usual course from cecum to anus in mm, (21, 3).
        radii: At these, mm, (21,).

    Returns:
        Both anew.
    """
    path, radii = path.copy(), radii.copy()
    path[_CECUM] += rng.normal(0, (6, 6, 14))
    path[_RIGHT_FLEXURE] += rng.normal(0, (6, 8, 16))
    path[_LEFT_FLEXURE] += rng.normal(0, (6, 8, 14))
    if rng.random() < _HANGING:
        down, narrow = rng.uniform(20, 130), rng.uniform(0.6, 1.2)
        path[_TRANSVERSE] *= (narrow, 1, 1)
        path[_TRANSVERSE] -= down * np.array([[0, 0, 0.75], [0, 0.05, 1], [0, 0, 0.75]])
    if rng.random() < _REDUNDANT:
        path[_SIGMOID] += rng.normal(0, (15, 6, 6))
        path[_SIGMOID] += rng.uniform(20, 90) * np.array([[0, 0, 0.4], [0, 0.2, 1], [0, 0.1, 0.6]])
    if rng.random() < _WIDE:
        radii[:18] *= rng.uniform(1.0, 1.7) * rng.uniform(0.8, 1.2, 18)
    return path, radii
