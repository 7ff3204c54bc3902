"""MedFormer's attention between voxels and semantic maps, named as in the published checkpoints.

A semantic map is a small grid of summaries, (N, C, *map size), each a weighted mean of voxels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from .medformer_convs import ONE, ExpandedConv, PreactConv, SeparableConv, Triple

__all__ = ["AttentionStage", "MapFusion", "MapGenerator"]


class MapGenerator(nn.Module):
    """Summarizes features: every cell of the map weighs all voxels by a learned softmax."""

    def __init__(self, n: int, map_size: Triple) -> None:
        """Build it with random weights.

        Args:
            n: Channels of the features and of the map.
            map_size: Of the map.
        """
        super().__init__()
        self.map_size = map_size
        self.base_proj = nn.Conv3d(n, n, 3, padding=1, bias=False)
        self.semantic_proj = nn.Conv3d(n, math.prod(map_size), 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, n, I, J, K) to (N, n, *map_size)."""
        features = self.base_proj(x).flatten(2)
        weights = self.semantic_proj(x).flatten(2).softmax(dim=2)
        return _as_grid(features @ weights.transpose(1, 2), self.map_size)


class AttentionStage(nn.Module):
    """Blocks of attention one after another; without any, features and map pass unchanged."""

    def __init__(
        self,
        n_in: int,
        n: int,
        *,
        n_blocks: int,
        heads: int,
        kernel: Triple,
        expansion: int,
        last_map: bool = True,
    ) -> None:
        """Build it with random weights.

        Args:
            n_in: Channels of the features in.
            n: Channels of the features out, and of the map.
            n_blocks: How many.
            heads: Of each.
            kernel: Of the convolutions in it.
            expansion: Of the block's last convolution.
            last_map: Whether the last block updates the map; nobody may need it.
        """
        super().__init__()
        self.blocks = nn.ModuleList(
            _AttentionBlock(
                n_in if i == 0 else n,
                n,
                heads,
                kernel,
                expansion,
                with_map=last_map or i < n_blocks - 1,
            )
            for i in range(n_blocks)
        )

    def forward(
        self, x: torch.Tensor, semantic_map: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, n_in, I, J, K) and a map (N, n, ...) to (N, n, I, J, K) and the map."""
        for block in self.blocks:
            x, semantic_map = block(x, semantic_map)
        return x, semantic_map


class _AttentionBlock(nn.Module):
    """Attention both ways, then a widened convolution; the input goes past each."""

    def __init__(
        self, n_in: int, n: int, heads: int, kernel: Triple, expansion: int, *, with_map: bool
    ) -> None:
        super().__init__()
        self.norm1 = nn.InstanceNorm3d(n_in)
        self.norm2 = nn.InstanceNorm3d(n)
        self.attn = _TwoWayAttention(n_in, n, heads, kernel, with_map=with_map)
        self.shortcut = PreactConv(n_in, n, ONE) if n_in != n else nn.Identity()
        self.feedforward = ExpandedConv(n, kernel, expansion)

    def forward(
        self, x: torch.Tensor, semantic_map: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        out, change = self.attn(self.norm1(x), self.norm2(semantic_map))
        out = self.feedforward(out + self.shortcut(x))
        return out, semantic_map if change is None else semantic_map + change


class _TwoWayAttention(nn.Module):
    """Voxels attend to the map and the map to the voxels, by one table of similarities."""

    def __init__(self, n_in: int, n: int, heads: int, kernel: Triple, *, with_map: bool) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (n // heads) ** -0.5
        self.feat_qv = SeparableConv(n_in, 2 * n, kernel)
        self.feat_out = SeparableConv(n, n, kernel)
        self.map_qv = nn.Conv3d(n, 2 * n, 1, bias=False)
        self.map_out = nn.Conv3d(n, n, 1, bias=False) if with_map else None

    def forward(
        self, x: torch.Tensor, semantic_map: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        x_query, x_value = (self._split(t) for t in self.feat_qv(x).chunk(2, dim=1))
        map_query, map_value = (self._split(t) for t in self.map_qv(semantic_map).chunk(2, dim=1))
        similarity = x_query @ map_query.transpose(2, 3) * self.scale
        out = self._join(similarity.softmax(dim=3) @ map_value, x.shape[2:])
        if self.map_out is None:
            return self.feat_out(out), None
        change = self._join(
            similarity.softmax(dim=2).transpose(2, 3) @ x_value, semantic_map.shape[2:]
        )
        return self.feat_out(out), self.map_out(change)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, ...) to (N, heads, voxels, C / heads): channel c is of head c modulo heads."""
        n, width = x.shape[:2]
        return x.reshape(n, width // self.heads, self.heads, -1).permute(0, 2, 3, 1)

    def _join(self, x: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Undo `_split`."""
        return _as_grid(x.permute(0, 3, 1, 2).flatten(1, 2), shape)


class MapFusion(nn.Module):
    """Lets the maps of several levels see one another: a small transformer over all their cells."""

    def __init__(self, widths: Sequence[int], n: int, *, depth: int, heads: int) -> None:
        """Build it with random weights.

        Args:
            widths: Channels of each map.
            n: Channels of the transformer.
            depth: Its layers.
            heads: Of its attention.
        """
        super().__init__()
        self.in_proj = nn.ModuleList(nn.Conv3d(width, n, 1, bias=False) for width in widths)
        self.fusion = _Transformer(n, depth, heads)
        self.out_proj = nn.ModuleList(nn.Conv3d(n, width, 1, bias=False) for width in widths)

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Maps of one size, each with its own number of channels, to the same."""
        shape = maps[0].shape[2:]
        cells = [p(m).flatten(2).transpose(1, 2) for p, m in zip(self.in_proj, maps, strict=True)]
        fused = self.fusion(torch.cat(cells, dim=1)).chunk(len(maps), dim=1)
        return [
            project(_as_grid(part.transpose(1, 2), shape))
            for project, part in zip(self.out_proj, fused, strict=True)
        ]


class _Transformer(nn.Module):
    """Layers of attention and of two linear layers, each after a norm and added to its input."""

    def __init__(self, n: int, depth: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(_Added(n, _SelfAttention(n, heads)), _Added(n, _Linears(n)))
            for _ in range(depth)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _Added(nn.Module):
    def __init__(self, n: int, layer: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n)
        self.fn = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fn(self.norm(x)) + x
        return out


class _SelfAttention(nn.Module):
    def __init__(self, n: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(n, 3 * n, bias=False)
        self.to_out = nn.Linear(n, n)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            t.reshape(*t.shape[:2], self.heads, -1).transpose(1, 2)
            for t in self.to_qkv(x).chunk(3, dim=2)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        out: torch.Tensor = self.to_out(attended.transpose(1, 2).flatten(2))
        return out


class _Linears(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(n, n)
        self.fc2 = nn.Linear(n, n)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


def _as_grid(x: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """(N, C, voxels) to (N, C, *shape)."""
    return x.reshape(*x.shape[:2], *shape)
