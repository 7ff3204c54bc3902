"""A configuration of nnU-Net v2, old and new plans alike, in the words of a model card.

nnU-Net reads every image as (k, j, i), permutes it by `transpose_forward` and leaves all lists of
a plan in that order. Here everything is turned to (i, j, k) once, kernels included.

Source:
    `plans_handler.py`, `default_preprocessor.py`, `default_resampling.py`, `resample_torch.py`,
    `default_normalization_schemes.py` and `imageio` of nnunetv2 2.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from .axes import Axes, find_axes
from .fields import Record, as_numbers, as_text, list_some, read_count

__all__ = ["Plan", "find_configuration", "read_plan"]

_NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "PlainConvUNet": ("plain_unet", {}),
    "ResidualEncoderUNet": ("resenc_unet", {}),
    "ResidualUNet": ("resenc_unet", {"decoder": "residual"}),
}
_ORIENTATIONS = {
    "SimpleITKIO": "stored",
    "NibabelIO": "stored",
    "NibabelIOWithReorient": "RAS",
    "SimpleITKIOWithReorient": "RAS",
}
_WHOLE_IMAGE = {
    "ZScoreNormalization": "zscore_image",
    "RescaleTo01Normalization": "minmax_image",
    "NoNormalization": "none",
}
_MOST_STAGES, _MOST_ANCESTORS = 10, 16
_PER_AXIS = ("kernel_sizes", "strides")


@dataclass(frozen=True)
class Plan:
    """What a configuration says.

    Args:
        axes: Which of the network's axes are i, j and k.
        network: A card's `network`.
        input: A card's `input`.
        inference: A card's `inference`, without `mirror_axes`.
    """

    axes: Axes
    network: dict[str, Any]
    input: dict[str, Any]
    inference: dict[str, Any]


def find_configuration(plans: Record, name: str) -> Record:
    """Find a configuration and what it inherits.

    Args:
        plans: The whole of plans.json.
        name: Such as "3d_fullres".

    Returns:
        The configuration, complete.

    Raises:
        InputError: If there is no such configuration, or it inherits in a circle.
    """
    configurations = plans.record("configurations")
    merged: dict[str, Any] = {}
    visited: list[str] = []
    following: str | None = name
    while following is not None:
        is_sound = following not in visited and len(visited) < _MOST_ANCESTORS
        if not is_sound or following not in configurations:
            msg = (
                f"{plans.where} has no configuration '{as_text(following)}' that could be read; "
                f"it has {list_some(configurations)}."
            )
            raise InputError(msg)
        visited.append(following)
        found = configurations.record(following)
        merged = {**found.values, **merged}
        following = found.values.get("inherits_from")
    return Record(merged, f"configuration '{name}' of {plans.where}")


def read_plan(plans: Record, name: str) -> Plan:
    """Read a configuration.

    Args:
        plans: The whole of plans.json.
        name: Such as "3d_fullres".

    Returns:
        What it says, its axes in our order.

    Raises:
        InputError: If it is 2-D, part of a cascade, or asks for what is not done here.
    """
    found = find_configuration(plans, name)
    _check_kind(found, name)
    forward = as_numbers(plans.values.get("transpose_forward", [0, 1, 2]), "transpose_forward", 3)
    axes = find_axes(forward)
    return Plan(
        axes,
        _read_network(found, axes),
        {
            "orientation": _read_orientation(plans),
            "spacing_mm": axes.turn(found.numbers("spacing")),
            **_read_normalization(found, plans),
            "resample_order": _read_order(found),
            "crop_zeros": True,
        },
        {
            "patch": axes.turn(found.numbers("patch_size")),
            "overlap": 0.5,
            "padding": 0.0,
            "skip_air": False,
            "sums": "float16",
        },
    )


def _check_kind(found: Record, name: str) -> None:
    if len(found.read("patch_size", list)) != 3:
        msg = (
            f"The configuration '{name}' is 2-D: it looks at single slices. A 3-D configuration is "
            "needed, such as 3d_fullres."
        )
        raise InputError(msg)
    if "previous_stage" in found:
        msg = (
            f"The configuration '{name}' is the second half of a cascade: it needs the labels of "
            f"'{found.values['previous_stage']}' as input. Import a configuration that looks at "
            "the scan alone, such as 3d_fullres or 3d_lowres."
        )
        raise InputError(msg)


def _read_network(found: Record, axes: Axes) -> dict[str, Any]:
    """The architecture as `plain_unet` or `resenc_unet` take it."""
    if "architecture" in found:
        part = found.record("architecture")
        class_name = part.read("network_class_name", str).rpartition(".")[2]
        args = dict(part.record("arch_kwargs").values)
    else:
        class_name, args = found.read("UNet_class_name", str), _read_old_architecture(found)
    if class_name not in _NETWORKS:
        msg = (
            f"The network of {found.where} is a {as_text(class_name)}; of nnU-Net's networks "
            f"{', '.join(_NETWORKS)} are known here."
        )
        raise InputError(msg)
    args.pop("deep_supervision", None)
    n_stages = len(args["features_per_stage"]) if "features_per_stage" in args else 0
    for key in _PER_AXIS:
        rows = args.get(key, [])
        args[key] = [axes.turn(_as_triple(row, key)) for row in _per_stage(rows, n_stages)]
    for key, n in (
        ("n_conv_per_stage", n_stages),
        ("n_blocks_per_stage", n_stages),
        ("n_conv_per_stage_decoder", n_stages - 1),
    ):
        if key in args:
            args[key] = _per_stage(args[key], n)
    name, more = _NETWORKS[class_name]
    return {"name": name, "args": {**args, **more}}


def _read_old_architecture(found: Record) -> dict[str, Any]:
    """The keyword arguments that nnU-Net makes of plans without an `architecture`."""
    rows = found.read("n_conv_per_stage_encoder", list)
    n = read_count(len(rows), "The number of stages", _MOST_STAGES)
    base, most = found.number("UNet_base_num_features"), found.number("unet_max_num_features")
    is_plain = found.values.get("UNet_class_name") == "PlainConvUNet"
    return {
        "n_stages": n,
        "features_per_stage": [int(min(base * 2**stage, most)) for stage in range(n)],
        "kernel_sizes": found.read("conv_kernel_sizes", list),
        "strides": found.read("pool_op_kernel_sizes", list),
        ("n_conv_per_stage" if is_plain else "n_blocks_per_stage"): found.read(
            "n_conv_per_stage_encoder", list
        ),
        "n_conv_per_stage_decoder": found.read("n_conv_per_stage_decoder", list),
        "conv_bias": True,
    }


def _per_stage(value: Any, n: int) -> list[Any]:
    """A list with an item for each stage; a single number stands for all."""
    return [value] * n if isinstance(value, int) else list(value)


def _as_triple(value: Any, key: str) -> list[float]:
    return as_numbers([value] * 3 if isinstance(value, int) else value, f"A row of '{key}'", 3)


def _read_orientation(plans: Record) -> str:
    reader = plans.read("image_reader_writer", str)
    if reader not in _ORIENTATIONS:
        msg = (
            f"The model was trained on images that '{as_text(reader)}' read; those of "
            f"{', '.join(_ORIENTATIONS)} are known here."
        )
        raise InputError(msg)
    return _ORIENTATIONS[reader]


def _read_normalization(found: Record, plans: Record) -> dict[str, Any]:
    schemes = found.read("normalization_schemes", list)
    if len(schemes) != 1:
        msg = f"The model wants {len(schemes)} images of each patient; here there is one CT."
        raise InputError(msg)
    scheme = schemes[0]
    if scheme == "CTNormalization":
        return _read_ct_normalization(plans)
    if scheme not in _WHOLE_IMAGE:
        known = ", ".join(("CTNormalization", *_WHOLE_IMAGE))
        msg = f"The model's normalization '{as_text(scheme)}' is not one of {known}."
        raise InputError(msg)
    if scheme == "ZScoreNormalization" and any(found.values.get("use_mask_for_norm") or ()):
        msg = (
            "The model measures mean and deviation inside a mask of what is not zero, as for "
            "images of a head alone; on a CT of the body there is none."
        )
        raise InputError(msg)
    return {"clip_hu": None, "normalize": _WHOLE_IMAGE[scheme]}


def _read_ct_normalization(plans: Record) -> dict[str, Any]:
    for key in (
        "foreground_intensity_properties_per_channel",
        "foreground_intensity_properties_by_modality",
    ):
        if key in plans:
            facts = plans.record(key).record("0")
            return {
                "clip_hu": [facts.number("percentile_00_5"), facts.number("percentile_99_5")],
                "normalize": "zscore",
                "mean": facts.number("mean"),
                "std": facts.number("std"),
            }
    msg = f"{plans.where} does not say which densities its network was trained on."
    raise InputError(msg)


def _read_order(found: Record) -> int:
    """3 for nnU-Net's splines, 1 for its linear resampling with torch."""
    function = found.read("resampling_fn_data", str, "resample_data_or_seg_to_shape")
    options: Mapping[str, Any] = found.read("resampling_fn_data_kwargs", Mapping, {})  # type: ignore[type-abstract]
    separate, order = options.get("force_separate_z"), options.get("order", 3)
    usual = options.get("order_z", 0), options.get("separate_z_anisotropy_threshold", 3)
    if function == "resample_data_or_seg_to_shape" and separate is None:
        if order == 3 and usual == (0, 3):
            return 3
    elif function == "resample_torch_fornnunet" and separate is False:
        return 1
    msg = (
        f"The model resamples with '{as_text(function)}' and {as_text(dict(options))}; known are "
        "nnU-Net's default and its linear resampling with torch."
    )
    raise InputError(msg)
