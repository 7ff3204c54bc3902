"""MONAI's DynUNet; the defaults are what DiffTumor publishes under the name of nnU-Net.

Source:
    Isensee et al., nnU-Net, Nature Methods 2021, as MONAI builds it; published weights: Chen et
    al., "Towards Generalizable Tumor Synthesis", CVPR 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_flag, read_numbers, read_triples
from .monai_parts import find_in_monai, read_norm
from .names import rename_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adapt_dynunet", "build_dynunet", "find_multiple"]

_DEFAULTS: Mapping[str, Any] = {
    "filters": [32, 64, 128, 256, 320],
    "kernel_size": [3, 3, 3, 3, 3],
    "strides": [1, 2, 2, 2, 2],
    "norm": "instance_plain",
    "res_block": False,
    "trans_bias": False,
}


def build_dynunet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `filters`, `kernel_size` and `strides` of every level (the first stride is 1),
            `norm` (as `read_norm` says), `res_block` and `trans_bias`, named as in MONAI.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    read = _read_args(args)
    network: nn.Module = find_in_monai("dynunet", "DynUNet")(
        spatial_dims=3,
        in_channels=1,
        out_channels=n_outputs,
        upsample_kernel_size=read["strides"][1:],
        norm_name=read.pop("norm"),
        **read,
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_dynunet`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    i, j, k = (math.prod(steps) for steps in zip(*_read_args(args)["strides"], strict=True))
    return i, j, k


def adapt_dynunet(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a published file's tensors to our names.

    Args:
        tensors: By the file's names, MONAI's. Every block is in it a second time under
            `skip_layers.`, as MONAI lists it twice; heads that only trained deeper levels
            (`deep_supervision_heads.`) are left out.
        args: As for `build_dynunet`.

    Returns:
        By our names, each once.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    _read_args(args)
    unused = [(r"skip_layers\..*", None), (r"deep_supervision_heads\..*", None)]
    return rename_tensors(tensors, unused)


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, _DEFAULTS)
    filters = read_numbers(read["filters"], "filters", n=(3, 8), low=1, high=1024)
    n = len(filters)
    strides = read_triples(read["strides"], "strides", n=n, low=1, high=4)
    if strides[0] != (1, 1, 1):
        msg = f"network.args.strides[0] must be 1, else the output is smaller; not {strides[0]}."
        raise CardError(msg)
    return {
        "filters": filters,
        "kernel_size": read_triples(read["kernel_size"], "kernel_size", n=n, low=1, high=7),
        "strides": strides,
        "norm": read_norm(read["norm"]),
        "res_block": read_flag(read["res_block"], "res_block"),
        "trans_bias": read_flag(read["trans_bias"], "trans_bias"),
    }
