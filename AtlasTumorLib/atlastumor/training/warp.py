"""Patches turned, scaled and bent, so that no organ is known by its place and outline alone.

Rotation and scaling after Isensee et al., nnU-Net, Nature Methods 2021 (supplement, data
augmentation); bending by smooth random shifts after Ronneberger et al., U-Net, MICCAI 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation

from .patches import crop

__all__ = ["STILL", "Places", "Warp", "draw_warp", "find_places"]

_TURN_DEGREES = 8.0  # standard deviation about each axis
_SCALE = (0.85, 1.2)
_KNOTS = 6  # along each axis of a patch
_BEND = 0.035  # standard deviation of a knot's shift, share of the patch's edge
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Warp:
    """Where the voxels of a patch are looked up, about its middle.

    Args:
        matrix: From the patch's axes to those of what it is cut from, (3, 3).
        shifts: Of knots spread over the patch, in shares of its edge, (3, N, N, N) float32.
    """

    matrix: npt.NDArray[np.float64]
    shifts: npt.NDArray[np.float32]


STILL = Warp(np.eye(3), np.zeros((3, 1, 1, 1), np.float32))
"""Turns, scales and bends nothing."""


def draw_warp(rng: np.random.Generator, share: float) -> Warp:
    """Draw how a patch is turned, scaled and bent, if it is.

    Args:
        rng: Source of randomness.
        share: Of the patches that are warped.

    Returns:
        The warp.
    """
    if rng.random() >= share:
        return STILL
    turn = Rotation.from_euler("xyz", rng.normal(0.0, _TURN_DEGREES, 3), degrees=True).as_matrix()
    shifts = rng.normal(0.0, _BEND, (3, _KNOTS, _KNOTS, _KNOTS)).astype(np.float32)
    return Warp(turn / rng.uniform(*_SCALE), shifts)


@dataclass(frozen=True, eq=False)
class Places:
    """Where each voxel of a patch lies in what it is cut from.

    Args:
        at: Coordinates, voxels of what is cut, (3, I, J, K).
    """

    at: torch.Tensor

    def look_up(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Cut a patch; outside of what is cut it is 0.

        Args:
            array: What to cut, three-dimensional; integers are looked up at the nearest voxel,
                others interpolated linearly.

        Returns:
            The patch, (I, J, K), of the array's type.
        """
        low = np.floor(self.at.amin((1, 2, 3)).numpy()).astype(np.int64)
        size = np.ceil(self.at.amax((1, 2, 3)).numpy()).astype(np.int64) + 2 - low
        box = torch.from_numpy(crop(array, low, size).astype(np.float32))
        grid = torch.empty((1, *self.at.shape[1:], 3))
        for axis in range(3):  # to [-1, 1] between the middles of the box's outermost voxels
            to = 2.0 / float(size[axis] - 1)
            torch.sub(self.at[axis], float(low[axis]), out=grid[0, ..., 2 - axis]).mul_(to).sub_(1)
        mode = "nearest" if np.issubdtype(array.dtype, np.integer) else "bilinear"
        cut = torch.nn.functional.grid_sample(box[None, None], grid, mode=mode, align_corners=True)
        patch: npt.NDArray[Any] = cut[0, 0].numpy().astype(array.dtype)
        return patch

    def inside(self, shape: tuple[int, ...]) -> Bools:
        """Tell which voxels of the patch lie in what is cut.

        Args:
            shape: Of what is cut.

        Returns:
            (I, J, K).
        """
        found = torch.ones(self.at.shape[1:], dtype=torch.bool)
        for along, n in zip(self.at, shape, strict=True):
            found &= (along > -0.5) & (along < n - 0.5)
        mask: Bools = found.numpy()
        return mask

    def thinned(self, step: int) -> Places:
        """Take every `step`-th voxel along each axis."""
        return Places(self.at[:, ::step, ::step, ::step])


def find_places(corner: Longs, source: Longs, size: Longs, warp: Warp) -> Places:
    """Find where the voxels of a patch lie.

    Args:
        corner: Low corner of the box that is cut without the warp, voxel (3,); it may stick out.
        source: Its size, voxels of what is cut (3,).
        size: Of the patch, voxels (3,).
        warp: Warps the patch about its middle.

    Returns:
        The places.
    """
    at = torch.nn.functional.interpolate(
        torch.from_numpy(warp.shifts)[None], tuple(size), mode="trilinear", align_corners=True
    )[0]
    far = [
        ((torch.arange(n, dtype=torch.float32) + 0.5) / n - 0.5) * m
        for n, m in zip(size.tolist(), source.tolist(), strict=True)
    ]
    middle = corner + source / 2 - 0.5
    for axis in range(3):
        i, j, k = (part * float(by) for part, by in zip(far, warp.matrix[axis], strict=True))
        at[axis].mul_(float(source[axis])).add_(i[:, None, None]).add_(j[:, None])
        at[axis].add_(k + float(middle[axis]))
    return Places(at)
