"""What a user painted: the shape of a tumor, or where its center may lie.

A painting has a grid of its own, so that any mask of any program will do; it is carried to the
scan's voxels where it is needed. Which of the two it means, the request's kind of shape decides.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Box, Mask, box_within, find_boxes
from ..errors import InputError
from ..organs import ORGANS, Organ
from ..volume import Grid, LabelMap

__all__ = ["Painting", "find_organ_under"]

_MARGIN_MM = 5.0  # around what is painted; its depth is known so far
_SLAB = 16  # slices carried over at once, so that whole organs fit into memory
_TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class Painting:
    """Voxels that were painted.

    Args:
        mask: Which voxels of the grid, (I, J, K).
        grid: Where they lie.

    Raises:
        InputError: If nothing is painted, or mask and grid do not belong together.
    """

    mask: Mask
    grid: Grid

    def __post_init__(self) -> None:
        """Check and freeze the mask."""
        if self.mask.shape != self.grid.shape:
            msg = f"The mask has {self.mask.shape} voxels, its grid {self.grid.shape}."
            raise InputError(msg)
        if not self.mask.any():
            msg = "The mask is empty: nothing is painted in it. Paint something first."
            raise InputError(msg)
        mask = np.array(self.mask, bool)
        mask.flags.writeable = False
        object.__setattr__(self, "mask", mask)

    @property
    def volume_mm3(self) -> float:
        """Volume, mm^3."""
        return float(np.count_nonzero(self.mask)) * self.grid.voxel_ml * 1000.0

    @property
    def diameter_mm(self) -> float:
        """Diameter of the ball of equal volume, mm."""
        return math.cbrt(6.0 / math.pi * self.volume_mm3)

    @cached_property
    def n_parts(self) -> int:
        """How many parts it has that do not touch, not even at corners."""
        return int(ndimage.label(self.mask[self._box], _TOUCHING)[1])

    @cached_property
    def middle_ras(self) -> npt.NDArray[np.float64]:
        """Its centroid, RAS mm, (3,)."""
        middle: npt.NDArray[np.float64] = self._positions_ras.mean(axis=0)
        return middle

    @cached_property
    def reach_mm(self) -> float:
        """Distance of its farthest voxel from its centroid, mm."""
        return float(np.linalg.norm(self._positions_ras - self.middle_ras, axis=1).max())

    def covers(self, grid: Grid, box: Box) -> Mask:
        """Find the voxels of another grid whose centers lie in it.

        Args:
            grid: The grid.
            box: Which of its voxels.

        Returns:
            Mask with the shape of the box.
        """
        covered = np.zeros([side.stop - side.start for side in box], bool)
        near = self.bound(grid, box)
        if near is None:
            return covered
        last = np.array(self.grid.shape) - 1
        for start in range(near[2].start, near[2].stop, _SLAB):
            k = slice(start, min(start + _SLAB, near[2].stop))
            at = np.rint(self.grid.to_ijk(_positions(grid, (near[0], near[1], k)))).astype(np.intp)
            inside = ((at >= 0) & (at <= last)).all(axis=-1)
            found = self.mask[tuple(np.moveaxis(np.clip(at, 0, last), -1, 0))] & inside
            covered[box_within(box, (near[0], near[1], k))] = found
        return covered

    def bound(self, grid: Grid, box: Box | None = None) -> Box | None:
        """Bound the voxels of another grid that it may cover.

        Args:
            grid: The grid.
            box: Which of its voxels count; None for all.

        Returns:
            A part of the box; None if it covers nothing there.
        """
        box = box or (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
        ends = [(side.start - 0.5, side.stop - 0.5) for side in self._box]
        corners = grid.to_ijk(
            self.grid.to_ras(np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T)
        )
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
        i, j, k = (
            slice(max(side.start, int(a)), min(side.stop, int(b)))
            for side, a, b in zip(box, low, high, strict=True)
        )
        return (i, j, k) if all(side.start < side.stop for side in (i, j, k)) else None

    def draw(
        self, grid: Grid, box: Box, n_voxels: int, *, middle_ras: npt.ArrayLike, scale: float
    ) -> Mask:
        """Draw its shape with voxels of another grid: those that lie deepest in it.

        On its own grid, neither moved nor scaled, they are those that were painted.

        Args:
            grid: The grid.
            box: Which of its voxels.
            n_voxels: How many to take, those beyond the box included.
            middle_ras: Where its centroid goes, RAS mm, (3,).
            scale: Size relative to what was painted, about its centroid.

        Returns:
            Mask with the shape of the box.
        """
        reach, middle = self.reach_mm * scale + 2.0 * max(grid.spacing_mm), np.asarray(middle_ras)
        around = _surround(grid, middle, reach)
        points = (_positions(grid, around) - middle) / scale + self.middle_ras
        outer, depth = self._depth
        at = np.moveaxis(self.grid.to_ijk(points) - [side.start for side in outer], -1, 0)
        depths = ndimage.map_coordinates(depth, at, order=1, mode="nearest")
        drawn = np.zeros(depths.shape, bool)
        drawn.ravel()[np.argsort(-depths, axis=None, kind="stable")[:n_voxels]] = True
        result = np.zeros([side.stop - side.start for side in box], bool)
        both = [
            slice(max(a.start, b.start), max(min(a.stop, b.stop), a.start, b.start))
            for a, b in zip(around, box, strict=True)
        ]
        result[box_within(box, both)] = drawn[box_within(around, both)]
        return result

    def record(self) -> dict[str, Any]:
        """Say which it is, in what JSON can hold."""
        digest = hashlib.sha256(np.packbits(self.mask).tobytes() + self.grid.affine.tobytes())
        return {"sha256": digest.hexdigest(), "volume_ml": round(self.volume_mm3 / 1000.0, 4)}

    @cached_property
    def _box(self) -> Box:
        return find_boxes(self.mask.view(np.uint8))[1]

    @cached_property
    def _positions_ras(self) -> npt.NDArray[np.float64]:
        """Where its voxels lie, RAS mm, (N, 3)."""
        start = [side.start for side in self._box]
        return self.grid.to_ras(np.argwhere(self.mask[self._box]) + start)

    @cached_property
    def _depth(self) -> tuple[Box, npt.NDArray[np.float32]]:
        """A box around it, and how deep each voxel there lies in it, mm; negative outside."""
        steps = [math.ceil(_MARGIN_MM / mm) + 1 for mm in self.grid.spacing_mm]
        i, j, k = (
            slice(side.start - step, side.stop + step)
            for side, step in zip(self._box, steps, strict=True)
        )
        mask = np.pad(self.mask[self._box], [(step, step) for step in steps])
        inward = ndimage.distance_transform_edt(mask, self.grid.spacing_mm)
        outward = ndimage.distance_transform_edt(~mask, self.grid.spacing_mm)
        return (i, j, k), (inward - outward).astype(np.float32)


def find_organ_under(labels: LabelMap, painting: Painting) -> Organ:
    """Find the organ on which most was painted.

    Args:
        labels: Organs and tumors, (I, J, K).
        painting: On any grid.

    Returns:
        Its row.

    Raises:
        InputError: If nothing was painted on an organ.
    """
    box = painting.bound(labels.grid)
    counts = np.zeros(256, np.int64)
    if box is not None:
        counts = np.bincount(labels.array[box][painting.covers(labels.grid, box)], minlength=256)
    organ = max(ORGANS, key=lambda one: int(counts[list(one.labels)].sum()))
    if not counts[list(organ.labels)].any():
        r, a, s = painting.middle_ras
        msg = (
            f"No organ is outlined under what is painted around R {r:.1f}, A {a:.1f}, S {s:.1f} mm."
            " Paint on one."
        )
        raise InputError(msg)
    return organ


def _surround(grid: Grid, middle_ras: npt.NDArray[np.float64], reach_mm: float) -> Box:
    """The voxels around a point, also those that the grid does not have."""
    middle = grid.to_ijk(middle_ras)
    i, j, k = (
        slice(math.floor(x - reach_mm / mm), math.ceil(x + reach_mm / mm) + 1)
        for x, mm in zip(middle, grid.spacing_mm, strict=True)
    )
    return i, j, k


def _positions(grid: Grid, box: Box) -> npt.NDArray[np.float64]:
    """Centers of voxels, RAS mm, (I, J, K, 3)."""
    sides = np.meshgrid(*[np.arange(side.start, side.stop) for side in box], indexing="ij")
    return grid.to_ras(np.stack(sides, axis=-1))
