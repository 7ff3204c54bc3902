"""The basins into which the candidate voxels of a map fall, and the saddles between them.

Each voxel belongs to the basin of the peak that steepest ascent leads to. {p >= t} then has the
same components as the graph of the basins whose peaks are that high, joined where a saddle is;
there are a hundred voxels to a basin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from .foreground import Foreground

__all__ = ["Saddles", "find_basins", "find_saddles"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

# Planes held at once: few, as they then stay in a CPU's cache.
_PLANES = 4


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
    for own, local, (slab,) in _slabs(voxels, height):
        highest = slab[_reach(voxels) :].take(local)
        for step in _steps(voxels):
            np.maximum(highest, slab[_reach(voxels) + step :].take(local), out=highest)
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
    reach, base = _reach(voxels), n_basins + 1
    pairs, ranks = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for _, local, (heights, slab) in _slabs(voxels, height, numbers):
        here, high = slab[reach:].take(local), heights[reach:].take(local)
        found = [
            _meetings(local, here, high, slab[reach + step :], heights[reach + step :], base)
            for step in forward
        ]
        pair = np.concatenate([part[0] for part in found])
        rank = m - np.concatenate([part[1] for part in found]).astype(np.int64)
        pair, rank = _keep_first(pair, rank, m)
        pairs.append(pair)
        ranks.append(rank)
    pair, rank = _keep_first(np.concatenate(pairs), np.concatenate(ranks), m)
    first, second = np.divmod(pair, base)
    weights = sparse.coo_matrix(
        (rank.astype(np.float64) + 1.0, (first - 1, second - 1)), shape=(n_basins, n_basins)
    )
    forest = csgraph.minimum_spanning_tree(weights.tocsr()).tocoo()
    order = np.argsort(forest.data, kind="stable")
    return Saddles(
        forest.row[order].astype(np.int32),
        forest.col[order].astype(np.int32),
        (forest.data[order] - 1.0).astype(np.int32),
    )


def _meetings(
    local: Longs, numbers: Ints, heights: Ints, others: Ints, other_heights: Ints, base: int
) -> tuple[Longs, Ints]:
    """Pairs of different basins one step apart, and the height of the lower voxel of each.

    Basins are numbered from 1, a pair is `lower * base + higher`; `others` begin a step further.
    """
    other = others.take(local)
    meets = np.flatnonzero((other != numbers) & (other != 0))
    a, b = numbers.take(meets), other.take(meets)
    pair = np.minimum(a, b).astype(np.int64)
    pair *= base
    pair += np.maximum(a, b)
    return pair, np.minimum(heights.take(meets), other_heights.take(local.take(meets)))


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
    """Flat steps to the 26 neighbors."""
    axes = ((-voxels.plane, 0, voxels.plane), (-voxels.row, 0, voxels.row), (-1, 0, 1))
    return [sum(step) for step in product(*axes) if any(step)]


def _reach(voxels: Foreground) -> int:
    """The longest flat step to a neighbor."""
    return voxels.plane + voxels.row + 1


def _slabs(voxels: Foreground, *fields: Ints) -> Iterator[tuple[slice, Longs, list[Ints]]]:
    """Lay fields of the voxels out as dense planes, a few at a time with a plane on both sides.

    Yields the voxels inside, where each one's farthest neighbor below lies in the planes, and the
    planes of each field, flat and 0 where no voxel is: a voxel is `_reach` further on. So reading
    all neighbors one step away is reading the same places of a view that begins elsewhere.
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
        yield own, voxels.position[own] - (corner + _reach(voxels)), slabs
        for slab in slabs:
            slab[local] = 0
