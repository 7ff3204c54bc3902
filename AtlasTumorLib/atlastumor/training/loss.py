"""Dice and cross-entropy, as nnU-Net combines them."""

from __future__ import annotations

import torch
from torch.nn import functional

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
    logits = logits.float()
    reference = channels.long()
    by_voxel = functional.cross_entropy(logits, reference, class_weights, reduction="none")
    entropy = (by_voxel * balance).mean()
    probability = logits.softmax(1)
    sums = (probability * balance[:, None]).sum((0, 2, 3, 4))
    flat, weight = reference.flatten(), balance.flatten()
    count = torch.bincount(flat, weight, minlength=logits.shape[1])
    hit = probability.gather(1, reference[:, None]).flatten() * weight
    overlap = torch.zeros_like(count).index_add(0, flat, hit)
    dice = (2 * overlap + _SMOOTH) / (sums + count + _SMOOTH)
    present = count > 0
    present[0] = False
    absent_cost = (sums / (sums + 1000.0))[~present][1:].sum() * 0.05  # a whisper against phantoms
    return entropy + (1 - dice[present]).mean().nan_to_num() + absent_cost
