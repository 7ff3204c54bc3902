"""Pancreases thinner and more lobed than the phantoms' own.

In a phantom a pancreas is plump. In the old and the thin it has shrunk to a band of a few
millimeters, cut by fat; a network that knew plump ones alone outlined the duodenum in its stead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..phantom.noise import tissue_texture
from ..phantom.tissues import ORGAN_TISSUES, TUMOR_TISSUES, Tissue

__all__ = ["wither_pancreas"]

_SHARE = 0.6  # of the pancreases
_LEFT = (0.25, 0.9)  # of half their thickness
_LOBES_MM, _UNEVEN = (2.0, 4.0), 0.6  # size of lobes; how much the depth lost differs between them
_NEAR_TUMOR_MM = 6.0
_KEY = next(key for key, tissues in ORGAN_TISSUES.items() if Tissue.PANCREAS in tissues)
Tissues = npt.NDArray[np.uint8]


def wither_pancreas(tissues: Tissues, spacing_mm: float, rng: np.random.Generator) -> Tissues:
    """Give the outer part of a pancreas to the fat around it, more here and less there.

    Args:
        tissues: Tissue ids, (I, J, K).
        spacing_mm: Between them, isotropic.
        rng: Decides whether and how far.

    Returns:
        The tissues, anew where anything changed. The duct stays, and so do tumors and what of the
        pancreas lies within 6 mm of them.
    """
    if rng.random() >= _SHARE:
        return tissues
    boxes = ndimage.find_objects((tissues == Tissue.PANCREAS).view(np.uint8))
    if not boxes:
        return tissues
    box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in boxes[0])
    part = tissues[box]
    tumor = np.isin(part, TUMOR_TISSUES[_KEY].all)
    organ = tumor | np.isin(part, ORGAN_TISSUES[_KEY])
    depth = ndimage.distance_transform_edt(organ, spacing_mm)
    lost = (1 - rng.uniform(*_LEFT)) * np.quantile(depth[organ], 0.95)
    lobes = tissue_texture(rng, part.shape, (spacing_mm,) * 3, rng.uniform(*_LOBES_MM))
    gone = (part == Tissue.PANCREAS) & (depth < lost * (1 + _UNEVEN * lobes))
    if tumor.any():
        gone &= ndimage.distance_transform_edt(~tumor, spacing_mm) > _NEAR_TUMOR_MM
    withered = tissues.copy()
    withered[box][gone] = Tissue.VISCERAL_FAT
    return withered
