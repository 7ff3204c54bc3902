"""From a label map to lesions: what each connected tumor of each organ measures.

A lesion is one 26-connected component of an organ's tumor label. Positions are RAS mm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from .components import (
    Box,
    Mask,
    Region,
    find_boxes,
    find_components,
    find_holes,
    find_region_at,
    grow_box,
)
from .organs import Organ
from .progress import UNWATCHED, Watch
from .volume import Grid, LabelMap

__all__ = [
    "Lesion",
    "LesionMeasurement",
    "Position",
    "ScoreOf",
    "find_region",
    "measure_diameter",
    "measure_fill",
    "measure_lesions",
]

Position = tuple[float, float, float]
Span = tuple[int, int]
ScoreOf = Callable[[Organ, Box, Mask], float]
"""Given the organ, a bounding box and the lesion's voxels in it, the lesion's score."""

_SIDE_MARGIN_MM = 5.0
_FEW_POINTS = 64  # below this, comparing all is faster than finding the hull
_CHUNK = 1 << 18  # voxels looked at together


@dataclass(frozen=True)
class Lesion:
    """One connected tumor of one organ.

    Args:
        organ: The organ's key.
        index: 1 for the organ's largest lesion, 2 for the next.
        label: Its value in our label maps.
        volume_ml: Voxels times the volume of one, mL.
        diameter_mm: Largest distance between two of its voxel centers in 3-D, mm; 0 for one voxel.
        centroid_ras: Mean of its voxel centers, RAS mm; of a bent lesion it may lie outside.
        point_ras: Center of that voxel of the lesion which is nearest the centroid, RAS mm.
        score: How sure the model is, in [0, 1]; NaN if unknown.
        side: "left" or "right" in a paired organ where that is clear, else None.
        box: (first, last + 1) voxel of its bounding box along i, j and k.
    """

    organ: str
    index: int
    label: int
    volume_ml: float
    diameter_mm: float
    centroid_ras: Position
    point_ras: Position
    score: float
    side: str | None
    box: tuple[Span, Span, Span]


@dataclass(frozen=True, eq=False)
class LesionMeasurement:
    """The lesions of a label map, with their voxels.

    Args:
        lesions: By organ in the order asked for, then the largest first.
        regions: Their voxels, in the same order.
    """

    lesions: tuple[Lesion, ...]
    regions: tuple[Region, ...]


def measure_lesions(
    labels: LabelMap, *, organs: Iterable[Organ], score_of: ScoreOf, watch: Watch = UNWATCHED
) -> LesionMeasurement:
    """Find the connected tumors of a label map and measure each.

    Components touch by face, edge or corner (26-neighborhood). Equal volumes are ordered by their
    first voxel, so the order never depends on chance.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); other values are background.
        organs: Rows of the organs whose tumors count.
        score_of: Scores one lesion from its organ, box and voxels, to [0, 1].
        watch: Told how far it is.

    Returns:
        One lesion per component; empty if there are none.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    boxes = find_boxes(labels.array)
    found: list[tuple[Organ, int, Region]] = []
    for organ in organs:
        box = boxes.get(organ.tumor_label)
        parts = find_components(labels.array, organ.tumor_label, box) if box else ()
        regions = sorted(watch.each(parts), key=_largest_first)
        found += [(organ, index, region) for index, region in enumerate(regions, start=1)]
    lesions: list[Lesion] = []
    for organ, index, region in watch.over(found):
        score = float(score_of(organ, region.box, region.mask))
        lesions.append(_measure(region, labels, organ, index=index, score=score))
    return LesionMeasurement(tuple(lesions), tuple(region for *_, region in found))


def find_region(labels: LabelMap, lesion: Lesion) -> Region:
    """Find the voxels of a measured lesion again, from its box and the point inside it.

    Args:
        labels: The label map in which it was measured, (I, J, K).
        lesion: One of its lesions.

    Returns:
        Its voxels.

    Raises:
        ValueError: If the label map does not hold the lesion.
    """
    a, b, c = (slice(first, stop) for first, stop in lesion.box)
    i, j, k = (int(x) for x in np.rint(labels.grid.to_ijk(lesion.point_ras)))
    region = find_region_at(labels.array, lesion.label, box=(a, b, c), voxel=(i, j, k))
    if region is None:
        msg = f"Lesion {lesion.index} of {lesion.organ} is not in this label map."
        raise ValueError(msg)
    return region


