"""Making patches look like those of other bodies and scanners, as nnU-Net does, with MONAI.

Turned and scaled about the patch's center, then noise, blur, brightness, contrast, low resolution
and gamma. Mirroring is only done along axes that are named. Sizes of density changes are given in
HU and brought to the network's scale.

Source:
    Isensee et al., "nnU-Net", Nature Methods 2021, supplement on data augmentation. Differs: angles
    of at most 20 degrees, as patients lie on a table; noise of at most 30 HU.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..models.specs import InputSpec
from .config import TrainingConfig

__all__ = ["Augmentation", "hu_step", "widen"]

_MARGIN = 1.3
"""How much larger than a patch the box must be that it is turned and scaled in."""

_ANGLE = math.radians(20)
_SCALE = 0.2
_NOISE_HU = 30.0
_SIGMA = (0.5, 1.0)
_LARGEST_SEED = 2**32 - 1


def widen(patch: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the box that a patch is turned and scaled in, about their common center.

    Args:
        patch: Size of the patch, voxels (3,).

    Returns:
        Size of the box, voxels (3,): more than the patch by even numbers, as else every voxel of
        the patch would lie between those of the box, be the mean of eight, and miss its label.
    """
    size = np.ceil(patch * _MARGIN).astype(np.int64)
    even: npt.NDArray[np.int64] = size + (size - patch) % 2
    return even


def hu_step(spec: InputSpec) -> float:
    """Give how much one HU is to a network.

    Args:
        spec: What the network wants.

    Returns:
        Change of its input per HU, in the middle of its range.
    """
    if spec.normalize == "none":
        return 1.0
    if spec.normalize == "zscore":
        return 1.0 / (spec.std or 1.0)
    low, high = spec.clip_hu or (0.0, 1.0)
    return {"unit": 1.0, "symmetric": 2.0, "sigmoid": 0.5}[spec.normalize] / (high - low)


class Augmentation:
    """Augments patches; the same generator state gives the same patch."""

    def __init__(self, config: TrainingConfig, spec: InputSpec, patch: tuple[int, ...]) -> None:
        """Set up the transforms.

        Args:
            config: Which axes may be mirrored.
            spec: What the network wants, for the scale of its densities.
            patch: Size of the patches, voxels.
        """
        transforms: Any = importlib.import_module("monai.transforms")  # takes seconds to import

        image, every = ["image"], ["image", "channels", "known"]
        turn = transforms.RandAffined(
            every,
            spatial_size=patch,
            prob=0.3,
            rotate_range=(_ANGLE,) * 3,
            scale_range=(_SCALE,) * 3,
            mode=["bilinear", "nearest", "nearest"],
            padding_mode="zeros",
        )
        flips = [transforms.RandFlipd(every, 0.5, axis) for axis in config.mirror_axes]
        sigmas = dict.fromkeys(("sigma_x", "sigma_y", "sigma_z"), _SIGMA)
        looks = [
            transforms.RandGaussianNoised(image, prob=0.15, std=_NOISE_HU * hu_step(spec)),
            transforms.RandGaussianSmoothd(image, prob=0.15, **sigmas),
            transforms.RandScaleIntensityd(image, factors=0.15, prob=0.15),
            transforms.RandScaleIntensityFixedMeand(
                image, factors=0.25, preserve_range=True, prob=0.15
            ),
            transforms.RandSimulateLowResolutiond(image, prob=0.15, zoom_range=(0.5, 1.0)),
            transforms.RandAdjustContrastd(image, prob=0.2, gamma=(0.7, 1.5), retain_stats=True),
        ]
        self._all = transforms.Compose([turn, *flips, *looks])

    def __call__(
        self, fields: dict[str, torch.Tensor], rng: np.random.Generator
    ) -> dict[str, torch.Tensor]:
        """Augment one patch.

        Args:
            fields: "image", "channels" and "known", (1, I, J, K) float32 of a size as of `widen`.
            rng: Decides everything random.

        Returns:
            The same keys, (1, I, J, K) float32 of a patch's size.
        """
        self._all.set_random_state(seed=int(rng.integers(_LARGEST_SEED)))
        with _plain_tensors():
            done: dict[str, Any] = self._all(fields)
        return {key: done[key].contiguous() for key in fields}


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """Keep MONAI from recording what was done, which costs memory and time."""
    data: Any = importlib.import_module("monai.data")
    before = data.get_track_meta()
    data.set_track_meta(False)
    try:
        yield
    finally:
        data.set_track_meta(before)
