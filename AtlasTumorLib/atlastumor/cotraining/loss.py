"""The loss of partially labelled patches, at one level of a network or at all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from ..training.loss import segmentation_loss

__all__ = ["partial_loss", "supervise"]


def partial_loss(
    logits: torch.Tensor, channels: torch.Tensor, known: torch.Tensor, into: torch.Tensor
) -> torch.Tensor:
    """Average Dice and cross-entropy over patches, of what each patch is annotated for.

    Channels that a patch cannot tell apart are added up before anything is compared, so that how
    the network divides them is no concern of that patch. Dice is taken patch by patch, as for
    nnU-Net's full resolution: patches of one step may lie on different machines.

    Args:
        logits: (N, C, I, J, K), any float type.
        channels: Reference channel of each voxel, (N, I, J, K) uint8.
        known: 1 where a voxel counts and 0 where it does not, (N, I, J, K).
        into: For each patch the channel that each channel is merged into, (N, C), as of
            `merge_channels`.

    Returns:
        A scalar.

    Source:
        Shi et al., Medical Image Analysis 2021 (marginal Dice and cross-entropy).
    """
    losses = []
    for own, reference, weight, target in zip(logits, channels, known, into, strict=True):
        kept, table = torch.unique(target, return_inverse=True)
        merged = torch.stack([own[target == channel].float().logsumexp(0) for channel in kept])
        even = torch.ones(len(kept), device=own.device)
        losses.append(
            segmentation_loss(merged[None], table[reference.long()][None], weight[None], even)
        )
    return torch.stack(losses).mean()


def supervise(
    outputs: torch.Tensor | Sequence[torch.Tensor],
    channels: torch.Tensor,
    known: torch.Tensor,
    into: torch.Tensor,
) -> torch.Tensor:
    """Take the loss of a network's output, or the weighted loss of its levels.

    Args:
        outputs: Logits, or those of every level, the finest first.
        channels: As for `partial_loss`; coarser levels take the nearest voxel.
        known: As for `partial_loss`.
        into: As for `partial_loss`.

    Returns:
        A scalar.

    Source:
        Isensee et al., nnU-Net: levels weigh 1, 1/2, 1/4, ..., the coarsest nothing.
    """
    levels = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    weights = [0.5**n for n in range(len(levels))]
    if len(levels) > 1:
        weights[-1] = 0.0
    total = levels[0].new_zeros((), dtype=torch.float32)
    for weight, logits in zip(weights, levels, strict=True):
        if weight > 0:
            size = logits.shape[2:]
            reference = functional.interpolate(channels[:, None], size)[:, 0]
            counts = functional.interpolate(known[:, None], size)[:, 0]
            total = total + weight * partial_loss(logits, reference, counts, into)
        else:  # every parameter takes part, as several processes require
            total = total + 0.0 * logits.float().mean()
    return total / sum(weights)
