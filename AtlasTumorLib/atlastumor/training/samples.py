"""One training patch: a crop of an anatomy, rendered as if a scanner had seen it.

A patch is rendered on a grid twice as fine as the network's and averaged 2x2x2: that gives
partial volume for a fraction of what simulating the scanner costs; the simulation proper
(`phantom.make_phantom`) is kept for evaluation, so that the two do not share their shortcuts.
Domain randomization after Billot et al., SynthSeg, Medical Image Analysis 2023.
Lesions are weighted by their size after Kofler et al., blob loss, IPMI 2023: else a few large ones
decide the loss, and small ones are never learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ..organs import ORGANS
from ..phantom.tissues import TISSUE_LABEL, sample_hu
from ..phantom.tumors import NEIGHBORS
from .channels import channel_of_label, list_outputs
from .recipe import FIRST_TUMOR, Recipe

__all__ = ["CroppedAnatomy", "Sample", "draw_sample"]

FINE = 2  # rendered voxels per network voxel, along each axis
_ZOOM = (0.87, 1.15)  # along each axis by itself: no two bodies are in proportion
_FULL_ML = 11.0  # a lesion of this size or larger has weight 1
_HEAVIEST = 3.0  # 12 taught the network to be sure of lesions that are not there
_THICK_MM = (1.25, 2.0, 2.5, 3.0, 4.0, 5.0)
_PIXEL_MM = 1.5
_PHASES = ("none", "arterial", "arterial", "portal", "portal", "delayed")
"""Arterial scans teach more than their share: half their tumors were missed at one in five."""
_BRIGHT = 0.25
"""Large tumors denser than their organ were missed where one in thirty of those learned was."""
_SORTING = (
    *((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6)),
    *((0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (3, 4)),
)
"""Batcher's network for eight values as far as it settles the fourth: far faster than a median."""
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


class Sample(NamedTuple):
    """One training patch.

    Args:
        image: (1, I, J, K) float32 in [0, 1]. Outside the anatomy it is 0, as the engine pads.
        channels: Reference channel of each voxel, (I, J, K) uint8; background outside the anatomy.
        balance: Weight of each voxel, (I, J, K) float32: above 1 in small lesions, else 1.
    """

    image: torch.Tensor
    channels: torch.Tensor
    balance: torch.Tensor


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
    zoom = rng.uniform(*_ZOOM, 3)
    stride = recipe.spacing_mm / FINE / recipe.anatomy_mm  # anatomy voxels per rendered one
    source = np.round(size * stride / zoom).astype(np.int64)
    corner = _corner(anatomy, source, recipe, rng)
    nearest = [np.arange(n) * m // n for n, m in zip(size, source, strict=True)]
    inside = _look_inside(anatomy.tissues.shape, corner, nearest)
    _shorten(inside, rng)
    tissues = _crop(anatomy.tissues, corner, source)[np.ix_(*nearest)]
    hu = _render(tissues, recipe.spacing_mm, rng)
    low, high = recipe.clip_hu
    image = ((hu - low) / (high - low)).clamp_(0.0, 1.0)
    i, j, k = (torch.from_numpy(one[::FINE].copy()) for one in inside)
    keep = i[:, None, None] & j[:, None] & k
    labels = channel_of_label(list_outputs(ORGANS))[TISSUE_LABEL][tissues]
    channels = torch.from_numpy(_majority(labels)) * keep
    balance = torch.from_numpy(_balance(channels.numpy(), recipe.spacing_mm))
    return Sample((image * keep)[None], channels, balance)


def _balance(channels: npt.NDArray[np.uint8], spacing_mm: float) -> npt.NDArray[np.float32]:
    """Weight the voxels of small lesions by (full volume / volume)^(2/3), (I, J, K)."""
    parts, _ = ndimage.label(channels >= FIRST_TUMOR, NEIGHBORS)
    ml = np.maximum(np.bincount(parts.ravel()), 1) * spacing_mm**3 / 1000
    weights = np.clip((_FULL_ML / ml) ** (2 / 3), 1.0, _HEAVIEST).astype(np.float32)
    weights[0] = 1.0
    balance: npt.NDArray[np.float32] = weights[parts]
    return balance


def _corner(
    anatomy: CroppedAnatomy, size: npt.NDArray[np.int64], recipe: Recipe, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Choose the low corner of a crop, anatomy voxels; it may lie outside."""
    shape = np.array(anatomy.tissues.shape)
    if len(anatomy.tumor_centers) and rng.random() < recipe.tumor_focus:
        organ = rng.choice(np.unique(anatomy.tumor_organs))  # rare organs as often as common ones
        lesion = rng.choice(np.flatnonzero(anatomy.tumor_organs == organ))
        center = anatomy.tumor_centers[lesion] + rng.uniform(-0.35, 0.35, 3) * size
        corner = center - size / 2
    else:
        # Centers are spread over the whole anatomy and patches stick out of it: were they kept
        # inside, its ends (pelvis, chest) would be seen far less often than its middle.
        corner = rng.uniform(-size / 3, shape - 2 * size / 3)
    rounded: npt.NDArray[np.int64] = np.round(corner).astype(np.int64)
    return rounded


def _crop(tissues: Tissues, corner: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> Tissues:
    """Cut a box that may stick out."""
    out = np.zeros(tuple(size), np.uint8)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + size, tissues.shape)
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    target = tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))
    out[target] = tissues[source]
    return out


def _look_inside(
    shape: tuple[int, ...], corner: npt.NDArray[np.int64], nearest: list[npt.NDArray[np.int64]]
) -> list[npt.NDArray[np.bool_]]:
    """Tell along each axis which rendered voxels lie in the anatomy."""
    found = [low + steps for low, steps in zip(corner, nearest, strict=True)]
    return [(at >= 0) & (at < n) for at, n in zip(found, shape, strict=True)]


def _shorten(inside: list[npt.NDArray[np.bool_]], rng: np.random.Generator) -> None:
    """Now and then see only some slices, as on a scan that is shorter than the patch."""
    if rng.random() < 0.15:
        seen = inside[rng.choice([1, 2, 2, 2])]
        n = len(seen)
        thickness = int(rng.uniform(0.15, 0.8) * n)
        start = int(rng.integers(0, n - thickness)) // FINE * FINE
        seen[:start] = False
        seen[start + thickness // FINE * FINE :] = False


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
    phase = str(rng.choice(_PHASES))
    mean, texture = sample_hu(rng, phase=phase, randomize=randomize, bright=_BRIGHT)
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
    blobs = _smooth_noise(coarse.shape, slices.blob_blur(blob_mm), rng)
    hu = hu + texture.astype(np.float32)[coarse] * np.float32(share) * blobs
    grains = _smooth_noise(coarse.shape, slices.grain_blur(rng.uniform(0.3, 0.65)), rng)
    return torch.from_numpy(hu + np.float32(grain) * grains)


def _smooth_noise(
    shape: tuple[int, ...], sigma: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Gaussian noise of unit variance, correlated over `sigma` (3,) voxels, (I, J, K)."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, sigma, mode="wrap", truncate=3.0)
    result: npt.NDArray[np.float32] = noise / noise.std()
    return result


def _majority(labels: Tissues) -> Tissues:
    """Reduce each 2x2x2 block to its median label: where two labels meet, the more frequent one."""
    halves = range(FINE)
    block = [
        labels[i::FINE, j::FINE, k::FINE].copy() for i in halves for j in halves for k in halves
    ]
    for low, high in _SORTING:
        block[low], block[high] = (
            np.minimum(block[low], block[high]),
            np.maximum(block[low], block[high]),
        )
    return block[3]
