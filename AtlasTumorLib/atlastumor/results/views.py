"""Slices as radiologists look at them: patient's right on the left, anterior or superior on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..volume import Grid, Scan

__all__ = ["PLANES", "Plane", "Upright", "find_body", "make_upright"]

_SOFT_HU = -300  # skin and everything within; couch foam and air are below


@dataclass(frozen=True)
class Plane:
    """A way to cut the patient.

    Args:
        axis: World axis (0 R, 1 A, 2 S) across the plane.
        across: World axis from the picture's right to its left.
        up: World axis from the picture's bottom to its top.
        edges: Letters at the left, right, top and bottom edge.
    """

    axis: int
    across: int
    up: int
    edges: str


PLANES = {
    "axial": Plane(axis=2, across=0, up=1, edges="RLAP"),
    "coronal": Plane(axis=1, across=0, up=2, edges="RLSI"),
    "sagittal": Plane(axis=0, across=1, up=2, edges="APSI"),
}


@dataclass(frozen=True, eq=False)
class Upright:
    """A volume seen along R, A and S, whatever the order of its own axes; nothing is copied.

    Args:
        array: View of the voxels, (R, A, S), each axis rising.
        spacing_mm: Along R, A and S.
        axes: Of each world axis: its axis in the original array.
        flipped: Of each world axis: whether the original runs the other way.
    """

    array: npt.NDArray[Any]
    spacing_mm: tuple[float, float, float]
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def locate(self, voxel: Sequence[float]) -> tuple[int, int, int]:
        """Find where a voxel (i, j, k) of the original lies in the view, inside its bounds."""
        r, a, s = (
            self._place(round(voxel[axis]), n, flip)
            for axis, n, flip in zip(self.axes, self.array.shape, self.flipped, strict=True)
        )
        return r, a, s

    @staticmethod
    def _place(position: int, n: int, flip: bool) -> int:
        inside = min(max(position, 0), n - 1)
        return n - 1 - inside if flip else inside

    @staticmethod
    def face(slab: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn the two axes that a plane leaves into rows and columns.

        Args:
            slab: Values along the plane's `across` and `up`, both rising.

        Returns:
            Rows from top to bottom, columns from left to right.
        """
        return slab[::-1, ::-1].T

    def pixel_mm(self, plane: Plane) -> tuple[float, float]:
        """Height and width of a pixel of such a slice, mm."""
        return self.spacing_mm[plane.up], self.spacing_mm[plane.across]


def make_upright(array: npt.NDArray[Any], grid: Grid) -> Upright:
    """See a volume along the world axes nearest its own.

    Args:
        array: Voxels, (I, J, K).
        grid: Their grid; if it is oblique, its axes are taken for the nearest world axes.

    Returns:
        The view.
    """
    worlds = ["LPI".find(code) if code in "LPI" else "RAS".find(code) for code in grid.axcodes]
    r, a, s = (worlds.index(world) for world in range(3))
    flips = tuple(grid.axcodes[axis] in "LPI" for axis in (r, a, s))
    turned = array.transpose(r, a, s)
    view = turned[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    spacing = grid.spacing_mm
    return Upright(
        view, (spacing[r], spacing[a], spacing[s]), (r, a, s), (flips[0], flips[1], flips[2])
    )


def find_body(scan: Scan) -> tuple[slice, slice, slice]:
    """Find the box that the body fills, so that pictures do not show the air around it.

    Args:
        scan: HU, (I, J, K).

    Returns:
        The box along R, A and S; the whole volume where there is no body.
    """
    view = make_upright(scan.array, scan.grid).array
    steps = [max(n // 128, 1) for n in view.shape]
    thin = view[tuple(slice(None, None, step) for step in steps)] > _SOFT_HU
    parts, n_parts = ndimage.label(thin)
    if n_parts == 0:
        return slice(0, view.shape[0]), slice(0, view.shape[1]), slice(0, view.shape[2])
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))  # the couch is another part
    r, a, s = (
        slice(max((side.start - 2) * step, 0), min((side.stop + 2) * step, n))
        for side, step, n in zip(
            ndimage.find_objects(parts)[largest - 1], steps, view.shape, strict=True
        )
    )
    return r, a, s
