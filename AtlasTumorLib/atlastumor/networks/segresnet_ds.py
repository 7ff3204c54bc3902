"""MONAI's SegResNetDS, which Auto3DSeg trains: transposed convolutions, anisotropic kernels.

Source:
    Myronenko, "3D MRI brain tumor segmentation using autoencoder regularization", BrainLes 2018;
    Myronenko et al., "Automated 3D Segmentation of Kidneys and Tumors in MICCAI KiTS 2023".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_choice, read_number, read_numbers
from .monai_parts import find_in_monai, read_norm
from .names import rename_tensors
from .segresnet import UPSAMPLING

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adapt_segresnet_ds", "build_segresnet_ds", "find_multiple"]

_DEFAULTS: Mapping[str, Any] = {
    "init_filters": 32,
    "blocks_down": [1, 2, 2, 4, 4],
    "blocks_up": None,
    "norm": "instance",
    "upsample_mode": "deconv",
    "resolution": None,
}


def build_segresnet_ds(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `init_filters`, `blocks_down`, `blocks_up` (null: one each), `norm` (as `read_norm`
            says), `upsample_mode` (one of `segresnet.UPSAMPLING`) and `resolution` (voxel size
            in mm that shapes the kernels, null for cubes), named as in MONAI.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed.
    """
    network: nn.Module = find_in_monai("segresnet_ds", "SegResNetDS")(
        spatial_dims=3, in_channels=1, out_channels=n_outputs, dsdepth=1, **_read_args(args)
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the halvings of each axis.

    Args:
        args: As for `build_segresnet_ds`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI is not installed and `resolution` asks for its rule.
    """
    read = _read_args(args)
    n = len(read["blocks_down"])
    scales = [(2, 2, 2)] * n
    if read["resolution"] is not None:
        scales = find_in_monai("segresnet_ds", "scales_for_resolution")(
            read["resolution"], n_stages=n
        )
    i, j, k = (math.prod(int(step) for step in steps) for steps in zip(*scales[:-1], strict=True))
    return i, j, k


def adapt_segresnet_ds(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a published file's tensors to our names.

    Args:
        tensors: By the file's names, MONAI's; the heads of deeper levels (`up_layers.0.head.*`
            and on), which serve training alone, are left out.
        args: As for `build_segresnet_ds`.

    Returns:
        By our names.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    last = len(_read_args(args)["blocks_down"]) - 2
    return rename_tensors(tensors, [(rf"up_layers\.(?!{last}\.)\d+\.head\..*", None)])


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, _DEFAULTS)
    filters = read_number(read["init_filters"], "init_filters", low=1, high=128)
    if read["norm"] == "group" and filters % 8:
        msg = f"network.args.init_filters must be a multiple of 8 groups, not {filters}."
        raise CardError(msg)
    down = read_numbers(read["blocks_down"], "blocks_down", n=(2, 7), low=1, high=12)
    n_up = len(down) - 1
    up = [1] * n_up if read["blocks_up"] is None else read["blocks_up"]
    return {
        "init_filters": filters,
        "blocks_down": down,
        "blocks_up": read_numbers(up, "blocks_up", n=(n_up, n_up), low=1, high=12),
        "norm": read_norm(read["norm"]),
        "upsample_mode": read_choice(read["upsample_mode"], "upsample_mode", UPSAMPLING),
        "resolution": _read_resolution(read["resolution"]),
    }


def _read_resolution(value: Any) -> tuple[float, ...] | None:
    """Read three sizes in mm, or nothing."""
    if value is None:
        return None
    if (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in value)
        and all(0.01 <= x <= 100 for x in value)
    ):
        return tuple(float(x) for x in value)
    msg = f"network.args.resolution must be null or three sizes of 0.01 to 100 mm, not {value!r}."
    raise CardError(msg)
