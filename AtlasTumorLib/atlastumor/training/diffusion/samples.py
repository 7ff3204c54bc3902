"""One training sample: a tumor of the phantom with densities of its own, as a scanner sees it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ...organs import KEYS
from ...phantom.tissues import ORGAN_TISSUES, sample_hu
from ...synthesis.diffusion.conditioning import SIDE, TEXTURE_HU, make_condition
from .cubes import FINE, Cubes

__all__ = ["Batch", "draw_batch"]

Floats = npt.NDArray[np.float32]

_BLUR_MM = (0.5, 1.1)  # of scanner and kernel
_SAMPLING = 0.45  # voxels: what the cube's own voxels blur
_BLOBS = (1.2, 5.0)  # of the texture, in voxels: relative to the tumor, as large ones are coarse
_TEXTURE = (0.6, 1.8)  # times the tissue's own
_GRAIN_HU = (3.0, 20.0)
_RANDOMIZE = (0.0, 0.3, 0.6, 1.0)
_SHARES = (0.4, 0.3, 0.2, 0.1)


class Batch(NamedTuple):
    """Training samples.

    Args:
        texture: Density minus the tumor's mean, in `TEXTURE_HU`, 0 outside, (B, 1, I, J, K).
        cond: Of `make_condition`, (B, 2, I, J, K).
    """

    texture: torch.Tensor
    cond: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """Give the same samples on a device."""
        return Batch(*(part.to(device) for part in self))


def draw_batch(cubes: Cubes, n: int, rng: np.random.Generator) -> Batch:
    """Draw tumors, every organ as often, and render them.

    Args:
        cubes: The pool.
        n: How many, B.
        rng: Decides everything random.

    Returns:
        The samples.
    """
    rows = [_draw_one(cubes, rng) for _ in range(n)]
    texture, hu, mask, organ, contrast = (np.stack(part) for part in zip(*rows, strict=True))
    cond = make_condition(
        *(torch.from_numpy(part.astype(np.float32)) for part in (hu, mask, organ, contrast))
    )
    return Batch(torch.from_numpy(texture), cond)


def _draw_one(
    cubes: Cubes, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, np.float32, np.float32]:
    """Texture, densities and mask, (1, I, J, K) each; density of the organ, and contrast."""
    organ = int(rng.choice(np.unique(cubes.organs)))
    number = int(rng.choice(np.flatnonzero(cubes.organs == organ)))
    tissues, own = _turn(cubes.tissues[number], cubes.own[number], rng)
    mean, spread = sample_hu(rng, randomize=float(rng.choice(_RANDOMIZE, p=_SHARES)))
    sigma = np.hypot(_SAMPLING, rng.uniform(*_BLUR_MM) / float(cubes.voxel_mm[number]))
    share = _shrink(own.astype(np.float32))
    blurred = np.maximum(ndimage.gaussian_filter(share, sigma), 1e-6)
    inside = ndimage.gaussian_filter(_shrink(mean[tissues] * own), sigma) / blurred
    around = ndimage.gaussian_filter(_shrink(mean[tissues]), sigma)
    coarse = tissues[::FINE, ::FINE, ::FINE]
    inside = inside + _draw_blobs(rng) * spread[coarse] * np.float32(rng.uniform(*_TEXTURE))
    mask = share >= 0.5
    middle = float(inside[mask].mean())
    texture = np.where(mask, np.clip((inside - middle) / TEXTURE_HU, -1.0, 1.0), 0.0)
    grain = rng.standard_normal((SIDE,) * 3, dtype=np.float32) * rng.uniform(*_GRAIN_HU)
    organ_hu = float(mean[ORGAN_TISSUES[KEYS[organ]][0]])
    return (
        texture[None].astype(np.float32),
        (around + grain)[None].astype(np.float32),
        mask[None].astype(np.float32),
        np.float32(organ_hu),
        np.float32(middle - organ_hu),
    )


def _turn(
    tissues: npt.NDArray[np.uint8], own: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Exchange and reverse axes at random: one of 48 ways."""
    axes = rng.permutation(3)
    flips = tuple(slice(None, None, int(sign)) for sign in rng.choice([-1, 1], 3))
    return tissues.transpose(axes)[flips], own.transpose(axes)[flips]


def _draw_blobs(rng: np.random.Generator) -> Floats:
    """Smooth noise of unit variance, (I, J, K)."""
    sigma = float(np.exp(rng.uniform(*np.log(_BLOBS))))
    white = rng.standard_normal((SIDE,) * 3, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap")
    blobs: Floats = smooth / smooth.std()
    return blobs


def _shrink(fine: Floats) -> Floats:
    """Average FINE x FINE x FINE voxels."""
    i, j, k = (n // FINE for n in fine.shape)
    cells = fine.reshape(i, FINE, j, FINE, k, FINE)
    coarse: Floats = cells.mean(axis=(1, 3, 5), dtype=np.float32)
    return coarse
