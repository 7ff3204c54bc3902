"""nnU-Net's residual-encoder U-Net; the defaults are its ResEnc-M plan for a 3-D CT.

Built by nnU-Net's own package, so a state dict of nnU-Net v2 fits name by name.

Source:
    Isensee et al., "nnU-Net Revisited", MICCAI 2024; planner nnUNetPlannerResEncM of nnunetv2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import DependencyError
from .arguments import fill_defaults, read_numbers, read_triples

if TYPE_CHECKING:
    from torch import nn

__all__ = ["RESENC_M", "build_resenc_unet", "find_multiple"]

RESENC_M: Mapping[str, Any] = {
    "features_per_stage": [32, 64, 128, 256, 320, 320],
    "kernel_sizes": [[3, 3, 3]] * 6,
    "strides": [[1, 1, 1], *[[2, 2, 2]] * 5],
    "n_blocks_per_stage": [1, 3, 4, 6, 6, 6],
    "n_conv_per_stage_decoder": [1] * 5,
}
"""Six stages. A plan pools an axis no more once it is shorter than 8: see its own `strides`."""


def build_resenc_unet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: Keys of `RESENC_M`, named as in an nnU-Net plan.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If dynamic-network-architectures is not installed.
    """
    plan = _read_plan(args)
    try:
        from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
    except ImportError as error:
        msg = "This model needs the package dynamic-network-architectures; install it with pip."
        raise DependencyError(msg) from error
    from torch import nn

    network: nn.Module = ResidualEncoderUNet(
        input_channels=1,
        n_stages=len(plan["features_per_stage"]),
        num_classes=n_outputs,
        conv_op=nn.Conv3d,
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=False,
        **plan,
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_resenc_unet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    i, j, k = (math.prod(steps) for steps in zip(*_read_plan(args)["strides"], strict=True))
    return i, j, k


def _read_plan(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    plan = fill_defaults(args, RESENC_M)
    features = read_numbers(
        plan["features_per_stage"], "features_per_stage", n=(2, 8), low=1, high=1024
    )
    n = len(features)
    return {
        "features_per_stage": features,
        "kernel_sizes": read_triples(plan["kernel_sizes"], "kernel_sizes", n=n, low=1, high=7),
        "strides": read_triples(plan["strides"], "strides", n=n, low=1, high=4),
        "n_blocks_per_stage": read_numbers(
            plan["n_blocks_per_stage"], "n_blocks_per_stage", n=(n, n), low=1, high=12
        ),
        "n_conv_per_stage_decoder": read_numbers(
            plan["n_conv_per_stage_decoder"],
            "n_conv_per_stage_decoder",
            n=(n - 1, n - 1),
            low=1,
            high=6,
        ),
    }
