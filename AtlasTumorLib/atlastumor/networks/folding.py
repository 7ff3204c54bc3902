"""A network that sees blocks of voxels as channels; with torch, imported when one is built."""

from __future__ import annotations

import torch
from monai.networks.utils import pixelshuffle, pixelunshuffle

__all__ = ["Folded"]


class Folded(torch.nn.Module):
    """A network on a grid `fold` times as coarse, with as many more channels."""

    def __init__(self, core: torch.nn.Module, fold: int) -> None:
        """Wrap a network.

        Args:
            core: (N, fold^3, I, J, K) to (N, C fold^3, I, J, K).
            fold: Voxels along the side of a block.
        """
        super().__init__()
        self.core, self.fold = core, fold

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (N, 1, I, J, K) to logits (N, C, I, J, K); sides are multiples of `fold`."""
        folded = pixelunshuffle(image, 3, self.fold)
        return pixelshuffle(self.core(folded), 3, self.fold)
