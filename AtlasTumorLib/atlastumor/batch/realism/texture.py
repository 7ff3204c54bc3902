"""How gray levels of neighbors go together, as the Image Biomarker Standardisation Initiative says.

Source:
    Zwanenburg et al., "The Image Biomarker Standardization Initiative", Radiology 295, 2020, and
    its reference manual: gray level co-occurrence matrix, distance 1, 13 directions merged (3D,
    IAZD), fixed bin size, trilinear interpolation. The values of its digital phantom are a test.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...components import Mask

__all__ = ["BIN_HU", "GRID_MM", "find_differences", "resample_evenly"]

GRID_MM = 1.5
"""Edge of the cubic voxels on which texture is measured, so that scans can be compared."""

BIN_HU = 10.0
"""Width of a gray level."""

_DIRECTIONS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]


def find_differences(levels: npt.NDArray[np.integer], mask: Mask) -> npt.NDArray[np.int64]:
    """Count how far apart the gray levels of touching voxels are.

    The sums that `contrast` and `homogeneity` need of the co-occurrence matrix depend on its
    diagonals alone; these are counted without making the matrix.

    Args:
        levels: Gray levels, (I, J, K).
        mask: Voxels that count, (I, J, K).

    Returns:
        Number of pairs that differ by 0, 1, 2, ... levels; empty if no two voxels touch.
    """
    apart = [np.zeros(0, np.int64)]
    for step in _DIRECTIONS:
        here = tuple(
            slice(max(-s, 0), n - max(s, 0)) for s, n in zip(step, mask.shape, strict=True)
        )
        there = tuple(
            slice(max(s, 0), n - max(-s, 0)) for s, n in zip(step, mask.shape, strict=True)
        )
        both = mask[here] & mask[there]
        apart.append(np.abs(levels[here][both].astype(np.int64) - levels[there][both]))
    return np.bincount(np.concatenate(apart)).astype(np.int64)


def resample_evenly(
    hu: npt.NDArray[np.float32], mask: Mask, spacing_mm: tuple[float, float, float]
) -> tuple[npt.NDArray[np.float32], Mask]:
    """Bring a view onto cubic voxels of 1.5 mm, both grids about one center.

    Args:
        hu: Densities, HU, (I, J, K).
        mask: A region of it, (I, J, K).
        spacing_mm: Voxel size.

    Returns:
        Densities, interpolated trilinearly, and the voxels that lie in the region by half or more.
    """
    scale = np.array([GRID_MM / mm for mm in spacing_mm])
    size = tuple(max(int(np.floor(n / s)), 1) for n, s in zip(hu.shape, scale, strict=True))
    start = (np.array(hu.shape) - 1) / 2.0 - scale * (np.array(size) - 1) / 2.0
    fine, share = (
        ndimage.affine_transform(x, scale, start, size, order=1, mode="nearest")
        for x in (hu, mask.astype(np.float32))
    )
    return fine, share >= 0.5
