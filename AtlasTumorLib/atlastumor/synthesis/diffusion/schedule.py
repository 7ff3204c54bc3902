"""The noise schedule: how much of a latent is noise at each step.

A checkpoint carries its schedule as twelve buffers; those are what is used. `make_cosine_schedule`
makes the same from the formula, for tests and for models of one's own.

Source:
    Nichol and Dhariwal, Improved Denoising Diffusion Probabilistic Models, ICML 2021, eq. 17 (the
    cosine); Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020, eq. 7 (posterior).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch

__all__ = ["BUFFERS", "Schedule", "make_cosine_schedule", "make_schedule"]

_OFFSET = 0.008
_LARGEST_BETA = 0.9999
_SMALLEST_VARIANCE = 1e-20


@dataclass(frozen=True, eq=False)
class Schedule:
    """What the samplers look up, each (T,) float32; named as in the checkpoints.

    With a = `alphas_cumprod`, a noisy latent is sqrt(a) times the clean one plus sqrt(1 - a) times
    standard noise; step 0 is nearly clean, step T - 1 nearly noise.
    """

    betas: torch.Tensor
    alphas_cumprod: torch.Tensor
    alphas_cumprod_prev: torch.Tensor
    sqrt_alphas_cumprod: torch.Tensor
    sqrt_one_minus_alphas_cumprod: torch.Tensor
    log_one_minus_alphas_cumprod: torch.Tensor
    sqrt_recip_alphas_cumprod: torch.Tensor
    sqrt_recipm1_alphas_cumprod: torch.Tensor
    posterior_variance: torch.Tensor
    posterior_log_variance_clipped: torch.Tensor
    posterior_mean_coef1: torch.Tensor
    posterior_mean_coef2: torch.Tensor

    @property
    def n_steps(self) -> int:
        """T, the number of steps it was trained with."""
        return len(self.betas)


BUFFERS: tuple[str, ...] = tuple(field.name for field in fields(Schedule))
"""The names of the twelve buffers."""


def make_cosine_schedule(n_steps: int) -> Schedule:
    """Make the schedule that DiffTumor trains with.

    Args:
        n_steps: T; 4 for early tumors, 200 for others.

    Returns:
        The schedule, computed in float64 and then rounded.
    """
    time = torch.linspace(0, n_steps, n_steps + 1, dtype=torch.float64) / n_steps
    signal = torch.cos((time + _OFFSET) / (1 + _OFFSET) * math.pi / 2).square()
    return make_schedule((1 - signal[1:] / signal[:-1]).clamp(0, _LARGEST_BETA))


def make_schedule(betas: torch.Tensor) -> Schedule:
    """Derive the other buffers from the share of noise that each step adds.

    Args:
        betas: (T,) in (0, 1).

    Returns:
        The schedule, computed in float64 and then rounded.
    """
    betas = betas.to(torch.float64)
    kept = torch.cumprod(1 - betas, dim=0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    variance = betas * (1 - before) / (1 - kept)
    tensors = (
        betas,
        kept,
        before,
        kept.sqrt(),
        (1 - kept).sqrt(),
        (1 - kept).log(),
        (1 / kept).sqrt(),
        (1 / kept - 1).sqrt(),
        variance,
        variance.clamp(min=_SMALLEST_VARIANCE).log(),
        betas * before.sqrt() / (1 - kept),
        (1 - before) * (1 - betas).sqrt() / (1 - kept),
    )
    return Schedule(*(tensor.to(torch.float32) for tensor in tensors))
