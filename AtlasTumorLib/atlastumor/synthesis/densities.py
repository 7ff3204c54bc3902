"""How dense an organ is around a tumor, and how much the tumor differs from it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..components import Mask
from ..errors import PlacementError
from ..organ_types import Organ
from .patch import Patch
from .request import TumorRequest

__all__ = [
    "FLUID_HU",
    "choose_contrast",
    "find_contrast_range",
    "measure_density",
    "select_soft_tissue",
    "select_tissue",
]

FLUID_HU = 8.0
"""Density of necrosis and cysts: a little above water."""

_LEAST_SHARE = 0.75  # of the darkest contrast, in a range that was narrowed
_LEAST_CONTRAST_HU = 10.0  # of a range that was narrowed: what cannot be seen is no tumor
_SOLID_HU = (-50.0, 300.0)
_WALL_HU = (0.0, 150.0)  # neither gas nor fat nor oral contrast agent
_SMOOTH_MM = 1.5
_ENOUGH = 100  # voxels for a median and a spectrum


def select_tissue(patch: Patch, organ: Organ) -> Mask:
    """Find the organ's own healthy tissue: no tumor, gas, fat, calcification or metal.

    Voxels at the organ's surface, which are partly something else, are left out where enough others
    remain.

    Args:
        patch: The scan around a tumor.
        organ: The tumor's organ.

    Returns:
        Mask (I, J, K), not empty.

    Raises:
        PlacementError: If there is no such voxel.
    """
    low, high = _WALL_HU if organ.hollow else _SOLID_HU
    tissue = patch.organ & (patch.labels != organ.tumor_label)
    tissue &= (patch.hu > low) & (patch.hu < high)
    if not tissue.any():
        msg = (
            f"The {organ.name.lower()} has no voxel of soft tissue ({low:.0f} to {high:.0f} HU) "
            "around this place, so that a tumor's density cannot be chosen. Choose another place."
        )
        raise PlacementError(msg)
    return _without_surface(tissue)


def select_soft_tissue(patch: Patch) -> Mask:
    """Find soft tissue of any organ, for what is the same in all: the scan's noise.

    Densities are judged a little smoothed: of a noisy scan, those between two limits would be only
    the voxels with little noise.

    Args:
        patch: The scan around a tumor.

    Returns:
        Mask (I, J, K); may be empty.
    """
    low, high = _WALL_HU
    smooth = ndimage.gaussian_filter(patch.hu, [_SMOOTH_MM / mm for mm in patch.spacing_mm])
    return _without_surface((smooth > low) & (smooth < high))


def measure_density(patch: Patch, organ: Organ) -> float:
    """Measure the median HU of an organ's own tissue in a patch.

    Args:
        patch: The scan around a tumor.
        organ: The tumor's organ.

    Returns:
        HU.

    Raises:
        PlacementError: If it has no tissue there.
    """
    return float(np.median(patch.hu[select_tissue(patch, organ)]))


def choose_contrast(
    request: TumorRequest, organ: Organ, density_hu: float, rng: np.random.Generator
) -> float:
    """Choose how much denser a tumor is than its organ.

    Args:
        request: Its `contrast_hu` counts where it is given, whatever the density.
        organ: Else drawn evenly from the range of its tumors.
        density_hu: The organ's, around the tumor.
        rng: Source of randomness; a number is drawn in either case, so that what follows is equal.

    Returns:
        HU, negative where the tumor is darker.
    """
    drawn = float(rng.uniform(*find_contrast_range(organ, density_hu)))
    return drawn if request.contrast_hu is None else float(request.contrast_hu)


def find_contrast_range(organ: Organ, density_hu: float) -> tuple[float, float]:
    """Tell how much denser tumors of an organ may be than the organ.

    Priors speak of organs full of contrast medium. In others a dark tumor would come out as dense
    as fat; there the prior's range is narrowed: its lower end is a little denser than water, its
    upper end three quarters as dark.

    Args:
        organ: Its row, with the prior.
        density_hu: The organ's, around the tumor.

    Returns:
        Lowest and highest contrast, HU, negative where tumors are darker.
    """
    low, high = organ.tumor.contrast_hu
    room = min(FLUID_HU - density_hu, -_LEAST_CONTRAST_HU)
    if low < room:
        high = min(high * room / low, _LEAST_SHARE * room) if high < 0 else high
        low = room
    return low, high


def _without_surface(tissue: Mask) -> Mask:
    """Drop voxels with a face in other tissue, (I, J, K), unless too few would be left."""
    inner: Mask = ndimage.binary_erosion(tissue, border_value=1)
    return inner if np.count_nonzero(inner) >= _ENOUGH else tissue
