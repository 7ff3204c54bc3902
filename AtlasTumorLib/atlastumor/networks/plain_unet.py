"""nnU-Net v2's plain U-Net; the defaults are its own plan for large windows of a 3-D CT.

Built by nnU-Net's own package, so a state dict of nnU-Net v2 fits name by name.

Source:
    Isensee et al., "nnU-Net", Nature Methods 2021; default planner of nnunetv2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .plans import PLAN, build_unet, find_plan_multiple, read_plan

if TYPE_CHECKING:
    from torch import nn

__all__ = ["PLAIN", "build_plain_unet", "find_multiple"]

PLAIN: Mapping[str, Any] = {
    **PLAN,
    "n_conv_per_stage": [2] * 6,
    "n_conv_per_stage_decoder": [2] * 5,
}
"""Six stages of two convolutions each."""


def build_plain_unet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: Keys of `PLAIN`, named as in the `arch_kwargs` of an nnU-Net plan.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If dynamic-network-architectures is not installed.
    """
    return build_unet("PlainConvUNet", n_outputs, read_plan(args, PLAIN, "n_conv_per_stage"))


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_plain_unet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    return find_plan_multiple(read_plan(args, PLAIN, "n_conv_per_stage"))
