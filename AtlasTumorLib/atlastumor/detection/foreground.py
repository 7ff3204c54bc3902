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

__all__ = ["Foreground", "find_foreground", "join_halves", "list_parts"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Indices = npt.NDArray[np.signedinteger[Any]]
Shape = tuple[int, int, int]

# Planes held at once: few, as they then stay in a CPU's cache; of a map whose first axis is its
# fastest, as many as float32 fill a cache line.
_PLANES = 4
_PLANES_ACROSS = 16
_PART = 1 << 16
_ONE_BITS = 0x3F800000
_MOST_BITS = 0x7FFFFFFF


@dataclass(frozen=True, eq=False)
class Foreground:
    """Voxels at the floor and above; M of them.

    Args:
        shape: Of the map, (I, J, K).
        corner: First voxel of the smallest box around them.
        size: Of that box.
        position: (M,) flat index in that box with one voxel more on every side, rising; int32
            where that holds them all, as it divides many times faster than int64.
        rank: (M,) rank of each of these.
        order: (M,) place of each voxel in `position` and `rank`, by rank.
        value: (M,) probability by rank, falling.
    """

    shape: Shape
    corner: Shape
    size: Shape
    position: Indices
    rank: Ints
    order: Ints
    value: npt.NDArray[np.float32]

    @property
    def row(self) -> int:
        """Steps between neighbors along j."""
        return self.size[2] + 2

    @property
    def plane(self) -> int:
        """Steps between neighbors along i."""
        return (self.size[1] + 2) * self.row

    def locate(self, i: Longs, j: Longs, k: Longs) -> Indices:
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
        return np.where(inside, position, -1).astype(self.position.dtype)

    def find_positions(self, rank: npt.NDArray[np.integer[Any]]) -> Indices:
        """Find where voxels lie.

        Args:
            rank: (N,).

        Returns:
            (N,) flat index in the padded box.
        """
        return self.position.take(self.order.take(rank))

    def find_indices(self, position: Indices, axis: int) -> Longs:
        """Turn flat positions into voxel indices along one axis.

        Args:
            position: (N,) flat index in the padded box.
            axis: 0, 1 or 2.

        Returns:
            i, j or k on the map's grid, (N,).
        """
        return self.split(position)[axis].astype(np.int64) + (self.corner[axis] - 1)

    def split(self, position: Indices) -> tuple[Indices, Indices, Indices]:
        """Turn flat positions into indices.

        Args:
            position: (N,) flat index in the padded box.

        Returns:
            i, j and k in the padded box, (N,) each.
        """
        column: Indices = position // self.row
        i: Indices = column // (self.size[1] + 2)
        return i, column - i * (self.size[1] + 2), position - column * self.row


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
    index_type = _find_index_type((n_i, n_j, n_k))
    places, values = [np.zeros(0, index_type)], [np.zeros(0, np.float32)]
    for first in range(0, n_i, n_read):
        planes = probability[first : first + n_read]
        flat = np.ascontiguousarray(planes, np.float32).reshape(-1)
        if _find_highest(flat) >= np.float32(floor):
            inside = np.flatnonzero(flat >= np.float32(floor))
            values.append(flat.take(inside))
            inside += first * n_j * n_k
            places.append(inside.astype(index_type))
        progress(min(1.0, (first + n_read) / n_i), "reading the map")
    corner, size, position = _crop(np.concatenate(places), (n_i, n_j, n_k))
    order, value = _rank(np.concatenate(values))
    rank = np.empty(order.size, np.int32)
    for part in list_parts(order.size):
        rank[order[part]] = np.arange(part.start, part.stop)
    return Foreground((n_i, n_j, n_k), corner, size, position, rank, order, value)


def _crop(place: Indices, shape: Shape) -> tuple[Shape, Shape, Indices]:
    """Find the box around flat places on the map's grid, and the places in it when padded."""
    if not place.size:
        return (0, 0, 0), (0, 0, 0), place
    # What a row's voxels share is found row by row: of rows there are a hundred times fewer.
    row = place // shape[2]
    first = np.concatenate([[0], np.flatnonzero(row[1:] != row[:-1]) + 1])
    after = np.append(first[1:], place.size)
    row = row[first]
    i, j = np.divmod(row, shape[1])
    start = row * shape[2]
    corner = (int(i[0]), int(j.min()), int((place[first] - start).min()))
    last = (int(i[-1]), int(j.max()), int((place[after - 1] - start).max()))
    n_i, n_j, n_k = (b - a + 1 for a, b in zip(corner, last, strict=True))
    column = (i - corner[0] + 1) * (n_j + 2) + (j - corner[1] + 1)
    shift = column * (n_k + 2) - start - (corner[2] - 1)
    return corner, (n_i, n_j, n_k), place + np.repeat(shift, after - first)


def list_parts(n: int) -> list[slice]:
    """Part a range into pieces that stay in a CPU's cache."""
    return [slice(first, min(first + _PART, n)) for first in range(0, n, _PART)]


def join_halves(high: Ints) -> Longs:
    """Make numbers that rise with others and, where these are equal, with their places.

    Args:
        high: (N,) not negative.

    Returns:
        (N,) `high << 32 | place`; to sort them is several times faster than a stable argsort.
    """
    keys = np.empty(high.size, np.int64)
    for part in list_parts(high.size):
        keys[part] = high[part]
        keys[part] <<= 32
        keys[part] |= np.arange(part.start, part.stop)
    return keys


def _find_index_type(shape: Shape) -> type[np.signedinteger[Any]]:
    """What holds every flat index on a grid with one voxel more on every side."""
    return np.int32 if math.prod(n + 2 for n in shape) < 2**31 else np.int64


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


def _rank(value: npt.NDArray[np.float32]) -> tuple[Ints, npt.NDArray[np.float32]]:
    """Order from the highest to the lowest, ties as they come, (M,); and the values so ordered."""
    # Bits of positive floats are ordered like the floats.
    keys = join_halves(_MOST_BITS - value.view(np.int32))
    keys.sort()
    order = keys.astype(np.int32)  # the low half
    keys >>= 32
    return order, (_MOST_BITS - keys.astype(np.int32)).view(np.float32)
