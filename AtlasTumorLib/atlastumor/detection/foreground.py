"""The candidate voxels of a probability map, ranked.

Voxels are ranked from the highest to the lowest, ties in the order of `[i, j, k]`, so that p >= t
is always a prefix of the ranks. The map is read a few planes at a time: memory follows the number
of voxels at the floor and above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..progress import Progress, ignore_progress

__all__ = ["Foreground", "find_foreground"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Shape = tuple[int, int, int]

# Planes held at once: few, as they then stay in a CPU's cache; of a map whose first axis is its
# fastest, as many as float32 fill a cache line.
_PLANES = 4
_PLANES_ACROSS = 16
_ONE_BITS = 0x3F800000


@dataclass(frozen=True, eq=False)
class Foreground:
    """Voxels at the floor and above; M of them.

    Args:
        shape: Of the map, (I, J, K).
        corner: First voxel of the smallest box around them.
        size: Of that box.
        position: (M,) flat index in that box with one voxel more on every side, rising.
        rank: (M,) rank of each of these.
        value: (M,) probability by rank, falling.
    """

    shape: Shape
    corner: Shape
    size: Shape
    position: Longs
    rank: Ints
    value: npt.NDArray[np.float32]

    @property
    def row(self) -> int:
        """Steps between neighbors along j."""
        return self.size[2] + 2

    @property
    def plane(self) -> int:
        """Steps between neighbors along i."""
        return (self.size[1] + 2) * self.row

    def locate(self, i: Longs, j: Longs, k: Longs) -> Longs:
        """Turn voxel indices into flat positions.

        Args:
            i: (N,) on the map's grid.
            j: (N,).
            k: (N,).

        Returns:
            (N,) flat index in the padded box; -1 outside the box.
        """
        position = np.zeros(i.size, np.int64)
        inside = np.ones(i.size, bool)
        steps = (self.plane, self.row, 1)
        for index, first, n, step in zip((i, j, k), self.corner, self.size, steps, strict=True):
            inside &= (index >= first) & (index < first + n)
            position += (index - (first - 1)) * step
        return np.where(inside, position, -1)

    def find_positions(self, rank: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
        """Find where voxels lie.

        Args:
            rank: (N,).

        Returns:
            (N,) flat index in the padded box, as narrow as its type may be.
        """
        ranked = np.empty(self.position.size, self._index_type)
        ranked[self.rank] = self.position
        return ranked.take(rank)

    def find_indices(self, position: npt.NDArray[Any], axis: int) -> Longs:
        """Turn flat positions into voxel indices along one axis.

        Args:
            position: (N,) flat index in the padded box.
            axis: 0, 1 or 2.

        Returns:
            i, j or k on the map's grid, (N,).
        """
        # Unsigned numbers of 32 bits divide much faster than signed ones of 64.
        flat: npt.NDArray[Any] = position.astype(self._index_type, copy=False)
        column: npt.NDArray[Any] = flat // (self.plane if axis == 0 else self.row)
        if axis == 1:
            column %= self.size[1] + 2
        elif axis == 2:
            column = flat - column * self.row
        return column.astype(np.int64) + (self.corner[axis] - 1)

    @property
    def _index_type(self) -> type[np.unsignedinteger[Any]]:
        """What holds every flat index."""
        return _find_index_type(self.shape)


def find_foreground(
    probability: npt.NDArray[Any], floor: float, *, progress: Progress = ignore_progress
) -> Foreground:
    """Collect and rank the voxels of a map that can be candidates.

    Args:
        probability: (I, J, K) in [0, 1], any number type; compared as float32.
        floor: Least probability.
        progress: Told how far it is.

    Returns:
        The voxels; none if all lie below the floor.

    Raises:
        InputError: If the map is not three-dimensional, or holds NaN or values outside [0, 1].
    """
    if probability.ndim != 3 or 0 in probability.shape:
        msg = f"A probability map is (I, J, K); got the shape {probability.shape}."
        raise InputError(msg)
    n_i, n_j, n_k = (int(n) for n in probability.shape)
    n_read = _PLANES_ACROSS if probability.strides[0] < probability.strides[2] else _PLANES
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for first in range(0, n_i, n_read):
        planes = probability[first : first + n_read]
        flat = np.ascontiguousarray(planes, np.float32).reshape(-1)
        if _find_highest(flat) >= np.float32(floor):
            inside = np.flatnonzero(flat >= np.float32(floor))
            places.append(inside + first * n_j * n_k)
            values.append(flat.take(inside))
        progress(min(1.0, (first + n_read) / n_i), "reading the map")
    corner, size, position = _crop(np.concatenate(places), (n_i, n_j, n_k))
    value = np.concatenate(values)
    order = _rank(value)
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    return Foreground((n_i, n_j, n_k), corner, size, position, rank, value[order])


def _crop(place: Longs, shape: Shape) -> tuple[Shape, Shape, Longs]:
    """Find the box around flat places on the map's grid, and the places in it when padded."""
    if not place.size:
        return (0, 0, 0), (0, 0, 0), place
    narrow = place.astype(_find_index_type(shape))
    column = narrow // shape[2]
    k = narrow - column * shape[2]
    i = column // shape[1]
    j = column - i * shape[1]
    a, b, c = (int(index.min()) for index in (i, j, k))
    size = (int(i.max()) - a + 1, int(j.max()) - b + 1, int(k.max()) - c + 1)
    column = (i - a + 1) * (size[1] + 2) + (j - b + 1)
    position = column * (size[2] + 2) + (k - c + 1)
    return (a, b, c), size, position.astype(np.int64)


def _find_index_type(shape: Shape) -> type[np.unsignedinteger[Any]]:
    """What holds every flat index on a grid with one voxel more on every side."""
    return np.uint32 if math.prod(n + 2 for n in shape) < 2**32 else np.uint64


def _find_highest(values: npt.NDArray[np.float32]) -> float:
    """Find the highest value, and refuse what is no probability."""
    # As unsigned numbers the bits of NaN and of what is negative lie above those of 1.
    bits = values.view(np.uint32).max()
    if bits <= _ONE_BITS:
        return float(bits.view(np.float32))
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 1.0):
        msg = (
            f"A probability map holds values from {low:g} to {high:g}; "
            "it must hold numbers in [0, 1] only."
        )
        raise InputError(msg)
    return high


def _rank(value: npt.NDArray[np.float32]) -> Longs:
    """Order from the highest to the lowest, ties as they come, (M,)."""
    # Bits of positive floats are ordered like the floats; the place in the low half breaks ties
    # and makes this a plain sort, several times faster than a stable argsort.
    bits = value.view(np.int32).astype(np.int64)
    keys = ((np.int64(0x7FFFFFFF) - bits) << 32) | np.arange(value.size)
    keys.sort()
    return keys & 0xFFFFFFFF
