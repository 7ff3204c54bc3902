"""STU-Net: a U-Net of residual blocks that scales; published ones know TotalSegmentator's organs.

Published sizes, `features_per_stage` from and to with `n_blocks_per_stage`: S 16 to 256 with 1,
B 32 to 512 with 1, L 64 to 1024 with 2, H 96 to 1536 with 3. Tensors have the published names.

In a plan of nnU-Net v1 or v2 its trainer uses five poolings and kernels of 3 x 3 x 3, whatever the
plan says: a longer list of poolings is cut, a shorter one filled up with [1, 1, 1].

Source:
    Huang et al., "STU-Net", arXiv 2304.06716; uni-medical/STU-Net (Apache-2.0), for the names and
    shapes of its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .arguments import fill_defaults, read_numbers
from .plans import find_plan_multiple, read_topology

if TYPE_CHECKING:
    from torch import nn

__all__ = ["STUNET_B", "build_stunet", "find_multiple"]

STUNET_B: Mapping[str, Any] = {
    "features_per_stage": [32, 64, 128, 256, 512, 512],
    "kernel_sizes": [[3, 3, 3]] * 6,
    "strides": [[1, 1, 1], *[[2, 2, 2]] * 5],
    "n_blocks_per_stage": [1] * 6,
}
"""STU-Net-B; a stage of the decoder has as many blocks as that of the encoder beside it."""


def build_stunet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: Keys of `STUNET_B`.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    read = _read_args(args)
    from .stunet_parts import STUNet

    return STUNet(n_outputs, **read)


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_stunet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    return find_plan_multiple(_read_args(args))


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, STUNET_B)
    topology = read_topology(read)
    n = len(topology["strides"])
    blocks = read_numbers(
        read["n_blocks_per_stage"], "n_blocks_per_stage", n=(n, n), low=1, high=12
    )
    return {**topology, "n_blocks_per_stage": blocks}
