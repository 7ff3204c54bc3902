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
    "filters": None,
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
            `upsample_mode` (one of `UPSAMPLING`), named as in MONAI; or, instead of
            `init_filters`, which doubles from level to level, `filters`: the channels of each.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    read = _read_args(args)
    find_in_monai("segresnet", "SegResNet")  # says what to install
    from .segresnet_parts import LevelledSegResNet  # noqa: PLC0415 - loads MONAI

    return LevelledSegResNet(in_channels=1, out_channels=n_outputs, **read)


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
    down = read_numbers(read["blocks_down"], "blocks_down", n=(2, 6), low=1, high=12)
    n_up = len(down) - 1
    return {
        "filters": _read_filters(args, read, n_levels=len(down)),
        "blocks_down": down,
        "blocks_up": read_numbers(read["blocks_up"], "blocks_up", n=(n_up, n_up), low=1, high=12),
        "norm": read_norm(read["norm"]),
        "upsample_mode": read_choice(read["upsample_mode"], "upsample_mode", UPSAMPLING),
    }


def _read_filters(
    args: Mapping[str, Any], read: Mapping[str, Any], *, n_levels: int
) -> tuple[int, ...]:
    """Find the channels of each level."""
    if read["filters"] is None:
        first = read_number(read["init_filters"], "init_filters", low=1, high=128)
        key, filters = "init_filters", tuple(first * 2**level for level in range(n_levels))
    elif "init_filters" in args:
        msg = "network.args must give init_filters or filters, not both."
        raise CardError(msg)
    else:
        key, n = "filters", (n_levels, n_levels)
        filters = tuple(read_numbers(read[key], key, n=n, low=1, high=4096))
    if read["norm"] == "group" and any(width % 8 for width in filters):
        msg = f"network.args.{key} must be a multiple of 8 groups, not {read[key]}."
        raise CardError(msg)
    return filters
