"""The small denoiser: a U-Net over a cube of 24 voxels that folds 2 x 2 x 2 of them into channels.

Source:
    Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020 (U-Net told the step);
    Salimans and Ho, Progressive Distillation, ICLR 2022 (the network predicts v). Differs: three
    dimensions, folding in front (Shi et al., CVPR 2016), no attention, so that a CPU can run it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from .samplers import Model
from .schedule import Schedule

__all__ = ["CubeDenoiser", "predict_noise"]

_FOLD = 2
_N_GROUPS = 8
_N_STEP = 64


class _Block(nn.Module):
    """Two convolutions, the first told the step, added to what came in."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(_N_GROUPS, n_in), nn.GroupNorm(_N_GROUPS, n_out)
        self.conv1 = nn.Conv3d(n_in, n_out, 3, padding=1)
        self.conv2 = nn.Conv3d(n_out, n_out, 3, padding=1)
        self.told = nn.Linear(_N_STEP, 2 * n_out)
        self.pass_by = nn.Conv3d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        scale, shift = self.told(time)[:, :, None, None, None].chunk(2, dim=1)
        y = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        out: torch.Tensor = self.pass_by(x) + self.conv2(F.silu(y))
        return out


class CubeDenoiser(nn.Module):
    """Predicts v in a noisy texture, shown the surroundings and the mask of the tumor.

    With a = `Schedule.alphas_cumprod`, v is sqrt(a) times the noise minus sqrt(1 - a) times the
    clean texture.
    """

    def __init__(self, *, widths: Sequence[int] = (32, 64, 96)) -> None:
        """Build it with random weights; a new one predicts 0.

        Args:
            widths: Channels of the three levels, multiples of 8; the second and third halve all
                sides.
        """
        super().__init__()
        top, middle, bottom = widths
        cells = _FOLD**3
        self.step = nn.Sequential(
            nn.Linear(_N_STEP, _N_STEP), nn.SiLU(), nn.Linear(_N_STEP, _N_STEP)
        )
        self.stem = nn.Conv3d(3 * cells, top, 3, padding=1)
        self.in1, self.in2 = _Block(top, top), _Block(middle, middle)
        self.down1 = nn.Conv3d(top, middle, 2, stride=2)
        self.down2 = nn.Conv3d(middle, bottom, 2, stride=2)
        self.deep = nn.ModuleList([_Block(bottom, bottom), _Block(bottom, bottom)])
        self.up2 = nn.ConvTranspose3d(bottom, middle, 2, stride=2)
        self.up1 = nn.ConvTranspose3d(middle, top, 2, stride=2)
        self.out2, self.out1 = _Block(2 * middle, middle), _Block(2 * top, top)
        self.norm = nn.GroupNorm(_N_GROUPS, top)
        self.head = nn.Conv3d(top, cells, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor, step: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        """Predict v.

        Args:
            x: Noisy texture, (B, 1, I, J, K), sides multiples of 8; counts inside the mask.
            step: How noisy it is, (B,) int64.
            cond: Of `make_condition`: surroundings, then mask, (B, 2, I, J, K).

        Returns:
            v, of the shape of `x`.
        """
        time = F.silu(self.step(_embed(step).to(x.dtype)))
        y1 = self.in1(self.stem(_fold(torch.cat([x * cond[:, 1:], cond], dim=1))), time)
        y2 = self.in2(self.down1(y1), time)
        y = self.down2(y2)
        for block in self.deep:
            y = block(y, time)
        y = self.out2(torch.cat([self.up2(y), y2], dim=1), time)
        y = self.out1(torch.cat([self.up1(y), y1], dim=1), time)
        return _unfold(self.head(F.silu(self.norm(y))))


def predict_noise(network: CubeDenoiser, schedule: Schedule) -> Model:
    """Let a network that predicts v speak as the samplers want it.

    Args:
        network: The denoiser.
        schedule: That it was trained with.

    Returns:
        What predicts the noise.
    """

    def model(x: torch.Tensor, step: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        kept = schedule.alphas_cumprod[int(step[0])]  # samplers take one step for all at a time
        v: torch.Tensor = network(x, step, cond)
        return (1 - kept).sqrt() * x + kept.sqrt() * v

    return model


def _embed(step: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of a step, (B,) to (B, 64)."""
    half = _N_STEP // 2
    angles = step[:, None] * torch.exp(
        -math.log(1000.0) * torch.arange(half, device=step.device) / half
    )
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def _fold(x: torch.Tensor) -> torch.Tensor:
    """(B, C, I, J, K) to (B, 8 C, I/2, J/2, K/2)."""
    b, c, i, j, k = x.shape
    cells = x.view(b, c, i // 2, 2, j // 2, 2, k // 2, 2)
    return cells.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, 8 * c, i // 2, j // 2, k // 2)


def _unfold(x: torch.Tensor) -> torch.Tensor:
    """(B, 8 C, i, j, k) to (B, C, 2 i, 2 j, 2 k)."""
    b, c, i, j, k = x.shape
    cells = x.view(b, c // 8, 2, 2, 2, i, j, k)
    return cells.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, c // 8, 2 * i, 2 * j, 2 * k)
