"""MONAI's SegResNet, without its variational branch; on half the grid, if its card says so.

A network with `fold` 2 sees each block of 2 x 2 x 2 voxels as 8 channels of one, and gives the
block's 8 answers as channels too. Its convolutions are wide and few instead of narrow and many:
that is what CPUs with matrix units, and GPUs, are fast at.

Source:
    Myronenko, "3D MRI brain tumor segmentation using autoencoder regularization", BrainLes 2018;
    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", CVPR 2016 (the answers as channels).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_choice, read_number, read_numbers
from .monai_parts import find_in_monai, read_norm

if TYPE_CHECKING:
    from torch import nn

__all__ = ["UPSAMPLING", "build_segresnet", "find_multiple", "has_one_size"]

_DEFAULTS: Mapping[str, Any] = {
    "init_filters": 16,
    "blocks_down": [1, 2, 2, 4],
    "blocks_up": [1, 1, 1],
    "norm": "group",
    "upsample_mode": "nontrainable",
    "fold": 1,
}
UPSAMPLING = ("deconv", "nontrainable", "pixelshuffle")
"""How MONAI's decoders of this kind can double a side."""


def build_segresnet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `init_filters`, `blocks_down`, `blocks_up`, `norm` (as `read_norm` says) and
            `upsample_mode` (one of `UPSAMPLING`), named as in MONAI; `fold`, voxels along the
            side of a block that becomes channels.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    read = _read_args(args)
    fold = read.pop("fold")
    segresnet = find_in_monai("segresnet", "SegResNet")
    network: nn.Module = segresnet(
        spatial_dims=3, in_channels=fold**3, out_channels=n_outputs * fold**3, **read
    )
    if fold > 1:
        from .folding import Folded

        network = Folded(network, fold)
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: blocks, and 2 for each level but one.

    Args:
        args: As for `build_segresnet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    read = _read_args(args)
    step = read["fold"] * 2 ** (len(read["blocks_down"]) - 1)
    return step, step, step


def has_one_size(args: Mapping[str, Any]) -> bool:
    """Tell whether a trace serves one window size alone: folding reckons with it.

    Args:
        args: As for `build_segresnet`.

    Returns:
        True if the network folds.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    return bool(_read_args(args)["fold"] > 1)


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
        "fold": read_number(read["fold"], "fold", low=1, high=4),
    }
