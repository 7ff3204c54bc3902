"""One tumor and what is around it, cut out of its scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...components import Box, Mask, Region, box_within, has_label
from ...organs import ORGANS, Organ
from ...volume import LabelMap, Scan

__all__ = ["AROUND_MM", "TumorView", "cut_view"]

AROUND_MM = 15.0
"""How far around a tumor its organ is looked at."""

_APART_MM = 3.0  # nearer, the organ is blurred with the tumor
_TISSUE_HU = (-50.0, 300.0)  # neither fat, gas, oral contrast medium nor bone
_TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class TumorView:
    """A tumor in its surroundings.

    Args:
        hu: Densities, HU, (I, J, K).
        tumor: Its voxels, (I, J, K), not empty.
        organ: Soft tissue (-50 to 300 HU) of its organ outside all tumors, (I, J, K).
        near: Those voxels of it that lie 3 to 15 mm from the tumor and from every other.
        spacing_mm: Distance of voxel centers along (i, j, k), mm.
    """

    hu: npt.NDArray[np.float32]
    tumor: Mask
    organ: Mask
    near: Mask
    spacing_mm: tuple[float, float, float]

    @property
    def in_plane(self) -> tuple[int, int]:
        """The two axes of a slice: those that are not of the largest spacing (of equals, k)."""
        across = max(range(3), key=lambda axis: (round(self.spacing_mm[axis], 3), axis))
        first, second = (axis for axis in range(3) if axis != across)
        return first, second


def cut_view(scan: Scan, labels: LabelMap, organ: Organ, region: Region) -> TumorView:
    """Cut a tumor and 15 mm around it out of its scan.

    Args:
        scan: CT in HU, (I, J, K).
        labels: Organs and tumors on its grid.
        organ: The row of the tumor's organ.
        region: The tumor's voxels.

    Returns:
        The view; arrays are copies.
    """
    spacing_mm = scan.grid.spacing_mm
    box = _widen(region.box, spacing_mm, scan.grid.shape)
    hu = np.array(scan.array[box], np.float32)
    cut = labels.array[box]
    tumor = np.zeros(hu.shape, bool)
    tumor[box_within(box, region.box)] = region.mask
    tissue = has_label(cut, organ.labels) & (hu > _TISSUE_HU[0]) & (hu < _TISSUE_HU[1])
    tumors = tumor | has_label(cut, [one.tumor_label for one in ORGANS])
    away = ndimage.distance_transform_edt(~tumor, spacing_mm)
    apart = ndimage.distance_transform_edt(~tumors, spacing_mm) > _APART_MM
    return TumorView(hu, tumor, tissue & ~tumors, tissue & apart & (away <= AROUND_MM), spacing_mm)


def _widen(box: Box, spacing_mm: tuple[float, ...], shape: tuple[int, ...]) -> Box:
    """A box with what is around it, inside the scan."""
    steps: list[Any] = [int(np.ceil(AROUND_MM / mm)) for mm in spacing_mm]
    i, j, k = (
        slice(max(side.start - step, 0), min(side.stop + step, n))
        for side, step, n in zip(box, steps, shape, strict=True)
    )
    return i, j, k
