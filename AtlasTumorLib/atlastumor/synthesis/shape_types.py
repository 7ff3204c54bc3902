"""What a shape is, and what makes one. The makers are listed in `shapes.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..components import Mask
from .patch import Patch

__all__ = ["Shape", "ShapeMaker"]


@dataclass(frozen=True, eq=False)
class Shape:
    """The voxels that a tumor takes up.

    Args:
        mask: Which voxels of its patch are tumor, (I, J, K); 26-connected unless a user painted it.
        cells: For a grown tumor, how filled each voxel is, (I, J, K) float32: saturation in [0, 1],
            negative down to -1 where it is necrotic, 0 outside. None for a shape without cells.
    """

    mask: Mask
    cells: npt.NDArray[np.float32] | None = None


ShapeMaker = Callable[[Patch, Mask, float, np.random.Generator], Shape]
"""Makes a shape from a patch, the voxels allowed, the diameter of the ball of equal volume in mm,
and a source of randomness. The shape contains the patch's center and keeps to the voxels allowed.
"""
