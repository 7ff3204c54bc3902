"""MedFormer put together of its parts, named as in the published checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from .medformer_attention import AttentionStage, MapFusion, MapGenerator
from .medformer_convs import ConvBlock, SeparableConv, Triple, same_conv

__all__ = ["MedFormer"]


class MedFormer(nn.Module):
    """The network."""

    def __init__(self, n_outputs: int, args: Mapping[str, Any]) -> None:
        """Build it with random weights.

        Args:
            n_outputs: Number of output channels C.
            args: Every key of `medformer.MEDFORMER`, checked.
        """
        super().__init__()
        widths, kernels = args["features_per_stage"], args["kernel_sizes"]
        strides, n_convs = args["strides"], args["conv_num"]

        def attention(stage: int, n_in: int, n: int, kernel: Triple) -> AttentionStage:
            return AttentionStage(
                n_in,
                n,
                n_blocks=args["trans_num"][stage],
                heads=args["num_heads"][stage],
                kernel=kernel,
                expansion=args["expansion"],
                last_map=stage != 5,  # nobody reads the map of the second stage up
            )

        def down(i: int) -> _MapDown:
            way = (widths[i], widths[i + 1], kernels[i + 1])
            attend = attention(i, way[1], way[1], way[2])
            return _MapDown(*way, strides[i + 1], n_convs[i], args["map_size"], attend)

        def up(i: int) -> _MapUp:
            way = (widths[4 - i], widths[3 - i], kernels[3 - i])
            attend = attention(4 + i, way[0] + way[1], way[1], way[2])
            return _MapUp(*way, n_convs[4 + i], attend)

        self.inc = _Stem(widths[0], kernels[0])
        self.down1 = _Down(widths[0], widths[1], kernels[1], strides[1], n_convs[0])
        self.down2, self.down3, self.down4 = down(1), down(2), down(3)
        self.map_fusion = MapFusion(
            widths[2:], args["fusion_dim"], depth=args["fusion_depth"], heads=args["fusion_heads"]
        )
        self.up1, self.up2 = up(0), up(1)
        self.up3 = _Up(widths[2], widths[1], kernels[1], n_convs[6])
        self.up4 = _Up(widths[1], widths[0], kernels[0], n_convs[7])
        self.outc = nn.Conv3d(widths[0], n_outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment.

        Args:
            x: Windows, (N, 1, I, J, K).

        Returns:
            Logits, (N, C, I, J, K).
        """
        x0 = self.inc(x)
        x1 = self.down1(x0)
        x2, map2 = self.down2(x1)
        x3, map3 = self.down3(x2)
        x4, map4 = self.down4(x3)
        map2, map3, map4 = self.map_fusion([map2, map3, map4])
        out, semantic_map = self.up1(x4, x3, map4, map3)
        out, _ = self.up2(out, x2, semantic_map, map2)
        logits: torch.Tensor = self.outc(self.up4(self.up3(out, x1), x0))
        return logits


class _Stem(nn.Module):
    def __init__(self, n: int, kernel: Triple) -> None:
        super().__init__()
        self.conv1 = same_conv(1, n, kernel)
        self.conv2 = ConvBlock(n, n, kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv2(self.conv1(x))
        return out


class _PatchMerging(nn.Module):
    """The voxels of each cell side by side as channels, then a convolution."""

    def __init__(self, n_in: int, n_out: int, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.stride = stride
        merged = n_in * math.prod(stride)
        self.norm = nn.InstanceNorm3d(merged)
        self.reduction = SeparableConv(merged, n_out, kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        i, j, k = self.stride
        corners = product(range(i), range(j), range(k))
        merged = torch.cat([x[:, :, a::i, b::j, c::k] for a, b, c in corners], dim=1)
        out: torch.Tensor = self.reduction(self.norm(merged))
        return out


class _Down(nn.Module):
    """To the next coarser level, then blocks of convolutions."""

    def __init__(self, n_in: int, n_out: int, kernel: Triple, stride: Triple, n_convs: int) -> None:
        super().__init__()
        self.patch_merging = _PatchMerging(n_in, n_out, kernel, stride)
        self.conv_blocks = nn.Sequential(*(ConvBlock(n_out, n_out, kernel) for _ in range(n_convs)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv_blocks(self.patch_merging(x))
        return out


class _MapDown(nn.Module):
    """The same, then a semantic map of it, and attention between the two."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: Triple,
        stride: Triple,
        n_convs: int,
        map_size: Triple,
        attention: AttentionStage,
    ) -> None:
        super().__init__()
        self.patch_merging = _PatchMerging(n_in, n_out, kernel, stride)
        self.conv_blocks = nn.Sequential(*(ConvBlock(n_out, n_out, kernel) for _ in range(n_convs)))
        self.map_gen = MapGenerator(n_out, map_size)
        self.trans_blocks = attention

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.conv_blocks(self.patch_merging(x))
        both: tuple[torch.Tensor, torch.Tensor] = self.trans_blocks(x, self.map_gen(x))
        return both


class _Up(nn.Module):
    """To the next finer level, beside the encoder's features there; blocks of convolutions."""

    def __init__(self, n_in: int, n_out: int, kernel: Triple, n_convs: int) -> None:
        super().__init__()
        self.conv_blocks = _narrowing_blocks(n_in + n_out, n_out, kernel, n_convs)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv_blocks(_beside(x, skip))
        return out


class _MapUp(nn.Module):
    """The same, with attention to the maps of the level below and of the encoder before."""

    def __init__(
        self, n_in: int, n_out: int, kernel: Triple, n_convs: int, attention: AttentionStage
    ) -> None:
        super().__init__()
        self.map_reduction = nn.Conv3d(n_in + n_out, n_out, 1, bias=False)
        self.trans_blocks = attention
        width = n_out if len(attention.blocks) else n_in + n_out
        self.conv_blocks = _narrowing_blocks(width, n_out, kernel, n_convs)

    def forward(
        self,
        x: torch.Tensor,
        skip: torch.Tensor,
        lower_map: torch.Tensor,
        skip_map: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        semantic_map = self.map_reduction(torch.cat([lower_map, skip_map], dim=1))
        out, semantic_map = self.trans_blocks(_beside(x, skip), semantic_map)
        return self.conv_blocks(out), semantic_map


def _narrowing_blocks(n_in: int, n: int, kernel: Triple, n_blocks: int) -> nn.Sequential:
    widths = [n_in, *[n] * n_blocks]
    return nn.Sequential(*(ConvBlock(widths[i], n, kernel) for i in range(n_blocks)))


def _beside(x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
    """Features at the finer grid of others, and these: (N, both channels, *finer)."""
    x = F.interpolate(x, size=skip.shape[2:], mode="trilinear", align_corners=True)
    return torch.cat([x, skip], dim=1)
