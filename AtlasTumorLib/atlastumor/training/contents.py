"""What fills hollow organs, made less plain than in the phantoms.

In a phantom, bowel holds fluid between thin walls, and stool is patchy: whatever is as dense as a
wall and as large as a tumor is one. In patients, loops of small bowel lie empty against each other,
colons are full of stool, even or mottled with gas, a renal pelvis is wide, and fat is hazy. A
network that learned the phantoms alone outlines all of these as tumors. So a share of the training
patches has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtri

from ..phantom.noise import tissue_texture
from ..phantom.tissues import Tissue

__all__ = ["foam_stool", "vary_contents"]

_SHARE = 0.6  # of the patches, in which each of the below has its own chance
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Filling:
    """What a tissue may be replaced by; the last that is drawn for it holds.

    Args:
        tissue: Which one.
        chance: Of the patches that vary.
        hu: (low, high) of its mean density, HU; above that of `wall` where there is one.
        texture: (low, high) of its texture's standard deviation, HU.
        wall: The tissue around it, against which it then hardly shows.
    """

    tissue: Tissue
    chance: float
    hu: tuple[float, float]
    texture: tuple[float, float]
    wall: Tissue | None = None


_FILLINGS = (
    _Filling(Tissue.BOWEL_CONTENTS, 0.35, (-10, 10), (4, 8), Tissue.BOWEL_WALL),
    _Filling(Tissue.COLON_STOOL, 0.35, (20, 75), (4, 20)),
    _Filling(Tissue.COLON_STOOL, 0.25, (-200, 0), (20, 70)),
    _Filling(Tissue.COLON_GAS, 0.2, (10, 60), (4, 15)),
    _Filling(Tissue.COLON_FLUID, 0.3, (-20, 10), (5, 10), Tissue.COLON_WALL),
    _Filling(Tissue.RENAL_PELVIS, 0.3, (-30, 30), (5, 12)),
    _Filling(Tissue.VISCERAL_FAT, 0.2, (-105, -55), (8, 12)),
    _Filling(Tissue.STOMACH_CONTENTS, 0.3, (10, 70), (4, 20)),
    _Filling(Tissue.GALLBLADDER, 0.3, (-5, 35), (2, 5)),
)
_MEDULLAS = (Tissue.KIDNEY_LEFT_MEDULLA, Tissue.KIDNEY_RIGHT_MEDULLA)
_FOAMY, _FOAM_MM, _GAS_SHARE = 0.6, (1.2, 3.0), (0.08, 0.45)
_BARE_KIDNEY_HU, _DARK_MEDULLA = 30.0, 0.25


def vary_contents(mean: Floats, texture: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Replace what fills hollow organs, and how much less the kidneys' medulla enhances.

    Args:
        mean: Mean density by tissue id, HU, (256,).
        texture: Standard deviation of the texture by tissue id, HU, (256,).
        rng: Decides whether and what.

    Returns:
        Both anew; tumors and the organs they lie in stay as they are.
    """
    mean, texture = mean.copy(), texture.copy()
    if rng.random() >= _SHARE:
        return mean, texture
    for one in _FILLINGS:
        hu, grain = rng.uniform(*one.hu), rng.uniform(*one.texture)
        if rng.random() < one.chance:
            mean[one.tissue] = hu + (mean[one.wall] if one.wall is not None else 0.0)
            texture[one.tissue] = grain
    if rng.random() < _DARK_MEDULLA:
        cortex = mean[Tissue.KIDNEY_LEFT_CORTEX] - _BARE_KIDNEY_HU
        mean[list(_MEDULLAS)] = _BARE_KIDNEY_HU + rng.uniform(0.2, 1.0) * cortex
    return mean, texture


def foam_stool(
    tissues: npt.NDArray[np.uint8], spacing_mm: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Put bubbles of gas into the stool of a share of the anatomies.

    Args:
        tissues: Tissue ids, (I, J, K).
        spacing_mm: Between them, isotropic.
        rng: Decides whether, how many and how large.

    Returns:
        The tissues, anew where anything changed.
    """
    if rng.random() >= _FOAMY:
        return tissues
    boxes = ndimage.find_objects((tissues == Tissue.COLON_STOOL).view(np.uint8))
    if not boxes:
        return tissues
    part = tissues[boxes[0]]
    bubbles = tissue_texture(rng, part.shape, (spacing_mm,) * 3, rng.uniform(*_FOAM_MM))
    gas = bubbles > ndtri(1 - rng.uniform(*_GAS_SHARE))
    foamy = tissues.copy()
    foamy[boxes[0]][gas & (part == Tissue.COLON_STOOL)] = Tissue.COLON_GAS
    return foamy
