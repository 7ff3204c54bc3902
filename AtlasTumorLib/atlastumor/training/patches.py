"""What both kinds of training patches share: how they are cut, labeled and weighed.

Lesions are weighted by their size after Kofler et al., blob loss, IPMI 2023: else a few large ones
decide the loss, and small ones are never learned.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ..organs import ORGANS
from ..phantom.tissues import TISSUE_LABEL
from ..phantom.tumors import NEIGHBORS
from .channels import channel_of_label, list_outputs
from .recipe import FIRST_TUMOR, Recipe

__all__ = [
    "BRIGHT",
    "CHANNEL_OF_TISSUE",
    "FINE",
    "PHASES",
    "ZOOM",
    "Sample",
    "balance_lesions",
    "choose_corner",
    "crop",
    "find_majority",
    "look_inside",
    "shorten",
]

FINE = 2
"""Labeled voxels per network voxel, along each axis."""

ZOOM = (0.87, 1.15)
"""Range of stretch along each axis by itself: no two bodies are in proportion."""

PHASES = ("none", "arterial", "arterial", "portal", "portal", "delayed")
"""Arterial scans teach more than their share: half their tumors were missed at one in five."""

BRIGHT = 0.25
"""Large tumors denser than their organ were missed where one in thirty of those learned was."""

CHANNEL_OF_TISSUE = channel_of_label(list_outputs(ORGANS))[TISSUE_LABEL]
"""The network's channel of every tissue id, (256,) uint8."""

_FULL_ML = 11.0  # a lesion of this size or larger has weight 1
_HEAVIEST = 3.0  # 12 taught the network to be sure of lesions that are not there
_SORTING = (
    *((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6)),
    *((0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (3, 4)),
)
"""Batcher's network for eight values as far as it settles the fourth: far faster than a median."""
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


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


def choose_corner(
    shape: tuple[int, ...],
    tumors: tuple[npt.NDArray[np.float64], Longs],
    size: Longs,
    recipe: Recipe,
    rng: np.random.Generator,
) -> Longs:
    """Choose the low corner of a patch, often around a tumor.

    Args:
        shape: Of what is cut, (I, J, K).
        tumors: Their centers, voxels (N, 3), and the rows of their organs in the organ table, (N,).
        size: Of the patch, voxels (3,).
        recipe: How often to center on a tumor.
        rng: Source of randomness.

    Returns:
        Voxel (3,); the patch may stick out.
    """
    centers, organs = tumors
    if len(centers) and rng.random() < recipe.tumor_focus:
        organ = rng.choice(np.unique(organs))  # rare organs as often as common ones
        lesion = rng.choice(np.flatnonzero(organs == organ))
        center = centers[lesion] + rng.uniform(-0.35, 0.35, 3) * size
        corner = center - size / 2
    else:
        # Centers are spread over the whole anatomy and patches stick out of it: were they kept
        # inside, its ends (pelvis, chest) would be seen far less often than its middle.
        corner = rng.uniform(-size / 3, np.array(shape) - 2 * size / 3)
    rounded: Longs = np.round(corner).astype(np.int64)
    return rounded


def crop(array: npt.NDArray[Any], corner: Longs, size: Longs) -> npt.NDArray[Any]:
    """Cut a box that may stick out; there it is 0.

    Args:
        array: (I, J, K).
        corner: Its low corner, voxel (3,).
        size: Voxels (3,).

    Returns:
        The box, of the array's type.
    """
    out = np.zeros(tuple(size), array.dtype)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + size, array.shape)
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    target = tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))
    out[target] = array[source]
    return out


def look_inside(
    shape: tuple[int, ...], corner: Longs, steps: list[Longs]
) -> list[npt.NDArray[np.bool_]]:
    """Tell along each axis which voxels of a patch lie in what it is cut from.

    Args:
        shape: Of what is cut, (I, J, K).
        corner: The patch's low corner, voxel (3,).
        steps: Along each axis, how far from the corner each voxel of the patch lies.

    Returns:
        One array for each axis.
    """
    found = [low + far for low, far in zip(corner, steps, strict=True)]
    return [(at >= 0) & (at < n) for at, n in zip(found, shape, strict=True)]


def shorten(inside: list[npt.NDArray[np.bool_]], rng: np.random.Generator, *, step: int) -> None:
    """Now and then see only some slices, as on a scan that is shorter than the patch.

    Args:
        inside: Along each axis, which voxels lie in the anatomy; changed in place.
        rng: Source of randomness.
        step: What number of voxels is seen or not as a whole.
    """
    if rng.random() < 0.15:
        seen = inside[rng.choice([1, 2, 2, 2])]
        n = len(seen)
        thickness = int(rng.uniform(0.15, 0.8) * n)
        start = int(rng.integers(0, n - thickness)) // step * step
        seen[:start] = False
        seen[start + thickness // step * step :] = False


def balance_lesions(channels: Bytes, spacing_mm: float) -> npt.NDArray[np.float32]:
    """Weight the voxels of small lesions by (full volume / volume)^(2/3).

    Args:
        channels: Reference channel of each voxel, (I, J, K).
        spacing_mm: Of the voxels, isotropic.

    Returns:
        Weights of the same shape; 1 outside lesions.
    """
    parts, _ = ndimage.label(channels >= FIRST_TUMOR, NEIGHBORS)
    ml = np.maximum(np.bincount(parts.ravel()), 1) * spacing_mm**3 / 1000
    weights = np.clip((_FULL_ML / ml) ** (2 / 3), 1.0, _HEAVIEST).astype(np.float32)
    weights[0] = 1.0
    balance: npt.NDArray[np.float32] = weights[parts]
    return balance


def find_majority(labels: Bytes) -> Bytes:
    """Reduce each 2x2x2 block to its median: where two labels meet, the more frequent one.

    Args:
        labels: (2 I, 2 J, 2 K).

    Returns:
        (I, J, K).
    """
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
