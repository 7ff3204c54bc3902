"""Boxes that may stick out of a volume."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cut_box", "overlap"]

Corner = npt.NDArray[np.int64]
Slices = tuple[slice, slice, slice]


def overlap(corner: Corner, size: Corner, shape: Corner) -> tuple[Slices, Slices]:
    """Find where a box and a volume meet.

    Args:
        corner: The box's first voxel in the volume, (3,); may lie outside.
        size: Its sides, voxels (3,).
        shape: The volume's sides, voxels (3,).

    Returns:
        The common part as slices of the volume and as slices of the box; empty if they are apart.
    """
    low = np.clip(corner, 0, shape)
    high = np.clip(corner + size, low, shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    inner = [slice(int(a), int(b)) for a, b in zip(low - corner, high - corner, strict=True)]
    return (i, j, k), (inner[0], inner[1], inner[2])


def cut_box(array: npt.NDArray[Any], corner: Corner, size: Corner) -> npt.NDArray[Any]:
    """Copy a box out of a volume; what lies outside is 0.

    Args:
        array: The volume, (I, J, K); only what is copied is read of a mapped file.
        corner: As for `overlap`.
        size: As for `overlap`.

    Returns:
        The box, (I, J, K).
    """
    box = np.zeros(tuple(size), array.dtype)
    outer, inner = overlap(corner, size, np.array(array.shape))
    box[inner] = array[outer]
    return box
