"""What both kinds of training patches share: how they are cut and labeled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..organs import ORGANS
from ..phantom.tissues import TISSUE_LABEL
from .channels import channel_of_label, list_outputs
from .recipe import Recipe

__all__ = [
    "BRIGHT",
    "CHANNEL_OF_TISSUE",
    "FINE",
    "PHASES",
    "SHORT",
    "THICKNESS",
    "ZOOM",
    "Sample",
    "Tumors",
    "choose_corner",
    "crop",
    "find_majority",
    "mirror",
    "shorten",
]

FINE = 2
"""Labeled voxels per network voxel, along each axis."""

ZOOM = (0.87, 1.15)
"""Range of stretch along each axis by itself: no two bodies are in proportion."""

PHASES = ("none", "none", "arterial", "arterial", "portal", "portal", "delayed")
"""Two kinds come more often than in hospitals: of arterial scans half the tumors were missed at one
in five, and of one without contrast medium a kidney at one in six."""

SHORT = 0.3
"""Share of patches that are seen in part: real scans of few slices lost kidneys and pancreas where
one in seven was, most of these thick."""

THICKNESS = (0.12, 0.8)
"""How much of a patch is seen then; thin as often as thick."""

BRIGHT = 0.25
"""Large tumors denser than their organ were missed where one in thirty of those learned was."""

CHANNEL_OF_TISSUE = channel_of_label(list_outputs(ORGANS))[TISSUE_LABEL]
"""The network's channel of every tissue id, (256,) uint8."""

_SORTING = (
    *((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6)),
    *((0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (3, 4)),
)
"""Batcher's network for eight values as far as it settles the fourth: far faster than a median."""
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


class Sample(NamedTuple):
    """One training patch.

    Args:
        image: (1, I, J, K) float32 in [0, 1]. Outside the anatomy it is 0, as the engine pads.
        channels: Reference channel of each voxel, (I, J, K) uint8; background outside the anatomy.
        balance: Weight of each voxel, (I, J, K) float32.
    """

    image: torch.Tensor
    channels: torch.Tensor
    balance: torch.Tensor


class Tumors(NamedTuple):
    """What patches are centered on.

    Args:
        centers: Voxels, (N, 3).
        organs: Row of each tumor's organ in the organ table, (N,).
        odds: Of each to be chosen among its organ's, (N,).
    """

    centers: npt.NDArray[np.float64]
    organs: Longs
    odds: npt.NDArray[np.float32]


def choose_corner(
    shape: tuple[int, ...],
    tumors: Tumors,
    size: Longs,
    recipe: Recipe,
    rng: np.random.Generator,
) -> Longs:
    """Choose the low corner of a patch, often around a tumor.

    Args:
        shape: Of what is cut, (I, J, K).
        tumors: What to center on.
        size: Of the patch, voxels (3,).
        recipe: How often to center on a tumor.
        rng: Source of randomness.

    Returns:
        Voxel (3,); the patch may stick out.
    """
    centers, organs, odds = tumors
    if len(centers) and rng.random() < recipe.tumor_focus:
        organ = rng.choice(np.unique(organs))  # rare organs as often as common ones
        chances = odds * (organs == organ)
        lesion = rng.choice(len(organs), p=chances / chances.sum())
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


def shorten(size: Longs, rng: np.random.Generator) -> Bools:
    """Now and then see only some slices, as on a scan that is shorter than the patch.

    Args:
        size: Of the patch, voxels (3,).
        rng: Source of randomness.

    Returns:
        Which voxels are seen; (I, 1, 1), (1, J, 1) or (1, 1, K).
    """
    axis = int(rng.choice([0, 1, 2, 2, 2]))
    n = int(size[axis])
    seen = np.ones(n, bool)
    if rng.random() < SHORT:
        thickness = int(THICKNESS[0] * (THICKNESS[1] / THICKNESS[0]) ** rng.random() * n)
        start = int(rng.integers(0, n - thickness))
        seen[:start] = False
        seen[start + thickness :] = False
    return np.expand_dims(seen, tuple({0, 1, 2} - {axis}))


def mirror(sample: Sample) -> Sample:
    """Mirror a patch from left to right, along i.

    No organ can then be known by its place alone; a network that learned none such did not see
    left kidneys beside which the patient's colon lay unlike the phantoms'. Both kidneys share a
    channel, so that labels stay right.

    Args:
        sample: The patch.

    Returns:
        A mirrored copy.
    """
    return Sample(sample.image.flip(1), sample.channels.flip(0), sample.balance.flip(0))


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
