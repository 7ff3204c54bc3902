"""MedFormer's convolutions, named as in the published checkpoints.

Normalizations have no weights of their own, and come before the convolution they belong to.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ONE", "ConvBlock", "ExpandedConv", "PreactConv", "SeparableConv", "Triple", "same_conv"]

Triple = tuple[int, int, int]
ONE: Triple = (1, 1, 1)
_EPS = 1e-4
_SQUEEZE = 4  # channels per channel of the gate's middle layer


class PreactConv(nn.Module):
    """Normalization, perhaps ReLU, convolution."""

    def __init__(
        self, n_in: int, n_out: int, kernel: Triple, *, groups: int = 1, relu: bool = True
    ) -> None:
        """Build it with random weights.

        Args:
            n_in: Channels in.
            n_out: Channels out.
            kernel: Of the convolution.
            groups: Of its channels.
            relu: Whether negative values are cut before it.
        """
        super().__init__()
        self.norm = nn.InstanceNorm3d(n_in, eps=_EPS)
        self.act = nn.ReLU(inplace=True) if relu else nn.Identity()
        self.conv = same_conv(n_in, n_out, kernel, groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, n_in, I, J, K) to (N, n_out, I, J, K)."""
        out: torch.Tensor = self.conv(self.act(self.norm(x)))
        return out


class ConvBlock(nn.Module):
    """Two convolutions, and past them the input: through a third if the width changes."""

    def __init__(self, n_in: int, n_out: int, kernel: Triple) -> None:
        """Build it with random weights.

        Args:
            n_in: Channels in.
            n_out: Channels out.
            kernel: Of all three.
        """
        super().__init__()
        self.conv1 = PreactConv(n_in, n_out, kernel)
        self.conv2 = PreactConv(n_out, n_out, kernel)
        self.shortcut = PreactConv(n_in, n_out, kernel) if n_in != n_out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, n_in, I, J, K) to (N, n_out, I, J, K)."""
        out: torch.Tensor = self.conv2(self.conv1(x)) + self.shortcut(x)
        return out


class SeparableConv(nn.Module):
    """A convolution of each channel, then one that mixes them."""

    def __init__(self, n_in: int, n_out: int, kernel: Triple) -> None:
        """Build it with random weights.

        Args:
            n_in: Channels in.
            n_out: Channels out.
            kernel: Of the first.
        """
        super().__init__()
        self.depthwise = same_conv(n_in, n_in, kernel, n_in)
        self.pointwise = same_conv(n_in, n_out, ONE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, n_in, I, J, K) to (N, n_out, I, J, K)."""
        out: torch.Tensor = self.pointwise(self.depthwise(x))
        return out


class ExpandedConv(nn.Module):
    """The input, and it widened, convolved by channel, gated by the channels' means, narrowed."""

    def __init__(self, n: int, kernel: Triple, expansion: int) -> None:
        """Build it with random weights.

        Args:
            n: Channels in and out.
            kernel: Of the convolution channel by channel.
            expansion: How much wider it is in between.
        """
        super().__init__()
        wide = expansion * n
        self.expand_proj = PreactConv(n, wide, ONE) if expansion > 1 else nn.Identity()
        self.depthwise = PreactConv(wide, wide, kernel, groups=wide)
        self.se = _Gate(wide)
        self.pointwise = PreactConv(wide, n, ONE, relu=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, n, I, J, K) to the same shape."""
        out: torch.Tensor = self.pointwise(self.se(self.depthwise(self.expand_proj(x)))) + x
        return out


class _Gate(nn.Module):
    """Each channel times what its mean and those of the others make of it, in (0, 1)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.excitation = nn.Sequential(
            nn.Conv3d(n, n // _SQUEEZE, 1), nn.ReLU(), nn.Conv3d(n // _SQUEEZE, n, 1), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate: torch.Tensor = self.excitation(x.mean(dim=(2, 3, 4), keepdim=True))
        return x * gate


def same_conv(n_in: int, n_out: int, kernel: Triple, groups: int = 1) -> nn.Conv3d:
    """Make a convolution that keeps the grid.

    Args:
        n_in: Channels in.
        n_out: Channels out.
        kernel: Odd along every axis.
        groups: Of channels.

    Returns:
        The layer, without a bias.
    """
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Conv3d(n_in, n_out, kernel, padding=padding, groups=groups, bias=False)
