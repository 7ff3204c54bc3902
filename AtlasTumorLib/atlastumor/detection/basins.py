"""The basins into which the candidate voxels of a map fall, and the saddles between them.

Each voxel belongs to the basin of the peak that steepest ascent leads to. {p >= t} then has the
same components as the graph of the basins whose peaks are that high, joined where a saddle is;
there are a hundred voxels to a basin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from .foreground import Foreground, list_parts
from .links import find_blocks, find_links, list_steps

__all__ = ["Basins", "Saddles", "find_basins", "find_saddles"]

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


@dataclass(frozen=True, eq=False)
class Basins:
    """The basins of a map; B basins, M voxels.

    Args:
        peak: (B,) rank of each one's peak, rising.
        basin: (M,) basin of each voxel by rank.
        passes: (3, E) ranks of a voxel and of two of its neighbors, both higher, that may become
            connected with it.
    """

    peak: Ints
    basin: Ints
    passes: Ints


def find_basins(voxels: Foreground) -> Basins:
    """Lead every voxel up to its peak by steepest ascent.

    Args:
        voxels: M of them.

    Returns:
        The basins.
    """
    above, passes = _survey(voxels)
    _climb(above)
    peaks = np.flatnonzero(above == np.arange(above.size, dtype=np.int32))
    ranks = voxels.rank[peaks]
    order = np.argsort(ranks)
    number = np.empty(above.size, np.int32)
    number[peaks[order]] = np.arange(peaks.size, dtype=np.int32)
    basin = np.empty_like(above)
    for part in list_parts(above.size):
        basin[part] = number.take(above.take(voxels.order[part]))
    return Basins(ranks[order], basin, passes)


def find_saddles(basins: Basins) -> Saddles:
    """Find where basins meet, and of these meetings those that connect anything new.

    Args:
        basins: B of them.

    Returns:
        At most B - 1 edges; a maximum spanning forest.
    """
    n, basin = basins.peak.size, basins.basin
    rank, one, other = basins.passes
    a, b = basin.take(one), basin.take(other)
    meets = np.flatnonzero(a != b)
    a, b, rank = a.take(meets), b.take(meets), rank.take(meets)
    pair = np.minimum(a, b).astype(np.int64) * n + np.maximum(a, b)
    pair, ranks = _keep_first(pair, rank.astype(np.int64), basin.size)
    first, second = np.divmod(pair, n)
    weights = sparse.coo_matrix((ranks.astype(np.float64) + 1.0, (first, second)), shape=(n, n))
    forest = csgraph.minimum_spanning_tree(weights.tocsr()).tocoo()
    order = np.argsort(forest.data, kind="stable")
    return Saddles(
        forest.row[order].astype(np.int32),
        forest.col[order].astype(np.int32),
        (forest.data[order] - 1.0).astype(np.int32),
    )


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


def _survey(voxels: Foreground) -> tuple[Ints, Ints]:
    """Find each voxel's highest neighbor, and which passes there are, a few planes at a time.

    Returns:
        Place in `voxels.position` of the highest neighbor or of the voxel itself, (M,); ranks of
        passes, as in `Basins`.
    """
    m, n_i = voxels.value.size, voxels.size[0]
    planes = np.arange(n_i + 3, dtype=voxels.position.dtype) * voxels.plane
    starts = np.searchsorted(voxels.position, planes)
    above, passes = np.empty(m, np.int32), [np.zeros((3, 0), np.int32)]
    for first in range(1, n_i + 1, _PLANES):
        last = min(first + _PLANES, n_i + 1)
        own, around = slice(starts[first], starts[last]), slice(starts[first - 1], starts[last + 1])
        if own.start == own.stop:
            continue
        local, n, plane, row = _fit(voxels, around, first - 1, last - first + 2)
        height = np.zeros(n, np.int32)
        height[local] = m - voxels.rank[around]
        blocks = find_blocks(height, plane, row)
        tops = find_blocks(blocks, plane, row)  # of 3 x 3 x 3
        inner = local[own.start - around.start : own.stop - around.start]
        place = inner.astype(np.int64) - (plane + row + 1)
        above[own] = voxels.order.take(m - tops.take(place))
        passes.append(m - _list_passes(height, blocks, place, plane, row))
    return above, np.concatenate(passes, axis=1)


def _fit(
    voxels: Foreground, around: slice, first: int, n_planes: int
) -> tuple[Ints, int, int, int]:
    """Fit a padded box to some planes: places of voxels in it, its voxels, steps along i and j."""
    i, j, k = voxels.split(voxels.position[around])
    low_j, low_k = int(j.min()) - 1, int(k.min()) - 1
    row = int(k.max()) - low_k + 2
    plane = (int(j.max()) - low_j + 2) * row
    local = (i - first) * plane + (j - low_j) * row + (k - low_k)
    return local, n_planes * plane, plane, row


def _list_passes(height: Ints, blocks: Ints, place: Longs, plane: int, row: int) -> Ints:
    """Heights of saddles and of two tops of blocks that each may connect, (3, E).

    Whichever two of a block's voxels are given, the way from one over the block's top to the other
    is nowhere lower than both: only tops matter.
    """
    at, reached, others = find_links(height, blocks, place, plane, row)
    steps = list_steps(plane, row)
    own = height[steps[-1] :].take(at)
    lowest = np.array([steps[(n & -n).bit_length() - 1] for n in range(256)])
    one = blocks.take(at + lowest.take(reached))
    found = []
    for block, step in enumerate(steps):
        here = np.flatnonzero(others & (1 << block))
        other = blocks[step:].take(at.take(here))
        found.append(np.stack([own.take(here), one.take(here), other]))
    return np.concatenate(found, axis=1)


def _climb(above: Ints) -> None:
    """Lead from each voxel's highest neighbor on to its peak, in place."""
    for part in list_parts(above.size):
        here = above[part]
        goes_on = np.flatnonzero(above.take(here) != here)
        while goes_on.size:
            at = here.take(goes_on)
            here[goes_on] = further = above.take(at)
            goes_on = goes_on.compress(further != at)
