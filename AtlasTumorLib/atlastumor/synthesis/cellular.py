"""Pixel2Cancer's mapping: how crowded with tumor cells a voxel is decides how dense it is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Box, Mask
from ..organs import find_organ
from .base import AbstractMethod, OnStep, ignore_step
from .densities import FLUID_HU, choose_contrast, measure_density
from .patch import Patch
from .request import TumorRequest
from .shape_types import Shape
from .texture import draw_texture

__all__ = ["Cellular"]

Floats = npt.NDArray[np.float32]

_NECROSIS_HU = (90.0, 110.0)  # removed where every cell is dead
_BLUR_MM = 1.0  # of the cell counts, whose steps would show
_CROWDED_MM = 3.0  # depth from which a shape without cells is full of them


class Cellular(AbstractMethod):
    """Living tumor by the share of cells, necrosis darker."""

    name: ClassVar[str] = "cellular"
    title: ClassVar[str] = "Cellular growth"

    def paint(
        self,
        patch: Patch,
        shape: Shape,
        request: TumorRequest,
        rng: np.random.Generator,
        *,
        on_step: OnStep = ignore_step,
    ) -> Floats:
        """Paint as `AbstractMethod.paint` says.

        The contrast is that of living tissue, on average; necrosis is about as dense as water, and
        never brighter than living tissue. A shape without cells has them by depth: all from 3 mm.

        Args:
            patch: The scan around the tumor.
            shape: Which of its voxels the tumor fills, and its cells.
            request: Says the organ and the contrast.
            rng: The only source of randomness.
            on_step: Called once, at the start.

        Returns:
            HU, (I, J, K), which count inside the shape.

        Source:
            Lai et al., From Pixel to Cancer, MICCAI 2024. Differs: contrast from the request or the
            organ's prior, relative to the organ around the tumor; texture of our own form.
        """
        on_step(0.0)
        organ = find_organ(request.organ)
        density = measure_density(patch, organ)
        contrast = choose_contrast(request, organ, density, rng)
        removed = float(rng.uniform(*_NECROSIS_HU))
        box = ndimage.find_objects(shape.mask.astype(np.uint8))[0]
        mask = shape.mask[box]
        living, dead = _count_cells(mask, shape.cells, box, patch.spacing_mm)
        weight = living * draw_texture(mask.shape, patch.spacing_mm, rng)
        counted = mask & (dead < 0.05)
        scale = float(weight[counted if counted.any() else mask].mean())
        alive = density + contrast * weight / max(scale, 1e-6)
        floor = np.minimum(alive, FLUID_HU)
        necrotic = np.maximum(np.minimum(density, alive) - removed, floor)
        painted = np.full(shape.mask.shape, density, np.float32)
        painted[box] = alive + dead * (necrotic - alive)
        return painted


def _count_cells(
    mask: Mask, cells: Floats | None, box: Box, spacing_mm: tuple[float, float, float]
) -> tuple[Floats, Floats]:
    """Shares of living and of dead cells, each (box) in [0, 1], smoothed within the mask."""
    if cells is None:
        depth = ndimage.distance_transform_edt(np.pad(mask, 1), spacing_mm)[1:-1, 1:-1, 1:-1]
        full = np.clip(depth / _CROWDED_MM, 0.5, 1.0).astype(np.float32)
        return full, np.zeros_like(full)
    sigma = [_BLUR_MM / mm for mm in spacing_mm]
    weight = np.maximum(ndimage.gaussian_filter(mask.astype(np.float32), sigma), 1e-6)
    part = cells[box]
    # Tissue that died was full of cells, so that its darkness is necrosis alone.
    living, dead = np.where(part < 0, 1.0, part), np.clip(-part, 0.0, 1.0)
    smooth = [
        np.clip(ndimage.gaussian_filter(np.where(mask, x, 0.0), sigma) / weight, 0.0, 1.0)
        for x in (living, dead)
    ]
    return smooth[0].astype(np.float32), smooth[1].astype(np.float32)
