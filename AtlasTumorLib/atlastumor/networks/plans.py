"""What the U-Nets of nnU-Net v2 share: a plan's `arch_kwargs`, read as JSON and built.

A plan names its layers by the path of their class. Here the path is looked up in a short list:
nothing that a card says is imported.

Source:
    `get_network_from_plans` of nnunetv2; classes of dynamic-network-architectures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError, DependencyError
from .arguments import fill_defaults, read_flag, read_numbers, read_triples

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "PLAN",
    "build_unet",
    "find_plan_multiple",
    "find_unet_layers",
    "read_plan",
    "read_topology",
]

PLAN: Mapping[str, Any] = {
    "n_stages": None,
    "features_per_stage": [32, 64, 128, 256, 320, 320],
    "kernel_sizes": [[3, 3, 3]] * 6,
    "strides": [[1, 1, 1], *[[2, 2, 2]] * 5],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
"""What the plans of both networks say; `n_stages` may be left to the lists."""

_NORM_OPTIONS = ("eps", "affine", "momentum", "track_running_stats")
_LAYERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "conv_op": {"Conv3d": ()},
    "norm_op": {"InstanceNorm3d": _NORM_OPTIONS, "BatchNorm3d": _NORM_OPTIONS},
    "dropout_op": {"Dropout": ("p", "inplace"), "Dropout3d": ("p", "inplace")},
    "nonlin": {
        "LeakyReLU": ("negative_slope", "inplace"),
        "ReLU": ("inplace",),
        "SiLU": ("inplace",),
        "ELU": ("alpha", "inplace"),
        "GELU": (),
    },
}
_LAYER_PATH = re.compile(r"torch\.nn\.(?:modules\.\w+\.)?(\w+)")
_MOST_STAGES = 10


def read_plan(args: Mapping[str, Any], defaults: Mapping[str, Any], blocks: str) -> dict[str, Any]:
    """Check a plan and complete it.

    Args:
        args: What the card gives; keys of `defaults`.
        defaults: `PLAN` and what the network adds.
        blocks: The key that says how many blocks each stage of the encoder has.

    Returns:
        The plan, lists as tuples and layers by the names of their classes.

    Raises:
        CardError: If a key is unknown or the values do not go together.
    """
    plan = fill_defaults(args, defaults)
    read = read_topology(plan)
    n = len(read["features_per_stage"])
    if plan["n_stages"] not in (None, n):
        msg = f"network.args.n_stages is {plan['n_stages']!r} where features_per_stage has {n}."
        raise CardError(msg)
    read["n_stages"] = n
    read["conv_bias"] = read_flag(plan["conv_bias"], "conv_bias")
    for key, most in ((blocks, 12), ("n_conv_per_stage_decoder", 6)):
        n_wanted = n if key == blocks else n - 1
        read[key] = read_numbers(plan[key], key, n=(n_wanted, n_wanted), low=1, high=most)
    for key in _LAYERS:
        read[key] = _read_layer(plan[key], key)
    for key in ("norm_op", "dropout_op", "nonlin"):
        read[f"{key}_kwargs"] = _read_options(plan[f"{key}_kwargs"], key, read[key])
    return read


def read_topology(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Check the shapes of a U-Net: widths, kernels and strides of its stages.

    Args:
        plan: With "features_per_stage", "kernel_sizes" and "strides".

    Returns:
        The three, as tuples.

    Raises:
        CardError: If they are of different lengths or make no U-Net.
    """
    features = read_numbers(
        plan["features_per_stage"], "features_per_stage", n=(2, _MOST_STAGES), low=1, high=2048
    )
    n = len(features)
    kernels = read_triples(plan["kernel_sizes"], "kernel_sizes", n=n, low=1, high=7)
    strides = read_triples(plan["strides"], "strides", n=n, low=1, high=4)
    if any(size % 2 == 0 for kernel in kernels for size in kernel):
        msg = f"network.args.kernel_sizes must be odd, not {plan['kernel_sizes']!r}."
        raise CardError(msg)
    if strides[0] != (1, 1, 1):
        msg = f"network.args.strides[0] must be [1, 1, 1], not {list(strides[0])}."
        raise CardError(msg)
    return {"features_per_stage": features, "kernel_sizes": kernels, "strides": strides}


def find_unet_layers(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the layers that a plan names by torch's classes.

    Args:
        plan: Of `read_plan`.

    Returns:
        Keyword arguments of the architectures of dynamic-network-architectures.
    """
    from torch import nn

    named = {key: getattr(nn, plan[key]) for key in _LAYERS if plan[key] is not None}
    return {**plan, **named}


def build_unet(architecture: str, n_outputs: int, plan: Mapping[str, Any]) -> nn.Module:
    """Build a U-Net of one input channel with nnU-Net's own package.

    Args:
        architecture: Class of dynamic-network-architectures.
        n_outputs: Number of output channels C.
        plan: Of `read_plan`.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K).

    Raises:
        DependencyError: If the package is not installed.
    """
    try:
        from dynamic_network_architectures.architectures import unet
    except ImportError as error:
        msg = "This model needs the package dynamic-network-architectures; install it with pip."
        raise DependencyError(msg) from error
    build = getattr(unet, architecture)
    layers = find_unet_layers(plan)
    network: nn.Module = build(1, num_classes=n_outputs, deep_supervision=False, **layers)
    return network


def find_plan_multiple(plan: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        plan: With "strides".

    Returns:
        Voxels along (i, j, k).
    """
    i, j, k = (math.prod(steps) for steps in zip(*plan["strides"], strict=True))
    return i, j, k


def _read_layer(value: Any, key: str) -> str | None:
    """The class name at the end of a path such as "torch.nn.modules.conv.Conv3d"."""
    if value is None and key == "dropout_op":
        return None
    found = _LAYER_PATH.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] not in _LAYERS[key]:
        known = ", ".join(f"torch.nn.{name}" for name in _LAYERS[key])
        msg = f"network.args.{key} must be one of {known}, not {value!r}."
        raise CardError(msg)
    return found[1]


def _read_options(value: Any, key: str, layer: str | None) -> dict[str, Any]:
    """Keyword arguments of a layer: those it has, flags and numbers from 0 to 1."""
    known = _LAYERS[key][layer] if layer is not None else ()
    options = {} if value is None else value
    is_good = isinstance(options, Mapping) and all(
        name in known and isinstance(option, (bool, int, float)) and 0 <= option <= 1
        for name, option in options.items()
    )
    if not is_good:
        names = ", ".join(known) or "none"
        msg = f"network.args.{key}_kwargs must be numbers from 0 to 1 ({names}), not {value!r}."
        raise CardError(msg)
    return dict(options)
