"""FreeTumor's generator: a U-Net that says where and how much a scan is to be darkened.

Source:
    Wu et al., FreeTumor, arXiv 2406.01264, on the U-Net of Models Genesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ...errors import WeightsError
from ...models.reading.checkpoints import read_tensors
from ...models.weights import fit_weights
from ...networks.genesis_unet import GenesisUnet

__all__ = ["N_ORGANS", "Generator", "load_generator"]

N_ORGANS = 3
"""Channels that it puts out: liver, pancreas and kidney."""

_PREFIX = "netG."


class _Head(nn.Module):
    """One number per voxel and organ."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.final_conv = nn.Conv3d(n, N_ORGANS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.final_conv(x)
        return y


class Generator(GenesisUnet):
    """Scan to darkening, before the tanh that bounds it."""

    def __init__(self, *, base: int = 64) -> None:
        """Build it with random weights.

        Args:
            base: Channels of the first level, an even number; the published one has 64.
        """
        super().__init__(base=base)
        self.out_tr = _Head(base)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Generate.

        Args:
            x: Densities in [0, 1], (B, 1, I, J, K), sides multiples of 8.

        Returns:
            (B, 3, I, J, K).
        """
        out: torch.Tensor = self.out_tr(self.find_features(x)[0])
        return out


def load_generator(path: Path, *, network: Generator | None = None) -> Generator:
    """Load the generator of a checkpoint; its discriminator and segmenter are left aside.

    Args:
        path: The published file, or a safetensors file of the same names.
        network: What to fill; None builds the published size.

    Returns:
        On the CPU, float32, in evaluation mode.

    Raises:
        WeightsError: If the file is missing, broken or unsafe, or holds no such generator.
    """
    state = _select(read_tensors(path))
    if not state:
        msg = f"{path.name} is no checkpoint of FreeTumor: no name in it begins with '{_PREFIX}'."
        raise WeightsError(msg)
    network = network or Generator()
    try:
        fit_weights(network, state)
    except WeightsError as error:
        msg = f"{path.name} is not FreeTumor's generator: {error}"
        raise WeightsError(msg) from error
    return network.eval()


def _select(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keep the generator's tensors, their names without what goes before."""
    bare = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {
        name.removeprefix(_PREFIX): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in bare.items()
        if name.startswith(_PREFIX)
    }
