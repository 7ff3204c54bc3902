"""MONAI's UNETR: a vision transformer encodes, convolutions decode.

Source:
    Hatamizadeh et al., "UNETR: Transformers for 3D Medical Image Segmentation", WACV 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_choice, read_flag, read_number, read_triple
from .monai_parts import find_in_monai, read_norm
from .names import rename_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adapt_unetr", "build_unetr", "find_multiple"]

_DEFAULTS: Mapping[str, Any] = {
    "img_size": 96,
    "feature_size": 16,
    "hidden_size": 768,
    "mlp_dim": 3072,
    "num_heads": 12,
    "proj_type": "conv",
    "norm": "instance_plain",
    "conv_block": True,
    "res_block": True,
    "qkv_bias": False,
}
_PATCH = 16  # MONAI's, in voxels; no argument of its network


def build_unetr(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `img_size` (the only window that it can take), `feature_size`, `hidden_size`,
            `mlp_dim`, `num_heads`, `proj_type` ("conv", "perceptron"), `norm` (as `read_norm`
            says), `conv_block`, `res_block` and `qkv_bias`, named as in MONAI.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K), (I, J, K) being `img_size`; raises CardError
        for another size.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI or einops is not installed.
    """
    read = _read_args(args)
    network: nn.Module = find_in_monai("unetr", "UNETR", needs=("einops",))(
        in_channels=1, out_channels=n_outputs, norm_name=read.pop("norm"), **read
    )
    _drop_unused(network)
    network.register_forward_pre_hook(partial(_check_window, size=read["img_size"]))
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be: it has one position per patch, so no other size fits.

    Args:
        args: As for `build_unetr`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    size: tuple[int, int, int] = _read_args(args)["img_size"]
    return size


def adapt_unetr(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a published file's tensors to our names.

    Args:
        tensors: By the file's names, MONAI's. Some of its versions also wrote weights that take
            no part: a class token, attention across inputs and its norm. They are left out.
        args: As for `build_unetr`.

    Returns:
        By our names.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    _read_args(args)
    return rename_tensors(
        tensors,
        [
            (r"vit\.patch_embedding\.cls_token", None),
            (r"vit\.blocks\.\d+\.(norm_cross_attn|cross_attn)\..*", None),
        ],
    )


def _drop_unused(network: Any) -> None:
    """Take the norms away that MONAI makes for attention across inputs, of which there is one."""
    from torch import nn

    for block in network.vit.blocks:
        block.norm_cross_attn = nn.Identity()


def _check_window(_network: nn.Module, inputs: tuple[Tensor], *, size: tuple[int, ...]) -> None:
    """Raise before MONAI fails to reshape."""
    found = tuple(inputs[0].shape[2:])
    if found != size:
        msg = f"network.args.img_size is {size}; windows of {found} do not fit. Make both the same."
        raise CardError(msg)


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, _DEFAULTS)
    size = read_triple(read["img_size"], "img_size", low=_PATCH, high=512)
    if any(n % _PATCH for n in size):
        msg = f"network.args.img_size must be multiples of {_PATCH}, not {size}."
        raise CardError(msg)
    hidden = read_number(read["hidden_size"], "hidden_size", low=1, high=2048)
    heads = read_number(read["num_heads"], "num_heads", low=1, high=128)
    if hidden % heads:
        msg = f"network.args.hidden_size must be a multiple of the {heads} heads, not {hidden}."
        raise CardError(msg)
    return {
        "img_size": size,
        "feature_size": read_number(read["feature_size"], "feature_size", low=1, high=256),
        "hidden_size": hidden,
        "mlp_dim": read_number(read["mlp_dim"], "mlp_dim", low=1, high=8192),
        "num_heads": heads,
        "proj_type": read_choice(read["proj_type"], "proj_type", ("conv", "perceptron")),
        "norm": read_norm(read["norm"]),
        **{key: read_flag(read[key], key) for key in ("conv_block", "res_block", "qkv_bias")},
    }
