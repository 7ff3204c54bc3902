"""DiffTumor's autoencoder: a 3-D VQGAN that folds 4 x 4 x 4 voxels into 8 numbers.

Tensors are (B, C, Z, X, Y), the order in which it was trained (`conditioning`). Modules are named
as in the published checkpoints, so that those load without a table of names; what only training
needs (discriminators, perceptual loss) is not here.

Source:
    Chen et al., Towards Generalizable Tumor Synthesis, CVPR 2024. The network is that of Ge et
    al., Long Video Generation with Time-Agnostic VQGAN and Time-Sensitive Transformer, ECCV 2022,
    after Esser et al., Taming Transformers, CVPR 2021.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

__all__ = ["N_GROUPS", "Autoencoder", "Codebook", "Decoder", "Encoder"]

N_GROUPS = 32
_QUANTIZER_ROWS = 2048  # 128 MiB of distances to 16,384 codes


def _pad_same(x: torch.Tensor, *, kernel: int, stride: int) -> torch.Tensor:
    """Repeat the edge by `kernel - stride` voxels per axis, the odd one in front."""
    total = kernel - stride
    front = total // 2 + total % 2
    return F.pad(x, (front, total // 2) * 3, mode="replicate") if total else x


class _SameConv(nn.Module):
    """A convolution that divides every side by its stride."""

    def __init__(self, n_in: int, n_out: int, *, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv3d(n_in, n_out, kernel, stride)
        self._kernel, self._stride = kernel, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(_pad_same(x, kernel=self._kernel, stride=self._stride))
        return y


class _SameTransposedConv(nn.Module):
    """A transposed convolution that doubles every side."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.convt = nn.ConvTranspose3d(n_in, n_out, 4, 2, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.convt(_pad_same(x, kernel=4, stride=2))
        return y


def _make_norm(n: int) -> nn.GroupNorm:
    """Normalization of `n` channels, a multiple of 32."""
    return nn.GroupNorm(N_GROUPS, n, eps=1e-6)


class _ResidualBlock(nn.Module):
    """Two convolutions, each after norm and SiLU, added to what came in."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.norm1 = _make_norm(n)
        self.conv1 = _SameConv(n, n, kernel=3)
        self.norm2 = _make_norm(n)
        self.conv2 = _SameConv(n, n, kernel=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        out: torch.Tensor = x + self.conv2(F.silu(self.norm2(y)))
        return out


class _DownBlock(nn.Module):
    """Halve every side, then refine."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.down = _SameConv(n_in, n_out, kernel=4, stride=2)
        self.res = _ResidualBlock(n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.res(self.down(x))
        return y


class _UpBlock(nn.Module):
    """Double every side, then refine twice."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.up = _SameTransposedConv(n_in, n_out)
        self.res1 = _ResidualBlock(n_out)
        self.res2 = _ResidualBlock(n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.res2(self.res1(self.up(x)))
        return y


class Encoder(nn.Module):
    """Densities (B, 1, Z, X, Y) to features (B, 4 hidden, Z/4, X/4, Y/4)."""

    def __init__(self, hidden: int) -> None:
        """Build it; `hidden` is the width before the first halving, a multiple of 16."""
        super().__init__()
        self.conv_first = _SameConv(1, hidden, kernel=3)
        self.conv_blocks = nn.ModuleList(
            [_DownBlock(hidden, 2 * hidden), _DownBlock(2 * hidden, 4 * hidden)]
        )
        self.final_block = nn.Sequential(_make_norm(4 * hidden), nn.SiLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Encode; every side a multiple of 4."""
        y = self.conv_first(x)
        for block in self.conv_blocks:
            y = block(y)
        out: torch.Tensor = self.final_block(y)
        return out


class Decoder(nn.Module):
    """Features (B, 4 hidden, z, x, y) to densities (B, 1, 4z, 4x, 4y)."""

    def __init__(self, hidden: int) -> None:
        """Build it; `hidden` as for the encoder."""
        super().__init__()
        self.final_block = nn.Sequential(_make_norm(4 * hidden), nn.SiLU())
        self.conv_blocks = nn.ModuleList(
            [_UpBlock(4 * hidden, 4 * hidden), _UpBlock(4 * hidden, 2 * hidden)]
        )
        self.conv_last = _SameConv(2 * hidden, 1, kernel=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Decode; what comes out is not limited to any range."""
        y = self.final_block(x)
        for block in self.conv_blocks:
            y = block(y)
        out: torch.Tensor = self.conv_last(y)
        return out


class Codebook(nn.Module):
    """The vectors that a latent may consist of."""

    embeddings: torch.Tensor
    N: torch.Tensor
    z_avg: torch.Tensor

    def __init__(self, n_codes: int, width: int) -> None:
        """Build it; `N` and `z_avg` are how often and where training last saw each code."""
        super().__init__()
        embeddings = torch.randn(n_codes, width)
        self.register_buffer("embeddings", embeddings)
        self.register_buffer("N", torch.zeros(n_codes))
        self.register_buffer("z_avg", embeddings.clone())

    def find_nearest(self, latent: torch.Tensor, *, rows: int = _QUANTIZER_ROWS) -> torch.Tensor:
        """Find the code nearest to each vector of a latent, by squared distance.

        Args:
            latent: (B, width, z, x, y).
            rows: Vectors compared at a time; bounds memory, never changes the answer.

        Returns:
            Index of each vector's code, (B, z, x, y) int64.
        """
        flat = latent.movedim(1, -1).reshape(-1, latent.shape[1])
        norms = self.embeddings.square().sum(dim=1)
        found = []
        for part in torch.split(flat, rows):
            distance = (part @ self.embeddings.t()).mul_(-2)
            distance.add_(part.square().sum(dim=1, keepdim=True)).add_(norms)
            found.append(distance.argmin(dim=1))
        return torch.cat(found).view(latent.shape[0], *latent.shape[2:])

    def quantize(self, latent: torch.Tensor) -> torch.Tensor:
        """Replace every vector of a latent (B, width, z, x, y) by its nearest code."""
        return self.embeddings[self.find_nearest(latent)].movedim(-1, 1)


class Autoencoder(nn.Module):
    """Encoder, codebook and decoder."""

    def __init__(self, *, hidden: int = 16, width: int = 8, n_codes: int = 16384) -> None:
        """Build it with random weights.

        Args:
            hidden: Channels before the first halving, a multiple of 16.
            width: Channels of the latent.
            n_codes: Vectors in the codebook.
        """
        super().__init__()
        self.encoder = Encoder(hidden)
        self.decoder = Decoder(hidden)
        self.pre_vq_conv = _SameConv(4 * hidden, width, kernel=1)
        self.post_vq_conv = _SameConv(width, 4 * hidden, kernel=1)
        self.codebook = Codebook(n_codes, width)

    def encode(self, volume: torch.Tensor) -> torch.Tensor:
        """Encode densities without quantizing.

        Args:
            volume: (B, 1, Z, X, Y) in [-1, 1], sides multiples of 4.

        Returns:
            Latent, (B, width, Z/4, X/4, Y/4), on the scale of the codebook.
        """
        latent: torch.Tensor = self.pre_vq_conv(self.encoder(volume))
        return latent

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Quantize a latent and decode it.

        Args:
            latent: (B, width, z, x, y) on the scale of the codebook.

        Returns:
            (B, 1, 4z, 4x, 4y), about [-1, 1].
        """
        volume: torch.Tensor = self.decoder(self.post_vq_conv(self.codebook.quantize(latent)))
        return volume
