"""What the embedded network is and how it is trained: every number of the recipe, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..models.specs import InputSpec
from ..organs import ORGANS
from .channels import list_outputs

__all__ = ["FIRST_TUMOR", "Recipe", "outputs"]

FIRST_TUMOR = 1 + len(ORGANS)
"""Channels from here on are tumors."""


def outputs() -> list[dict[str, Any]]:
    """List the network's channels as a model card writes them.

    Returns:
        Background, then the six organs, then their tumors, in table order. Both kidneys share a
        channel: telling left from right is geometry, not texture.
    """
    return [
        {"channel": output.channel, "kind": output.kind, "organ": output.organ}
        for output in list_outputs(ORGANS)
    ]


@dataclass(frozen=True)
class Recipe:
    """The numbers of one training run.

    Args:
        seed: Seeds the weights and every sample; sample n of a run is a function of (seed, n).
        steps: Optimizer steps.
        batch: Patches whose mean gradient a step follows.
        warmup: Steps over which the learning rate rises.
        decay: Last share of the steps, over which it falls linearly to zero.
        learning_rate: Of Muon and AdamW, between warm-up and decay.
        momentum: Of Muon.
        muon_decay: Weight decay of Muon.
        adamw_decay: Weight decay of AdamW.
        largest_gradient: Norm at which gradients are clipped.
        ema: Decay of the running mean of the weights, which is what is shipped.
        n_anatomies: Different phantoms in the pool.
        scans_each: Simulated scans that are kept of each.
        scan_share: Share of the patches that are cut from these; the others are rendered.
        patch: Voxels of a training patch along (i, j, k).
        spacing_mm: Of the network's grid, isotropic.
        anatomy_mm: Of the anatomies in the pool, isotropic.
        clip_hu: (low, high), mapped to [0, 1].
        tumor_focus: Share of the patches that are centered on a tumor.
        mirrored: Share of the patches that are mirrored from left to right.
        warped: Share of the patches that are turned, scaled and bent.
        network: Name in `NETWORKS`.
        network_args: What its builder takes.
    """

    seed: int = 1
    steps: int = 12_600
    batch: int = 2
    warmup: int = 200
    decay: float = 0.6
    learning_rate: float = 5e-3
    momentum: float = 0.95
    muon_decay: float = 0.01
    adamw_decay: float = 1e-4
    largest_gradient: float = 2.0
    ema: float = 0.998
    n_anatomies: int = 500
    scans_each: int = 2
    scan_share: float = 0.75
    patch: tuple[int, int, int] = (80, 80, 80)
    spacing_mm: float = 3.0
    anatomy_mm: float = 1.5
    clip_hu: tuple[float, float] = (-200.0, 300.0)
    tumor_focus: float = 0.85
    mirrored: float = 0.35
    warped: float = 0.6
    network: str = "segresnet"
    network_args: dict[str, Any] = field(
        default_factory=lambda: {
            "filters": [32, 64, 128, 128],
            "blocks_down": [1, 2, 2, 4],
            "blocks_up": [1, 1, 1],
        }
    )

    @property
    def input(self) -> InputSpec:
        """What the network sees of a scan."""
        return InputSpec(
            orientation="RAS",
            spacing_mm=(self.spacing_mm,) * 3,
            clip_hu=self.clip_hu,
            normalize="unit",
            resample_order=1,
            antialias=True,
        )

    def learning_rate_at(self, step: int) -> float:
        """Warm up, stay, decay: a run can be lengthened until its decay begins."""
        falling = self.steps * self.decay
        return self.learning_rate * min(
            1.0, (step + 1) / self.warmup, max(0.0, (self.steps - step) / falling)
        )
