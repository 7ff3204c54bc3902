"""The attentions of DiffTumor's denoiser: over the positions of a slice, and along z.

Feature maps are (B, C, Z, X, Y); an attention sees tokens (N, T, C). `Residual`, `PreNorm` and the
two token makers are modules of their own because the published checkpoints name them.

Source:
    Ho et al., Video Diffusion Models, 2022, with z in place of time. Linear attention: Shen et
    al., Efficient Attention, WACV 2021. Rotary embedding: Su et al., RoFormer, 2021. Position
    bias: Raffel et al., T5, JMLR 2020.
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = [
    "AlongZ",
    "Attention",
    "ChannelNorm",
    "PreNorm",
    "RelativeBias",
    "Residual",
    "RotaryEmbedding",
    "SpatialLinearAttention",
    "WithinSlices",
]

HEAD_WIDTH = 32
_THETA = 10000.0


class Residual(nn.Module):
    """Adds what a module makes to what it was given."""

    def __init__(self, fn: nn.Module) -> None:
        """Wrap a module that keeps the shape."""
        super().__init__()
        self.fn = fn

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Pass on a feature map (B, C, Z, X, Y), and a bias to those that take one."""
        y: torch.Tensor = self.fn(x, bias)
        return x + y


class ChannelNorm(nn.Module):
    """Normalizes each voxel over its channels; a gain, no offset."""

    def __init__(self, n: int) -> None:
        """Build it for `n` channels."""
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, n, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize (B, C, Z, X, Y)."""
        variance, mean = torch.var_mean(x, dim=1, unbiased=False, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + 1e-5) * self.gamma


class PreNorm(nn.Module):
    """Normalizes what a module is given."""

    def __init__(self, n: int, fn: nn.Module) -> None:
        """Wrap a module of `n` channels."""
        super().__init__()
        self.norm = ChannelNorm(n)
        self.fn = fn

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Pass on a feature map (B, C, Z, X, Y)."""
        y: torch.Tensor = self.fn(self.norm(x), bias)
        return y


