"""Dice and cross-entropy, as nnU-Net combines them."""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["segmentation_loss"]

_SMOOTH = 10.0
"""Voxels added to both sides of the Dice ratio, so that an absent class costs little."""


def segmentation_loss(
    logits: torch.Tensor, channels: torch.Tensor, class_weights: torch.Tensor
) -> torch.Tensor:
    """Add cross-entropy and the mean soft Dice loss of the foreground channels.

    Args:
        logits: (N, C, I, J, K), any float type.
        channels: Reference channel of each voxel, (N, I, J, K) uint8.
        class_weights: Of the cross-entropy, (C,).

    Returns:
        A scalar; Dice is taken over the batch, and only over channels present in it.

    Source:
        Isensee et al., Nature Methods 2021 (batch Dice plus cross-entropy, equal weights).
    """
    logits = logits.float()
    reference = channels.long()
    entropy = functional.cross_entropy(logits, reference, class_weights)
    probability = logits.softmax(1)
    sums = probability.sum((0, 2, 3, 4))
    flat = reference.flatten()
    count = torch.bincount(flat, minlength=logits.shape[1]).float()
    hit = probability.gather(1, reference[:, None]).flatten()
    overlap = torch.zeros_like(count).index_add(0, flat, hit)
    dice = (2 * overlap + _SMOOTH) / (sums + count + _SMOOTH)
    present = count > 0
    present[0] = False
    absent_cost = (sums / (sums + 1000.0))[~present][1:].sum() * 0.05  # a whisper against phantoms
    return entropy + (1 - dice[present]).mean().nan_to_num() + absent_cost
