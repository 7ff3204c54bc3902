"""The small diffusion model at work: from a cube with a hole to the texture that fills it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ...models.weights import fit_weights, load_weights
from ..base import OnStep, ignore_step
from .card import load_painter_card
from .conditioning import N_STEPS, TEXTURE_HU, make_condition
from .network import CubeDenoiser, predict_noise
from .samplers import draw_noise, sample_ancestral
from .schedule import Schedule, make_cosine_schedule

__all__ = ["Painter", "load_painter"]


@dataclass(frozen=True, eq=False)
class Painter:
    """A denoiser and the schedule that it was trained with.

    Args:
        network: In evaluation mode.
        schedule: Stays on the CPU.
        device: Where the network is.
    """

    network: CubeDenoiser
    schedule: Schedule
    device: str = "cpu"

    def draw_texture(
        self,
        hu: torch.Tensor,
        mask: torch.Tensor,
        *,
        organ_hu: float,
        contrast_hu: float,
        seed: int,
        on_step: OnStep = ignore_step,
    ) -> torch.Tensor:
        """Draw how a tumor's densities differ from their mean.

        Args:
            hu: Densities around it, (I, J, K), sides multiples of 8.
            mask: 1 where the tumor is to be, else 0, (I, J, K) float32.
            organ_hu: Density of its organ.
            contrast_hu: Mean density of the tumor minus that.
            seed: Of all noise, whatever the device.
            on_step: Called before every step with the fraction done; may raise to stop.

        Returns:
            HU relative to the tumor's mean, which count inside the mask, (I, J, K) on the CPU.
        """
        generator = torch.Generator().manual_seed(seed)
        numbers = torch.tensor([[organ_hu], [contrast_hu]])
        cond = make_condition(hu[None, None], mask[None, None], *numbers).to(self.device)
        model = predict_noise(self.network, self.schedule)
        with torch.inference_mode(), _one_thread():
            start = draw_noise(cond[:, :1], generator)
            texture = sample_ancestral(
                model, self.schedule, start, cond, generator, on_step=on_step
            )
        return texture[0, 0].cpu() * TEXTURE_HU


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one CPU thread: bytes that depend on no count of cores, and no waiting.

    The cube is so small that on a busy machine threads waited for one another fifty times longer
    than they computed.
    """
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)


def load_painter(card: Path, *, models_dir: Path | None = None, device: str = "cpu") -> Painter:
    """Load a small diffusion model.

    Args:
        card: Its card.
        models_dir: Where weights lie, beside the card's own folder.
        device: Where it is to run, as torch knows it.

    Returns:
        The model, ready.

    Raises:
        CardError: If the card is malformed.
        WeightsError: If the weights are missing, altered or another network's.
    """
    read = load_painter_card(card)
    network = CubeDenoiser(widths=read.widths).eval()
    fit_weights(network, load_weights(read, models_dir=models_dir))
    return Painter(network.to(device), make_cosine_schedule(N_STEPS), device)
