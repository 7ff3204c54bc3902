"""FreeTumor's generator: a U-Net that says where and how much a scan is to be darkened.

Modules are named as in the published checkpoint, so that it loads without a table of names.

Source:
    Wu et al., FreeTumor, arXiv 2406.01264; the network is that of Zhou et al., Models Genesis,
    MICCAI 2019, whose normalization uses the statistics of what it is given, in use as in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from ...errors import WeightsError
from ...models.reading.checkpoints import read_tensors
from ...models.weights import fit_weights

__all__ = ["N_ORGANS", "Generator", "load_generator"]

N_ORGANS = 3
"""Channels that it puts out: liver, pancreas and kidney."""

_PREFIX = "netG."


class _OwnBatchNorm(nn.Module):
    """Normalizes by the statistics of its input; the running ones are stored and not used."""

    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True)


class _Layer(nn.Module):
    """Convolution, normalization, ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(n_in, n_out, 3, padding=1)
        self.bn1 = _OwnBatchNorm(n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn1(self.conv1(x)))


class _Down(nn.Module):
    """Two layers."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.ops = nn.Sequential(_Layer(n_in, n_out // 2), _Layer(n_out // 2, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.ops(x)
        return y


class _Up(nn.Module):
    """Double every side, look at what was there before, two layers."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.up_conv = nn.ConvTranspose3d(n, n, 2, stride=2)
        self.ops = nn.Sequential(_Layer(n + n // 2, n // 2), _Layer(n // 2, n // 2))

    def forward(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.ops(torch.cat([self.up_conv(x), before], dim=1))
        return y


class _Head(nn.Module):
    """One number per voxel and organ."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.final_conv = nn.Conv3d(n, N_ORGANS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.final_conv(x)
        return y


class Generator(nn.Module):
    """Scan to darkening, before the tanh that bounds it."""

    def __init__(self, *, base: int = 64) -> None:
        """Build it with random weights.

        Args:
            base: Channels of the first level, an even number; the published one has 64.
        """
        super().__init__()
        self.down_tr64, self.down_tr128 = _Down(1, base), _Down(base, 2 * base)
        self.down_tr256, self.down_tr512 = _Down(2 * base, 4 * base), _Down(4 * base, 8 * base)
        self.up_tr256, self.up_tr128, self.up_tr64 = _Up(8 * base), _Up(4 * base), _Up(2 * base)
        self.out_tr = _Head(base)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Generate.

        Args:
            x: Densities in [0, 1], (B, 1, I, J, K), sides multiples of 8. B other than 1 changes
                the result, as normalization looks at the whole batch.

        Returns:
            (B, 3, I, J, K).
        """
        first = self.down_tr64(x)
        second = self.down_tr128(F.max_pool3d(first, 2))
        third = self.down_tr256(F.max_pool3d(second, 2))
        y = self.down_tr512(F.max_pool3d(third, 2))
        out: torch.Tensor = self.out_tr(
            self.up_tr64(self.up_tr128(self.up_tr256(y, third), second), first)
        )
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
    if any(not bool(tensor.isfinite().all()) for tensor in network.parameters()):
        msg = f"{path.name} holds values that are no finite numbers. Get the file again."
        raise WeightsError(msg)
    return network.eval()


def _select(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keep the generator's tensors, their names without what goes before."""
    bare = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {
        name.removeprefix(_PREFIX): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in bare.items()
        if name.startswith(_PREFIX)
    }
