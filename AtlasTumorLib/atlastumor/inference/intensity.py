"""From HU to the densities a network was trained on, and what that takes of a whole image."""

from __future__ import annotations

import math

import torch

from ..models.specs import InputSpec

__all__ = ["ImageStatistics", "needs_image", "normalize", "padding_value"]

_AT_ONCE = 16  # slices
_SMALLEST_SCALE = 1e-8  # nnU-Net's, for an image all of one density


class ImageStatistics:
    """Mean, deviation and range of all voxels seen so far, in double precision."""

    def __init__(self) -> None:
        """Start with no voxel."""
        self._n = 0
        self._mean = 0.0
        self._squares = 0.0  # sum of squared distances from the mean
        self.low = math.inf
        self.high = -math.inf

    def add(self, values: torch.Tensor) -> None:
        """Take further voxels.

        Args:
            values: Densities, of any shape and type.
        """
        low, high = torch.aminmax(values)
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        values = values.double()
        mean, n = float(values.mean()), values.numel()
        squares = float((values - mean).square_().sum())
        # Chan, Golub and LeVeque, Updating formulae for computing sample variances, 1979.
        apart, total = mean - self._mean, self._n + n
        self._squares += squares + apart * apart * self._n * n / total
        self._mean += apart * n / total
        self._n = total

    @property
    def mean(self) -> float:
        """Mean of the voxels seen."""
        return self._mean

    @property
    def std(self) -> float:
        """Their standard deviation, as of a whole population."""
        return math.sqrt(self._squares / self._n) if self._n else 0.0


def normalize(
    hu: torch.Tensor, spec: InputSpec, image: ImageStatistics | None = None
) -> torch.Tensor:
    """Clip and scale densities, in place.

    Args:
        hu: HU, float32 of any shape; overwritten.
        spec: Clip range and kind of normalization.
        image: The whole image's clipped densities, for kinds that want them; None takes `hu` as the
            whole image.

    Returns:
        The same tensor.
    """
    if spec.clip_hu is not None and spec.normalize != "sigmoid":
        hu.clamp_(*spec.clip_hu)
    if spec.normalize == "none":
        return hu
    if image is None and needs_image(spec):
        image = ImageStatistics()
        for part in torch.split(hu, _AT_ONCE, dim=-1):  # in double precision, of which it makes two
            image.add(part)
    shift, scale = _find_scale(spec, image)
    hu.sub_(shift).div_(scale)
    return hu.sigmoid_() if spec.normalize == "sigmoid" else hu


def _find_scale(spec: InputSpec, image: ImageStatistics | None) -> tuple[float, float]:
    """What is subtracted, and what is divided by."""
    if image is not None and spec.normalize == "zscore_image":
        return image.mean, max(image.std, _SMALLEST_SCALE)
    if image is not None and spec.normalize == "minmax_image":
        return image.low, max(image.high - image.low, _SMALLEST_SCALE)
    if spec.normalize == "zscore":
        return spec.mean or 0.0, spec.std or 1.0
    low, high = spec.clip_hu or (0.0, 1.0)
    if spec.normalize == "unit":
        return low, high - low
    return (low + high) / 2, (high - low) / 2


def needs_image(spec: InputSpec) -> bool:
    """Tell whether normalizing takes something of the whole image.

    Args:
        spec: What the network wants.

    Returns:
        Whether `ImageStatistics` are needed.
    """
    return spec.normalize in {"zscore_image", "minmax_image"}


def padding_value(spec: InputSpec) -> float:
    """Give the value around a scan smaller than a window.

    Args:
        spec: What the network wants.

    Returns:
        What the darkest density becomes for "unit" and "symmetric"; else 0, as nnU-Net pads.
    """
    return -1.0 if spec.normalize == "symmetric" else 0.0
