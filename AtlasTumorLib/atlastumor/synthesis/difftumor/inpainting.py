"""From a scan and a mask to the same scan with a tumor: encode, sample, decode.

Source:
    Chen et al., Towards Generalizable Tumor Synthesis, CVPR 2024.
"""

from __future__ import annotations

import torch

from ..base import OnStep, ignore_step
from ..diffusion.samplers import draw_noise
from .conditioning import (
    LatentScale,
    make_condition,
    open_window,
    to_hounsfield,
    to_network_axes,
    to_volume_axes,
)
from .state import Models

__all__ = ["inpaint"]


def inpaint(
    models: Models,
    hu: torch.Tensor,
    mask: torch.Tensor,
    generator: torch.Generator,
    *,
    on_step: OnStep = ignore_step,
) -> torch.Tensor:
    """Paint a tumor into a cube of a scan.

    Args:
        models: Autoencoder, denoiser, schedule and the sampler that goes with them.
        hu: Densities at 1 mm, axes toward R, A and S, (X, Y, Z); sides multiples of 32.
        mask: 1 where the tumor is to be, else 0, (X, Y, Z) float32.
        generator: Of all noise, on the CPU.
        on_step: Called before every step with the fraction done; may raise to stop.

    Returns:
        The whole cube as decoded, HU within the window, (X, Y, Z). Outside the mask it is close to
        the scan and yet not the scan: whoever composites takes the inside only.
    """
    scale = LatentScale.of(models.autoencoder)
    values = to_network_axes(open_window(hu)[None, None])
    with torch.inference_mode():
        cond = make_condition(models.autoencoder, values, to_network_axes(mask[None, None]))
        start = draw_noise(cond[:, :-1], generator)
        latent = models.sampler(
            models.denoiser, models.schedule, start, cond, generator, on_step=on_step
        )
        decoded = models.autoencoder.decode(scale.restore(latent))
    return to_hounsfield(to_volume_axes(decoded))[0, 0]
