"""The basins into which the candidate voxels of a map fall, and the saddles between them.

Each voxel belongs to the basin of the peak that steepest ascent leads to. {p >= t} then has the
same components as the graph of the basins whose peaks are that high, joined where a saddle is;
there are a hundred voxels to a basin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
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
    above = np.empty(m, np.int32)
    for own, tops in _slabs(voxels, np.arange(m, dtype=np.int32)):
        above[own] = _payload(reduce(np.maximum, tops))
    while True:
        further = above.take(above)
        if np.array_equal(further, above):
            break
        above = further
    peaks = np.flatnonzero(above == np.arange(m, dtype=np.int32))
    ranks = voxels.rank[peaks]
    order = np.argsort(ranks)
    number = np.empty(m, np.int32)
    number[peaks[order]] = np.arange(peaks.size, dtype=np.int32)
    basin = np.empty(m, np.int32)
    basin[voxels.rank] = number.take(above)
    return ranks[order], basin


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
    pairs, ranks = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    here = basin.take(voxels.rank)
    for own, tops in _slabs(voxels, here):
        meetings = _find_meetings(voxels.rank[own], here[own], tops, n_basins)
        pair, rank = _keep_first(*meetings, m)
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


def _find_meetings(
    rank: Ints, basin: Ints, tops: list[Longs], n_basins: int
) -> tuple[Longs, Longs]:
    """Pairs of basins that meet at some voxels, as `lower * B + higher`, and the voxels' ranks.

    Within a block of 2 x 2 x 2 all voxels touch. Whichever two of them are given, the way from one
    over the block's top to the other is nowhere lower than both: only meetings with tops matter.
    """
    pairs, ranks = [], []
    others = [_payload(top) for top in tops]
    for n, other in enumerate(others):
        # What a block beside has said already is not said again.
        is_new = other != basin
        for beside in (n ^ bit for bit in (1, 2, 4) if n & bit):
            is_new &= other != others[beside]
        meets = np.flatnonzero(is_new)
        a, b = basin.take(meets), other.take(meets)
        pairs.append(np.minimum(a, b).astype(np.int64) * n_basins + np.maximum(a, b))
        ranks.append(rank.take(meets))
    return np.concatenate(pairs), np.concatenate(ranks).astype(np.int64)


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


def _slabs(voxels: Foreground, payload: Ints) -> Iterator[tuple[slice, list[Longs]]]:
    """Find the tops of the eight blocks of 2 x 2 x 2 around each voxel, a few planes at a time.

    Yields which voxels, by position, and for each of the eight blocks its highest voxel: M less its
    rank in the high half, its payload in the low one, so that it need not be looked up far away.
    """
    m, n_i, plane, row = voxels.value.size, voxels.size[0], voxels.plane, voxels.row
    starts = np.searchsorted(voxels.position, np.arange(n_i + 3) * plane)
    slab = np.zeros((_PLANES + 2) * plane, np.int64)
    steps = [i + j + k for i, j, k in product((0, plane), (0, row), (0, 1))]
    for first in range(1, n_i + 1, _PLANES):
        last = min(first + _PLANES, n_i + 1)
        own = slice(starts[first], starts[last])
        around = slice(starts[first - 1], starts[last + 1])
        if own.start == own.stop:
            continue
        corner = (first - 1) * plane
        local = voxels.position[around] - corner
        slab[local] = ((m - voxels.rank[around]).astype(np.int64) << 32) | payload[around]
        tops = np.maximum(slab[:-1], slab[1:])
        tops = np.maximum(tops[:-row], tops[row:])
        tops = np.maximum(tops[:-plane], tops[plane:])
        block = voxels.position[own] - (corner + plane + row + 1)
        yield own, [tops[step:].take(block) for step in steps]
        slab[local] = 0


def _payload(tops: Longs) -> Ints:
    """The low halves."""
    return tops.astype(np.int32)
