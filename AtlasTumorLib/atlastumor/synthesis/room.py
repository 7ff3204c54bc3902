"""How large a tumor may be where it is to grow, and taking exactly as many voxels as it needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Mask
from ..errors import PlacementError
from .patch import Patch
from .request import DIAMETER_MM

__all__ = [
    "STRETCH",
    "check_room",
    "count_voxels",
    "cut_to_share",
    "cut_to_size",
    "find_largest",
    "has_room",
    "largest_diameter",
    "refuse",
]

Voxel = tuple[int, int, int]

STRETCH = 1.5
"""A tumor fits if a ball of this many times its radius holds its volume of allowed voxels.

The bound keeps a tumor that its organ cuts to shape a mass: without it, a large one would fit into
a bowel by filling meters of it.
"""

_HALVINGS = 7  # of the delay outside the organ
_TOUCHING = np.ones((3, 3, 3), bool)


def count_voxels(patch: Patch, diameter_mm: float) -> int:
    """Count the voxels whose volume comes nearest that of a ball.

    Args:
        patch: Where.
        diameter_mm: Diameter of the ball, mm.

    Returns:
        Their number, at least 1.
    """
    return max(round(math.pi / 6.0 * diameter_mm**3 / patch.voxel_mm3), 1)


def has_room(patch: Patch, allowed: Mask, diameter_mm: float) -> bool:
    """Tell whether a tumor of some size fits around the patch's center.

    Args:
        patch: Where.
        allowed: Voxels that it may take up, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.

    Returns:
        Whether the allowed voxels that hang together with the center, within `STRETCH` times the
        radius, have that volume.
    """
    wanted = count_voxels(patch, diameter_mm)
    reach = max(STRETCH * diameter_mm / 2.0, max(patch.spacing_mm))
    box = tuple(
        slice(max(at - math.ceil(reach / mm), 0), at + math.ceil(reach / mm) + 1)
        for at, mm in zip(patch.center, patch.spacing_mm, strict=True)
    )
    i, j, k = (
        offset[
            tuple(side if n > 1 else slice(None) for side, n in zip(box, offset.shape, strict=True))
        ]
        for offset in patch.offsets_mm()
    )
    ball = allowed[box] & (i * i + j * j + k * k <= reach * reach)
    if np.count_nonzero(ball) < wanted:
        return False
    inside = tuple(at - side.start for at, side in zip(patch.center, box, strict=True))
    return int(np.count_nonzero(_part_at(ball, inside))) >= wanted


def find_largest(fits: Callable[[float], bool], below_mm: float) -> float:
    """Find the largest tumor that fits, in whole mm.

    Args:
        fits: Tells whether a diameter in mm does.
        below_mm: No larger one is tried.

    Returns:
        Its diameter, mm; 0 if not even the smallest that may be asked for fits.
    """
    sizes = range(math.floor(below_mm), math.ceil(DIAMETER_MM[0]) - 1, -1)
    return float(next((size for size in sizes if fits(float(size))), 0))


def largest_diameter(patch: Patch, allowed: Mask, center: Voxel) -> float:
    """Find the largest tumor that fits around a voxel, in whole mm.

    Args:
        patch: Where.
        allowed: Voxels that it may take up, (I, J, K).
        center: Its center, voxel of the patch.

    Returns:
        Diameter of the ball of equal volume, mm, up to 150; 0 if none fits.
    """
    there = replace(patch, center=center)
    volume = float(np.count_nonzero(allowed)) * patch.voxel_mm3
    bound = min(math.cbrt(6.0 / math.pi * volume) + 1.0, DIAMETER_MM[1])
    return find_largest(lambda size: has_room(there, allowed, size), bound)


def refuse(diameter_mm: float, largest_mm: float, where: str = "here") -> PlacementError:
    """Say that a tumor does not fit, and which would.

    Args:
        diameter_mm: Diameter asked for, mm.
        largest_mm: The largest that fits, mm; 0 for none.
        where: "here" or a place.

    Returns:
        The error, to be raised.
    """
    asked = f"A tumor of {diameter_mm:g} mm does not fit {where}"
    if largest_mm <= 0:
        return PlacementError(
            f"{asked}, nor does any of {DIAMETER_MM[0]:g} mm or more. Choose another place."
        )
    return PlacementError(f"{asked}; the largest that does is {largest_mm:g} mm.")


def check_room(patch: Patch, allowed: Mask, diameter_mm: float) -> None:
    """Make sure that a tumor of some size fits around the patch's center.

    Args:
        patch: Where.
        allowed: Voxels that it may take up, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.

    Raises:
        PlacementError: If there is no room for it; names the largest that fits.
    """
    if not has_room(patch, allowed, diameter_mm):
        raise refuse(diameter_mm, largest_diameter(patch, allowed, patch.center))


def cut_to_size(
    level: npt.NDArray[np.floating], allowed: Mask, center: Voxel, n_voxels: int
) -> Mask:
    """Take the voxels of lowest level that hang together with the center, as many as asked for.

    Raising a threshold on the level floods the allowed voxels from the center. Where a whole region
    would join at once, only its nearest voxels are taken.

    Args:
        level: When each voxel is reached, (I, J, K), finite.
        allowed: Voxels that may be taken, (I, J, K).
        center: Voxel that is taken first.
        n_voxels: How many to take, at least 1.

    Returns:
        Mask (I, J, K) of exactly that many voxels, 26-connected.

    Raises:
        PlacementError: If the center is not allowed or fewer voxels hang together with it.
    """
    if not allowed[center]:
        msg = "No tumor may grow at this point. Choose another place."
        raise PlacementError(msg)
    levels = level[allowed]

    def flood(n: int) -> Mask:
        within = allowed & (level <= np.partition(levels, n - 1)[n - 1])
        within[center] = True
        return _part_at(within, center)

    short = enough = min(n_voxels, len(levels))
    low, high = np.zeros_like(allowed), flood(enough)
    if np.count_nonzero(high) == n_voxels:
        return high
    low[center] = True
    while np.count_nonzero(high) < n_voxels:
        if enough >= len(levels):
            msg = f"Only {np.count_nonzero(high)} of {n_voxels} voxels hang together here."
            raise PlacementError(msg)
        low, short = high, enough
        enough = min(enough + max(enough // 4, 1), len(levels))
        high = flood(enough)
    while enough - short > 1 + n_voxels // 50:
        middle = (short + enough) // 2
        part = flood(middle)
        if np.count_nonzero(part) < n_voxels:
            low, short = part, middle
        else:
            high, enough = part, middle
    return _fill(low, high, level, n_voxels)


def cut_to_share(
    level: npt.NDArray[np.floating],
    patch: Patch,
    allowed: Mask,
    diameter_mm: float,
    most_outside: float,
) -> Mask:
    """Take the voxels of a tumor, of which at most a share lies outside the organ.

    Where too many would, voxels outside are reached later, by as little as will do.

    Args:
        level: When each voxel is reached, (I, J, K), finite.
        patch: Where; its center is taken first.
        allowed: Voxels that may be taken, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.
        most_outside: The share.

    Returns:
        The mask of `cut_to_size`.

    Raises:
        PlacementError: As `cut_to_size`, or if too little of the organ hangs together with the
            center.
    """
    n_voxels = count_voxels(patch, diameter_mm)
    most = n_voxels - count_voxels(patch, diameter_mm * math.cbrt(1.0 - most_outside))
    outside = allowed & ~patch.organ

    def cut(delay: float) -> tuple[Mask, bool]:
        mask = cut_to_size(level + delay * outside, allowed, patch.center, n_voxels)
        return mask, int(np.count_nonzero(mask & outside)) <= most

    mask, is_good = cut(0.0)
    if is_good or most_outside >= 1.0:
        return mask
    early, late = 0.0, float(np.ptp(level[allowed])) + 1.0
    mask, is_good = cut(late)
    if not is_good:
        msg = f"More than {most_outside:.0%} of this tumor would lie outside its organ."
        raise PlacementError(f"{msg} Ask for a smaller one or choose another place.")
    for _ in range(_HALVINGS):
        delay = (early + late) / 2.0
        other, is_good = cut(delay)
        if is_good:
            mask, late = other, delay
        else:
            early = delay
    return mask


def _part_at(mask: Mask, voxel: tuple[int, ...]) -> Mask:
    """The 26-connected part (I, J, K) of a mask through a voxel; nothing if it is not in it."""
    parts, _ = ndimage.label(mask, _TOUCHING)
    part: Mask = parts == parts[voxel] if mask[voxel] else np.zeros_like(mask)
    return part


def _fill(core: Mask, within: Mask, level: npt.NDArray[np.floating], n_voxels: int) -> Mask:
    """Grow a part (I, J, K) within another layer by layer until it has so many voxels."""
    grown = core.copy()
    while (missing := n_voxels - int(np.count_nonzero(grown))) > 0:
        layer = np.flatnonzero(ndimage.binary_dilation(grown, _TOUCHING) & within & ~grown)
        lowest = layer[np.argsort(level.ravel()[layer], kind="stable")[:missing]]
        grown.ravel()[lowest] = True
    return grown
