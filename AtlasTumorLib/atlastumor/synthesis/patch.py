"""The part of a scan around a tumor to be: small enough to work on at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..components import Box, Mask, has_label
from ..errors import GridMismatchError, InputError
from ..organs import Organ
from ..volume import LabelMap, Scan

__all__ = ["Patch", "check_grids", "cut_patch", "find_reach"]


@dataclass(frozen=True, eq=False)
class Patch:
    """A box cut from a scan and its label map, around the center of a tumor.

    Axes are the scan's own, at right angles to one another; nothing is resampled.

    Args:
        hu: Densities, HU, (I, J, K).
        organ: Which voxels are organ or one of its tumors, (I, J, K).
        labels: Label of each voxel in our label maps' numbers, (I, J, K).
        spacing_mm: Distance of neighboring voxel centers along (i, j, k), mm.
        center: Voxel (i, j, k) of the patch at which the tumor's center lies.
        box: Where the patch lies in the scan.
        axcodes: The anatomical direction nearest to each axis.
    """

    hu: npt.NDArray[np.float32]
    organ: Mask
    labels: npt.NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    center: tuple[int, int, int]
    box: Box
    axcodes: str = "RAS"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along (i, j, k)."""
        i, j, k = self.hu.shape
        return i, j, k

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel, mm^3."""
        return math.prod(self.spacing_mm)

    def offsets_mm(self) -> tuple[npt.NDArray[np.float32], ...]:
        """How far each voxel lies from the center along each axis, mm.

        Returns:
            Three arrays that broadcast to (I, J, K): (I, 1, 1), (1, J, 1) and (1, 1, K) float32.
        """
        sides = [
            ((np.arange(n) - at) * mm).astype(np.float32)
            for n, at, mm in zip(self.shape, self.center, self.spacing_mm, strict=True)
        ]
        return tuple(np.ix_(*sides))


def find_reach(diameter_mm: float) -> float:
    """Tell how far a patch must reach from the center for a tumor of some size.

    A tumor that its organ cuts to shape reaches farther than its radius, and its border, capsule
    and mass effect need room around it.

    Args:
        diameter_mm: Diameter of the ball of equal volume, mm.

    Returns:
        Half the patch's width, mm.
    """
    return 1.2 * diameter_mm + 10.0


def check_grids(scan: Scan, labels: LabelMap) -> None:
    """Make sure that labels were made for a scan.

    Args:
        scan: The CT.
        labels: The label map.

    Raises:
        GridMismatchError: If they lie on different grids.
    """
    if not scan.grid.matches(labels.grid):
        msg = (
            f"The label map ({labels.grid.shape} voxels) does not lie on the scan's grid "
            f"({scan.grid.shape}). Give labels made for this scan."
        )
        raise GridMismatchError(msg)


def cut_patch(
    scan: Scan,
    labels: LabelMap,
    organ: Organ,
    center_ijk: Sequence[int],
    reach_mm: float,
) -> Patch:
    """Cut a patch around a voxel; at the scan's faces it is smaller.

    Args:
        scan: The CT, (I, J, K).
        labels: Organs and tumors on the same grid.
        organ: The row of the organ in which the tumor will lie.
        center_ijk: The tumor's center, voxel (i, j, k) of the scan.
        reach_mm: How far the patch reaches from it along every axis, mm, above 0.

    Returns:
        The patch, with copies of what it cuts out.

    Raises:
        GridMismatchError: If scan and labels lie on different grids.
        InputError: If the center lies outside the scan.
    """
    check_grids(scan, labels)
    if not all(0 <= x < n for x, n in zip(center_ijk, scan.grid.shape, strict=True)):
        msg = f"Voxel {tuple(center_ijk)} lies outside the scan of {scan.grid.shape} voxels."
        raise InputError(msg)
    center = [int(x) for x in center_ijk]
    i, j, k = (
        slice(max(x - step, 0), min(x + step + 1, n))
        for x, step, n in zip(
            center,
            (math.ceil(reach_mm / mm) for mm in scan.grid.spacing_mm),
            scan.grid.shape,
            strict=True,
        )
    )
    ci, cj, ck = (x - side.start for x, side in zip(center, (i, j, k), strict=True))
    cut = np.array(labels.array[i, j, k], order="C")
    return Patch(
        hu=np.array(scan.array[i, j, k], np.float32, order="C"),
        organ=has_label(cut, (*organ.labels, organ.tumor_label)),
        labels=cut,
        spacing_mm=scan.grid.spacing_mm,
        center=(ci, cj, ck),
        box=(i, j, k),
        axcodes=scan.grid.axcodes,
    )
