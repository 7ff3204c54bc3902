"""The levels of a map, and from which to which of them each component counts as what.

Level 0 is the highest distinct value of the map, level K stands for never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .branches import Forest, find_holders
from .foreground import Foreground
from .reference import ReferenceLesions

__all__ = ["Counts", "Courses", "Levels", "Marks", "find_courses", "find_first_ranks", "find_marks"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Levels:
    """The distinct values of a map; K of them.

    Args:
        end: (K,) number of voxels at this level and above.
        value: (K,) the value, falling.
    """

    end: Longs
    value: npt.NDArray[np.float32]

    @classmethod
    def of(cls, voxels: Foreground) -> Levels:
        """Find the levels of ranked voxels."""
        value = voxels.value
        end = np.append(np.flatnonzero(value[1:] != value[:-1]) + 1, value.size)
        end = end[: value.size]  # no voxels, no level
        return cls(end, value[end - 1])

    def find(self, rank: npt.NDArray[np.integer[Any]]) -> Longs:
        """Find the level of ranks, (N,) to (N,); K for the rank M, which is never reached."""
        return np.searchsorted(self.end, rank, side="right")


@dataclass(frozen=True, eq=False)
class Marks:
    """Voxels of the map that lie in a lesion or an ignored region.

    Args:
        rank: (N,) their ranks, rising.
        part: (N,) in what they lie, as in `ReferenceLesions.parts`.
    """

    rank: Ints
    part: npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Courses:
    """What each branch counts as; levels, (B,) each, K for never.

    Args:
        big: From here on it has the least volume.
        end: Here another branch absorbs it.
        lesion: From here on it touches a lesion.
        ignored: From here on it touches an ignored region.
    """

    big: Longs
    end: Longs
    lesion: Longs
    ignored: Longs


class Counts:
    """How many of some spans of levels hold at a level."""

    def __init__(self, first: Longs, stop: Longs) -> None:
        """Take spans from `first` to before `stop`; spans of no length are dropped."""
        kept = first < stop
        self._first, self._stop = np.sort(first[kept]), np.sort(stop[kept])

    @property
    def changes(self) -> Longs:
        """Levels at which a span begins or stops, perhaps repeatedly."""
        return np.concatenate([self._first, self._stop])

    def at(self, levels: Longs) -> Ints:
        """Count the spans that hold at levels, (N,) to (N,)."""
        begun = np.searchsorted(self._first, levels, side="right")
        return (begun - np.searchsorted(self._stop, levels, side="right")).astype(np.int32)


def find_marks(voxels: Foreground, reference: ReferenceLesions) -> Marks:
    """Look up in what each voxel lies.

    Args:
        voxels: Of a map on the reference's grid.
        reference: The lesions.

    Returns:
        Those voxels that lie in something.
    """
    parts = reference.parts
    inside = np.flatnonzero(parts != 0)  # of bytes: several times faster than of numbers
    ijk = np.unravel_index(inside, parts.shape)
    i, j, k = (index + start for index, start in zip(ijk, reference.offset, strict=True))
    wanted = voxels.locate(i, j, k)
    at = np.searchsorted(voxels.position, wanted)
    at[at == voxels.position.size] = 0
    is_there = voxels.position[at] == wanted if voxels.position.size else np.zeros(0, bool)
    rank, part = voxels.rank[at[is_there]], parts.ravel()[inside[is_there]]
    order = np.argsort(rank)
    return Marks(rank[order], part[order])


def find_courses(forest: Forest, levels: Levels, marks: Marks, fewest: int) -> Courses:
    """Find from which level to which each branch counts as what.

    Args:
        forest: B branches.
        levels: Of the same map.
        marks: Voxels in lesions and ignored regions.
        fewest: Least number of voxels of a component.

    Returns:
        The courses.
    """
    end = levels.find(forest.death)
    return Courses(
        _find_big(forest, levels, fewest),
        end,
        levels.find(find_first_ranks(forest, marks.rank[marks.part > 0])),
        levels.find(find_first_ranks(forest, marks.rank[marks.part < 0])),
    )


def _find_big(forest: Forest, levels: Levels, fewest: int) -> Longs:
    """Level at which each branch reaches a number of voxels; K for never."""
    if not forest.peak.size:
        return np.zeros(0, np.int64)
    first, stop = forest.start[:-1], forest.start[1:]
    small = np.add.reduceat((forest.volume < fewest).astype(np.int64), first)
    reaches = first + small < stop
    rank = np.full(forest.peak.size, forest.key.size, np.int64)
    rank[reaches] = forest.key[(first + small)[reaches]] & 0xFFFFFFFF
    return levels.find(rank)


def find_first_ranks(forest: Forest, ranks: Ints) -> Longs:
    """Find the rank at which each branch first holds one of some voxels.

    Args:
        forest: B branches.
        ranks: (N,) ranks of the voxels, rising.

    Returns:
        (B,) ranks; M for never.
    """
    n_voxels = forest.key.size
    own = np.full(forest.peak.size, n_voxels, np.int64)
    branch = forest.entered[ranks[::-1]]
    own[branch] = ranks[::-1]  # of several, the last written stays
    first: list[int] = own.tolist()
    order = find_holders(forest, branch)
    absorbed = (forest.parent[order].tolist(), forest.death[order].tolist())
    for elder, rank in zip(*absorbed, strict=True):
        if rank < first[elder]:
            first[elder] = rank
    return np.array(first, np.int64)
