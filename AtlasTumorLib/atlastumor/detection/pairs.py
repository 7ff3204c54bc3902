"""Pairs of a component and a lesion that it touches, and their measures at any level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .branches import Forest, find_holders
from .centers import IndexSums
from .courses import Courses, Levels, Marks
from .reference import ReferenceLesions

__all__ = ["Measures", "Pairs", "expand", "find_pairs"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

# What a table may hold; beyond, a map has shattered into specks, as noise does without a least
# volume, and the table would outgrow the map.
_MOST = 10_000_000


@dataclass(frozen=True, eq=False)
class Measures:
    """Pairs at levels; N of them.

    Args:
        volume: (N,) voxels of the component.
        overlap: (N,) of these, those in the lesion.
        distance_mm: (N,) from the component's center to the lesion's, mm.
    """

    volume: Longs
    overlap: Longs
    distance_mm: Floats


@dataclass(frozen=True, eq=False)
class Pairs:
    """Branches of the least volume and the lesions that they touch; P pairs, lesion by lesion.

    Args:
        forest: The branches.
        levels: Of the same map.
        reference: The lesions; L of them.
        branch: (P,).
        lesion: (P,) from 0.
        first: (P,) level from which on the pair holds.
        stop: (P,) level from which on it does not.
        is_peak: (P,) whether the branch's highest voxel lies in the lesion.
        gain_key: (G,) `pair << 32 | rank` of each gain in overlap, rising.
        gain_sum: (G,) overlap after it.
        sums: Of the voxels' indices; None where there are no pairs.
    """

    forest: Forest
    levels: Levels
    reference: ReferenceLesions
    branch: Longs
    lesion: Longs
    first: Longs
    stop: Longs
    is_peak: Bools
    gain_key: Longs
    gain_sum: Longs
    sums: IndexSums | None

    @property
    def sizes(self) -> Longs:
        """Voxels of each lesion, (L,)."""
        return np.array([lesion.n_voxels for lesion in self.reference.lesions], np.int64)

    @property
    def radii_mm(self) -> Floats:
        """Equal-volume radius of each lesion, mm, (L,)."""
        return np.array([lesion.radius_mm for lesion in self.reference.lesions], np.float64)

    def measure(self, pair: Longs, level: Longs) -> Measures:
        """Measure pairs at levels at which they hold.

        Args:
            pair: (N,).
            level: (N,).

        Returns:
            Their measures, (N,).
        """
        n = self.levels.end[level]
        entry = self.forest.find_entries(self.branch[pair], n)
        gain = np.searchsorted(self.gain_key, (pair << 32) | (n - 1), side="right") - 1
        volume = self.forest.volume[entry].astype(np.int64)
        distance = np.zeros(pair.size)
        if self.sums is not None:
            centers = np.array([lesion.center_ijk for lesion in self.reference.lesions])
            away = self.sums.centers(entry, volume) - centers[self.lesion[pair]]
            distance = np.sqrt(((away * self.reference.spacing_mm) ** 2).sum(axis=1))
        return Measures(volume, self.gain_sum[gain], distance)


def expand(first: Longs, stop: Longs) -> tuple[Longs, Longs]:
    """List all members of spans.

    Args:
        first: (P,) where each begins.
        stop: (P,) where each has ended.

    Returns:
        The span's number and the member, for every member of every span.

    Raises:
        InputError: If there are too many to hold.
    """
    counts = np.maximum(stop - first, 0)
    total = int(counts.sum())
    if total > _MOST:
        msg = (
            f"The map falls into so many specks ({total} touches of a lesion) that they cannot be "
            "counted at every threshold. Raise the least volume or the floor."
        )
        raise InputError(msg)
    span = np.repeat(np.arange(first.size), counts)
    before = np.cumsum(counts) - counts
    return span, np.arange(total) - before[span] + first[span]


def find_pairs(
    forest: Forest, levels: Levels, reference: ReferenceLesions, marks: Marks, courses: Courses
) -> Pairs:
    """Find which components touch which lesions, and when.

    Args:
        forest: B branches.
        levels: Of the same map.
        reference: L lesions.
        marks: The voxels that lie in them.
        courses: When each branch has the least volume, and when it is absorbed.

    Returns:
        The pairs that hold at any level at all.
    """
    branch, lesion, rank, amount = _list_gains(forest, marks)
    order = np.lexsort((rank, branch, lesion))
    branch, lesion, rank, amount = branch[order], lesion[order], rank[order], amount[order]
    begins = np.ones(rank.size, bool)
    begins[1:] = (np.diff(branch) != 0) | (np.diff(lesion) != 0)
    pair = np.cumsum(begins) - 1
    first = np.maximum(courses.big[branch[begins]], levels.find(rank[begins]))
    stop = courses.end[branch[begins]]
    kept = first < stop
    running = np.cumsum(amount)
    running -= (running - amount)[begins][pair]
    renumbered = (np.cumsum(kept) - 1)[pair[kept[pair]]]
    branch, lesion = branch[begins][kept], lesion[begins][kept]
    return Pairs(
        forest,
        levels,
        reference,
        branch,
        lesion,
        first[kept],
        stop[kept],
        _find_parts(marks, forest.peak[branch]) == lesion + 1,
        (renumbered << 32) | rank[kept[pair]],
        running[kept[pair]],
        IndexSums.of(forest) if branch.size else None,
    )


def _list_gains(forest: Forest, marks: Marks) -> tuple[Longs, Longs, Longs, Longs]:
    """Every gain in overlap: the branch, the lesion from 0, the rank, the number of voxels."""
    inside = marks.part > 0
    rank, lesion = marks.rank[inside].astype(np.int64), marks.part[inside].astype(np.int64) - 1
    branch = forest.entered[rank].astype(np.int64)
    overlaps: dict[int, dict[int, int]] = {}
    codes, counts = np.unique((branch << 32) | lesion, return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        overlaps.setdefault(code >> 32, {})[code & 0xFFFFFFFF] = count
    passed = [(0, 0, 0, 0)][:0]
    order = find_holders(forest, branch)
    absorbed = (order.tolist(), forest.parent[order].tolist(), forest.death[order].tolist())
    for child, elder, at in zip(*absorbed, strict=True):
        held = overlaps.setdefault(elder, {})
        for one, count in overlaps[child].items():
            passed.append((elder, one, at, count))
            held[one] = held.get(one, 0) + count
    more = np.array(passed, np.int64).reshape(-1, 4)
    columns = (branch, lesion, rank, np.ones(rank.size, np.int64))
    joined = [np.concatenate([own, more[:, n]]) for n, own in enumerate(columns)]
    return joined[0], joined[1], joined[2], joined[3]


def _find_parts(marks: Marks, ranks: npt.NDArray[np.integer[Any]]) -> Longs:
    """In what voxels lie, by rank; 0 for nothing."""
    if not marks.rank.size:
        return np.zeros(ranks.size, np.int64)
    at = np.minimum(np.searchsorted(marks.rank, ranks), marks.rank.size - 1)
    return np.where(marks.rank[at] == ranks, marks.part[at], 0).astype(np.int64)
