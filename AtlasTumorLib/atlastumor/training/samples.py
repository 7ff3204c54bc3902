"""One training patch: a crop of an anatomy, rendered as if a scanner had seen it.

A patch is rendered on a grid twice as fine as the network's and averaged 2x2x2: that gives
partial volume for a fraction of what simulating the scanner costs (`scans`).
Domain randomization after Billot et al., SynthSeg, Medical Image Analysis 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ..phantom.noise import blurred_noise
from ..phantom.tissues import sample_hu
from .contents import vary_contents
from .lesions import balance_lesions
from .patches import (
    BRIGHT,
    CHANNEL_OF_TISSUE,
    FINE,
    PHASES,
    ZOOM,
    Sample,
    Tumors,
    choose_corner,
    find_majority,
    shorten,
)
from .recipe import Recipe
from .warp import draw_warp, find_places

__all__ = ["CroppedAnatomy", "draw_sample"]

_THICK_MM = (1.25, 2.0, 2.5, 3.0, 4.0, 5.0)
_PIXEL_MM = 1.5
Tissues = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class CroppedAnatomy:
    """What training keeps of an anatomy.

    Args:
        tissues: Tissue ids, (I, J, K) uint8, RAS, every `Recipe.anatomy_mm`.
        tumor_centers: Of its lesions, voxels, (N, 3).
        tumor_organs: Row of each lesion's organ in the organ table, (N,).
    """

    tissues: Tissues
    tumor_centers: npt.NDArray[np.float64]
    tumor_organs: npt.NDArray[np.int64]


def draw_sample(anatomy: CroppedAnatomy, recipe: Recipe, rng: np.random.Generator) -> Sample:
    """Draw a patch and render it.

    Args:
        anatomy: The anatomy to crop.
        recipe: Patch size, clip range, how often to center on a tumor.
        rng: Decides everything random.

    Returns:
        The patch.
    """
    size = np.array(recipe.patch) * FINE
    stride = recipe.spacing_mm / FINE / recipe.anatomy_mm  # anatomy voxels per rendered one
    source = np.round(size * stride / rng.uniform(*ZOOM, 3)).astype(np.int64)
    odds = np.ones(len(anatomy.tumor_organs), np.float32)
    tumors = Tumors(anatomy.tumor_centers, anatomy.tumor_organs, odds)
    corner = choose_corner(anatomy.tissues.shape, tumors, source, recipe, rng)
    places = find_places(corner, source, size, draw_warp(rng, recipe.warped))
    tissues = places.look_up(anatomy.tissues)
    seen = places.thinned(FINE).inside(anatomy.tissues.shape) & shorten(size // FINE, rng)
    low, high = recipe.clip_hu
    hu = _render(tissues, recipe.spacing_mm, rng)
    image = ((hu - low) / (high - low)).clamp_(0.0, 1.0) * torch.from_numpy(seen)
    channels = find_majority(CHANNEL_OF_TISSUE[tissues]) * seen
    balance = balance_lesions(channels, recipe.spacing_mm)
    return Sample(image[None], torch.from_numpy(channels), torch.from_numpy(balance))


@dataclass(frozen=True)
class _Slices:
    """How a patch was scanned: slices across an axis, `thick_mm` apart; grid of `spacing_mm`.

    Deviations (3,) in voxels of what scanning and resampling to the network's grid smooth: boxes
    of pixel and slice, the scanner's kernel, and the triangle that resampling averages over.
    """

    axis: int
    thick_mm: float
    kernel_mm: float
    spacing_mm: float

    @staticmethod
    def draw(rng: np.random.Generator, spacing_mm: float) -> _Slices:
        axis = int(rng.choice([0, 1, 2, 2, 2, 2, 2, 2]))
        return _Slices(axis, float(rng.choice(_THICK_MM)), rng.uniform(0.4, 0.9), spacing_mm)

    def anatomy_blur(self) -> npt.NDArray[np.float64]:
        """Give what blurs the anatomy; a voxel's own extent is averaged already."""
        own = self.spacing_mm**2 / 12
        within = _PIXEL_MM**2 / 12 + self.kernel_mm**2 + self.spacing_mm**2 / 6
        across = self.thick_mm**2 / 12 + max(self.thick_mm, self.spacing_mm) ** 2 / 6
        return self._by_axis(np.sqrt(within - own), np.sqrt(max(across - own, 0.0)))

    def blob_blur(self, blob_mm: float) -> npt.NDArray[np.float64]:
        """Give what correlates the texture, whose blobs have a deviation of `blob_mm`."""
        return self._by_axis(np.hypot(blob_mm, 0.4 * _PIXEL_MM), np.hypot(blob_mm, self._across()))

    def grain_blur(self, within: float) -> npt.NDArray[np.float64]:
        """Give what correlates the grain, `within` voxels in a slice."""
        return self._by_axis(within * self.spacing_mm, self._across())

    def _across(self) -> float:
        """Measured on phantoms: slices interpolated to a finer grid repeat their grain, mm."""
        return max(0.6 * self.thick_mm - 0.2, 0.2 * self.spacing_mm)

    def _by_axis(self, within_mm: float, across_mm: float) -> npt.NDArray[np.float64]:
        sigma = np.full(3, within_mm)
        sigma[self.axis] = across_mm
        return sigma / self.spacing_mm


def _render(tissues: Tissues, spacing_mm: float, rng: np.random.Generator) -> torch.Tensor:
    """Give every tissue a density, average to the network's grid, add texture and noise; HU."""
    randomize = float(rng.choice([0.0, 0.3, 0.6, 1.0], p=[0.4, 0.3, 0.2, 0.1]))
    phase = str(rng.choice(PHASES))
    drawn = sample_hu(rng, phase=phase, randomize=randomize, bright=BRIGHT)
    mean, texture = vary_contents(*drawn, rng)
    slices = _Slices.draw(rng, spacing_mm)
    fine = torch.from_numpy(mean.astype(np.float32)[tissues])
    sharp = torch.nn.functional.avg_pool3d(fine[None, None], FINE)[0, 0].numpy()
    hu = ndimage.gaussian_filter(sharp, slices.anatomy_blur(), mode="nearest", truncate=3.0)
    coarse = tissues[::FINE, ::FINE, ::FINE]
    if randomize == 0:  # what is left of texture and grain after resampling
        blob_mm, share, grain = rng.uniform(1.2, 2.5), rng.uniform(0.5, 0.85), rng.uniform(4, 11)
    else:
        blob_mm, share, grain = rng.uniform(1.2, 5.0), 1.0, rng.gamma(2.0, 5.0)
        hu = hu * float(rng.uniform(0.9, 1.1)) + float(rng.uniform(-15, 15))
    blobs = blurred_noise(rng, coarse.shape, slices.blob_blur(blob_mm))
    hu = hu + texture.astype(np.float32)[coarse] * np.float32(share) * blobs
    grains = blurred_noise(rng, coarse.shape, slices.grain_blur(rng.uniform(0.3, 0.65)))
    return torch.from_numpy(hu + np.float32(grain) * grains)
