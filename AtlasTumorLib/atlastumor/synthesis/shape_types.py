"""What a shape is, and what makes one. The makers are listed in `shapes.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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


class ShapeMaker(Protocol):
    """Makes a shape that contains the patch's center and keeps to the voxels allowed."""

    def __call__(
        self,
        patch: Patch,
        allowed: Mask,
        diameter_mm: float,
        rng: np.random.Generator,
        *,
        most_outside: float = 1.0,
    ) -> Shape:
        """Make one.

        Args:
            patch: Where.
            allowed: Voxels that it may take up, (I, J, K).
            diameter_mm: Diameter of the ball of equal volume, mm.
            rng: Source of randomness.
            most_outside: Share of it that may lie outside the organ.

        Returns:
            The shape.
        """
