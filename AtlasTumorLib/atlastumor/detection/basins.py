"""The candidate voxels of a probability map, and the basins into which they fall.

Voxels are ranked from the highest to the lowest, ties in the order of `[i, j, k]`, so that p >= t
is always a prefix of the ranks. Each voxel belongs to the basin of the peak that steepest ascent
leads to. {p >= t} then has the same components as the graph of basins whose peaks are in the
prefix, joined where a saddle is; there are hundreds of voxels to a basin.

The map is read a few planes at a time: memory follows the number of candidate voxels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from ..errors import InputError
from ..progress import Progress, ignore_progress

__all__ = ["Foreground", "Saddles", "find_basins", "find_foreground", "find_saddles"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

# Planes held at once: few, as they then stay in a CPU's cache; to read a map whose first axis is
# its fastest, as many as float32 fill a cache line.
_PLANES = 4
_PLANES_READ = 16
_ONE_BITS = 0x3F800000


@dataclass(frozen=True, eq=False)
class Foreground:
    """Voxels at the floor and above; M of them.

    Args:
        shape: Of the map, (I, J, K).
        position: (M,) flat index on the grid with one voxel more on every side, rising.
        rank: (M,) rank of each of these.
        value: (M,) probability by rank, falling.
    """

    shape: tuple[int, int, int]
    position: Longs
    rank: Ints
    value: npt.NDArray[np.float32]

    @property
    def row(self) -> int:
        """Steps between neighbors along j."""
        return self.shape[2] + 2

    @property
    def plane(self) -> int:
        """Steps between neighbors along i."""
        return (self.shape[1] + 2) * self.row

    def find_positions(self, rank: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
        """Find where voxels lie.

        Args:
            rank: (N,).

        Returns:
            (N,) flat index on the padded grid, as narrow as its type may be.
        """
        ranked = np.empty(self.position.size, self._index_type)
        ranked[self.rank] = self.position
        return ranked.take(rank)

    def find_indices(self, position: npt.NDArray[Any], axis: int) -> Longs:
        """Turn flat positions into voxel indices along one axis.

        Args:
            position: (N,) on the padded grid.
            axis: 0, 1 or 2.

        Returns:
            i, j or k on the map's grid, (N,).
        """
        # Unsigned numbers of 32 bits divide much faster than signed ones of 64.
        flat: npt.NDArray[Any] = position.astype(self._index_type, copy=False)
        column: npt.NDArray[Any] = flat // (self.plane if axis == 0 else self.row)
        if axis == 1:
            column %= self.shape[1] + 2
        elif axis == 2:
            column = flat - column * self.row
        return column.astype(np.int64) - 1

    @property
    def _index_type(self) -> type[np.unsignedinteger[Any]]:
        """What holds every flat index."""
        return np.uint32 if self.plane * (self.shape[0] + 2) < 2**32 else np.uint64


@dataclass(frozen=True, eq=False)
class Saddles:
    """Where basins meet: the edges of a spanning forest, from the highest saddle on.

    Args:
        first: (E,) one basin.
        second: (E,) the other.
        rank: (E,) rank of the voxel with which the two become connected, rising.
    """

    first: Ints
    second: Ints
    rank: Ints


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
    n_read = _PLANES_READ if probability.strides[0] < probability.strides[2] else _PLANES
    padded = np.zeros((n_read, n_j + 2, n_k + 2), np.float32)
    positions, values = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for first in range(0, n_i, n_read):
        n = min(n_read, n_i - first)
        padded[:n, 1:-1, 1:-1] = probability[first : first + n]
        flat = padded[:n].ravel()
        if _find_highest(flat) >= np.float32(floor):
            inside = np.flatnonzero(flat >= np.float32(floor))
            positions.append(inside + (first + 1) * padded[0].size)
            values.append(flat.take(inside))
        progress((first + n) / n_i, "reading the map")
    position, value = np.concatenate(positions), np.concatenate(values)
    order = _rank(value)
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    return Foreground((n_i, n_j, n_k), position, rank, value[order])


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


def find_basins(voxels: Foreground) -> tuple[Ints, Ints]:
    """Lead every voxel up to its peak by steepest ascent.

    Args:
        voxels: M of them.

    Returns:
        Rank of each basin's peak, rising, (B,); basin of each voxel by rank, (M,).
    """
    m = voxels.value.size
    height = m - voxels.rank
    above = np.empty(m, np.int32)
    offsets = [step for step in _steps(voxels) if step]
    for own, local, (slab,) in _slabs(voxels, height):
        highest = slab.take(local)
        for step in offsets:
            np.maximum(highest, slab.take(local + step), out=highest)
        above[voxels.rank[own]] = m - highest
    while True:
        further = above.take(above)
        if np.array_equal(further, above):
            break
        above = further
    peaks = np.flatnonzero(above == np.arange(m, dtype=np.int32)).astype(np.int32)
    number = np.empty(m, np.int32)
    number[peaks] = np.arange(peaks.size, dtype=np.int32)
    return peaks, number.take(above)


def find_saddles(voxels: Foreground, basin: Ints, n_basins: int) -> Saddles:
    """Find where basins meet, and of these meetings those that connect anything new.

    Args:
        voxels: M of them.
        basin: (M,) basin of each by rank.
        n_basins: B.

    Returns:
        At most B - 1 edges; a maximum spanning forest.
    """
    m = voxels.value.size
    height, numbers = m - voxels.rank, basin.take(voxels.rank) + 1
    forward = [step for step in _steps(voxels) if step > 0]
    pairs, ranks = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for own, local, (heights, slab) in _slabs(voxels, height, numbers):
        found = [_meetings(local, step, numbers[own], heights, slab, n_basins) for step in forward]
        pair = np.concatenate([part[0] for part in found])
        rank = m - np.concatenate([part[1] for part in found]).astype(np.int64)
        pair, rank = _keep_first(pair, rank, m)
        pairs.append(pair)
        ranks.append(rank)
    pair, rank = _keep_first(np.concatenate(pairs), np.concatenate(ranks), m)
    first, second = np.divmod(pair, n_basins)
    weights = sparse.coo_matrix(
        (rank.astype(np.float64) + 1.0, (first, second)), shape=(n_basins, n_basins)
    )
    forest = csgraph.minimum_spanning_tree(weights.tocsr()).tocoo()
    order = np.argsort(forest.data, kind="stable")
    return Saddles(
        forest.row[order].astype(np.int32),
        forest.col[order].astype(np.int32),
        (forest.data[order] - 1.0).astype(np.int32),
    )


def _meetings(
    local: Longs, step: int, numbers: Ints, heights: Ints, slab: Ints, n_basins: int
) -> tuple[Longs, Ints]:
    """Pairs of different basins one step apart, and the height of the lower voxel of each."""
    other = slab.take(local + step)
    meets = np.flatnonzero((other != numbers) & (other != 0))
    a, b = numbers[meets] - 1, other[meets] - 1
    pair = np.minimum(a, b).astype(np.int64) * n_basins + np.maximum(a, b)
    at = local[meets]
    return pair, np.minimum(heights[at], heights[at + step])


def _keep_first(pair: Longs, rank: Longs, n_ranks: int) -> tuple[Longs, Longs]:
    """Keep the lowest rank of each pair; sorted by pair."""
    if not pair.size:
        return pair, rank
    shift = int(n_ranks).bit_length()
    if int(pair.max()).bit_length() + shift < 64:
        joined = np.sort((pair << shift) | rank)
        pair, rank = joined >> shift, joined & ((1 << shift) - 1)
    else:
        order = np.lexsort((rank, pair))
        pair, rank = pair[order], rank[order]
    is_first = np.ones(pair.size, bool)
    is_first[1:] = pair[1:] != pair[:-1]
    return pair[is_first], rank[is_first]


def _steps(voxels: Foreground) -> list[int]:
    """Flat steps to the 26 neighbors, and 0."""
    return [i * voxels.plane + j * voxels.row + k for i, j, k in product((-1, 0, 1), repeat=3)]


def _slabs(voxels: Foreground, *fields: Ints) -> Iterator[tuple[slice, Longs, list[Ints]]]:
    """Lay fields of the voxels out as dense planes, a few at a time with a plane on both sides.

    Yields the voxels inside, their flat positions in the planes, and the planes of each field,
    flat and 0 where no voxel is.
    """
    n_i, plane = voxels.shape[0], voxels.plane
    starts = np.searchsorted(voxels.position, np.arange(n_i + 3) * plane)
    slabs = [np.zeros((_PLANES + 2) * plane, np.int32) for _ in fields]
    for first in range(1, n_i + 1, _PLANES):
        last = min(first + _PLANES, n_i + 1)
        own = slice(starts[first], starts[last])
        around = slice(starts[first - 1], starts[last + 1])
        if own.start == own.stop:
            continue
        corner = (first - 1) * plane
        local = voxels.position[around] - corner
        for slab, field in zip(slabs, fields, strict=True):
            slab[local] = field[around]
        yield own, voxels.position[own] - corner, slabs
        for slab in slabs:
            slab[local] = 0
