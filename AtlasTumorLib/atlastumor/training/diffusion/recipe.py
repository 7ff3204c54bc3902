"""What the small diffusion model is and how it is trained: every number of the recipe, once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """The numbers of one training run.

    Args:
        seed: Seeds the weights and every sample; sample n of a run is a function of (seed, n).
        steps: Optimizer steps.
        batch: Tumors per step.
        warmup: Steps over which the learning rate rises.
        learning_rate: Of AdamW, falling to zero along a cosine.
        ema: Decay of the running mean of the weights, which is what is shipped.
        n_anatomies: Different phantoms in the pool.
        anatomy_seed: Seed of the pool, as of the segmenter's recipe.
        held_out: One tumor of so many is not trained on.
        widths: Of the network.
    """

    seed: int = 1
    steps: int = 20_000
    batch: int = 8
    warmup: int = 100
    learning_rate: float = 1e-3
    ema: float = 0.998
    n_anatomies: int = 500
    anatomy_seed: int = 3
    held_out: int = 20
    widths: tuple[int, ...] = (32, 64, 96)
