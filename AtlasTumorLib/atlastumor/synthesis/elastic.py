"""Smooth random displacement: what makes a mathematical body look grown."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["draw_displacement"]

Floats = npt.NDArray[np.float32]


def draw_displacement(
    offsets_mm: tuple[npt.NDArray[np.float32], ...], *, knot_mm: float, rng: np.random.Generator
) -> tuple[Floats, ...]:
    """Draw a smooth random vector field, 0 at the origin.

    Independent normal vectors of unit variance sit on a lattice of knots and are joined by cubic
    B-splines, so that the field is the same body in mm whatever the voxels are.

    Args:
        offsets_mm: Position of each voxel along each axis, mm, as `Patch.offsets_mm` gives it.
        knot_mm: Distance of the knots, mm; about the size of a bump.
        rng: Source of randomness.

    Returns:
        Its components along (i, j, k), each (I, J, K) float32, in units of the knots' spread.
    """
    sides = [offset.ravel() for offset in offsets_mm]
    half = math.ceil(max(float(np.abs(side).max()) for side in sides) / knot_mm) + 2
    knots = rng.standard_normal((3, *(2 * half + 1,) * 3)).astype(np.float32)
    weights = [_weigh(side, half, knot_mm) for side in sides]
    origin = [_weigh(np.zeros(1, np.float32), half, knot_mm) for _ in sides]
    return tuple(_join(part, weights) - _join(part, origin) for part in knots)


def _join(knots: Floats, weights: list[Floats]) -> Floats:
    """Sum knots (A, B, C) with weights (I, A), (J, B) and (K, C), to (I, J, K)."""
    field = knots
    for weight in weights:  # each pass moves one axis from the front to the back
        field = np.tensordot(field, weight, axes=(0, 1))
    return field


def _weigh(side: Floats, half: int, knot_mm: float) -> Floats:
    """Weight (N, knots) of every knot of one axis at positions (N,): the cubic B-spline."""
    away = np.abs(
        side[:, None] / np.float32(knot_mm) - np.arange(-half, half + 1, dtype=np.float32)
    )
    near = 2.0 / 3.0 - away**2 + away**3 / 2.0
    far = np.maximum(2.0 - away, 0.0) ** 3 / 6.0
    return np.where(away < 1.0, near, far).astype(np.float32)
