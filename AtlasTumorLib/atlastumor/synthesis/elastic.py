"""Smooth random displacement: what makes a mathematical body look grown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["displace", "draw_knots"]

Floats = npt.NDArray[np.float32]

_REACH = 4
_KNOTS = np.arange(-_REACH - 1, _REACH + 2, dtype=np.float32)


def draw_knots(rng: np.random.Generator) -> Floats:
    """Draw a random vector field as its values at a lattice of knots.

    Args:
        rng: Source of randomness.

    Returns:
        Independent normal numbers of unit variance, (3, knots, knots, knots) float32.
    """
    return rng.standard_normal((3, *(len(_KNOTS),) * 3)).astype(np.float32)


def displace(
    knots: Floats, offsets_mm: tuple[npt.NDArray[np.float32], ...], *, knot_mm: float
) -> tuple[Floats, ...]:
    """Read a smooth vector field, 0 at the origin, at some places.

    Knots are joined by cubic B-splines, so that one seed gives one field in mm, whatever the voxels
    are. Beyond four knots from the origin it goes on as it is there.

    Args:
        knots: Of `draw_knots`.
        offsets_mm: Position of each voxel along each axis, mm, as `Patch.offsets_mm` gives it.
        knot_mm: Distance of the knots, mm; about the size of a bump.

    Returns:
        Its components along (i, j, k), each (I, J, K) float32, in units of the knots' spread.
    """
    weights = [_weigh(offset.ravel() / np.float32(knot_mm)) for offset in offsets_mm]
    origin = [_weigh(np.zeros(1, np.float32))] * 3
    return tuple(_join(part, weights) - _join(part, origin) for part in knots)


def _join(knots: Floats, weights: list[Floats]) -> Floats:
    """Sum knots (A, B, C) with weights (I, A), (J, B) and (K, C), to (I, J, K)."""
    field = knots
    for weight in weights:  # each pass moves one axis from the front to the back
        field = np.tensordot(field, weight, axes=(0, 1))
    return field


def _weigh(at: Floats) -> Floats:
    """Weight (N, knots) of every knot of one axis at positions (N,), in knots: cubic B-splines."""
    away = np.abs(np.clip(at, -_REACH, _REACH)[:, None] - _KNOTS)
    near = 2.0 / 3.0 - away**2 + away**3 / 2.0
    far = np.maximum(2.0 - away, 0.0) ** 3 / 6.0
    weights: Floats = np.where(away < 1.0, near, far).astype(np.float32)
    return weights
