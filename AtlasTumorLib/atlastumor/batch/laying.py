"""Volumes that belong together, brought onto one grid where that loses nothing.

Programs store one and the same scan with its axes in another order or direction: MONAI predicts in
RAS and often saves so. Such a volume is turned. Whatever would have to be interpolated is refused.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import GridMismatchError
from ..inference.orientation import find_orientation, orient, orient_grid
from ..volume import Grid

__all__ = ["check_same_grid", "lay_on_grid"]

_TOLERANCE_MM = 0.01
_Type = TypeVar("_Type", bound=np.generic)


def lay_on_grid(
    array: npt.NDArray[_Type],
    grid: Grid,
    target: Grid,
    names: tuple[str, str],
    *,
    tolerance_mm: float = _TOLERANCE_MM,
) -> npt.NDArray[_Type]:
    """Lay a volume on a grid that has the same voxels, be it in another order.

    Args:
        array: Its values, on `grid`.
        grid: Where its voxels lie.
        target: Where they should lie.
        names: What the volume and the target are, for the message.
        tolerance_mm: How far apart two voxel centers may lie.

    Returns:
        The values on `target`: `array` itself if both are one grid, else a turned copy.

    Raises:
        GridMismatchError: If no order and direction of axes brings the voxel centers that near.
    """
    if grid.matches(target, tolerance_mm=tolerance_mm):
        return array
    orientation = find_orientation(grid, target.axcodes)
    if not orient_grid(grid, orientation).matches(target, tolerance_mm=tolerance_mm):
        check_same_grid(grid, target, names, tolerance_mm=tolerance_mm)  # as the files have them
    return np.asfortranarray(orient(array, orientation))


def check_same_grid(
    first: Grid, second: Grid, names: tuple[str, str], *, tolerance_mm: float = _TOLERANCE_MM
) -> None:
    """Make sure that two volumes can be compared voxel by voxel.

    Args:
        first: Grid of one of them.
        second: Grid of the other.
        names: What they are, for the message.
        tolerance_mm: How far apart two voxel centers may lie.

    Raises:
        GridMismatchError: If shapes differ, or voxel centers by more than that.
    """
    if first.matches(second, tolerance_mm=tolerance_mm):
        return
    shapes = [" x ".join(str(n) for n in grid.shape) for grid in (first, second)]
    if shapes[0] != shapes[1]:
        what = f"{names[0]} has {shapes[0]} voxels, {names[1]} has {shapes[1]}"
    else:
        what = f"{names[0]} and {names[1]} have different affines ({_describe(first, second)})"
    msg = f"{what}; they must lie on one grid. Resample one of them first."
    raise GridMismatchError(msg)


def _describe(first: Grid, second: Grid) -> str:
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in first.shape])).reshape(3, -1).T
    apart = np.linalg.norm(first.to_ras(corners) - second.to_ras(corners), axis=1).max()
    return f"voxels lie up to {apart:.3g} mm apart, axes {first.axcodes} and {second.axcodes}"
