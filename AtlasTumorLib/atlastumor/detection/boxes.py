"""The smallest boxes around components, at any threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import Box
from .branches import Forest, find_entries

__all__ = ["GrowingBoxes"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GrowingBoxes:
    """How each branch's box grows; E growths, branch by branch.

    Args:
        key: (E,) `branch << 32 | rank` of each growth, rising.
        low: (3, E) first i, j and k of the box from then on.
        high: (3, E) last i, j and k.
    """

    key: Longs
    low: Ints
    high: Ints

    @classmethod
    def of(cls, forest: Forest) -> GrowingBoxes:
        """Follow the boxes of all branches of a forest."""
        voxels = forest.voxels
        position = voxels.find_positions(forest.key & 0xFFFFFFFF)
        low = [_run_lowest(voxels.find_indices(position, n), forest) for n in range(3)]
        high = [-_run_lowest(-voxels.find_indices(position, n), forest) for n in range(3)]
        grows = np.zeros(position.size, bool)
        grows[forest.start[:-1]] = True
        for side in (*low, *high):
            grows[1:] |= side[1:] != side[:-1]
        return cls(
            forest.key[grows],
            np.stack([side[grows] for side in low]),
            np.stack([side[grows] for side in high]),
        )

    def find(self, branch: npt.NDArray[np.integer[Any]], n: int) -> list[Box]:
        """Find the boxes of branches.

        Args:
            branch: (N,).
            n: Of the highest voxels only this many, more than the rank of any of the peaks.

        Returns:
            The box of each.
        """
        at = find_entries(self.key, branch, np.full(branch.size, n))
        sides = zip(self.low[:, at].T.tolist(), self.high[:, at].T.tolist(), strict=True)
        boxes = []
        for low, high in sides:
            i, j, k = (slice(a, b + 1) for a, b in zip(low, high, strict=True))
            boxes.append((i, j, k))
        return boxes


def _run_lowest(values: Longs, forest: Forest) -> Ints:
    """The least value so far along each branch, absorbed branches included, (M,)."""
    start, parent, order = forest.start, forest.parent, forest.order
    if not values.size:
        return values.astype(np.int32)
    least: list[int] = np.minimum.reduceat(values, start[:-1]).tolist()
    for child, elder in zip(order.tolist(), parent[order].tolist(), strict=True):
        least[elder] = min(least[elder], least[child])
    shown, at = forest.joins
    np.minimum.at(values, at, np.array(least, np.int64)[shown])
    # Each branch lies wholly below the one before it, so that one pass starts anew at each.
    fall = (forest.key >> 32) << 32
    running: Ints = (np.minimum.accumulate(values - fall) + fall).astype(np.int32)
    return running
