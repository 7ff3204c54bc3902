"""An organ seen coarsely: blocks of about 2.5 mm, on which places can be weighed in no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Box, Mask, find_box, grow_box, has_label
from ..organs import ORGANS, Organ
from ..volume import LabelMap, Scan

__all__ = ["OrganBlocks", "average", "survey_organ"]

Floats = npt.NDArray[np.float32]

_BLOCK_MM = 2.5
_MARGIN_MM = 10.0  # around the organ, so that tumors beside it are seen
_LEAST_PART = 0.5  # of a block that must be organ


@dataclass(frozen=True, eq=False)
class OrganBlocks:
    """Blocks of voxels in a box around an organ; arrays are (A, B, C).

    Args:
        start: First voxel (i, j, k) of the box in the scan.
        step: Voxels of a block along each axis.
        spacing_mm: Size of a block, mm.
        organ: Blocks that are at least half organ, its tumors left out.
        density: Mean density of the organ's voxels in each block, HU; 0 where there are none.
        depth_mm: Distance of each organ block from the organ's surface, about, mm.
        tumor_mm: Distance from the nearest tumor of any organ, mm; infinite without one.
        face_mm: Distance from the nearest face of the scan, mm.
        crowding: How much organ there is within some 15 mm, in [0, 1].
    """

    start: tuple[int, ...]
    step: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    organ: Mask
    density: Floats
    depth_mm: Floats
    tumor_mm: Floats
    face_mm: Floats
    crowding: Floats

    def box_around(self, shape: tuple[int, int, int]) -> Box:
        """The voxels of all blocks in a scan of some shape."""
        i, j, k = (
            slice(start, min(start + n_blocks * step, n))
            for start, n_blocks, step, n in zip(
                self.start, self.organ.shape, self.step, shape, strict=True
            )
        )
        return i, j, k

    def box_of(self, block: tuple[int, ...], shape: tuple[int, int, int]) -> Box:
        """The voxels of one block in a scan of some shape."""
        i, j, k = (
            slice(start + at * step, min(start + (at + 1) * step, n))
            for start, at, step, n in zip(self.start, block, self.step, shape, strict=True)
        )
        return i, j, k


def survey_organ(scan: Scan, labels: LabelMap, organ: Organ) -> OrganBlocks | None:
    """See an organ coarsely.

    Args:
        scan: The CT, (I, J, K).
        labels: Organs and tumors on its grid.
        organ: The row of the organ.

    Returns:
        Its blocks; None if the label map does not hold it.
    """
    spacing = np.array(scan.grid.spacing_mm)
    tight = find_box(has_label(labels.array, organ.labels))
    if tight is None:
        return None
    box = grow_box(tight, np.ceil(_MARGIN_MM / spacing).astype(int), labels.array.shape)
    step = np.maximum(np.rint(_BLOCK_MM / spacing), 1).astype(int)
    cut = labels.array[box]
    mask = has_label(cut, organ.labels)
    share = average(mask, step)
    filled = average(np.where(mask, scan.array[box], 0), step)
    is_organ = share >= _LEAST_PART
    block_mm = tuple(float(mm) for mm in step * spacing)
    tumors = average(has_label(cut, [row.tumor_label for row in ORGANS]), step) > 0
    sigma = [15.0 / mm for mm in block_mm]
    return OrganBlocks(
        start=tuple(side.start for side in box),
        step=tuple(int(n) for n in step),
        spacing_mm=block_mm,
        organ=is_organ,
        density=(filled / np.maximum(share, 1e-6)).astype(np.float32),
        depth_mm=_measure_depth(is_organ, block_mm),
        tumor_mm=_measure_distance(tumors, block_mm),
        face_mm=_measure_faces(box, is_organ.shape, step, scan),
        crowding=ndimage.gaussian_filter(share, sigma, mode="constant"),
    )


def average(values: npt.NDArray[Any], step: Sequence[int] | npt.NDArray[np.int64]) -> Floats:
    """Average the values of each block.

    Args:
        values: (I, J, K), from the first voxel of the first block on.
        step: Voxels of a block along each axis; blocks at the end may be smaller.

    Returns:
        Means, (A, B, C).
    """
    means = values.astype(np.float32)
    for axis, n in enumerate(step):
        starts = np.arange(0, means.shape[axis], n)
        sizes = np.diff(np.append(starts, means.shape[axis])).astype(np.float32)
        shape = [-1 if a == axis else 1 for a in range(3)]
        sums = np.add.reduceat(means, starts, axis=axis)
        means = (sums / sizes.reshape(shape)).astype(np.float32)
    return means


def _measure_depth(organ: Mask, block_mm: tuple[float, ...]) -> Floats:
    """Distance (A, B, C) of organ blocks from the nearest other block, less half a block, mm."""
    away = ndimage.distance_transform_edt(np.pad(organ, 1), block_mm)[1:-1, 1:-1, 1:-1]
    depth: Floats = np.maximum(away - min(block_mm) / 2.0, 0.0).astype(np.float32)
    return depth


def _measure_distance(mask: Mask, block_mm: tuple[float, ...]) -> Floats:
    """Distance (A, B, C) from the nearest block of a mask, mm; infinite if it is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(ndimage.distance_transform_edt(~mask, block_mm), np.float32)


def _measure_faces(
    box: Box, shape: tuple[int, ...], step: npt.NDArray[np.int64], scan: Scan
) -> Floats:
    """Distance (A, B, C) of each block's middle from the nearest face of the scan, mm."""
    nearest = np.full(shape, np.inf, np.float32)
    for axis, (side, by, mm) in enumerate(zip(box, step, scan.grid.spacing_mm, strict=True)):
        at = side.start + (np.arange(shape[axis]) + 0.5) * by
        away = np.minimum(at, scan.grid.shape[axis] - at) * mm
        nearest = np.minimum(nearest, away.reshape([-1 if a == axis else 1 for a in range(3)]))
    return nearest.astype(np.float32)