def measure_diameter(points_mm: npt.NDArray[np.float64]) -> float:
    """Find the largest distance between two points.

    It is reached between corners of the convex hull. Points on a line or in a plane, which have
    no hull in 3-D, are first brought into as many dimensions as they fill.

    Args:
        points_mm: Positions (N, 3), mm, N at least 1.

    Returns:
        The distance, mm; 0 for a single point.
    """
    centered = points_mm - points_mm.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centered.T @ centered)
    rank = int(np.sum(sizes > 1e-9 * max(sizes[0], 1e-9)))
    flat = centered @ axes[:rank].T
    if rank < 2:
        return float(np.ptp(flat)) if rank else 0.0
    corners = flat if len(flat) <= _FEW_POINTS else flat[ConvexHull(flat).vertices]
    parts = np.array_split(corners, len(corners) // 1000 + 1)  # bounds the table of distances
    return max(float(cdist(part, corners).max()) for part in parts)


def measure_fill(region: Region, grid: Grid) -> float:
    """Measure which share of the ball around its longest diameter a lesion fills.

    A ball fills all of it, an ellipsoid with axes of 1, 2 and 2 half, and of 1, 1 and 2 a quarter.
    What the lesion encloses counts as filled.

    Args:
        region: Its voxels.
        grid: Where they lie.

    Returns:
        The share; above 1, up to infinity, for a few voxels, as diameters end in their centers.
    """
    n_voxels = np.count_nonzero(region.mask) + np.count_nonzero(find_holes(region.mask))
    diameter_mm = _measure_longest(region, grid)
    ball_mm3 = math.pi / 6 * diameter_mm**3
    return 1000 * grid.voxel_ml * n_voxels / ball_mm3 if ball_mm3 else math.inf


def _measure_longest(region: Region, grid: Grid) -> float:
    """Longest diameter of a component, mm."""
    start = np.array([side.start for side in region.box])
    return measure_diameter(grid.to_ras(_find_ends(region.mask) + start))


def _largest_first(region: Region) -> tuple[int, ...]:
    """Sort key: volume, then position of the first voxel in C order."""
    first = np.unravel_index(int(np.argmax(region.mask)), region.mask.shape)
    start = (int(x) + side.start for x, side in zip(first, region.box, strict=True))
    return (-int(np.count_nonzero(region.mask)), *start)


def _measure(region: Region, labels: LabelMap, organ: Organ, *, index: int, score: float) -> Lesion:
    """Measure one component."""
    start = np.array([side.start for side in region.box])
    centroid = _find_center(region.mask)
    nearest = _find_nearest(region.mask, centroid, labels.grid)
    i, j, k = region.box
    return Lesion(
        organ=organ.key,
        index=index,
        label=organ.tumor_label,
        volume_ml=int(np.count_nonzero(region.mask)) * labels.grid.voxel_ml,
        diameter_mm=_measure_longest(region, labels.grid),
        centroid_ras=_to_position(labels.grid.to_ras(centroid + start)),
        point_ras=_to_position(labels.grid.to_ras(nearest + start)),
        score=score,
        side=_find_side(region, labels, organ),
        box=((i.start, i.stop), (j.start, j.stop), (k.start, k.stop)),
    )


def _to_position(ras: npt.NDArray[np.float64]) -> Position:
    r, a, s = (float(x) for x in ras)
    return r, a, s


def _find_center(mask: Mask) -> npt.NDArray[np.float64]:
    """Mean voxel (3,), from the counts along each axis: no table of all voxels is needed."""
    counts = [np.count_nonzero(mask, axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    return np.array([float(np.arange(len(n)) @ n) / float(n.sum()) for n in counts])


def _find_nearest(
    mask: Mask, center: npt.NDArray[np.float64], grid: Grid
) -> npt.NDArray[np.float64]:
    """Voxel (3,) of the mask nearest a fractional voxel position, in mm; some slices at a time."""
    best, best_mm = center, np.inf
    step = max(_CHUNK // mask[0].size, 1)
    for i in range(0, len(mask), step):
        voxels = np.argwhere(mask[i : i + step]) + np.array([float(i), 0.0, 0.0])
        if not len(voxels):
            continue
        mm = np.linalg.norm((voxels - center) @ grid.affine[:3, :3].T, axis=1)
        nearest = int(np.argmin(mm))
        if mm[nearest] < best_mm:
            best, best_mm = voxels[nearest], float(mm[nearest])
    return best


def _find_ends(mask: Mask) -> npt.NDArray[np.intp]:
    """First and last voxel (N, 3) of every row along k; the corners of the hull are among them."""
    i, j = np.nonzero(mask.any(axis=2))
    rows = mask[i, j]
    first = np.argmax(rows, axis=1)
    last = rows.shape[1] - 1 - np.argmax(rows[:, ::-1], axis=1)
    ends = np.zeros_like(mask)
    ends[i, j, first] = ends[i, j, last] = True
    return np.argwhere(ends)


def _find_side(region: Region, labels: LabelMap, organ: Organ) -> str | None:
    """Tell in which half of a paired organ a lesion lies: the one with more voxels around it."""
    if not organ.sides:
        return None
    reach = [int(np.ceil(_SIDE_MARGIN_MM / mm)) for mm in labels.grid.spacing_mm]
    around = labels.array[grow_box(region.box, reach, labels.grid.shape)]
    counts = [int(np.count_nonzero(around == side.label)) for side in organ.sides]
    best = int(np.argmax(counts))
    return organ.sides[best].key if counts.count(counts[best]) == 1 else None
