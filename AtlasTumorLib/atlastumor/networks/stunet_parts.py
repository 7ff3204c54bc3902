"""STU-Net's modules, named as in the published checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

__all__ = ["STUNet"]

_Triple = tuple[int, int, int]
_ONE: _Triple = (1, 1, 1)


class STUNet(nn.Module):
    """The network."""

    def __init__(
        self,
        n_outputs: int,
        *,
        features_per_stage: Sequence[int],
        kernel_sizes: Sequence[_Triple],
        strides: Sequence[_Triple],
        n_blocks_per_stage: Sequence[int],
    ) -> None:
        """Build it with random weights.

        Args:
            n_outputs: Number of output channels C.
            features_per_stage: Channels of each stage, the finest first.
            kernel_sizes: Of its convolutions.
            strides: On the way down to it.
            n_blocks_per_stage: Residual blocks of each stage, down and up alike.
        """
        super().__init__()
        shapes = list(zip(kernel_sizes, n_blocks_per_stage, strict=True))
        ways_down = list(pairwise([1, *features_per_stage]))
        ways_up = [(below, own) for own, below in pairwise(features_per_stage)]
        self.conv_blocks_context = nn.ModuleList(
            _stage(n_in, n_out, *shape, stride)
            for (n_in, n_out), shape, stride in zip(ways_down, shapes, strides, strict=True)
        )
        self.upsample_layers = nn.ModuleList(
            _Upsample(*way, stride)
            for way, stride in zip(ways_up[::-1], strides[:0:-1], strict=True)
        )
        self.conv_blocks_localization = nn.ModuleList(
            _stage(2 * own, own, *shape)
            for (_, own), shape in zip(ways_up[::-1], shapes[-2::-1], strict=True)
        )
        self.seg_outputs = nn.ModuleList(
            nn.Conv3d(own, n_outputs, 1) for _, own in ways_up[::-1]
        )  # all but the last were for training; files have them

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment.

        Args:
            x: Windows, (N, 1, I, J, K).

        Returns:
            Logits, (N, C, I, J, K).
        """
        skips: list[torch.Tensor] = []
        for stage in self.conv_blocks_context:
            x = stage(x)
            skips.append(x)
        levels = zip(
            self.upsample_layers, skips[-2::-1], self.conv_blocks_localization, strict=True
        )
        for upsample, skip, stage in levels:
            x = stage(torch.cat([upsample(x), skip], dim=1))
        logits: torch.Tensor = self.seg_outputs[-1](x)
        return logits


class _ResidualBlock(nn.Module):
    """Two convolutions, and past them the input: through a third if the block changes its shape."""

    def __init__(
        self, n_in: int, n_out: int, kernel: _Triple, stride: _Triple, *, shortcut: bool
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv1 = nn.Conv3d(n_in, n_out, kernel, stride, padding)
        self.norm1 = nn.InstanceNorm3d(n_out, affine=True)
        self.conv2 = nn.Conv3d(n_out, n_out, kernel, padding=padding)
        self.norm2 = nn.InstanceNorm3d(n_out, affine=True)
        self.conv3 = nn.Conv3d(n_in, n_out, 1, stride) if shortcut else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.leaky_relu(self.norm1(self.conv1(x)), inplace=True)
        return F.leaky_relu(self.norm2(self.conv2(out)) + self.conv3(x), inplace=True)


class _Upsample(nn.Module):
    """Every voxel repeated, then the channels mixed."""

    def __init__(self, n_in: int, n_out: int, stride: _Triple) -> None:
        super().__init__()
        self.scale = tuple(float(n) for n in stride)
        self.conv = nn.Conv3d(n_in, n_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # A 1 x 1 x 1 convolution of repeated voxels is that of the voxels, repeated: 8 times less.
        return F.interpolate(self.conv(x), scale_factor=self.scale, mode="nearest")


def _stage(
    n_in: int, n_out: int, kernel: _Triple, n_blocks: int, stride: _Triple = _ONE
) -> nn.Sequential:
    return nn.Sequential(
        _ResidualBlock(n_in, n_out, kernel, stride, shortcut=True),
        *(_ResidualBlock(n_out, n_out, kernel, _ONE, shortcut=False) for _ in range(n_blocks - 1)),
    )
