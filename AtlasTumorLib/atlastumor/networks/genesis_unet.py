"""The 3-D U-Net of Models Genesis, without a last layer: other networks build on it.

Modules are named as in published checkpoints, so that those load without a table of names.

Source:
    Zhou et al., "Models Genesis", MICCAI 2019. Its batch normalization uses the statistics of what
    it is given, in use as in training, and its published predictors give it one window at a
    time. Here every window of a batch has its own, so that the batch does not matter.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

__all__ = ["GenesisUnet"]


class _OwnBatchNorm(nn.Module):
    """Normalizes by the statistics of its input; the running ones are stored and not used."""

    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.instance_norm(x, weight=self.weight, bias=self.bias)


class _Layer(nn.Module):
    """Convolution, normalization, ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(n_in, n_out, 3, padding=1)
        self.bn1 = _OwnBatchNorm(n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn1(self.conv1(x)))


class _Down(nn.Module):
    """Two layers."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.ops = nn.Sequential(_Layer(n_in, n_out // 2), _Layer(n_out // 2, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.ops(x)
        return y


class _Up(nn.Module):
    """Double every side, look at what was there before, two layers."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.up_conv = nn.ConvTranspose3d(n, n, 2, stride=2)
        self.ops = nn.Sequential(_Layer(n + n // 2, n // 2), _Layer(n // 2, n // 2))

    def forward(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.ops(torch.cat([self.up_conv(x), before], dim=1))
        return y


class GenesisUnet(nn.Module):
    """Scan to features, at full resolution and at the deepest level."""

    def __init__(self, *, base: int = 64) -> None:
        """Build it with random weights.

        Args:
            base: Channels of the first level, an even number; published ones have 64.
        """
        super().__init__()
        self.down_tr64, self.down_tr128 = _Down(1, base), _Down(base, 2 * base)
        self.down_tr256, self.down_tr512 = _Down(2 * base, 4 * base), _Down(4 * base, 8 * base)
        self.up_tr256, self.up_tr128, self.up_tr64 = _Up(8 * base), _Up(4 * base), _Up(2 * base)

    def find_features(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the network.

        Args:
            x: (N, 1, I, J, K), sides multiples of 8.

        Returns:
            (N, base, I, J, K) and (N, 8 base, I / 8, J / 8, K / 8).
        """
        first = self.down_tr64(x)
        second = self.down_tr128(F.max_pool3d(first, 2))
        third = self.down_tr256(F.max_pool3d(second, 2))
        deep = self.down_tr512(F.max_pool3d(third, 2))
        fine = self.up_tr64(self.up_tr128(self.up_tr256(deep, third), second), first)
        return fine, deep
