"""What the denoiser is shown, exactly as in training: window, hole, codebook scale, axis order.

Volumes come as (B, C, X, Y, Z), axes toward R, A and S; networks see (B, C, Z, X, Y), so that the
axis along which the denoiser attends is z.

Source:
    Chen et al., Towards Generalizable Tumor Synthesis, CVPR 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from .autoencoder import Autoencoder

__all__ = [
    "WINDOW_HU",
    "LatentScale",
    "make_condition",
    "open_window",
    "punch_hole",
    "to_hounsfield",
    "to_network_axes",
    "to_volume_axes",
]

WINDOW_HU = (-175.0, 250.0)
"""What the networks can tell apart; everything beyond is clipped."""


def open_window(hu: torch.Tensor) -> torch.Tensor:
    """Map densities in HU to [-1, 1], clipped to the window; any shape."""
    low, high = WINDOW_HU
    return ((hu - low) / (high - low)).clamp(0, 1) * 2 - 1


def to_hounsfield(values: torch.Tensor) -> torch.Tensor:
    """Map [-1, 1] back to HU, clipped to the window; any shape."""
    low, high = WINDOW_HU
    return ((values + 1) / 2).clamp(0, 1) * (high - low) + low


def to_network_axes(volume: torch.Tensor) -> torch.Tensor:
    """Show a volume (B, C, X, Y, Z) as (B, C, Z, X, Y)."""
    return volume.permute(0, 1, -1, -3, -2)


def to_volume_axes(tensor: torch.Tensor) -> torch.Tensor:
    """Show a tensor (B, C, Z, X, Y) as (B, C, X, Y, Z)."""
    return tensor.permute(0, 1, -2, -1, -3)


def punch_hole(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Put the middle of the window, 0, where the tumor is to be.

    Args:
        values: Windowed densities in [-1, 1], any shape.
        mask: 1 inside the tumor, 0 outside, the same shape.

    Returns:
        The densities with a hole. 0 is 37.5 HU, about soft tissue; not black.
    """
    return values * (1 - mask)


@dataclass(frozen=True)
class LatentScale:
    """How latents are brought to [-1, 1]: by the one smallest and largest value of all codes.

    Args:
        low: Smallest value of the codebook.
        high: Largest, above `low`.
    """

    low: float
    high: float

    @classmethod
    def of(cls, autoencoder: Autoencoder) -> LatentScale:
        """Measure the codebook of an autoencoder."""
        embeddings = autoencoder.codebook.embeddings
        return cls(float(embeddings.min()), float(embeddings.max()))

    def normalize(self, latent: torch.Tensor) -> torch.Tensor:
        """Bring a latent to [-1, 1]; unquantized ones may lie a little beyond."""
        return (latent - self.low) / (self.high - self.low) * 2 - 1

    def restore(self, latent: torch.Tensor) -> torch.Tensor:
        """Bring a latent back to the scale of the codebook."""
        return (latent + 1) / 2 * (self.high - self.low) + self.low


def make_condition(
    autoencoder: Autoencoder, values: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Make what the denoiser is shown.

    Args:
        autoencoder: Encodes the scan with a hole.
        values: Windowed densities in [-1, 1], (B, 1, Z, X, Y), sides multiples of 4.
        mask: 1 inside the tumor, 0 outside, (B, 1, Z, X, Y).

    Returns:
        Normalized latent, then the mask in -1 and 1 as the nearest voxel has it:
        (B, C + 1, Z/4, X/4, Y/4).
    """
    latent = autoencoder.encode(punch_hole(values, mask))
    small = F.interpolate(mask * 2 - 1, size=latent.shape[2:], mode="nearest")
    return torch.cat([LatentScale.of(autoencoder).normalize(latent), small], dim=1)
