"""Where the patient is, coarsely: what tells windows of air from windows worth a look.

The mask is sampled every 6 mm or so, from HU before any clipping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..volume import Grid

__all__ = ["BodyMask", "BodySampler"]

_AIR_HU = -300.0
_SAMPLE_MM = 6.0
_SMALLEST_SHARE = 0.002  # of the largest part; smaller ones are noise, blankets and wires


@dataclass(frozen=True, eq=False)
class BodyMask:
    """Samples of the patient on a coarse lattice.

    Args:
        array: Whether a sample lies in the patient, (A, B, C) bool.
        stride: Voxels of the network's grid from one sample to the next, along (i, j, k).
    """

    array: npt.NDArray[np.bool_]
    stride: tuple[int, int, int]

    def touches(self, start: tuple[int, int, int], size: tuple[int, int, int]) -> bool:
        """Tell whether a window may hold any of the patient.

        Args:
            start: Its first voxel on the network's grid; may lie outside.
            size: Its size in voxels.

        Returns:
            Whether a sample in it, or next to it, does.
        """
        i, j, k = (
            slice(max(a // step, 0), max(-(-(a + n) // step) + 1, 0))
            for a, n, step in zip(start, size, self.stride, strict=True)
        )
        return bool(self.array[i, j, k].any())

    def center_ijk(self) -> npt.NDArray[np.float64]:
        """Mean position of the patient on the network's grid, (3,); NaN if there is none."""
        counts = [np.count_nonzero(self.array, axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
        if not counts[0].any():
            return np.full(3, np.nan)
        means = [float(np.arange(len(n)) @ n / n.sum()) for n in counts]
        return np.array(means) * self.stride


class BodySampler:
    """Collects a body mask from slabs of a scan."""

    def __init__(self, source_grid: Grid, grid: Grid) -> None:
        """Choose the samples.

        Args:
            source_grid: The lattice of the slabs to come.
            grid: The network's grid, over the same extent.
        """
        i, j, k = (max(1, round(_SAMPLE_MM / mm)) for mm in grid.spacing_mm)
        self._stride = (i, j, k)
        self._where = [
            _nearest(n_old, n_new, step)
            for n_old, n_new, step in zip(source_grid.shape, grid.shape, self._stride, strict=True)
        ]
        self._array = np.zeros([len(where) for where in self._where], np.bool_)

    def add(self, hu: npt.NDArray[Any], k0: int) -> None:
        """Sample slices `k0` on.

        Args:
            hu: HU, (I, J, dk).
            k0: First slice.
        """
        i, j, k = self._where
        wanted = np.flatnonzero((k >= k0) & (k < k0 + hu.shape[2]))
        self._array[:, :, wanted] = hu[np.ix_(i, j, k[wanted] - k0)] > _AIR_HU

    def finish(self) -> BodyMask:
        """Give the mask without specks, which are parts below 0.2 % of the largest."""
        parts, n_parts = ndimage.label(self._array)
        if n_parts:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            self._array = (sizes >= _SMALLEST_SHARE * sizes.max())[parts] & self._array
        return BodyMask(self._array, self._stride)


def _nearest(n_old: int, n_new: int, step: int) -> npt.NDArray[np.int64]:
    """Old sample nearest to every `step`-th new one, and to the last."""
    new = np.append(np.arange(0, n_new, step), n_new - 1)
    old = np.floor((new + 0.5) * (n_old / n_new))
    return np.clip(old, 0, n_old - 1).astype(np.int64)
