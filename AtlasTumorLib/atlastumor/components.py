"""Connected components of one label in a large volume, in little memory.

Voxels touch by face, edge or corner (26-neighborhood). A coarse map of 8 x 8 x 8 blocks tells the
neighborhoods apart; full resolution is labelled only inside their bounding boxes, so specks in
opposite corners of a whole-body scan cost no more than specks side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = [
    "Box",
    "Mask",
    "Region",
    "box_within",
    "find_box",
    "find_boxes",
    "find_components",
    "find_holes",
    "find_region_at",
    "grow_box",
    "has_label",
    "nest_box",
]

Box = tuple[slice, slice, slice]
Mask = npt.NDArray[np.bool_]

_TOUCHING = np.ones((3, 3, 3), bool)
_BLOCK = 8


@dataclass(frozen=True, eq=False)
class Region:
    """The voxels of one component.

    Args:
        box: Its bounding box in the volume.
        mask: Which voxels of the box belong to it, shape of the box.
    """

    box: Box
    mask: Mask


def has_label(array: npt.NDArray[np.uint8], labels: Iterable[int]) -> Mask:
    """Tell which voxels have one of some labels, at one byte a voxel.

    `numpy.isin` gives the same through tables of eight bytes a voxel, gigabytes on long scans.

    Args:
        array: Labels, any shape.
        labels: Those sought.

    Returns:
        Mask of that shape.
    """
    mask = np.zeros_like(array, dtype=np.bool_)
    for label in labels:
        mask |= array == label
    return mask


def find_box(mask: Mask | npt.NDArray[np.uint8]) -> Box | None:
    """Find the smallest box around all that is not zero.

    Planes of the slowest axis come first, as bytes, whose maximum is found faster than whether any
    is set; the other axes are looked at between these planes alone.

    Args:
        mask: A mask or labels, (I, J, K).

    Returns:
        The box; None if there is nothing.
    """
    if mask.flags.f_contiguous and not mask.flags.c_contiguous:
        turned = find_box(mask.T)
        return None if turned is None else (turned[2], turned[1], turned[0])
    i = _bound(np.maximum.reduce(mask.view(np.uint8), axis=(1, 2)) > 0)
    if i is None:
        return None
    flat: Mask = np.logical_or.reduce(mask[i], axis=0)
    j, k = (_bound(np.logical_or.reduce(flat, axis=axis)) for axis in (1, 0))
    return None if j is None or k is None else (i, j, k)


def _bound(hits: npt.NDArray[np.bool_]) -> slice | None:
    """From the first hit (N,) to the last; None if there is none."""
    found = np.flatnonzero(hits)
    return slice(int(found[0]), int(found[-1]) + 1) if found.size else None


def find_boxes(array: npt.NDArray[np.uint8]) -> dict[int, Box]:
    """Find the bounding box of every value but 0 that occurs.

    Args:
        array: Labels, (I, J, K).

    Returns:
        Boxes by value, in rising order.
    """
    around = find_box(array)
    if around is None:
        return {}
    # Most of a scan is background: looking only where labels are is several times faster.
    found = enumerate(ndimage.find_objects(array[around]), start=1)
    return {value: nest_box(around, box) for value, box in found if box is not None}


def find_components(array: npt.NDArray[np.uint8], label: int, box: Box) -> Iterator[Region]:
    """Give the 26-connected components of a label.

    Args:
        array: Labels, (I, J, K).
        label: The value sought.
        box: A box that holds all its voxels.

    Yields:
        Its components, each with its tight bounding box.
    """
    blocks = array[box] == label
    for axis in range(3):
        blocks = np.logical_or.reduceat(blocks, range(0, blocks.shape[axis], _BLOCK), axis=axis)
    # Touching voxels lie in touching blocks, so no component spans two groups of blocks.
    groups, _ = ndimage.label(blocks, _TOUCHING)
    for group, coarse in enumerate(ndimage.find_objects(groups), start=1):
        outer = nest_box(box, [slice(c.start * _BLOCK, c.stop * _BLOCK) for c in coarse])
        mask = array[outer] == label
        mask &= _enlarge(groups[coarse] == group, mask.shape)
        parts = _label(mask)
        for part, inner in enumerate(ndimage.find_objects(parts), start=1):
            yield Region(nest_box(outer, inner), parts[inner] == part)


def find_region_at(
    array: npt.NDArray[np.uint8], label: int, *, box: Box, voxel: tuple[int, int, int]
) -> Region | None:
    """Find the component of a label through one voxel.

    Args:
        array: Labels, (I, J, K).
        label: The component's value.
        box: Its bounding box.
        voxel: (i, j, k) of one of its voxels.

    Returns:
        The component, or None if that voxel lies outside the box or has another value.
    """
    if not all(side.start <= x < side.stop for side, x in zip(box, voxel, strict=True)):
        return None
    parts, _ = ndimage.label(array[box] == label, _TOUCHING)
    part = parts[tuple(x - side.start for side, x in zip(box, voxel, strict=True))]
    return Region(box, parts == part) if part else None


def find_holes(mask: Mask) -> Mask:
    """Find what a mask encloses: voxels from which no way over faces leads out of it.

    Args:
        mask: (I, J, K).

    Returns:
        (I, J, K), nowhere where the mask is.
    """
    if min(mask.shape) < 3:  # nothing fits between two of its voxels
        return np.zeros_like(mask)
    outside = np.pad(~mask, 1, constant_values=True)
    parts, n = ndimage.label(outside)
    if n == 1:
        return np.zeros_like(mask)
    holes: Mask = (outside & (parts != parts[0, 0, 0]))[1:-1, 1:-1, 1:-1]
    return holes


def _label(mask: Mask) -> npt.NDArray[np.integer[Any]]:
    """Number the parts of a mask, in half of the memory where their number allows it."""
    try:
        small: npt.NDArray[np.uint16] = np.empty(mask.shape, np.uint16)
        ndimage.label(mask, _TOUCHING, output=small)
    except RuntimeError:  # more parts than two bytes can number
        parts: npt.NDArray[np.int32] = ndimage.label(mask, _TOUCHING)[0]
        return parts
    return small


def _enlarge(blocks: Mask, shape: tuple[int, ...]) -> Mask:
    """Repeat every block over its voxels, cut to `shape`."""
    for axis in range(3):
        blocks = np.repeat(blocks, _BLOCK, axis=axis)
    return blocks[: shape[0], : shape[1], : shape[2]]


def grow_box(box: Iterable[slice], reach: Iterable[int], shape: Iterable[int]) -> Box:
    """Grow a box on all sides, inside a volume.

    Args:
        box: A box in the volume.
        reach: Voxels to add on both sides along (i, j, k), not negative.
        shape: The volume's, (I, J, K).

    Returns:
        The larger box.
    """
    i, j, k = (
        slice(max(int(side.start - step), 0), min(int(side.stop + step), n))
        for side, step, n in zip(box, reach, shape, strict=True)
    )
    return i, j, k


def nest_box(outer: Box, inner: Iterable[slice]) -> Box:
    """Express a box within `outer` in the frame of `outer`, cut to it.

    Args:
        outer: A box in some volume.
        inner: A box counted from the first voxel of `outer`.

    Returns:
        The inner box in that volume.
    """
    i, j, k = (
        slice(a.start + b.start, min(a.start + b.stop, a.stop))
        for a, b in zip(outer, inner, strict=True)
    )
    return i, j, k


def box_within(outer: Iterable[slice], box: Iterable[slice]) -> Box:
    """Count a box from the first voxel of one around it.

    Args:
        outer: A box in some volume.
        box: Another in it, inside `outer`.

    Returns:
        The box in the frame of `outer`.
    """
    i, j, k = (slice(b.start - a.start, b.stop - a.start) for a, b in zip(outer, box, strict=True))
    return i, j, k
