"""nnU-Net's residual-encoder U-Net; the defaults are its ResEnc-M plan for a 3-D CT.

ResEnc-L and -XL are the same with other numbers. Built by nnU-Net's own package, so a state dict
of nnU-Net v2 fits name by name.

Source:
    Isensee et al., "nnU-Net Revisited", MICCAI 2024; planner nnUNetPlannerResEncM of nnunetv2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .arguments import read_choice
from .plans import PLAN, build_unet, find_plan_multiple, read_plan

if TYPE_CHECKING:
    from torch import nn

__all__ = ["RESENC_M", "build_resenc_unet", "find_multiple"]

RESENC_M: Mapping[str, Any] = {
    **PLAN,
    "n_blocks_per_stage": [1, 3, 4, 6, 6, 6],
    "n_conv_per_stage_decoder": [1] * 5,
    "decoder": "plain",
}
"""Six stages. A plan pools an axis no more once it is shorter than 8: see its own `strides`.

Not of a plan: `decoder` is "residual" for the package's `ResidualUNet`.
"""

_CLASSES = {"plain": "ResidualEncoderUNet", "residual": "ResidualUNet"}


def build_resenc_unet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: Keys of `RESENC_M`, named as in the `arch_kwargs` of an nnU-Net plan.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If dynamic-network-architectures is not installed.
    """
    plan = read_plan(args, RESENC_M, "n_blocks_per_stage")
    name = _CLASSES[read_choice(args.get("decoder", "plain"), "decoder", _CLASSES)]
    return build_unet(name, n_outputs, plan)


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_resenc_unet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    return find_plan_multiple(read_plan(args, RESENC_M, "n_blocks_per_stage"))
