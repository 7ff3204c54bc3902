"""How large candidates are: the sizes between which each of them is, as the threshold falls.

A false positive has no lesion whose size class it could take, so false positives have classes of
their own, finer where most of them are. For each component stands from which threshold to which it
is of one class, so that a histogram can be had at any threshold, without the map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .branches import Forest
from .courses import Courses, Levels
from .reference import ReferenceLesions, count_fewest_voxels

__all__ = ["N_CLASSES", "RADIUS_EDGES_MM", "SIZE_TEXTS", "Spans", "find_spans"]

Longs = npt.NDArray[np.int64]

RADIUS_EDGES_MM = (3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0)
"""Radii, of the ball of a component's volume, that part the classes; 5, 10 and 20 mm part those of
lesions too."""

N_CLASSES = len(RADIUS_EDGES_MM) + 1

SIZE_TEXTS = (
    f"<= {RADIUS_EDGES_MM[0]:g} mm",
    *(f"{low:g} to {high:g} mm" for low, high in pairwise(RADIUS_EDGES_MM)),
    f">= {RADIUS_EDGES_MM[-1]:g} mm",
)
"""The classes, for people."""


@dataclass(frozen=True, eq=False)
class Spans:
    """Thresholds between which components are of one size; N of them.

    The component is there, of that size, at every theta <= `first` and > `stop`.

    Args:
        component: (N,) its number, as in `Touches`.
        size: (N,) its class, from 0 to `N_CLASSES` - 1.
        touches: (N,) whether it touches a lesion.
        first: (N,) float32.
        stop: (N,) float32; 0 where it stays so to the end.
    """

    component: npt.NDArray[np.int32]
    size: npt.NDArray[np.uint8]
    touches: npt.NDArray[np.bool_]
    first: npt.NDArray[np.float32]
    stop: npt.NDArray[np.float32]

    def count(
        self, theta: float, hit_components: npt.NDArray[np.int32] | None = None
    ) -> npt.NDArray[np.int64]:
        """Count false positives of each size at a threshold.

        Args:
            theta: Threshold; compared as float32.
            hit_components: Strict: all count but these. None: those that touch no lesion count.

        Returns:
            (`N_CLASSES`,).
        """
        there = (self.first >= np.float32(theta)) & (self.stop < np.float32(theta))
        if hit_components is None:
            there &= ~self.touches
        else:
            there &= ~np.isin(self.component, hit_components)
        return np.bincount(self.size[there], minlength=N_CLASSES)


def find_spans(
    forest: Forest, levels: Levels, courses: Courses, reference: ReferenceLesions
) -> Spans:
    """Find of which size each component is, and when.

    Args:
        forest: B branches.
        levels: Of the same map.
        courses: Of the branches.
        reference: On the same grid.

    Returns:
        The spans of all components that have the least volume and touch no ignored region.
    """
    stop = np.minimum(courses.end, courses.ignored)
    branch = np.flatnonzero(courses.big < stop)
    big, stop, lesion = courses.big[branch], stop[branch], courses.lesion[branch]
    reaches = [big]
    for radius in RADIUS_EDGES_MM:
        volume = 4.0 / 3.0 * math.pi * radius**3
        fewest = count_fewest_voxels(volume, reference.spacing_mm)
        reaches.append(np.maximum(big, _find_reached(forest, levels, branch, fewest)))
    reaches.append(stop)
    parts = []
    for size, (start, after) in enumerate(pairwise(reaches)):
        end = np.minimum(after, stop)
        parts.append((size, False, start, np.minimum(end, lesion)))
        parts.append((size, True, np.maximum(start, lesion), end))
    return _join(branch, parts, np.append(levels.value, np.float32(0.0)))


def _join(
    branch: Longs,
    parts: list[tuple[int, bool, Longs, Longs]],
    value: npt.NDArray[np.float32],
) -> Spans:
    """Make spans of class, touch, first and last level of all branches; empty ones are dropped."""
    kept = [np.flatnonzero(start < end) for _, _, start, end in parts]
    counts = [one.size for one in kept]
    return Spans(
        np.concatenate([branch[one] for one in kept]).astype(np.int32),
        np.repeat(np.array([size for size, *_ in parts], np.uint8), counts),
        np.repeat(np.array([touches for _, touches, *_ in parts]), counts),
        value[np.concatenate([part[2][one] for part, one in zip(parts, kept, strict=True)])],
        value[np.concatenate([part[3][one] for part, one in zip(parts, kept, strict=True)])],
    )


def _find_reached(forest: Forest, levels: Levels, branch: Longs, fewest: int) -> Longs:
    """Levels at which branches reach a number of voxels, (N,); K for never."""
    low, high = forest.start[branch], forest.start[branch + 1]
    last = high
    while (low < high).any():  # volumes rise along a branch: all are halved at once
        middle = np.minimum((low + high) // 2, last - 1)
        small = (forest.volume[middle] < fewest) & (low < high)
        low = np.where(small, middle + 1, low)
        high = np.where(small, high, np.minimum(middle, high))
    rank = np.full(branch.size, forest.key.size, np.int64)
    reached = low < last
    rank[reached] = forest.key[low[reached]] & 0xFFFFFFFF
    return levels.find(rank)
