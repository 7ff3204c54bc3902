"""Normalized surface Dice and the 95th percentile of surface distances, by surface elements.

Normalized surface Dice (NSD) at a tolerance is the share of both surfaces' areas that lies within
the tolerance of the other surface. For it only "within the tolerance or not" is asked, which a few
looks at the neighborhood answer; distances are computed for the percentile alone.

Empty masks, everywhere: with neither there is nothing to measure, NaN; with only one, NSD is 0
and the distance infinite.

Source:
    Nikolov et al., J. Med. Internet Res. 23, 2021 (definition of both, each surfel weighing as its
    area). Unlike common ways to count boundary voxels, this does not depend on the direction in
    which a surface runs through the grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from ..errors import GridMismatchError, InputError
from .surfels import Surfels, find_surfels

__all__ = ["SurfaceScores", "hausdorff_95", "measure_surfaces", "surface_dice"]

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]
Positions = npt.NDArray[np.int32]

_PERCENT = 95.0
_ROUNDING = 1e-6  # files keep affines as float32, so that 2 mm may come as 2.0000002
_MOST_OFFSETS = 5000  # beyond, a tree of the surfels is faster than looking everywhere around


@dataclass(frozen=True)
class SurfaceScores:
    """How near two surfaces are.

    Args:
        nsd: Normalized surface Dice in [0, 1].
        hd95_mm: The larger of the two 95th percentiles of distances, mm.
    """

    nsd: float
    hd95_mm: float


def surface_dice(
    prediction: Mask, reference: Mask, *, spacing_mm: Spacing, tolerance_mm: float = 2.0
) -> float:
    """Measure the normalized surface Dice.

    Args:
        prediction: (I, J, K).
        reference: Of the same shape.
        spacing_mm: Distance of voxel centers along (i, j, k), mm.
        tolerance_mm: Up to this distance surfaces agree, mm.

    Returns:
        In [0, 1]; NaN if both are empty, 0 if one is.

    Raises:
        GridMismatchError: If the shapes differ.
        InputError: If the spacing is not positive or the tolerance negative.
    """
    ours, theirs, spacing = _prepare(prediction, reference, spacing_mm, tolerance_mm)
    if not len(ours.ijk) or not len(theirs.ijk):
        return _say_empty(ours, theirs).nsd
    within = _widen(tolerance_mm)
    near = (
        _is_near(ours.ijk, theirs.ijk, spacing, within),
        _is_near(theirs.ijk, ours.ijk, spacing, within),
    )
    return _share(ours, theirs, near)


def hausdorff_95(prediction: Mask, reference: Mask, *, spacing_mm: Spacing) -> float:
    """Measure the 95th percentile of surface distances, by area.

    Args:
        prediction: (I, J, K).
        reference: Of the same shape.
        spacing_mm: Distance of voxel centers along (i, j, k), mm.

    Returns:
        The larger of the two directions', mm; NaN if both are empty, infinite if one is.

    Raises:
        GridMismatchError: If the shapes differ.
        InputError: If the spacing is not positive.
    """
    return measure_surfaces(prediction, reference, spacing_mm=spacing_mm).hd95_mm


def measure_surfaces(
    prediction: Mask, reference: Mask, *, spacing_mm: Spacing, tolerance_mm: float = 2.0
) -> SurfaceScores:
    """Measure both at once, from one search for the surfaces.

    Args:
        prediction: (I, J, K).
        reference: Of the same shape.
        spacing_mm: Distance of voxel centers along (i, j, k), mm.
        tolerance_mm: For the normalized surface Dice, mm.

    Returns:
        NSD and percentile; for empty masks as the two functions.

    Raises:
        GridMismatchError: If the shapes differ.
        InputError: If the spacing is not positive or the tolerance negative.
    """
    ours, theirs, spacing = _prepare(prediction, reference, spacing_mm, tolerance_mm)
    if not len(ours.ijk) or not len(theirs.ijk):
        return _say_empty(ours, theirs)
    there = _distances(ours.ijk, theirs.ijk, spacing)
    back = _distances(theirs.ijk, ours.ijk, spacing)
    within = _widen(tolerance_mm)
    nsd = _share(ours, theirs, (there <= within, back <= within))
    far = max(_percentile(there, ours.area_mm2), _percentile(back, theirs.area_mm2))
    return SurfaceScores(nsd, far)


def _prepare(
    prediction: Mask, reference: Mask, spacing_mm: Spacing, tolerance_mm: float
) -> tuple[Surfels, Surfels, Spacing]:
    """Check the arguments and find both surfaces."""
    if prediction.shape != reference.shape:
        msg = f"The prediction has shape {prediction.shape}, the reference {reference.shape}."
        raise GridMismatchError(msg)
    if not all(math.isfinite(mm) and mm > 0 for mm in spacing_mm):
        msg = f"A spacing is three positive lengths in mm; got {spacing_mm}."
        raise InputError(msg)
    if not (math.isfinite(tolerance_mm) and tolerance_mm >= 0):
        msg = f"The tolerance is {tolerance_mm} mm; give 0 or more."
        raise InputError(msg)
    if reference.flags.f_contiguous:  # as files have it; the answer does not depend on the order
        prediction, reference, spacing_mm = prediction.T, reference.T, spacing_mm[::-1]
    masks = (np.ascontiguousarray(mask, bool) for mask in (prediction, reference))
    ours, theirs = (find_surfels(mask, spacing_mm) for mask in masks)
    return ours, theirs, spacing_mm


def _widen(tolerance_mm: float) -> float:
    """The tolerance, wide enough for a distance that is beyond it by rounding alone."""
    return tolerance_mm * (1.0 + _ROUNDING)


def _say_empty(ours: Surfels, theirs: Surfels) -> SurfaceScores:
    if not len(ours.ijk) and not len(theirs.ijk):
        return SurfaceScores(math.nan, math.nan)
    return SurfaceScores(0.0, math.inf)


def _share(ours: Surfels, theirs: Surfels, near: tuple[Mask, Mask]) -> float:
    """Share of both surfaces' areas that is near the other."""
    agreed = ours.area_mm2[near[0]].sum() + theirs.area_mm2[near[1]].sum()
    return float(agreed / (ours.area_mm2.sum() + theirs.area_mm2.sum()))


