"""The lesions of a reference, and the regions in which nothing is counted.

Lesions are 26-connected. Crumbs below the least volume are mostly strokes of an annotator's
brush: they are neither lesions to be found nor grounds for a false positive, and are listed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Box, Mask, find_box
from ..errors import InputError

__all__ = [
    "IGNORED",
    "ReferenceLesion",
    "ReferenceLesions",
    "ball_radius_mm",
    "count_fewest_voxels",
    "find_reference_lesions",
]

IGNORED = -1
"""Value of ignored voxels among the parts of a reference."""

Spacing = tuple[float, float, float]

_TOUCHING = np.ones((3, 3, 3), bool)
_ROUNDING = 1e-6  # files keep affines as float32: three spacings are off by up to 4e-7 together


@dataclass(frozen=True)
class ReferenceLesion:
    """One connected lesion.

    Args:
        index: Its number among the lesions, from 1 in the order of `[i, j, k]`.
        volume_ml: Its volume, mL.
        n_voxels: Its number of voxels.
        center_ijk: Mean of its voxels' indices, on the full grid.
        box: The smallest box around it, on the full grid.
    """

    index: int
    volume_ml: float
    n_voxels: int
    center_ijk: tuple[float, float, float]
    box: Box

    @property
    def radius_mm(self) -> float:
        """Radius of the ball of its volume, mm."""
        return ball_radius_mm(self.volume_ml)

    @property
    def diameter_mm(self) -> float:
        """Diameter of the ball of its volume, mm."""
        return 2.0 * self.radius_mm


def ball_radius_mm(volume_ml: float) -> float:
    """Give the radius of a ball of `volume_ml` mL, mm."""
    return float((3000.0 * volume_ml / (4.0 * math.pi)) ** (1.0 / 3.0))


@dataclass(frozen=True, eq=False)
class ReferenceLesions:
    """All lesions of one organ in one case.

    Args:
        lesions: Those of the least volume or more; number n is the n-th.
        parts: What lies where, cropped to what is not 0: 0 nothing, n lesion n, negative ignored.
        offset: Where the crop begins on the full grid.
        shape: Of the full grid, (I, J, K).
        spacing_mm: Distance of voxel centers along (i, j, k), mm.
        crumbs: Components below the least volume; they are ignored regions.
        n_ignored: Number of ignored regions, crumbs included.
    """

    lesions: tuple[ReferenceLesion, ...]
    parts: npt.NDArray[np.integer[Any]]
    offset: tuple[int, int, int]
    shape: tuple[int, int, int]
    spacing_mm: Spacing
    crumbs: tuple[ReferenceLesion, ...]
    n_ignored: int

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return math.prod(self.spacing_mm) / 1000.0

    def parts_in(self, box: Box) -> npt.NDArray[np.integer[Any]]:
        """Cut a box out of the parts.

        Args:
            box: On the full grid; it may reach beyond the crop.

        Returns:
            Parts in the box, 0 outside the crop; a new array.
        """
        out = np.zeros([part.stop - part.start for part in box], self.parts.dtype)
        source, target = [], []
        for part, start, size in zip(box, self.offset, self.parts.shape, strict=True):
            first, last = max(part.start, start), min(part.stop, start + size)
            if first >= last:
                return out
            source.append(slice(first - start, last - start))
            target.append(slice(first - part.start, last - part.start))
        out[tuple(target)] = self.parts[tuple(source)]
        return out


def count_fewest_voxels(min_volume_mm3: float, spacing_mm: Spacing) -> int:
    """Number of voxels from which on a component has at least a volume.

    Args:
        min_volume_mm3: The least volume, mm3, not negative.
        spacing_mm: Distance of voxel centers, mm.

    Returns:
        At least 1. A volume short by rounding only (100 voxels of 0.3 mm3 against 30, or 30 of
        1 mm3 on a turned grid) is enough.
    """
    exact = min_volume_mm3 / math.prod(spacing_mm)
    return max(1, math.ceil(exact * (1.0 - _ROUNDING)))


def find_reference_lesions(
    mask: Mask,
    *,
    spacing_mm: Spacing,
    min_volume_mm3: float = 30.0,
    ignore: Mask | None = None,
) -> ReferenceLesions:
    """Find the lesions of a reference mask.

    Args:
        mask: Where tumor is, (I, J, K).
        spacing_mm: Distance of voxel centers along (i, j, k), mm.
        min_volume_mm3: Smaller components are crumbs: ignored and listed.
        ignore: Where nothing is to be counted, (I, J, K); a lesion's voxels stay the lesion's.

    Returns:
        The lesions; none if the mask is empty.

    Raises:
        InputError: If shapes, spacing or least volume are not what is needed.
    """
    _check(mask, spacing_mm, min_volume_mm3, ignore)
    box = find_box(mask if ignore is None else mask | ignore)
    shape = (mask.shape[0], mask.shape[1], mask.shape[2])
    if box is None:
        nothing = np.zeros((0, 0, 0), np.int16)
        return ReferenceLesions((), nothing, (0, 0, 0), shape, spacing_mm, (), 0)
    labels, _ = ndimage.label(mask[box], _TOUCHING)
    fewest = count_fewest_voxels(min_volume_mm3, spacing_mm)
    offset = (box[0].start, box[1].start, box[2].start)
    found = _describe(labels, offset, math.prod(spacing_mm) / 1000.0)
    lesions, crumbs, new_numbers = _separate(found, fewest)
    parts = np.empty(labels.shape, new_numbers.dtype)
    for plane, numbers in zip(parts, labels, strict=True):  # else numpy widens all of the labels
        plane[...] = new_numbers[numbers]
    n_regions = 0
    if ignore is not None:
        outside = ignore[box] & (parts <= 0)
        n_regions = int(ndimage.label(outside & (parts == 0), _TOUCHING)[1])
        parts[outside] = IGNORED
    return ReferenceLesions(
        lesions, parts, offset, shape, spacing_mm, crumbs, len(crumbs) + n_regions
    )


def _check(mask: Mask, spacing_mm: Spacing, min_volume_mm3: float, ignore: Mask | None) -> None:
    """Refuse what cannot be a reference."""
    if mask.ndim != 3 or mask.dtype != np.bool_:
        msg = f"A reference is a (I, J, K) mask; got {mask.dtype} of shape {mask.shape}."
        raise InputError(msg)
    if len(spacing_mm) != 3 or not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        msg = f"A spacing is three positive lengths in mm; got {spacing_mm}."
        raise InputError(msg)
    if not (math.isfinite(min_volume_mm3) and min_volume_mm3 >= 0):
        msg = f"The least volume is {min_volume_mm3} mm3; give 0 or more."
        raise InputError(msg)
    if ignore is not None and (ignore.shape != mask.shape or ignore.dtype != np.bool_):
        msg = (
            f"The ignored region is {ignore.dtype} of shape {ignore.shape}; it must be a mask of "
            f"the reference's shape {mask.shape}."
        )
        raise InputError(msg)


def _describe(
    labels: npt.NDArray[np.int32], offset: tuple[int, int, int], voxel_ml: float
) -> list[ReferenceLesion]:
    """List the components of a label array in the order of their numbers."""
    found = []
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = np.nonzero(labels[box] == index)
        corner = [part.start + start for part, start in zip(box, offset, strict=True)]
        i, j, k = (float(n.mean()) + start for n, start in zip(inside, corner, strict=True))
        full = [
            slice(part.start + start, part.stop + start)
            for part, start in zip(box, offset, strict=True)
        ]
        n_voxels = int(inside[0].size)
        found.append(
            ReferenceLesion(
                index, n_voxels * voxel_ml, n_voxels, (i, j, k), (full[0], full[1], full[2])
            )
        )
    return found


def _separate(
    found: list[ReferenceLesion], fewest: int
) -> tuple[tuple[ReferenceLesion, ...], tuple[ReferenceLesion, ...], npt.NDArray[Any]]:
    """Part lesions from crumbs, number each anew; the third maps old numbers to parts."""
    lesions: list[ReferenceLesion] = []
    crumbs: list[ReferenceLesion] = []
    # Half the memory of int32 for every reference that a person can have drawn.
    narrow = len(found) < np.iinfo(np.int16).max
    numbers = np.zeros(len(found) + 1, np.int16 if narrow else np.int32)
    for old in found:
        kind = lesions if old.n_voxels >= fewest else crumbs
        kind.append(
            ReferenceLesion(len(kind) + 1, old.volume_ml, old.n_voxels, old.center_ijk, old.box)
        )
        numbers[old.index] = len(lesions) if kind is lesions else IGNORED
    return tuple(lesions), tuple(crumbs), numbers
