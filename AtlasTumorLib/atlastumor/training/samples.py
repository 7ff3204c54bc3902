"""One training patch: a crop of an anatomy, rendered as if a scanner had seen it.

Anatomies lie on a grid twice as fine as the network's. Rendering there and averaging 2x2x2 gives
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

from ..phantom.tissues import TISSUE_LABEL, sample_hu
from ..phantom.tumors import NEIGHBORS
from .recipe import FIRST_TUMOR, Recipe, channel_of_label

__all__ = ["CroppedAnatomy", "Sample", "draw_sample"]

FINE = 2  # anatomy voxels per network voxel, along each axis
_ZOOM = (0.87, 1.15)  # along each axis by itself: no two bodies are in proportion
_FULL_ML = 11.0  # a lesion of this size or larger has weight 1
_HEAVIEST = 3.0  # 12 taught the network to be sure of lesions that are not there
_PHASES = ("none", "arterial", "portal", "portal", "delayed", "random")
Tissues = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class CroppedAnatomy:
    """What training keeps of an anatomy.

    Args:
        tissues: Tissue ids on the fine grid, (I, J, K) uint8, RAS.
        tumor_centers: Of its lesions, fine voxels, (N, 3).
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
    source = np.round(size / zoom).astype(np.int64)
    tissues, inside = _crop(anatomy.tissues, _corner(anatomy, source, recipe, rng), source)
    nearest = np.ix_(*(np.arange(n) * m // n for n, m in zip(size, source, strict=True)))
    tissues, inside = tissues[nearest], _shorten(inside[nearest], rng)
    hu = _render(tissues, rng)
    low, high = recipe.clip_hu
    image = ((hu - low) / (high - low)).clamp_(0.0, 1.0)
    keep = torch.from_numpy(inside[::FINE, ::FINE, ::FINE].copy())
    labels = channel_of_label()[TISSUE_LABEL][tissues]
    channels = _majority(torch.from_numpy(labels)) * keep
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
    """Choose the low corner of a crop, fine voxels; it may lie outside."""
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


def _crop(
    tissues: Tissues, corner: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> tuple[Tissues, npt.NDArray[np.bool_]]:
    """Cut a box that may stick out; return it with a mask of what was inside."""
    out = np.zeros(tuple(size), np.uint8)
    inside = np.zeros(tuple(size), np.bool_)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + size, tissues.shape)
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    target = tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))
    out[target] = tissues[source]
    inside[target] = True
    return out, inside


def _shorten(inside: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Now and then see only some slices, as on a scan that is shorter than the patch."""
    if rng.random() < 0.15:
        axis = rng.choice([1, 2, 2, 2])
        n = inside.shape[axis]
        thickness = int(rng.uniform(0.15, 0.8) * n)
        start = int(rng.integers(0, n - thickness)) // FINE * FINE
        outside = np.r_[0:start, start + thickness // FINE * FINE : n]
        index: list[slice | npt.NDArray[np.int64]] = [slice(None)] * 3
        index[axis] = outside
        inside[tuple(index)] = False
    return inside


def _render(tissues: Tissues, rng: np.random.Generator) -> torch.Tensor:
    """Give every tissue a density, average to the network's grid, add texture and noise; HU."""
    randomize = float(rng.choice([0.0, 0.3, 0.6, 1.0], p=[0.4, 0.3, 0.2, 0.1]))
    mean, texture = sample_hu(rng, phase=str(rng.choice(_PHASES)), randomize=randomize)
    hu = _thicken(torch.from_numpy(mean.astype(np.float32)[tissues]), rng)
    hu = torch.nn.functional.avg_pool3d(hu[None, None], FINE)[0, 0]
    coarse = tissues[::FINE, ::FINE, ::FINE]
    spread = torch.from_numpy(texture.astype(np.float32)[coarse])
    if randomize == 0:  # what is left of texture and grain in voxels of 3 mm
        blobs, share, grain = rng.uniform(0.4, 0.9), rng.uniform(0.5, 0.85), rng.uniform(2, 8)
    else:
        blobs, share, grain = rng.uniform(0.4, 2.0), 1.0, rng.gamma(2.0, 4.0)
        hu = hu * float(rng.uniform(0.9, 1.1)) + float(rng.uniform(-15, 15))
    hu = hu + spread * float(share) * _smooth_noise(coarse.shape, float(blobs), rng)
    return hu + _smooth_noise(coarse.shape, rng.uniform(0.0, 0.7), rng) * float(grain)


def _thicken(hu: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Average along one axis, as thick slices do; mostly along k, sometimes as a reformat would."""
    width = int(rng.choice([1, 1, 2, 3, 4]))
    if width == 1:
        return hu
    axis = int(rng.choice([0, 1, 2, 2, 2, 2]))
    kernel = [1, 1, 1]
    kernel[axis] = 2 * (width // 2) + 1
    padding = [n // 2 for n in kernel]
    pooled = torch.nn.functional.avg_pool3d(
        hu[None, None], kernel, stride=1, padding=padding, count_include_pad=False
    )
    return pooled[0, 0]


def _smooth_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> torch.Tensor:
    """Gaussian noise of unit variance, correlated over `sigma` voxels, (I, J, K)."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    if sigma > 0.2:
        noise = ndimage.gaussian_filter(noise, sigma, mode="wrap", truncate=3.0)
        noise /= noise.std()
    return torch.from_numpy(noise)


def _majority(labels: torch.Tensor) -> torch.Tensor:
    """Reduce each 2x2x2 block to its median label: where two labels meet, the more frequent one."""
    i, j, k = (n // FINE for n in labels.shape)
    blocks = labels.view(i, FINE, j, FINE, k, FINE).permute(0, 2, 4, 1, 3, 5)
    return blocks.reshape(i, j, k, FINE**3).median(dim=-1).values
