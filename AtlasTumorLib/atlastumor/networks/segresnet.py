"""MONAI's SegResNet, without its variational branch.

Source:
    Myronenko, "3D MRI brain tumor segmentation using autoencoder regularization", BrainLes 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_choice, read_number, read_numbers
from .monai_parts import find_in_monai, read_norm

if TYPE_CHECKING:
    from torch import nn

__all__ = ["UPSAMPLING", "build_segresnet", "find_multiple"]

_DEFAULTS: Mapping[str, Any] = {
    "init_filters": 16,
    "blocks_down": [1, 2, 2, 4],
    "blocks_up": [1, 1, 1],
    "norm": "group",
    "upsample_mode": "nontrainable",
}
UPSAMPLING = ("deconv", "nontrainable", "pixelshuffle")
"""How MONAI's decoders of this kind can double a side."""


def build_segresnet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `init_filters`, `blocks_down`, `blocks_up`, `norm` (as `read_norm` says) and
            `upsample_mode` (one of `UPSAMPLING`), named as in MONAI.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    network: nn.Module = find_in_monai("segresnet", "SegResNet")(
        spatial_dims=3, in_channels=1, out_channels=n_outputs, **_read_args(args)
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: 2 for every level below the first.

    Args:
        args: As for `build_segresnet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    step = 2 ** (len(_read_args(args)["blocks_down"]) - 1)
    return step, step, step


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, _DEFAULTS)
    norm = read_norm(read["norm"])
    filters = read_number(read["init_filters"], "init_filters", low=1, high=128)
    if read["norm"] == "group" and filters % 8:
        msg = f"network.args.init_filters must be a multiple of 8 groups, not {filters}."
        raise CardError(msg)
    down = read_numbers(read["blocks_down"], "blocks_down", n=(2, 6), low=1, high=12)
    n_up = len(down) - 1
    return {
        "init_filters": filters,
        "blocks_down": down,
        "blocks_up": read_numbers(read["blocks_up"], "blocks_up", n=(n_up, n_up), low=1, high=12),
        "norm": norm,
        "upsample_mode": read_choice(read["upsample_mode"], "upsample_mode", UPSAMPLING),
    }
