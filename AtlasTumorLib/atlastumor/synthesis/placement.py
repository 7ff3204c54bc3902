"""Where a tumor's center lies: where a user clicked, or drawn from the organ or a part of it.

A drawn center is deep enough for the tumor, in tissue of the organ's usual density (vessels are
outliers), away from other tumors and from the scan's faces. In hollow organs it lies on the wall,
in solid ones near the surface if the tumor is to grow out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..components import Box, Mask, has_label
from ..errors import InputError, PlacementError
from ..organs import Organ
from ..volume import LabelMap, Scan
from .blocks import OrganBlocks, average, survey_organ
from .clicks import check_center
from .ground import GAP_MM, find_allowed, find_room, is_roomy, is_wall_density
from .patch import check_grids, cut_patch, find_reach
from .request import TumorRequest
from .room import largest_diameter

__all__ = ["check_center", "choose_center", "find_allowed", "find_room", "largest_diameter"]

Voxel = tuple[int, int, int]

_TRIES = 8
_WALL_MM = 6.0  # depth up to which a hollow organ's soft tissue counts as wall
_DEEPEST = 0.6  # of the organ's greatest depth that is asked of a center at most
_SHALLOW = 0.5  # depth of an exophytic tumor's center relative to its radius, at most
_OUTLIER = 2.5  # spreads from the median density beyond which a block is a vessel, a duct or fat
_LEAST_SPREAD_HU = 5.0


def choose_center(
    scan: Scan, labels: LabelMap, organ: Organ, request: TumorRequest, rng: np.random.Generator
) -> Voxel:
    """Draw a center at which the tumor fits.

    Wishes that no place in the organ fulfills are dropped, the least important first: density,
    depth, distance from the scan's faces, distance from other tumors.

    Args:
        scan: The CT, (I, J, K).
        labels: Organs and tumors on its grid.
        organ: The row of its organ.
        request: What is asked for; if it has a painting, the center lies in it.
        rng: Source of randomness.

    Returns:
        Voxel (i, j, k) of the scan.

    Raises:
        GridMismatchError: If scan and labels lie on different grids.
        InputError: If the label map does not hold the organ, or the painting nothing of it.
        PlacementError: If it fits at none of the places drawn nor at that with the most organ
            around it; names the largest that fits there.

    Source:
        Hu et al., "Label-Free Liver Tumor Segmentation", CVPR 2023, asks for no vessel at the
        center. Differs: depth in mm instead of an eroded slice, every organ alike.
    """
    check_grids(scan, labels)
    blocks = survey_organ(scan, labels, organ)
    if blocks is None:
        msg = f"The label map holds no {organ.name.lower()}. Give labels that do."
        raise InputError(msg)
    reach = find_reach(request.diameter_mm)
    possible = _find_possible(blocks, organ, _find_candidates(scan, labels, organ, blocks, request))
    for block in _draw_blocks(blocks, possible, organ, request, rng):
        center = _find_voxel(scan, labels, organ, blocks.box_of(block, scan.grid.shape), request)
        patch = cut_patch(scan, labels, organ, center, reach)
        if is_roomy(patch, organ, request):
            return center
    box = blocks.box_of(_find_roomiest(blocks, possible), scan.grid.shape)
    center = _find_voxel(scan, labels, organ, box, request)
    where = f"at any place tried in this {organ.name.lower()}"
    find_room(
        cut_patch(scan, labels, organ, center, reach),
        organ,
        request,
        where=where if request.painting is None else f"{where} inside the mask",
    )
    return center


def _find_candidates(
    scan: Scan, labels: LabelMap, organ: Organ, blocks: OrganBlocks, request: TumorRequest
) -> Mask:
    """Blocks (A, B, C) of the organ, or those with some of what organ and painting share."""
    if request.painting is None:
        return blocks.organ
    box = blocks.box_around(scan.grid.shape)
    shared = has_label(labels.array[box], organ.labels)
    shared &= request.painting.covers(scan.grid, box)
    if not shared.any():
        r, a, s = request.painting.middle_ras
        name = organ.name.lower()
        msg = (
            f"The mask around R {r:.1f}, A {a:.1f}, S {s:.1f} mm holds nothing of the {name}. Give "
            "one that overlaps it, or choose another organ."
        )
        raise InputError(msg)
    return average(shared, blocks.step) > 0


def _find_possible(blocks: OrganBlocks, organ: Organ, candidates: Mask) -> Mask:
    """Those blocks (A, B, C) in which a center may lie at all: of a hollow organ, its wall."""
    if not candidates.any():
        msg = (
            f"The label map holds too little of the {organ.name.lower()} for a tumor. Give labels "
            "that outline it."
        )
        raise PlacementError(msg)
    possible = candidates & (blocks.tumor_mm > GAP_MM + max(blocks.spacing_mm))
    if not possible.any():
        msg = f"This {organ.name.lower()} has no place for a tumor beside those it has."
        raise PlacementError(msg)
    if organ.hollow:
        wall = possible & is_wall_density(blocks.density) & (blocks.depth_mm <= _WALL_MM)
        possible = wall if wall.any() else possible
    return possible


def _find_roomiest(blocks: OrganBlocks, possible: Mask) -> tuple[int, ...]:
    """The possible block with the most organ around it, whatever size is asked for."""
    at = np.argmax(np.where(possible, blocks.crowding, -1.0))
    return tuple(int(x) for x in np.unravel_index(at, possible.shape))


def _draw_blocks(
    blocks: OrganBlocks,
    possible: Mask,
    organ: Organ,
    request: TumorRequest,
    rng: np.random.Generator,
) -> Iterator[tuple[int, ...]]:
    """A few blocks that fulfill the wishes, or as many of these as can be, drawn."""
    wishes = list(_list_wishes(blocks, possible, organ, request))
    good = np.logical_and.reduce([possible, *wishes])
    while not good.any():
        wishes.pop()
        good = np.logical_and.reduce([possible, *wishes])
    places = np.argwhere(good)
    for place in rng.permutation(len(places))[:_TRIES]:
        yield tuple(int(x) for x in places[place])


def _list_wishes(
    blocks: OrganBlocks, possible: Mask, organ: Organ, request: TumorRequest
) -> Iterator[npt.NDArray[np.bool_]]:
    """What a good center has, the most important first; masks (A, B, C)."""
    radius = request.diameter_mm / 2.0
    yield blocks.tumor_mm > radius + GAP_MM
    yield blocks.face_mm > radius
    if organ.hollow:
        return
    if request.exophytic:
        yield blocks.depth_mm <= _SHALLOW * radius
    else:
        deepest = float(blocks.depth_mm[possible].max())
        yield blocks.depth_mm >= min(radius, _DEEPEST * deepest)
    density = blocks.density[possible]
    away = np.abs(blocks.density - np.median(density))
    spread = max(1.4826 * float(np.median(away[possible])), _LEAST_SPREAD_HU)
    yield away <= _OUTLIER * spread


def _find_voxel(
    scan: Scan, labels: LabelMap, organ: Organ, box: Box, request: TumorRequest
) -> Voxel:
    """The voxel of organ and painting nearest a block's middle; of a hollow organ, of its wall."""
    mask = has_label(labels.array[box], organ.labels)
    if request.painting is not None:
        mask &= request.painting.covers(scan.grid, box)
    wall = mask & is_wall_density(scan.array[box])
    if organ.hollow and wall.any():
        mask = wall
    voxels = np.argwhere(mask)
    middle = (np.array(mask.shape) - 1) / 2.0
    away = ((voxels - middle) * scan.grid.spacing_mm) ** 2
    nearest = voxels[int(np.argmin(away.sum(axis=1)))]
    i, j, k = (int(x) + side.start for x, side in zip(nearest, box, strict=True))
    return i, j, k
