"""MONAI's networks as its configurations write them, in the words of our cards.

What a configuration leaves out has MONAI's default, which is written down here; what would change
the network and is not known here is refused. Dropout and the like change nothing at inference.

Source:
    Signatures of `monai.networks.nets` 1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError
from .fields import as_text, read_count

__all__ = ["read_network"]

_SETTLED = {"spatial_dims", "dimensions", "in_channels", "out_channels", "num_classes", "_target_"}
_WITHOUT_EFFECT = {
    *("dropout", "dropout_prob", "dropout_rate", "drop_rate", "attn_drop_rate"),
    *("dropout_path_rate", "use_checkpoint", "save_attn", "deep_supervision", "deep_supr_num"),
    *("dsdepth", "_requires_", "_disabled_", "_desc_"),
}
_INSTANCE = "instance"


@dataclass(frozen=True)
class _Network:
    """One of MONAI's networks.

    Args:
        name: Ours.
        defaults: MONAI's, of what ours can be told.
        needed: What a configuration must say.
        fixed: What MONAI can be told otherwise and ours cannot.
        is_affine: Whether instance normalization has weights unless told otherwise.
    """

    name: str
    defaults: Mapping[str, Any]
    needed: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    is_affine: bool = False


_NETWORKS: Mapping[str, _Network] = {
    "UNet": _Network(
        "unet",
        {
            "kernel_size": 3,
            "up_kernel_size": 3,
            "num_res_units": 0,
            "act": "prelu",
            "norm": _INSTANCE,
            "bias": True,
        },
        ("channels", "strides"),
        {"adn_ordering": "NDA"},
    ),
    "DynUNet": _Network(
        "dynunet",
        {"norm": ["instance", {"affine": True}], "res_block": False, "trans_bias": False},
        ("kernel_size", "strides"),
        {"act": "leakyrelu"},
    ),
    "UNETR": _Network(
        "unetr",
        {
            "feature_size": 16,
            "hidden_size": 768,
            "mlp_dim": 3072,
            "num_heads": 12,
            "proj_type": "conv",
            "norm": _INSTANCE,
            "conv_block": True,
            "res_block": True,
            "qkv_bias": False,
        },
        ("img_size",),
    ),
    "SwinUNETR": _Network(
        "swin_unetr",
        {
            "feature_size": 24,
            "depths": [2, 2, 2, 2],
            "num_heads": [3, 6, 12, 24],
            "norm": _INSTANCE,
            "use_v2": False,
        },
        (),
        {
            "patch_size": 2,
            "window_size": 7,
            "qkv_bias": True,
            "mlp_ratio": 4.0,
            "normalize": True,
            "patch_norm": False,
            "downsample": "merging",
        },
    ),
    "SegResNet": _Network(
        "segresnet",
        {
            "init_filters": 8,
            "blocks_down": [1, 2, 2, 4],
            "blocks_up": [1, 1, 1],
            "norm": ["group", {"num_groups": 8}],
            "upsample_mode": "nontrainable",
        },
        (),
        {"act": "relu", "use_conv_final": True, "num_groups": 8},
    ),
    "SegResNetDS": _Network(
        "segresnet_ds",
        {
            "init_filters": 32,
            "blocks_down": [1, 2, 2, 4],
            "blocks_up": None,
            "norm": "batch",
            "upsample_mode": "deconv",
            "resolution": None,
        },
        (),
        {"act": "relu"},
        is_affine=True,
    ),
}
_OTHER_NAMES = {"norm_name": "norm", "act_name": "act"}
_LEGACY_MERGING = (1, 5)


def read_network(spec: Mapping[str, Any], monai_version: str = "") -> tuple[dict[str, Any], int]:
    """Read a network's description.

    Args:
        spec: With `_target_`; all values resolved.
        monai_version: With which the network was trained, such as "1.4.0"; Swin UNETR changed.

    Returns:
        (a card's `network`, its number of outputs).

    Raises:
        InputError: If the network or one of its settings is not known here.
    """
    target = str(spec.get("_target_", "")).rpartition(".")[2]
    if target not in _NETWORKS:
        msg = (
            f"The network '{as_text(target)}' is not known here; of MONAI's, "
            f"{', '.join(_NETWORKS)} are."
        )
        raise InputError(msg)
    network = _NETWORKS[target]
    _check_sizes(spec)
    told = {_OTHER_NAMES.get(key, key): value for key, value in spec.items() if value != ""}
    told = {k: v for k, v in told.items() if k not in _SETTLED | _WITHOUT_EFFECT}
    _check_fixed(told, network)
    if network.name == "dynunet":
        _check_upsampling(told)
        n_levels = len(told.get("strides", ()))
        told["filters"] = told.get("filters") or [min(32 * 2**n, 320) for n in range(n_levels)]
    if network.name == "swin_unetr":
        told.pop("img_size", None)  # MONAI itself no longer asks for it
    args = {**network.defaults, **{k: v for k, v in told.items() if k not in network.fixed}}
    for key in network.needed:
        if key not in args:
            msg = f"The network {target} does not say its '{key}'."
            raise InputError(msg)
    args["norm"] = _read_norm(args["norm"], is_affine=network.is_affine)
    if "act" in args:
        args["act"] = _split(args["act"])[0]
    if network.name == "swin_unetr":
        args["legacy_merging"] = _is_legacy(monai_version)
    n_outputs = spec.get("out_channels", spec.get("num_classes"))
    return {"name": network.name, "args": args}, read_count(n_outputs, "'out_channels'", 256)


def _check_sizes(spec: Mapping[str, Any]) -> None:
    if spec.get("spatial_dims", spec.get("dimensions", 3)) != 3:
        msg = "The network is 2-D; a 3-D network is needed."
        raise InputError(msg)
    if spec.get("in_channels", 1) != 1:
        msg = f"The network wants {spec['in_channels']} images of each patient; here is one CT."
        raise InputError(msg)


def _check_fixed(told: Mapping[str, Any], network: _Network) -> None:
    for key, needed in network.fixed.items():
        given = told.get(key, needed)
        given = _split(given)[0] if key == "act" else given
        if given != needed:
            msg = f"'{key}' of the network is {given!r}; only {needed!r} is known here."
            raise InputError(msg)


def _check_upsampling(told: dict[str, Any]) -> None:
    """DynUNet's transposed convolutions must undo its strides, as they do in nnU-Net."""
    up, strides = told.pop("upsample_kernel_size", None), told.get("strides", [])
    if up is not None and list(up) != list(strides[1:]):
        msg = f"'upsample_kernel_size' is {up}; only that of 'strides' is known here."
        raise InputError(msg)


def _read_norm(value: Any, *, is_affine: bool) -> str:
    """A normalization as our networks name it."""
    name, options = _split(value)
    name = name.removesuffix("_nvfuser")
    affine = options.get("affine", is_affine if name == _INSTANCE else True)
    if name == _INSTANCE:
        return _INSTANCE if affine else f"{_INSTANCE}_plain"
    if affine and (name == "batch" or (name == "group" and options.get("num_groups", 8) == 8)):
        return name
    msg = f"The normalization {value!r} of the network is not known here."
    raise InputError(msg)


def _split(value: Any) -> tuple[str, Mapping[str, Any]]:
    """A layer that MONAI names alone or with options."""
    parts = [value] if isinstance(value, str) else value
    name, options = (*parts, {})[:2] if isinstance(parts, (list, tuple)) and parts else (parts, {})
    return str(name).lower(), options if isinstance(options, Mapping) else {}


def _is_legacy(monai_version: str) -> bool:
    """Whether Swin UNETR merged patches as it did before MONAI 1.5."""
    try:
        major, minor = (int(part) for part in monai_version.split(".")[:2])
    except ValueError as error:
        msg = (
            "With which MONAI the network was trained is not said; Swin UNETR changed in 1.5. Say "
            "it in the metadata ('monai_version')."
        )
        raise InputError(msg) from error
    return (major, minor) < _LEGACY_MERGING
