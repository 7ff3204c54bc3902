"""From a click to a voxel: what a user points at, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..components import Box, grow_box, has_label
from ..errors import InputError, PlacementError
from ..organs import ORGANS, Organ
from ..volume import LabelMap, Scan
from .ground import is_wall_density
from .patch import check_grids

__all__ = ["check_center"]

Voxel = tuple[int, int, int]

_GAS_HU = -300.0
_REACHES_MM = (10.0, 40.0, 160.0, 2000.0)


def check_center(scan: Scan, labels: LabelMap, organ: Organ, center_ras: Sequence[float]) -> Voxel:
    """Find the voxel that a user points at, and make sure that it lies in the organ.

    In the gas of a hollow organ, the nearest voxel of its wall is meant.

    Args:
        scan: The CT, (I, J, K).
        labels: Organs and tumors on its grid.
        organ: The row of the organ in which the tumor is to grow.
        center_ras: The point, RAS mm.

    Returns:
        Voxel (i, j, k) of the scan.

    Raises:
        GridMismatchError: If scan and labels lie on different grids.
        InputError: If the point lies outside the scan, in gas outside the organ, in no organ or in
            another, which the message names, or if the label map does not hold the organ.
        PlacementError: If there is a tumor at the point, or the organ has no wall near it.
    """
    check_grids(scan, labels)
    name, point = organ.name.lower(), _show(center_ras)
    voxel = tuple(int(x) for x in np.rint(scan.grid.to_ijk(center_ras)))
    i, j, k = voxel
    if not all(0 <= x < n for x, n in zip(voxel, scan.grid.shape, strict=True)):
        msg = f"The point {point} lies outside the scan. Click in the {name}."
        raise InputError(msg)
    label = int(labels.array[i, j, k])
    if label in organ.labels:
        return _move_to_wall(scan, labels, organ, (i, j, k)) if organ.hollow else (i, j, k)
    if label in {row.tumor_label for row in ORGANS}:
        msg = f"At {point} there already is a tumor. Click beside it in the {name}."
        raise PlacementError(msg)
    nearest = _find_nearest(labels, scan, organ, (i, j, k))
    if nearest is None:
        msg = f"The label map holds no {name}. Give labels that do, or choose another organ."
        raise InputError(msg)
    raise InputError(_explain(scan, labels, organ, (i, j, k), point, nearest))


def _explain(
    scan: Scan, labels: LabelMap, organ: Organ, voxel: Voxel, point: str, nearest: Voxel
) -> str:
    """Say what is at a voxel, if not the organ, and where the organ is."""
    name = organ.name.lower()
    label = int(labels.array[voxel])
    away = float(np.linalg.norm(scan.grid.to_ras(voxel) - scan.grid.to_ras(nearest)))
    there = f"the {name} is {away:.0f} mm away, at {_show(scan.grid.to_ras(nearest))}"
    if label:
        other = _name_label(labels, label)
        return f"At {point} lies the {other}, not the {name}; {there}."
    around = tuple(slice(max(x - 1, 0), x + 2) for x in voxel)
    if float(scan.array[around].mean()) < _GAS_HU:
        return f"The point {point} lies in air, outside the body or in gas; {there}."
    return f"No organ is labelled at {point}; {there}."


def _name_label(labels: LabelMap, label: int) -> str:
    row = next((row for row in ORGANS if label in row.labels), None)
    return row.name.lower() if row else labels.names.get(label, f"structure {label}")


def _move_to_wall(scan: Scan, labels: LabelMap, organ: Organ, voxel: Voxel) -> Voxel:
    """The voxel itself if it is soft tissue, else the organ's nearest that is."""
    if is_wall_density(np.asarray(scan.array[voxel])):
        return voxel
    wall = _find_nearest(labels, scan, organ, voxel, soft=True)
    if wall is None:
        msg = f"This {organ.name.lower()} has no wall of soft tissue from which a tumor could grow."
        raise PlacementError(msg)
    return wall


def _find_nearest(
    labels: LabelMap, scan: Scan, organ: Organ, voxel: Voxel, *, soft: bool = False
) -> Voxel | None:
    """The organ's voxel nearest to one, in mm; of soft tissue alone if asked."""
    for reach in _REACHES_MM:
        box = _box_around(scan, voxel, reach)
        mask = has_label(labels.array[box], organ.labels)
        if soft:
            mask &= is_wall_density(scan.array[box])
        start = np.array([side.start for side in box])
        found = np.argwhere(mask) + start
        if len(found):
            away = (((found - np.array(voxel)) * scan.grid.spacing_mm) ** 2).sum(axis=1)
            i, j, k = (int(x) for x in found[int(np.argmin(away))])
            if away.min() <= reach**2:  # else one nearer may lie beyond the box
                return i, j, k
    return None


def _box_around(scan: Scan, voxel: Voxel, reach_mm: float) -> Box:
    reach = (round(reach_mm / mm) for mm in scan.grid.spacing_mm)
    return grow_box([slice(x, x + 1) for x in voxel], reach, scan.grid.shape)


def _show(ras: npt.ArrayLike) -> str:
    r, a, s = (float(x) for x in np.asarray(ras))
    return f"R {r:.1f}, A {a:.1f}, S {s:.1f} mm"