class RotaryEmbedding(nn.Module):
    """Turns pairs of neighboring features by an angle that grows with the token's position."""

    def __init__(self, width: int = HEAD_WIDTH) -> None:
        """Build it for heads of `width` features, all of which are turned."""
        super().__init__()
        powers = torch.arange(0, width, 2, dtype=torch.float32) / width
        self.freqs = nn.Parameter(_THETA**-powers, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (..., T, width); token t stands at position t."""
        positions = torch.arange(x.shape[-2], device=x.device, dtype=x.dtype)
        angles = torch.outer(positions, self.freqs)
        even, odd = x[..., 0::2], x[..., 1::2]
        cos, sin = angles.cos(), angles.sin()
        return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


class RelativeBias(nn.Module):
    """How much a token listens to another, by how far apart they are."""

    def __init__(self, heads: int, *, n_buckets: int = 32, max_distance: int = 32) -> None:
        """Build it.

        Args:
            heads: Attention heads H.
            n_buckets: Distances told apart, half of them for tokens that come later.
            max_distance: From here on all distances are one.
        """
        super().__init__()
        self.relative_attention_bias = nn.Embedding(n_buckets, heads)
        self._n_side, self._max_distance = n_buckets // 2, max_distance

    def forward(self, n_tokens: int) -> torch.Tensor:
        """Give the bias of T tokens, (H, T, T): row listens to column."""
        device = self.relative_attention_bias.weight.device
        at = torch.arange(n_tokens, device=device)
        ahead = at[None, :] - at[:, None]
        buckets = self._find_bucket(ahead.abs()) + self._n_side * (ahead > 0)
        bias: torch.Tensor = self.relative_attention_bias(buckets)
        return bias.permute(2, 0, 1)

    def _find_bucket(self, distance: torch.Tensor) -> torch.Tensor:
        """Bucket of a distance: one each when near, logarithmic beyond."""
        n_exact = self._n_side // 2
        ratio = torch.log(distance.clamp(min=1) / n_exact) / math.log(self._max_distance / n_exact)
        far = n_exact + (ratio * (self._n_side - n_exact)).to(torch.int64)
        return torch.where(distance < n_exact, distance, far.clamp(max=self._n_side - 1))


class Attention(nn.Module):
    """Softmax attention of all tokens to all."""

    def __init__(self, n: int, heads: int, rotary: RotaryEmbedding | None = None) -> None:
        """Build it.

        Args:
            n: Channels C of a token.
            heads: Attention heads H, each of 32 features.
            rotary: Turns queries and keys by their position, if it matters.
        """
        super().__init__()
        self.to_qkv = nn.Linear(n, 3 * heads * HEAD_WIDTH, bias=False)
        self.to_out = nn.Linear(heads * HEAD_WIDTH, n, bias=False)
        self.rotary_emb = rotary
        self._heads = heads

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Attend among tokens (N, T, C); the bias (H, T, T) is added before the softmax."""
        n, t, _ = x.shape
        q, k, v = self.to_qkv(x).view(n, t, 3, self._heads, HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        q = q * HEAD_WIDTH**-0.5
        if self.rotary_emb is not None:
            q, k = self.rotary_emb(q), self.rotary_emb(k)
        scores = q @ k.transpose(-1, -2)
        if bias is not None:
            scores = scores + bias
        heard = scores.softmax(dim=-1) @ v  # (N, H, T, 32)
        out: torch.Tensor = self.to_out(heard.transpose(1, 2).reshape(n, t, -1))
        return out


class AlongZ(nn.Module):
    """Lets a voxel attend to those above and below it."""

    def __init__(self, fn: Attention) -> None:
        """Wrap an attention over tokens."""
        super().__init__()
        self.fn = fn

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Attend along z in (B, C, Z, X, Y)."""
        b, c, z, h, w = x.shape
        tokens = x.permute(0, 3, 4, 2, 1).reshape(b * h * w, z, c)
        y: torch.Tensor = self.fn(tokens, bias)
        return y.view(b, h, w, z, c).permute(0, 4, 3, 1, 2)


class WithinSlices(nn.Module):
    """Lets a voxel attend to those of its slice."""

    def __init__(self, fn: Attention) -> None:
        """Wrap an attention over tokens."""
        super().__init__()
        self.fn = fn

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Attend within each z in (B, C, Z, X, Y)."""
        b, c, z, h, w = x.shape
        tokens = x.permute(0, 2, 3, 4, 1).reshape(b * z, h * w, c)
        y: torch.Tensor = self.fn(tokens, bias)
        return y.view(b, z, h, w, c).permute(0, 4, 1, 2, 3)


class SpatialLinearAttention(nn.Module):
    """Attention within slices whose cost grows with the slice, not with its square."""

    def __init__(self, n: int, heads: int) -> None:
        """Build it for `n` channels and `heads` heads of 32 features."""
        super().__init__()
        self.to_qkv = nn.Conv2d(n, 3 * heads * HEAD_WIDTH, 1, bias=False)
        self.to_out = nn.Conv2d(heads * HEAD_WIDTH, n, 1)
        self._heads = heads

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Attend within each z in (B, C, Z, X, Y); no bias is used."""
        del bias
        b, c, z, h, w = x.shape
        slices = x.transpose(1, 2).reshape(b * z, c, h, w)
        split = self.to_qkv(slices).view(b * z, 3, self._heads, HEAD_WIDTH, h * w)
        q, k, v = split.unbind(dim=1)  # (B Z, H, 32, X Y)
        q = q.softmax(dim=-2) * HEAD_WIDTH**-0.5
        context = k.softmax(dim=-1) @ v.transpose(-1, -2)  # (B Z, H, 32, 32)
        heard = context.transpose(-1, -2) @ q
        out: torch.Tensor = self.to_out(heard.reshape(b * z, -1, h, w))
        return out.view(b, z, c, h, w).transpose(1, 2)
