"""MONAI's UNet, with or without residual units; the defaults are the one that DiffTumor trains.

Source:
    Kerfoot et al., "Left-ventricle quantification using residual U-Net", STACOM 2018; published
    weights: Chen et al., "Towards Generalizable Tumor Synthesis", CVPR 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .arguments import (
    fill_defaults,
    read_choice,
    read_flag,
    read_number,
    read_numbers,
    read_triple,
    read_triples,
)
from .monai_parts import find_in_monai, read_norm

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build_unet", "find_multiple"]

_DEFAULTS: Mapping[str, Any] = {
    "channels": [16, 32, 64, 128, 256],
    "strides": [2, 2, 2, 2],
    "kernel_size": 3,
    "up_kernel_size": 3,
    "num_res_units": 2,
    "act": "prelu",
    "norm": "instance_plain",
    "bias": True,
}
_ACTIVATIONS = ("leakyrelu", "prelu", "relu")


def build_unet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `channels` of every level, `strides` between them, `kernel_size`, `up_kernel_size`,
            `num_res_units`, `act` ("prelu", "relu", "leakyrelu"), `norm` (as `read_norm` says)
            and `bias`, named as in MONAI.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    read = _read_args(args)
    network: nn.Module = find_in_monai("unet", "UNet")(
        spatial_dims=3, in_channels=1, out_channels=n_outputs, **read
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_unet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    i, j, k = (math.prod(steps) for steps in zip(*_read_args(args)["strides"], strict=True))
    return i, j, k


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, _DEFAULTS)
    channels = read_numbers(read["channels"], "channels", n=(2, 8), low=1, high=1024)
    return {
        "channels": channels,
        "strides": read_triples(read["strides"], "strides", n=len(channels) - 1, low=1, high=4),
        "kernel_size": read_triple(read["kernel_size"], "kernel_size", low=1, high=7),
        "up_kernel_size": read_triple(read["up_kernel_size"], "up_kernel_size", low=1, high=7),
        "num_res_units": read_number(read["num_res_units"], "num_res_units", low=0, high=8),
        "act": read_choice(read["act"], "act", _ACTIVATIONS),
        "norm": read_norm(read["norm"]),
        "bias": read_flag(read["bias"], "bias"),
    }
