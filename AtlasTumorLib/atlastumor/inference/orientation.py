"""Turning a volume's axes toward wanted anatomical directions, without copying it.

Only axes are exchanged and reversed; an oblique scan stays oblique. Networks were trained that
way: they see the voxel lattice nearest to the wanted directions, never an interpolated rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..volume import Grid

__all__ = ["Orientation", "find_orientation", "find_tilt_degrees", "orient", "orient_grid"]

_WORLD_AXIS = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}


@dataclass(frozen=True)
class Orientation:
    """Which axis of a volume becomes i, j and k, and whether it is then reversed.

    Args:
        axes: For each new axis, the old one.
        is_reversed: For each new axis, whether it runs against the old one.
    """

    axes: tuple[int, int, int]
    is_reversed: tuple[bool, bool, bool]


def find_orientation(grid: Grid, codes: str) -> Orientation:
    """Find how a grid's axes come to run in wanted directions.

    Args:
        grid: The grid as it is.
        codes: The direction wanted for each axis, such as "RAS"; "stored" wants them as they are.

    Returns:
        Permutation and reversals.
    """
    if codes == "stored":
        return Orientation((0, 1, 2), (False, False, False))
    old = grid.axcodes
    worlds = [_WORLD_AXIS[code] for code in old]
    a, b, c = (worlds.index(_WORLD_AXIS[code]) for code in codes)
    x, y, z = (old[axis] != code for axis, code in zip((a, b, c), codes, strict=True))
    return Orientation((a, b, c), (x, y, z))


def orient(array: npt.NDArray[Any], orientation: Orientation) -> npt.NDArray[Any]:
    """Show an array with its axes turned.

    Args:
        array: Any values, (I, J, K).
        orientation: What to exchange and reverse.

    Returns:
        A view; writing to it writes to `array`.
    """
    steps = tuple(slice(None, None, -1 if back else 1) for back in orientation.is_reversed)
    view: npt.NDArray[Any] = array.transpose(orientation.axes)[steps]
    return view


def orient_grid(grid: Grid, orientation: Orientation) -> Grid:
    """Give the grid on which `orient`'s view lies.

    Args:
        grid: The grid as it is.
        orientation: What is exchanged and reversed.

    Returns:
        A grid whose voxel centers are the same points in space.
    """
    old_of_new = np.zeros((4, 4))
    old_of_new[3, 3] = 1.0
    for new, (old, back) in enumerate(zip(orientation.axes, orientation.is_reversed, strict=True)):
        old_of_new[old, new] = -1.0 if back else 1.0
        old_of_new[old, 3] = grid.shape[old] - 1 if back else 0
    i, j, k = (grid.shape[axis] for axis in orientation.axes)
    return Grid((i, j, k), grid.affine @ old_of_new)


def find_tilt_degrees(grid: Grid) -> float:
    """Find how far a grid's axes lie from the anatomical directions nearest to them.

    Args:
        grid: Any grid.

    Returns:
        The largest angle of the three, degrees.
    """
    columns = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    worlds = [_WORLD_AXIS[code] for code in grid.axcodes]
    cosines = np.abs(columns[worlds, range(3)])
    return float(np.degrees(np.arccos(np.clip(cosines, 0.0, 1.0))).max())
