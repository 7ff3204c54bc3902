"""Dice and cross-entropy, as nnU-Net combines them."""

from __future__ import annotations

import torch

__all__ = ["segmentation_loss"]

_SMOOTH = 10.0
"""Voxels added to both sides of the Dice ratio, so that an absent class costs little."""


def segmentation_loss(
    logits: torch.Tensor,
    channels: torch.Tensor,
    balance: torch.Tensor,
    class_weights: torch.Tensor,
) -> torch.Tensor:
    """Add cross-entropy and the mean soft Dice loss of the foreground channels.

    Args:
        logits: (N, C, I, J, K), any float type.
        channels: Reference channel of each voxel, (N, I, J, K) uint8.
        balance: Weight of each voxel in both terms, (N, I, J, K).
        class_weights: Of the cross-entropy, (C,).

    Returns:
        A scalar; Dice is taken over the batch, and only over channels present in it.

    Source:
        Isensee et al., Nature Methods 2021 (batch Dice plus cross-entropy, equal weights).
    """
    axes = (0, 2, 3, 4)
    numbers = torch.arange(logits.shape[1], dtype=channels.dtype, device=channels.device)
    logs = logits.float().log_softmax(1)
    probability = logs.exp()
    # Sums over a mask instead of values picked by index: a compiler makes one pass of them.
    own = (channels[:, None] == numbers.view(1, -1, 1, 1, 1)) * balance[:, None]
    entropy = -((logs * own).sum(axes) * class_weights).sum() / channels.numel()
    sums = (probability * balance[:, None]).sum(axes)[1:]
    count = own.sum(axes)[1:]
    overlap = (probability * own).sum(axes)[1:]
    dice = (2 * overlap + _SMOOTH) / (sums + count + _SMOOTH)
    present = count > 0
    missed = ((1 - dice) * present).sum() / present.sum().clamp_min(1)
    absent_cost = (sums / (sums + 1000.0) * ~present).sum() * 0.05  # a whisper against phantoms
    return entropy + missed + absent_cost
