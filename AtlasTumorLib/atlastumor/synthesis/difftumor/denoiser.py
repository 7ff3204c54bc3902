"""DiffTumor's denoiser: a U-Net over slices that attends along z and never shortens it.

Modules are named as in the published checkpoints, so that those load without a table of names.

Source:
    Chen et al., Towards Generalizable Tumor Synthesis, CVPR 2024; the network is that of Ho et
    al., Video Diffusion Models, 2022, with z in place of time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from .attention import (
    AlongZ,
    Attention,
    PreNorm,
    RelativeBias,
    Residual,
    RotaryEmbedding,
    SpatialLinearAttention,
    WithinSlices,
)

__all__ = ["Denoiser"]

_N_GROUPS = 8


class _StepEmbedding(nn.Module):
    """Sines and cosines of a step, (B,) to (B, n)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._n_half = n // 2

    def forward(self, step: torch.Tensor) -> torch.Tensor:
        powers = torch.arange(self._n_half, device=step.device) / (self._n_half - 1)
        angles = step[:, None] * torch.exp(-math.log(10000.0) * powers)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class _Block(nn.Module):
    """Convolution within slices, norm, scale and shift by the step, SiLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(n_in, n_out, (1, 3, 3), padding=(0, 1, 1))
        self.norm = nn.GroupNorm(_N_GROUPS, n_out)

    def forward(
        self, x: torch.Tensor, scale_shift: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> torch.Tensor:
        y: torch.Tensor = self.norm(self.proj(x))
        if scale_shift is not None:
            scale, shift = scale_shift
            y = y * (scale + 1) + shift
        return F.silu(y)


class _ResnetBlock(nn.Module):
    """Two blocks, the first told the step, added to what came in."""

    def __init__(self, n_in: int, n_out: int, n_time: int | None = None) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(n_time, 2 * n_out)) if n_time else None
        self.block1 = _Block(n_in, n_out)
        self.block2 = _Block(n_out, n_out)
        self.res_conv = nn.Conv3d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor | None = None) -> torch.Tensor:
        scale_shift = None
        if self.mlp is not None:
            scale, shift = self.mlp(time)[:, :, None, None, None].chunk(2, dim=1)
            scale_shift = (scale, shift)
        y: torch.Tensor = self.block2(self.block1(x, scale_shift)) + self.res_conv(x)
        return y


def _make_down(n: int) -> nn.Module:
    """Halve x and y of `n` channels."""
    return nn.Conv3d(n, n, (1, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1))


def _make_up(n: int) -> nn.Module:
    """Double x and y of `n` channels."""
    return nn.ConvTranspose3d(n, n, (1, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1))


class _Level(nn.ModuleList):
    """Two blocks, attention within slices, attention along z, and what changes the size."""

    def forward(
        self, x: torch.Tensor, time: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the feature map before and after the change of size."""
        block1, block2, within_slices, along_z, resize = self
        x = along_z(within_slices(block2(block1(x, time), time)), bias)
        return x, resize(x)


class Denoiser(nn.Module):
    """Predicts the noise in a latent, shown the latent of the scan with a hole and the mask."""

    def __init__(
        self, *, dim: int = 24, mults: Sequence[int] = (1, 2, 4, 8), heads: int = 8, latent: int = 8
    ) -> None:
        """Build it with random weights.

        Args:
            dim: Channels of the first level, a multiple of 8.
            mults: Channels of each level, times `dim`; each level but the last halves x and y.
            heads: Attention heads, each of 32 features.
            latent: Channels C of the latent.
        """
        super().__init__()
        widths = [dim, *(dim * m for m in mults)]
        pairs = list(itertools.pairwise(widths))
        n_time, self._heads = 4 * dim, heads
        self.time_rel_pos_bias = RelativeBias(heads)
        rotary = RotaryEmbedding()  # one, known to every attention along z
        self.init_conv = nn.Conv3d(2 * latent + 1, dim, (1, 7, 7), padding=(0, 3, 3))
        self.init_temporal_attn = self._attend_along_z(dim, rotary)
        self.time_mlp = nn.Sequential(
            _StepEmbedding(dim), nn.Linear(dim, n_time), nn.GELU(), nn.Linear(n_time, n_time)
        )
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for i, (n_in, n_out) in enumerate(pairs):
            is_last = i == len(pairs) - 1
            down = nn.Identity() if is_last else _make_down(n_out)
            self.downs.append(self._make_level(n_in, n_out, n_time, rotary, down))
        n_mid = widths[-1]
        self.mid_block1 = _ResnetBlock(n_mid, n_mid, n_time)
        self.mid_spatial_attn = Residual(PreNorm(n_mid, WithinSlices(Attention(n_mid, heads))))
        self.mid_temporal_attn = self._attend_along_z(n_mid, rotary)
        self.mid_block2 = _ResnetBlock(n_mid, n_mid, n_time)
        for i, (n_in, n_out) in enumerate(reversed(pairs)):
            is_last = i == len(pairs) - 1
            up = nn.Identity() if is_last else _make_up(n_in)
            self.ups.append(self._make_level(2 * n_out, n_in, n_time, rotary, up))
        self.final_conv = nn.Sequential(_ResnetBlock(2 * dim, dim), nn.Conv3d(dim, latent, 1))

    def _attend_along_z(self, n: int, rotary: RotaryEmbedding) -> Residual:
        return Residual(PreNorm(n, AlongZ(Attention(n, self._heads, rotary))))

    def _make_level(
        self, n_in: int, n_out: int, n_time: int, rotary: RotaryEmbedding, resize: nn.Module
    ) -> _Level:
        return _Level(
            [
                _ResnetBlock(n_in, n_out, n_time),
                _ResnetBlock(n_out, n_out, n_time),
                Residual(PreNorm(n_out, SpatialLinearAttention(n_out, self._heads))),
                self._attend_along_z(n_out, rotary),
                resize,
            ]
        )

    def forward(self, x: torch.Tensor, step: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        """Predict the noise.

        Args:
            x: Noisy latent, (B, C, Z, X, Y); X and Y multiples of 8 (of 2 per halving).
            step: How noisy it is, (B,) int64.
            cond: Latent of the scan with a hole, and the mask: (B, C + 1, Z, X, Y).

        Returns:
            The noise, of the shape of `x`.
        """
        bias = self.time_rel_pos_bias(x.shape[2])
        time = self.time_mlp(step.to(x.dtype))
        x = first = self.init_conv(torch.cat([x, cond], dim=1))
        x = self.init_temporal_attn(x, bias)
        kept = []
        for level in self.downs:
            before, x = level(x, time, bias)
            kept.append(before)
        x = self.mid_block1(x, time)
        x = self.mid_temporal_attn(self.mid_spatial_attn(x), bias)
        x = self.mid_block2(x, time)
        for level in self.ups:
            _, x = level(torch.cat([x, kept.pop()], dim=1), time, bias)
        out: torch.Tensor = self.final_conv(torch.cat([x, first], dim=1))
        return out
