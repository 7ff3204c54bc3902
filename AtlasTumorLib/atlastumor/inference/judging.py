"""Lesions outlined low and judged whole.

With an outline, voxels belong to a lesion from that probability on, and the lesion counts if its
mean reaches the organ's threshold: two thresholds, as Canny's (IEEE TPAMI 1986). Differs: the mean
decides and not the peak, for one hot voxel is no tumor. So a high threshold, chosen against false
positives, does not shrink the tumors that it keeps.

What this does at every threshold is told by one map: each voxel of an outlined lesion that clean-up
left has the lesion's mean, every other voxel its own probability. Where that map reaches a
threshold is what is found at that threshold, so sweeps, operating points and reviews need no rule
of their own (decision 0008).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..box_index import BoxIndex
from ..components import Region, find_boxes, find_components, find_holes, has_label, nest_box
from ..organs import Organ
from ..progress import UNWATCHED, Watch
from ..volume import Grid
from .postprocess import Labels, drop_lesion
from .probability import JudgedLesion, ProbabilityMap

__all__ = ["drop_faint_lesions", "judge_lesions"]


def judge_lesions(
    labels: Labels,
    grid: Grid,
    organ: Organ,
    probability: ProbabilityMap,
    *,
    outline: float,
    threshold: float | None,
    watch: Watch = UNWATCHED,
) -> tuple[JudgedLesion, ...]:
    """Find the outlined lesions of an organ, and the mean probability of each.

    Holes that a lesion encloses, as necrosis leaves them, become tumor, with all that lies in them
    but other organs; the mean is that of the outline.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K): tumors from the outline on, or from the
            threshold on where that is lower; holes are filled in place.
        grid: Of the labels.
        organ: Whose lesions.
        probability: Of its tumors.
        outline: Probability from which voxels belong to a lesion.
        threshold: What was asked for; None if arg-max decided.
        watch: Told how far it is.

    Returns:
        The lesions, the largest box first; means are rounded to half precision, as maps are kept.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    box = find_boxes(labels).get(organ.tumor_label)
    found = find_components(labels, organ.tumor_label, box) if box else ()
    regions = list(watch.each(found))
    if threshold is not None and threshold < outline:
        regions = [
            part
            for region in watch.each(regions)
            for part in _likely_parts(region, grid, probability, outline)
        ]
    means = watch.part(0.0, 0.8).over(regions)
    judged = [JudgedLesion(region, _mean(region, grid, probability)) for region in means]
    return tuple(_fill_holes(labels, judged, organ, watch.part(0.8, 1.0)))


def drop_faint_lesions(
    labels: Labels,
    organ: Organ,
    lesions: Sequence[JudgedLesion],
    *,
    threshold: float,
    watch: Watch = UNWATCHED,
) -> None:
    """Turn lesions whose mean stays below a threshold into what they touch.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        organ: Whose lesions.
        lesions: Those judged.
        threshold: Least mean probability, in [0, 1].
        watch: Told how far it is.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    for lesion in watch.over(lesions):
        if lesion.score < threshold:
            drop_lesion(labels, lesion.region, organ)


def _likely_parts(
    region: Region, grid: Grid, probability: ProbabilityMap, outline: float
) -> Iterator[Region]:
    """Give the connected parts of a region that reach the outline."""
    likely = np.zeros_like(region.mask, dtype=np.uint8)
    for k, values in probability.slabs_of(grid, region.box):
        likely[:, :, k] = region.mask[:, :, k] & (values >= outline)
    ni, nj, nk = likely.shape
    for part in find_components(likely, 1, (slice(0, ni), slice(0, nj), slice(0, nk))):
        yield Region(nest_box(region.box, part.box), part.mask)


def _fill_holes(
    labels: Labels, lesions: Sequence[JudgedLesion], organ: Organ, watch: Watch
) -> Iterator[JudgedLesion]:
    """Turn what lesions enclose into tumor, other organs apart; the largest box comes first."""
    own = (0, *organ.labels, organ.tumor_label)
    hollow: list[Region] = []  # of lesions that do not touch, only these hold another
    index = BoxIndex()
    for lesion in watch.over(sorted(lesions, key=lambda lesion: -lesion.region.mask.size)):
        region = lesion.region
        if any(_holds(hollow[n], region) for n in index.near(region.box)):
            continue  # a speck within a hole is part of the lesion around it
        inside = labels[region.box]
        hole = find_holes(region.mask) & has_label(inside, own)
        if not hole.any():
            yield lesion
            continue
        inside[hole] = organ.tumor_label
        hollow.append(Region(region.box, region.mask | hole))
        index.add(region.box)
        yield JudgedLesion(hollow[-1], lesion.score)


def _holds(region: Region, other: Region) -> bool:
    """Tell whether a region holds another's first voxel."""
    voxel = [side.start + at[0] for side, at in zip(other.box, other.mask.nonzero(), strict=True)]
    if not all(side.start <= x < side.stop for side, x in zip(region.box, voxel, strict=True)):
        return False
    return bool(region.mask[tuple(x - s.start for s, x in zip(region.box, voxel, strict=True))])


def _mean(region: Region, grid: Grid, probability: ProbabilityMap) -> float:
    """Average the probability over a region."""
    total = 0.0
    for k, values in probability.slabs_of(grid, region.box):
        total += float(values[region.mask[:, :, k]].sum(dtype=np.float64))
    return float(np.float16(total / np.count_nonzero(region.mask)))
