"""The same network in layers that PyTorch runs faster on CPUs, or at all, in half precision.

Instance norm is group norm with one channel per group, and PyTorch's group norm keeps
channels-last tensors as they are, where its instance norm copies them twice. PyTorch's average
pooling knows no bf16 on CPUs; as a convolution it does. Both are the same arithmetic.
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["rewrite_for_cpu"]


class _MeanPool(nn.Module):
    """Average pooling of whole blocks, as a convolution.

    Args:
        block: Block size along (i, j, k).
    """

    def __init__(self, block: tuple[int, int, int]) -> None:
        """Remember the block."""
        super().__init__()
        self.block = block

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Average blocks: (N, C, I, J, K) to (N, C, I/i, J/j, K/k)."""
        weights = x.new_full((x.shape[1], 1, *self.block), 1.0 / math.prod(self.block))
        return nn.functional.conv3d(x, weights, stride=self.block, groups=x.shape[1])


def rewrite_for_cpu(network: nn.Module) -> nn.Module:
    """Replace layers by equivalent ones.

    Args:
        network: Changed in place; its weights are shared with the new layers.

    Returns:
        The network.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            better = _replace(layer)
            if better is not None:
                setattr(parent, name, better)
    return network


def _replace(layer: nn.Module) -> nn.Module | None:
    """Find the equivalent of one layer; None leaves it as it is."""
    if isinstance(layer, nn.InstanceNorm3d) and not layer.track_running_stats:
        n = layer.num_features
        norm = nn.GroupNorm(n, n, eps=layer.eps, affine=layer.affine)
        norm.weight, norm.bias = layer.weight, layer.bias  # the same parameters, not copies
        return norm.train(layer.training)
    if isinstance(layer, nn.AvgPool3d) and _covers_blocks(layer):
        return _MeanPool(_triple(layer.kernel_size))
    return None


def _covers_blocks(layer: nn.AvgPool3d) -> bool:
    return (
        _triple(layer.kernel_size) == _triple(layer.stride)
        and _triple(layer.padding) == (0, 0, 0)
        and not layer.ceil_mode
        and layer.divisor_override is None
    )


def _triple(value: int | tuple[int, ...] | list[int]) -> tuple[int, int, int]:
    i, j, k = (value,) * 3 if isinstance(value, int) else value
    return i, j, k
