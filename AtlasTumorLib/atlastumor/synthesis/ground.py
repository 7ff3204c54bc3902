"""Which voxels of a patch a tumor may take up.

Solid organs: the organ's own voxels, and beyond its surface only on request. Hollow organs: the
wall, the lumen that it surrounds and a margin outward. Never bone, gas outside the organ, voxels of
another organ, or voxels near another tumor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Mask, has_label
from ..organs import ORGANS, Organ
from .patch import Patch
from .request import TumorRequest
from .room import find_largest, has_room, refuse

__all__ = ["GAP_MM", "find_allowed", "find_outgrowth", "find_room", "is_roomy", "is_wall_density"]

GAP_MM = 3.0
"""A tumor keeps this far from every other, and at least one voxel, so that they stay apart."""

_INSIDE_HU = (-200.0, 400.0)  # of a solid organ: neither gas nor bone or calcium
_OUTSIDE_HU = (-200.0, 150.0)  # fat and soft tissue: neither gas, bone nor bright vessels
_SMOOTH_MM = 1.0
_WALL_HU = (-50.0, 250.0)
_EXOPHYTIC = 0.5  # outgrowth relative to the radius
_THROUGH_WALL = 0.25  # the same for a hollow organ, unless it is exophytic
_THIN_WALL_MM = 3.0  # outgrowth that every tumor of a hollow organ may have
_TOUCHING = np.ones((3, 3, 3), bool)


def is_wall_density(hu: npt.NDArray[Any]) -> Mask:
    """Tell soft tissue, of which walls are made, from gas, fat, contrast medium and bone.

    Args:
        hu: Densities, HU, any shape.

    Returns:
        Mask of that shape.
    """
    return (hu >= _WALL_HU[0]) & (hu <= _WALL_HU[1])


def find_outgrowth(organ: Organ, request: TumorRequest) -> float:
    """Tell how far a tumor may grow beyond its organ's surface.

    Args:
        organ: The row of its organ.
        request: What is asked for.

    Returns:
        The margin, mm: half the radius if it is exophytic, else 0 for a solid organ and a quarter
        of the radius for a hollow one, of which every tumor may grow out by 3 mm.
    """
    return _measure_outgrowth(organ, request.diameter_mm, exophytic=request.exophytic)


def _measure_outgrowth(organ: Organ, diameter_mm: float, *, exophytic: bool) -> float:
    """The margin in mm, for any size."""
    part = _EXOPHYTIC if exophytic else _THROUGH_WALL if organ.hollow else 0.0
    return max(part * diameter_mm / 2.0, _THIN_WALL_MM if organ.hollow else 0.0)


def find_allowed(patch: Patch, organ: Organ, request: TumorRequest) -> Mask:
    """Find the voxels that a tumor may take up.

    Args:
        patch: Where.
        organ: The row of its organ.
        request: What is asked for; its size decides how far beyond the organ it may grow.

    Returns:
        Mask, (I, J, K), without the patch's outermost voxels.
    """
    return _survey(patch, organ).within(find_outgrowth(organ, request))


def find_room(patch: Patch, organ: Organ, request: TumorRequest, *, where: str = "here") -> Mask:
    """Find the voxels that a tumor may take up, and make sure that it fits.

    However far it may grow out, the organ itself must have room for what may not lie outside.

    Args:
        patch: Where; the tumor's center is the patch's.
        organ: The row of its organ.
        request: What is asked for.
        where: What the message calls the place.

    Returns:
        The mask of `find_allowed`.

    Raises:
        PlacementError: If it does not fit; names the largest that would be made at this center.
    """
    ground = _survey(patch, organ)

    def fits(diameter_mm: float) -> bool:
        return ground.fits(organ, diameter_mm, request)

    if not fits(request.diameter_mm):
        raise refuse(request.diameter_mm, find_largest(fits, request.diameter_mm), where)
    return ground.within(find_outgrowth(organ, request))


def is_roomy(patch: Patch, organ: Organ, request: TumorRequest) -> bool:
    """Tell whether a tumor fits: the question of `find_room`, without its answer.

    Args:
        patch: Where; the tumor's center is the patch's.
        organ: The row of its organ.
        request: What is asked for.

    Returns:
        Whether the voxels allowed hold it, and the organ's own what may not lie outside.
    """
    return _survey(patch, organ).fits(organ, request.diameter_mm, request)


@dataclass(frozen=True, eq=False)
class _Ground:
    """Voxels that no other tumor is near, and the organ's own among them, (I, J, K)."""

    patch: Patch
    free: Mask
    inside: Mask

    @cached_property
    def outside(self) -> Mask:
        """Fat and soft tissue in no organ; judged a little smoothed, or noise would leave holes."""
        low, high = _OUTSIDE_HU
        sigma = [_SMOOTH_MM / mm for mm in self.patch.spacing_mm]
        hu = ndimage.gaussian_filter(self.patch.hu, sigma)
        outside: Mask = self.free & (self.patch.labels == 0) & (hu > low) & (hu < high)
        return outside

    @cached_property
    def away_mm(self) -> npt.NDArray[np.float64]:
        """Distance of each voxel from the organ, mm."""
        away: npt.NDArray[np.float64] = ndimage.distance_transform_edt(
            ~self.patch.organ, self.patch.spacing_mm
        )
        return away

    def within(self, margin_mm: float) -> Mask:
        """The organ, grown by a margin into what is around it."""
        if margin_mm <= 0:
            return self.inside
        return self.inside | (self.outside & (self.away_mm <= margin_mm))

    def fits(self, organ: Organ, diameter_mm: float, request: TumorRequest) -> bool:
        """Whether a tumor has room, and the organ itself has for what may not lie outside."""
        margin = _measure_outgrowth(organ, diameter_mm, exophytic=request.exophytic)
        own_mm = math.cbrt(1.0 - request.max_outside) * diameter_mm
        if margin > 0 and not has_room(self.patch, self.inside, own_mm):
            return False
        return has_room(self.patch, self.within(margin), diameter_mm)


def _survey(patch: Patch, organ: Organ) -> _Ground:
    """Sort the voxels of a patch."""
    free = ~_find_taken(patch)
    for axis in range(3):
        np.moveaxis(free, axis, 0)[[0, -1]] = False
    inside = free & patch.organ
    if not organ.hollow:
        inside &= (patch.hu > _INSIDE_HU[0]) & (patch.hu < _INSIDE_HU[1])
    return _Ground(patch, free, inside)


def _find_taken(patch: Patch) -> Mask:
    """Voxels (I, J, K) of tumors and those too near one."""
    tumors = has_label(patch.labels, [organ.tumor_label for organ in ORGANS])
    if not tumors.any():
        return tumors
    near = ndimage.distance_transform_edt(~tumors, patch.spacing_mm) < GAP_MM
    taken: Mask = near | ndimage.binary_dilation(tumors, _TOUCHING)
    return taken
