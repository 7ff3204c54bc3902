"""SynTumor's texture: smooth, patchy, without any learned weights.

Everything is measured in millimetres on a coarse grid of its own, so that a tumor looks the same
whatever the scan's spacing.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..organs import find_organ
from .base import AbstractMethod
from .densities import FLUID_HU, choose_contrast, measure_density
from .patch import Patch
from .request import TumorRequest
from .shape_types import Shape

__all__ = ["Handcrafted", "draw_texture"]

Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

_STEP_MM = 2.0  # the finest Gaussian below has a standard deviation of 3 mm
_FIELD_MM = (3.0, 6.0, 9.0, 12.0, 15.0)
_BLUR_MM = (4.0, 7.0)
_BASE = (0.04, 0.06)
_SCALE = (0.19, 0.21)
_COUNTED = 0.12
_MEAN = (0.5, 0.55)
_EXTREMES = (0.3, 1.7)  # of the contrast, relative to its mean


class Handcrafted(AbstractMethod):
    """The organ's density plus a contrast that a patchy texture modulates."""

    name: ClassVar[str] = "handcrafted"
    title: ClassVar[str] = "Handcrafted texture"

    def paint(
        self, patch: Patch, shape: Shape, request: TumorRequest, rng: np.random.Generator
    ) -> Floats:
        """Paint as `AbstractMethod.paint` says; the mean over the shape is the contrast asked for.

        A tumor that is denser than water on average is so everywhere.

        Args:
            patch: The scan around the tumor.
            shape: Which of its voxels the tumor fills.
            request: Says the organ and the contrast.
            rng: The only source of randomness.

        Returns:
            HU, (I, J, K), which count inside the shape.

        Source:
            Hu et al., Label-Free Liver Tumor Segmentation, CVPR 2023 (SynTumor). Differs: the
            contrast comes from the request or the organ's prior and is relative to the organ around
            the tumor, where the paper subtracts 65-145 HU times the texture.
        """
        organ = find_organ(request.organ)
        density = measure_density(patch, organ)
        contrast = choose_contrast(request, organ, density, rng)
        box = ndimage.find_objects(shape.mask.astype(np.uint8))[0]
        mask = shape.mask[box]
        texture = draw_texture(mask.shape, patch.spacing_mm, rng)
        relative = np.clip(texture / max(float(texture[mask].mean()), 1e-6), *_EXTREMES)
        relative /= relative[mask].mean()
        painted = np.full(shape.mask.shape, density, np.float32)
        floor = FLUID_HU if density + contrast > FLUID_HU else -np.inf
        painted[box] = np.maximum(density + np.float32(contrast) * relative, floor)
        return painted


def draw_texture(shape: tuple[int, ...], spacing_mm: Spacing, rng: np.random.Generator) -> Floats:
    """Draw SynTumor's texture.

    A smooth random field is the probability with which each cubic millimetre is a grain of salt;
    the salt is blurred and scaled.

    Args:
        shape: (I, J, K).
        spacing_mm: Voxel size.
        rng: Source of randomness.

    Returns:
        Texture in [0, 1], mean near 0.5, (I, J, K).

    Source:
        Hu et al., CVPR 2023, section 3.2, with the constants of its released settings. Differs:
        millimetres instead of voxels, salt counted by a Poisson law as a coarse voxel holds
        several grains, minimum and maximum taken over this volume.
    """
    coarse = tuple(
        int(np.ceil((n - 1) * mm / _STEP_MM)) + 2 for n, mm in zip(shape, spacing_mm, strict=True)
    )
    field_mm, blur_mm = float(rng.choice(_FIELD_MM)), float(rng.choice(_BLUR_MM))
    field = ndimage.gaussian_filter(rng.random(coarse), field_mm / _STEP_MM, mode="reflect")
    field = (field - field.min()) / max(float(np.ptp(field)), 1e-12)
    field = rng.uniform(*_BASE) + rng.uniform(*_SCALE) * field
    salt = rng.poisson(field * _STEP_MM**3) / _STEP_MM**3
    salt = ndimage.gaussian_filter(salt, blur_mm / _STEP_MM, mode="reflect")
    counted = salt[salt > _COUNTED]
    salt *= rng.uniform(*_MEAN) / float(counted.mean() if counted.size else salt.mean())
    return _refine(np.clip(salt, 0.0, 1.0), shape, spacing_mm)


def _refine(coarse: npt.NDArray[np.float64], shape: tuple[int, ...], spacing_mm: Spacing) -> Floats:
    """Interpolate the coarse grid to (I, J, K), cubic."""
    scale = [mm / _STEP_MM for mm in spacing_mm]
    fine = ndimage.affine_transform(coarse, scale, output_shape=shape, order=3, mode="nearest")
    result: Floats = np.clip(fine, 0.0, 1.0).astype(np.float32)
    return result
