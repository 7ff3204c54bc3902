"""A smooth, patchy random texture, the same in millimetres on every grid.

It is drawn on a coarse grid of its own, so that it costs little whatever the scan's spacing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["draw_texture"]

Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

_STEP_MM = 2.0  # the finest Gaussian below has a standard deviation of 3 mm
_FIELD_MM = (3.0, 6.0, 9.0, 12.0, 15.0)
_BLUR_MM = (4.0, 7.0)
_BASE = (0.04, 0.06)
_SCALE = (0.19, 0.21)
_COUNTED = 0.12
_MEAN = (0.5, 0.55)


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
