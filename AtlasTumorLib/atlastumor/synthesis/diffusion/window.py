"""The cube that a network sees: cubic voxels, axes toward R, A and S, around a tumor.

The patch's axes are only exchanged, reversed and rescaled; an oblique scan stays oblique.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...components import Mask
from ...errors import PlacementError
from ..patch import Patch

__all__ = ["Window"]

Floats = npt.NDArray[np.float32]
_WORLD = {
    "R": (0, 1.0),
    "L": (0, -1.0),
    "A": (1, 1.0),
    "P": (1, -1.0),
    "S": (2, 1.0),
    "I": (2, -1.0),
}


@dataclass(frozen=True, eq=False)
class Window:
    """How voxels of a cube and of a patch correspond.

    Voxel `side // 2` of the cube is the center, so that a coarser mask of it, every fourth voxel,
    holds the center of the smallest tumor.

    Args:
        matrix: Offsets in the cube to offsets in the patch, both in voxels: (3, 3).
        center: Where in the patch the cube's center lies, voxels (i, j, k).
        side: Voxels along each side of the cube.
        voxel_mm: Size of its voxels.
    """

    matrix: npt.NDArray[np.float64]
    center: npt.NDArray[np.float64]
    side: int
    voxel_mm: float = 1.0

    @classmethod
    def around(
        cls,
        patch: Patch,
        *,
        side: int,
        voxel_mm: float = 1.0,
        center: Sequence[float] | None = None,
    ) -> Window:
        """Lay a cube into a patch.

        Args:
            patch: The scan around a tumor.
            side: Voxels along each side.
            voxel_mm: Size of a voxel.
            center: Voxel (i, j, k) of the patch around which it lies; None takes the patch's own.
        """
        matrix = np.zeros((3, 3))
        for axis, (code, mm) in enumerate(zip(patch.axcodes, patch.spacing_mm, strict=True)):
            world, sign = _WORLD[code]
            matrix[axis, world] = sign * voxel_mm / mm
        at = np.array(patch.center if center is None else center, np.float64)
        return cls(matrix, at, side, voxel_mm)

    def cut(self, array: Floats) -> Floats:
        """Interpolate values on the patch's grid (I, J, K) to the cube (side, side, side).

        Beyond the patch the values at its faces go on.
        """
        offset = self.center - self.matrix @ np.full(3, self.side // 2)
        cube: Floats = ndimage.affine_transform(
            array, self.matrix, offset, output_shape=(self.side,) * 3, order=1, mode="nearest"
        )
        return cube

    def cut_mask(self, mask: Mask) -> Mask:
        """Interpolate a mask (I, J, K) to the cube: inside where it is at least half."""
        padded = np.pad(mask, 1).astype(np.float32)  # a mask that ends at a face ends there
        shifted = replace(self, center=self.center + 1)
        return np.asarray(shifted.cut(padded) >= 0.5)

    def sample(self, cube: Floats, mask: Mask) -> Floats:
        """Interpolate a cube back at some voxels of the patch.

        Args:
            cube: Values, (side, side, side).
            mask: The voxels wanted, (I, J, K).

        Returns:
            The value at each, in the order of `array[mask]`.

        Raises:
            PlacementError: If one of them lies outside the cube.
        """
        where = self._locate(mask)
        values: Floats = ndimage.map_coordinates(cube, where, order=1, mode="nearest")
        return values

    def check(self, mask: Mask) -> None:
        """Raise a PlacementError unless the cube holds every voxel of a mask (I, J, K)."""
        self._locate(mask)

    def _locate(self, mask: Mask) -> npt.NDArray[np.float64]:
        """Positions of the mask's voxels in the cube, (3, n)."""
        offsets = np.argwhere(mask) - self.center
        where = offsets @ np.linalg.inv(self.matrix).T + self.side // 2
        if len(where) and (where.min() < 0 or where.max() > self.side - 1):
            reach = float(np.abs(where - self.side // 2).max()) * self.voxel_mm
            msg = (
                f"This method paints within a cube of {self.side * self.voxel_mm:.0f} mm; this "
                f"tumor reaches {reach:.0f} mm from the cube's center, which is more than half of "
                "it. Ask for a smaller tumor or for another method."
            )
            raise PlacementError(msg)
        return where.T
