"""The two ways from noise to a latent, as plain functions.

A model needs the one that it was made for; the other one gives garbage without an error. Random
numbers are drawn on the CPU whatever the device, so that a seed means the same tumor on each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from ..base import OnStep, ignore_step
from .schedule import Schedule

__all__ = [
    "DDIM_STEPS",
    "Model",
    "Sampler",
    "draw_noise",
    "sample_ancestral",
    "sample_ddim",
]

Model = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Maps (noisy latent (B, C, z, x, y), step (B,) int64, condition) to the noise in the latent."""

DDIM_STEPS = 50


class Sampler(Protocol):
    """What the samplers have in common."""

    def __call__(
        self,
        model: Model,
        schedule: Schedule,
        x: torch.Tensor,
        cond: torch.Tensor,
        generator: torch.Generator,
        *,
        on_step: OnStep = ...,
    ) -> torch.Tensor:
        """Turn noise `x` into a latent."""


def draw_noise(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw standard normal noise.

    Args:
        like: Gives shape and device, (...).
        generator: On the CPU.

    Returns:
        Of the shape, type and device of `like`.
    """
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def sample_ancestral(
    model: Model,
    schedule: Schedule,
    x: torch.Tensor,
    cond: torch.Tensor,
    generator: torch.Generator,
    *,
    on_step: OnStep = ignore_step,
) -> torch.Tensor:
    """Sample by every step of the schedule, the clean latent held within [-1, 1].

    Args:
        model: Predicts the noise.
        schedule: T steps.
        x: Standard noise to start from, (B, C, z, x, y).
        cond: What the model is shown beside, (B, C', z, x, y).
        generator: Of the noise that each step but the last adds.
        on_step: Called before every step with the fraction done.

    Returns:
        The latent, (B, C, z, x, y), normalized.

    Source:
        Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020, algorithm 2, with the
        posterior of eq. 7 at a clamped estimate; DiffTumor's "early" models.
    """
    for step in reversed(range(schedule.n_steps)):
        on_step(1 - (step + 1) / schedule.n_steps)
        noise = model(x, torch.full((x.shape[0],), step, device=x.device), cond)
        clean = (
            schedule.sqrt_recip_alphas_cumprod[step] * x
            - schedule.sqrt_recipm1_alphas_cumprod[step] * noise
        ).clamp(-1, 1)
        x = schedule.posterior_mean_coef1[step] * clean + schedule.posterior_mean_coef2[step] * x
        if step > 0:
            deviation = (0.5 * schedule.posterior_log_variance_clipped[step]).exp()
            x = x + deviation * draw_noise(x, generator)
    return x


def sample_ddim(
    model: Model,
    schedule: Schedule,
    x: torch.Tensor,
    cond: torch.Tensor,
    generator: torch.Generator,
    *,
    on_step: OnStep = ignore_step,
    n_samples: int = DDIM_STEPS,
) -> torch.Tensor:
    """Sample by every T / n-th step without new noise; nothing is clamped.

    Args:
        model: Predicts the noise.
        schedule: T steps.
        x: Standard noise to start from, (B, C, z, x, y).
        cond: What the model is shown beside, (B, C', z, x, y).
        generator: Not used: at eta = 0 the way is determined by its start.
        on_step: Called before every step with the fraction done.
        n_samples: Steps taken, a divisor of T.

    Returns:
        The latent, (B, C, z, x, y), normalized.

    Source:
        Song et al., Denoising Diffusion Implicit Models, ICLR 2021, eq. 12 at sigma = 0. Steps are
        1, 1 + T/n, ... and the last one leads to step 0 and not beyond it, as latent diffusion
        does (Rombach et al., CVPR 2022); DiffTumor's "noearly" models.
    """
    del generator
    steps = list(range(1, schedule.n_steps, schedule.n_steps // n_samples))
    kept = schedule.alphas_cumprod
    for i, (step, towards) in enumerate(reversed(list(zip(steps, [0, *steps], strict=False)))):
        on_step(i / len(steps))
        noise = model(x, torch.full((x.shape[0],), step, device=x.device), cond)
        clean = (x - (1 - kept[step]).sqrt() * noise) / kept[step].sqrt()
        x = kept[towards].sqrt() * clean + (1 - kept[towards]).sqrt() * noise
    return x
