"""Centers of components at any threshold: sums of voxel indices along the branches of a forest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .branches import Forest, accumulate
from .foreground import list_parts

__all__ = ["IndexSums"]

Longs = npt.NDArray[np.int64]

_LOW = 0xFFFFFFFF
_HALF = 1 << 31


@dataclass(frozen=True, eq=False)
class IndexSums:
    """Sums of the voxels' indices, as `Forest.volume` is of their number; M voxels.

    Args:
        columns: Whole sums, (M,) each: of i, j and k; or, where two fit side by side in one number,
            of `j << 32 | i` and of k, which halves the time.
        corner: What to add to a mean of them to get an index on the map's grid.
    """

    columns: tuple[Longs, ...]
    corner: tuple[int, int, int]

    @staticmethod
    def of(forest: Forest) -> IndexSums:
        """Sum over all branches of a forest."""
        voxels, m = forest.voxels, forest.key.size
        fits = m * (max(voxels.size) + 2) < _HALF
        sums = [np.empty(m, np.int64) for _ in range(2 if fits else 3)]
        for part in list_parts(m):
            i, j, k = voxels.split(voxels.find_positions(forest.key[part] & _LOW))
            two = (j.astype(np.int64) << 32) | i
            for total, index in zip(sums, (two, k) if fits else (i, j, k), strict=True):
                total[part] = index
        a, b, c = voxels.corner
        return IndexSums(tuple(accumulate(s, forest) for s in sums), (a - 1, b - 1, c - 1))

    def centers(self, entry: Longs, volume: Longs) -> npt.NDArray[np.float64]:
        """Find centers of mass.

        Args:
            entry: (N,) places in `Forest.key`.
            volume: (N,) voxels of the components there.

        Returns:
            (N, 3) indices on the map's grid.
        """
        found = [column[entry] for column in self.columns]
        if len(found) == 2:
            found = [found[0] & _LOW, found[0] >> 32, found[1]]
        means: npt.NDArray[np.float64] = np.stack(found, axis=1) / volume[:, None]
        means += np.array(self.corner)
        return means
