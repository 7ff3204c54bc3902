"""What happens to labels after the network: stray parts, distant tumors, small or flat lesions.

Every step changes the label map in place and works in bounding boxes or tiles, so that it takes
little memory on scans of any length.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import (
    Box,
    Mask,
    Region,
    box_within,
    find_boxes,
    find_components,
    grow_box,
    has_label,
)
from ..lesions import measure_fill
from ..models.specs import PostprocessSpec
from ..organs import Organ
from ..progress import UNWATCHED, Watch
from ..volume import Grid

__all__ = [
    "drop_distant_tumors",
    "drop_lesion",
    "drop_unlikely_lesions",
    "find_surrounding",
    "join_boxes",
    "keep_largest_part",
    "postprocess",
]

Labels = npt.NDArray[np.uint8]

_TILE = 128
_TOUCHING = np.ones((3, 3, 3), bool)


def postprocess(
    labels: Labels,
    grid: Grid,
    spec: PostprocessSpec,
    organs: Sequence[Organ],
    *,
    watch: Watch = UNWATCHED,
) -> None:
    """Apply a card's steps.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        grid: Where its voxels lie.
        spec: Which steps.
        organs: Those that the label map holds.
        watch: Told how far it is.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    boxes = find_boxes(labels)
    for organ, part in watch.shared(organs):
        own = [boxes[label] for label in (*organ.labels, organ.tumor_label) if label in boxes]
        if not own:
            continue
        view = labels[join_boxes(own)]
        if organ.key in spec.largest_component:
            keep_largest_part(view, organ)
        if spec.organ_margin_mm is not None:
            drop_distant_tumors(
                view, grid, organ, margin_mm=spec.organ_margin_mm, watch=part.part(0.0, 0.3)
            )
        least_fill = spec.min_fill.get(organ.key, 0.0)
        if spec.min_lesion_ml > 0 or least_fill > 0:
            drop_unlikely_lesions(
                *(view, grid, organ),
                least_ml=spec.min_lesion_ml,
                least_fill=least_fill,
                watch=part.part(0.3, 1.0),
            )


def keep_largest_part(labels: Labels, organ: Organ) -> None:
    """Keep of an organ, and of each half of a paired one, the largest connected part.

    Parts may be joined by tumor. Tumors stay; the margin decides about those.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        organ: Which organ.
    """
    boxes = find_boxes(labels)
    for label in organ.labels:
        if label not in boxes:
            continue
        box = join_boxes([boxes[n] for n in (label, organ.tumor_label) if n in boxes])
        view = labels[box]
        union = has_label(view, (label, organ.tumor_label)).view(np.uint8)
        parts = list(find_components(union, 1, _whole(union)))
        sizes = [int(np.count_nonzero(view[p.box][p.mask] == label)) for p in parts]
        keep = int(np.argmax(sizes))
        for part in (p for n, p in enumerate(parts) if n != keep):
            inside = view[part.box]
            inside[part.mask & (inside == label)] = 0


def drop_distant_tumors(
    labels: Labels, grid: Grid, organ: Organ, *, margin_mm: float, watch: Watch = UNWATCHED
) -> None:
    """Remove tumor voxels further from their organ than a margin.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        grid: Gives the voxels' size and direction.
        organ: Which organ.
        margin_mm: Largest distance to a voxel center of the organ, mm.
        watch: Told how far it is.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    box = find_boxes(labels).get(organ.tumor_label)
    if box is None:
        return
    reach = [int(np.floor(margin_mm / mm)) + 1 for mm in grid.spacing_mm]
    for tile in watch.over(list(_tiles(box))):
        tumor = labels[tile] == organ.tumor_label
        if not tumor.any():
            continue
        outer = grow_box(tile, reach, labels.shape)
        near = has_label(labels[outer], organ.labels)
        if near.any():
            far = ndimage.distance_transform_edt(~near, sampling=grid.spacing_mm) > margin_mm
            tumor &= far[box_within(outer, tile)]
        labels[tile][tumor] = 0


def drop_unlikely_lesions(
    labels: Labels,
    grid: Grid,
    organ: Organ,
    *,
    least_ml: float = 0.0,
    least_fill: float = 0.0,
    watch: Watch = UNWATCHED,
) -> None:
    """Turn lesions that are small or flat into the organ they touch, or else into background.

    Flat are sheets and cords, as vessels, walls and the medulla of a kidney; masses are rounder.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        grid: Gives the voxels' size and direction.
        organ: Whose lesions.
        least_ml: Smallest volume that stays, mL.
        least_fill: Least share, of `measure_fill`, that stays.
        watch: Told how far it is.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    box = find_boxes(labels).get(organ.tumor_label)
    if box is None:
        return
    least = least_ml / grid.voxel_ml - 1e-6  # no lesion falls to the last bit of a product
    lesions = list(watch.each(find_components(labels, organ.tumor_label, box)))
    for lesion in watch.over(lesions):
        is_small = np.count_nonzero(lesion.mask) < least
        if is_small or (least_fill > 0 and measure_fill(lesion, grid) < least_fill):
            drop_lesion(labels, lesion, organ)


def drop_lesion(labels: Labels, lesion: Region, organ: Organ) -> None:
    """Turn a lesion into the organ it touches, or background if it touches none.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K); changed in place.
        lesion: Its voxels.
        organ: Whose lesion.
    """
    labels[lesion.box][lesion.mask] = find_surrounding(labels, lesion, organ.labels)


def find_surrounding(labels: Labels, lesion: Region, candidates: Sequence[int]) -> int:
    """Find the label that most voxels around a lesion have.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K).
        lesion: Its voxels.
        candidates: Labels that count.

    Returns:
        One of them, or 0 if it touches none.
    """
    outer = grow_box(lesion.box, (1, 1, 1), labels.shape)
    mask = np.zeros([side.stop - side.start for side in outer], bool)
    mask[box_within(outer, lesion.box)] = lesion.mask
    around = labels[outer][ndimage.binary_dilation(mask, _TOUCHING) & ~mask]
    counts = [int(np.count_nonzero(around == label)) for label in candidates]
    best = int(np.argmax(counts))
    return candidates[best] if counts[best] else 0


def join_boxes(boxes: Sequence[Box]) -> Box:
    """Give the smallest box that holds all of some.

    Args:
        boxes: At least one.

    Returns:
        The box.
    """
    i, j, k = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*boxes, strict=True)
    )
    return i, j, k


def _whole(mask: Labels | Mask) -> Box:
    i, j, k = (slice(0, n) for n in mask.shape)
    return i, j, k


def _tiles(box: Box) -> Iterator[Box]:
    """Cut a box into tiles of at most 128 voxels a side."""
    starts = (range(side.start, side.stop, _TILE) for side in box)
    for corner in itertools.product(*starts):
        i, j, k = (slice(a, min(a + _TILE, side.stop)) for a, side in zip(corner, box, strict=True))
        yield i, j, k