def _percentile(distances: npt.NDArray[np.float64], areas: npt.NDArray[np.float64]) -> float:
    """The distance within which 95 % of the area lies."""
    order = np.argsort(distances)
    share = np.cumsum(areas[order]) / areas.sum()
    place = int(np.searchsorted(share, _PERCENT / 100.0))
    return float(distances[order[min(place, order.size - 1)]])


def _distances(
    positions: Positions, others: Positions, spacing: Spacing
) -> npt.NDArray[np.float64]:
    """Distance from each position to the nearest of others, (N,) mm."""
    _, nearest = cKDTree(others * np.array(spacing)).query(positions * np.array(spacing))
    # From whole steps again, so that 2 mm are 2 mm wherever in the scan they lie.
    return _length(positions - others[nearest], spacing)


def _length(steps: npt.NDArray[np.integer[Any]], spacing: Spacing) -> npt.NDArray[np.float64]:
    mm: npt.NDArray[np.float64] = np.sqrt(((steps * np.array(spacing)) ** 2).sum(axis=1))
    return mm


def _is_near(positions: Positions, others: Positions, spacing: Spacing, tolerance: float) -> Mask:
    """Tell for each position whether any of others lies within the tolerance, (N,)."""
    reach = [int(tolerance / mm) for mm in spacing]
    if math.prod(2 * n + 1 for n in reach) > _MOST_OFFSETS:
        return _distances(positions, others, spacing) <= tolerance
    ball = _list_ball(reach, spacing, tolerance)
    low = np.minimum(positions.min(axis=0), others.min(axis=0)) - reach
    high = np.maximum(positions.max(axis=0), others.max(axis=0)) + reach
    shape = (high - low + 1).astype(np.int64)
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    taken = np.zeros(int(shape.prod()), bool)
    taken[(others - low) @ strides] = True
    at = (positions - low) @ strides
    near: Mask = taken[at]
    left = np.flatnonzero(~near)
    for step in ball[1:] @ strides:
        found = taken[at[left] + step]
        near[left[found]] = True
        left = left[~found]
    return near


def _list_ball(reach: list[int], spacing: Spacing, tolerance: float) -> npt.NDArray[np.int64]:
    """List the steps (M, 3) that stay within the tolerance, the shortest first."""
    axes = [np.arange(-n, n + 1) for n in reach]
    steps = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    mm = _length(steps, spacing)
    order = np.argsort(mm, kind="stable")
    return steps[order[mm[order] <= tolerance]]
