"""SynTumor's way to paint: a smooth, patchy texture, without any learned weights."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..organs import find_organ
from .base import AbstractMethod, OnStep, ignore_step
from .densities import FLUID_HU, choose_contrast, measure_density
from .patch import Patch
from .request import TumorRequest
from .shape_types import Shape
from .texture import draw_texture

__all__ = ["Handcrafted"]

Floats = npt.NDArray[np.float32]

# The texture alone is more even than tumors are: smoothed over 3 mm it differs by 0.16 to 0.33 of
# its mean, where a metastasis differed by 0.32 of its contrast.
_UNEVENNESS = 1.5
_FARTHEST = 0.85  # from its mean, relative to it


class Handcrafted(AbstractMethod):
    """The organ's density plus a contrast that a patchy texture modulates."""

    name: ClassVar[str] = "handcrafted"
    title: ClassVar[str] = "Handcrafted texture"

    def paint(
        self,
        patch: Patch,
        shape: Shape,
        request: TumorRequest,
        rng: np.random.Generator,
        *,
        on_step: OnStep = ignore_step,
    ) -> Floats:
        """Paint as `AbstractMethod.paint` says; the mean over the shape is the contrast asked for.

        A tumor that is denser than water on average is so everywhere.

        Args:
            patch: The scan around the tumor.
            shape: Which of its voxels the tumor fills.
            request: Says the organ and the contrast.
            rng: The only source of randomness.
            on_step: Called once, at the start.

        Returns:
            HU, (I, J, K), which count inside the shape.

        Source:
            Hu et al., Label-Free Liver Tumor Segmentation, CVPR 2023 (SynTumor). Differs: the
            contrast comes from the request or the organ's prior and is relative to the organ around
            the tumor, where the paper subtracts 65-145 HU times the texture.
        """
        on_step(0.0)
        organ = find_organ(request.organ)
        density = measure_density(patch, organ)
        contrast = choose_contrast(request, organ, density, rng)
        box = ndimage.find_objects(shape.mask.astype(np.uint8))[0]
        mask = shape.mask[box]
        texture = draw_texture(mask.shape, patch.spacing_mm, rng)
        relative = texture / max(float(texture[mask].mean()), 1e-6)
        floor = FLUID_HU if density + contrast > FLUID_HU else -np.inf
        farthest = (
            min(_FARTHEST, (density - floor) / -contrast - 1.0) if contrast < 0 else _FARTHEST
        )
        relative = 1.0 + np.clip(_UNEVENNESS * (relative - 1.0), -farthest, farthest)
        relative /= relative[mask].mean()
        painted = np.full(shape.mask.shape, density, np.float32)
        painted[box] = np.maximum(density + np.float32(contrast) * relative, floor)
        return painted
