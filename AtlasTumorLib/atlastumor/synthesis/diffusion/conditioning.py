"""What the small denoiser sees, in training and in use alike.

All of it is relative to the organ and to the tumor's own size, so that one network serves every
organ, contrast phase and diameter.
"""

from __future__ import annotations

import torch

__all__ = ["N_STEPS", "SIDE", "SPAN", "TEXTURE_HU", "make_condition"]

SIDE = 24
"""Voxels along each side of the cube that the network sees."""

SPAN = 17
"""How many of them the tumor's longest side takes up."""

N_STEPS = 16
"""Steps of the schedule; the sampler takes them all."""

TEXTURE_HU = 50.0
"""The texture is a density minus the tumor's mean, divided by this; beyond 1 it is clipped."""

_CONTEXT_HU = 100.0
_CONTEXT_LIMIT = 1.5


def make_condition(
    hu: torch.Tensor, mask: torch.Tensor, organ_hu: torch.Tensor, contrast_hu: torch.Tensor
) -> torch.Tensor:
    """Make what the denoiser is shown beside the noisy texture.

    Args:
        hu: Densities of the cube; those in the mask are not looked at, (B, 1, I, J, K).
        mask: 1 inside the tumor, 0 outside, (B, 1, I, J, K).
        organ_hu: Density of the organ, (B,).
        contrast_hu: Mean density of the tumor minus that, (B,).

    Returns:
        Surroundings relative to the organ, the contrast in place of the tumor; then the mask:
        (B, 2, I, J, K).
    """
    organ, contrast = organ_hu.view(-1, 1, 1, 1, 1), contrast_hu.view(-1, 1, 1, 1, 1)
    seen = torch.where(mask > 0, contrast, hu - organ) / _CONTEXT_HU
    return torch.cat([seen.clamp(-_CONTEXT_LIMIT, _CONTEXT_LIMIT), mask], dim=1)
