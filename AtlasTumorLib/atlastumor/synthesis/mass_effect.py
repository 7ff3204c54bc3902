"""Mass effect: what surrounds a tumor makes room for it.

Tissue moves straight away from the tumor's middle, most at its surface and not at all from the
margin on. Neither bone moves nor another tumor: what was measured and shown of that one still
holds. No two points swap places: the shift falls by less than half a millimetre per millimetre away
from the tumor, so that the picture is stretched but never folded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Mask, has_label
from ..organs import ORGANS

__all__ = ["PUSH_MARGIN_MM", "Pushed", "push_aside"]

PUSH_MARGIN_MM = 12.0
"""Beyond this distance from the tumor nothing moves."""

Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

_LARGEST_PUSH_MM = 4.0  # a third of the margin: the fall is then at most 0.5
_SHARE_OF_DIAMETER = 0.15
_BONE_HU = 300.0
_LEAST_MM = 0.05


@dataclass(frozen=True, eq=False)
class Pushed:
    """A patch after the push.

    Args:
        hu: Densities, (I, J, K); where nothing moved the bits are those that came.
        labels: Label map, moved alike.
        moved: Which voxels were.
    """

    hu: Floats
    labels: npt.NDArray[np.uint8]
    moved: Mask


def push_aside(
    hu: Floats, labels: npt.NDArray[np.uint8], mask: Mask, spacing_mm: Spacing
) -> Pushed:
    """Push what surrounds a tumor away from it.

    The push at the surface is 0.15 times the diameter of the ball of equal volume, at most 4 mm.

    Args:
        hu: Densities, (I, J, K).
        labels: Organs and other tumors, (I, J, K).
        mask: The tumor, (I, J, K), not empty.
        spacing_mm: Voxel size.

    Returns:
        What it looks like then. Voxels of the tumor itself are filled, too, with what was at its
        border; they are to be painted over.
    """
    diameter = float(np.cbrt(6.0 / np.pi * np.count_nonzero(mask) * np.prod(spacing_mm)))
    push_mm = min(_LARGEST_PUSH_MM, _SHARE_OF_DIAMETER * diameter)
    away = ndimage.distance_transform_edt(~mask, spacing_mm)
    shift = push_mm * _fall(away / PUSH_MARGIN_MM) * _loosen(hu, labels, mask, spacing_mm)
    moved: Mask = shift >= _LEAST_MM
    points = np.argwhere(moved).astype(np.float64)
    outward = (points - np.argwhere(mask).mean(axis=0)) * spacing_mm
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    source = (points - outward * shift[moved][:, None] / spacing_mm).T
    new_hu, new_labels = hu.copy(), labels.copy()
    values = ndimage.map_coordinates(hu, source, order=3, mode="nearest")
    new_hu[moved] = np.clip(values, hu.min(), hu.max())  # a cubic overshoots at metal and air
    new_labels[moved] = ndimage.map_coordinates(labels, source, order=0, mode="nearest")
    return Pushed(new_hu, new_labels, moved)


def _fall(share: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """From 1 at 0 smoothly down to 0 at 1."""
    t = np.clip(share, 0.0, 1.0)
    fall: npt.NDArray[np.floating] = (1.0 - t) ** 2 * (1.0 + 2.0 * t)
    return fall


def _loosen(
    hu: Floats, labels: npt.NDArray[np.uint8], mask: Mask, spacing_mm: Spacing
) -> npt.NDArray[np.floating] | float:
    """How free each voxel is to move, (I, J, K): 0 in bone and tumors, 1 from the margin on."""
    fixed = ndimage.binary_opening((hu > _BONE_HU) & ~mask)  # a bright voxel alone is noise
    fixed |= has_label(labels, [organ.tumor_label for organ in ORGANS])
    if not fixed.any():
        return 1.0
    return 1.0 - _fall(ndimage.distance_transform_edt(~fixed, spacing_mm) / PUSH_MARGIN_MM)
