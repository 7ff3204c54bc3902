"""MONAI's transforms before and after a network, in the words of a model card.

A chain of transforms is followed from the file to the network. What is not known, or comes in an
order that this software does not have, is refused by name.

Source:
    Documentation and signatures of `monai.transforms` 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError
from .fields import Record, as_numbers, as_text
from .monai_config import Config

__all__ = ["Finished", "Prepared", "read_postprocessing", "read_preprocessing"]

_IDLE = {
    *("LoadImage", "EnsureChannelFirst", "AddChannel", "AsChannelFirst", "EnsureType", "ToTensor"),
    *("ToDevice", "CastToType", "Identity", "SaveImage", "CopyItems", "DeleteItems", "SelectItems"),
}
_SAME_LATTICE = 1e-6


@dataclass(frozen=True)
class Prepared:
    """What a chain before the network comes to.

    Args:
        input: A card's `input`.
        differences: What is done otherwise here, a phrase each.
    """

    input: dict[str, Any]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """What a chain behind the network comes to.

    Args:
        activation: "softmax" or "sigmoid".
        restore: "probabilities", "logits" or "labels": what is brought to the scan's lattice.
    """

    activation: str
    restore: str


@dataclass
class _Chain:
    """What has been understood of a chain so far."""

    orientation: str = "stored"
    spacing: list[float] | None = None
    normalization: dict[str, Any] | None = None
    differences: list[str] = field(default_factory=list)


def read_preprocessing(config: Config) -> Prepared:
    """Follow the transforms before the network.

    Args:
        config: With "preprocessing".

    Returns:
        What they come to.

    Raises:
        InputError: If one of them, its settings or its place is not known here.
    """
    chain = _Chain()
    for name, spec in _list_transforms(config, "preprocessing"):
        if name in _IDLE:
            continue
        if name not in _STEPS:
            msg = f"The transform '{as_text(name)}' before the network is not known here."
            raise InputError(msg)
        _STEPS[name](chain, spec)
    if chain.spacing is None:
        msg = "The bundle does not say the voxel size its network wants (Spacing)."
        raise InputError(msg)
    normalization = chain.normalization or {"clip_hu": None, "normalize": "none"}
    prepared = {
        "orientation": chain.orientation,
        "spacing_mm": chain.spacing,
        **normalization,
        "resample_order": 1,
        "resample": "monai",
    }
    return Prepared(prepared, tuple(chain.differences))


def read_postprocessing(config: Config) -> Finished:
    """Follow the transforms behind the network.

    Args:
        config: With "postprocessing".

    Returns:
        What they come to.

    Raises:
        InputError: If they are not the usual ones.
    """
    activation, restore = "", ""
    is_decided = False
    for name, spec in _list_transforms(config, "postprocessing"):
        if name == "Activations":
            activation = _read_activation(spec)
        elif name == "AsDiscrete":
            is_decided = True
            activation = activation or ("softmax" if _is_true(spec, "argmax") else "")
            _check_decision(spec, activation)
        elif name == "Invert":
            restore = _read_invert(spec, activation=activation, is_decided=is_decided)
        elif name not in _IDLE:
            msg = f"The transform '{as_text(name)}' behind the network is not known here."
            raise InputError(msg)
    if not activation:
        msg = "The bundle does not say whether its outputs exclude one another (softmax) or not."
        raise InputError(msg)
    return Finished(activation, restore or "labels")


def _list_transforms(config: Config, key: str) -> list[tuple[str, Record]]:
    """Name and settings of every transform of a chain, without the dictionary's "d"."""
    steps = []
    for number, raw in enumerate(_raw_transforms(config, key)):
        target = str(raw.get("_target_", "")).rpartition(".")[2]
        name = next(
            (target.removesuffix(end) for end in ("Dict", "D", "d") if target.endswith(end)), target
        )
        if raw.get("_disabled_") is True or raw.get("keys") in ("label", ["label"]):
            continue
        used = raw if name not in _IDLE and name != "Invert" else {}
        if name == "Invert":
            used = {"nearest_interp": raw.get("nearest_interp", True)}
        where = f"{key}.transforms[{number}]"
        steps.append((name, Record(config.resolve(used, where), f"{name} of {config.where}")))
    return steps


def _raw_transforms(config: Config, key: str) -> list[Mapping[str, Any]]:
    """The list of a chain, not resolved: much of it does not matter."""
    chain = config.follow(config.values.get(key), key)
    listed = config.follow(chain.get("transforms") if isinstance(chain, Mapping) else chain, key)
    items = [config.follow(item, key) for item in listed] if isinstance(listed, list) else [None]
    steps = [item for item in items if isinstance(item, Mapping)]
    if len(steps) < len(items):
        msg = f"{config.where} does not list its transforms under '{key}'."
        raise InputError(msg)
    return steps


def _is_true(spec: Record, key: str) -> bool:
    value = spec.values.get(key, False)
    return value is True or value == [True]


def _orient(chain: _Chain, spec: Record) -> None:
    if chain.spacing is not None or chain.normalization is not None:
        msg = "The bundle turns the scan after resampling or normalizing it; here that comes first."
        raise InputError(msg)
    is_canonical = _is_true(spec, "as_closest_canonical")
    chain.orientation = "RAS" if is_canonical else spec.read("axcodes", str)


def _resample(chain: _Chain, spec: Record) -> None:
    if chain.normalization is not None:
        msg = "The bundle normalizes before it resamples; here that comes after."
        raise InputError(msg)
    modes = spec.values.get("mode", "bilinear")
    mode = modes[0] if isinstance(modes, list) else modes
    odd = [k for k in ("diagonal", "align_corners", "scale_extent") if _is_true(spec, k)]
    odd += [key for key in ("min_pixdim", "max_pixdim") if key in spec]
    if mode != "bilinear" or odd or spec.values.get("padding_mode", "border") != "border":
        msg = f"{spec.where} resamples by '{mode}' {odd or ''}; only bilinear is done here."
        raise InputError(msg)
    size = spec.values.get("pixdim")
    chain.spacing = as_numbers(
        [size] * 3 if isinstance(size, (int, float)) else size, "'pixdim'", 3
    )


def _normalize(chain: _Chain, told: dict[str, Any]) -> None:
    if chain.spacing is None:
        msg = "The bundle normalizes before it resamples; here that comes after."
        raise InputError(msg)
    if chain.normalization is not None:
        msg = "The bundle normalizes twice, in a way that is not known here."
        raise InputError(msg)
    chain.normalization = told


def _scale_range(chain: _Chain, spec: Record) -> None:
    low, high = spec.number("a_min"), spec.number("a_max")
    bottom = spec.number("b_min") if "b_min" in spec else 0.0
    top = spec.number("b_max") if "b_max" in spec else 1.0
    if not low < high or not bottom < top:
        msg = f"{spec.where} must rise, not go from {low}, {high} to {bottom}, {top}."
        raise InputError(msg)
    clip = [low, high] if _is_true(spec, "clip") else None
    if clip and (bottom, top) == (0, 1):
        _normalize(chain, {"clip_hu": clip, "normalize": "unit"})
        return
    std = (high - low) / (top - bottom)
    mean = low - bottom * std
    _normalize(chain, {"clip_hu": clip, "normalize": "zscore", "mean": mean, "std": std})


def _scale_image(chain: _Chain, spec: Record) -> None:
    if (spec.values.get("minv", 0.0), spec.values.get("maxv", 1.0)) != (0, 1) or "factor" in spec:
        msg = f"{spec.where} is not to the range from 0 to 1; that is not done here."
        raise InputError(msg)
    _normalize(chain, {"clip_hu": None, "normalize": "minmax_image"})


def _standardize(chain: _Chain, spec: Record) -> None:
    if _is_true(spec, "nonzero"):
        msg = f"{spec.where} leaves out what is exactly 0, as for images of a head alone."
        raise InputError(msg)
    if "subtrahend" in spec or "divisor" in spec:
        told = {"mean": spec.number("subtrahend"), "std": spec.number("divisor")}
        _normalize(chain, {"clip_hu": None, "normalize": "zscore", **told})
        return
    before = chain.normalization
    if before is not None and before["normalize"] in ("unit", "zscore"):
        chain.normalization = None  # the image's own mean and deviation undo shift and scale
    clip = before["clip_hu"] if before else None
    _normalize(chain, {"clip_hu": clip, "normalize": "zscore_image"})


def _crop(chain: _Chain, _spec: Record) -> None:
    chain.differences.append(
        "the bundle crops the scan to what is above 0, here windows cover all of it"
    )


_STEPS: Mapping[str, Callable[[_Chain, Record], None]] = {
    "Orientation": _orient,
    "Spacing": _resample,
    "ScaleIntensityRange": _scale_range,
    "ScaleIntensity": _scale_image,
    "NormalizeIntensity": _standardize,
    "CropForeground": _crop,
}


def _read_activation(spec: Record) -> str:
    for name in ("softmax", "sigmoid"):
        if _is_true(spec, name):
            return name
    msg = f"{spec.where} is neither softmax nor sigmoid."
    raise InputError(msg)


def _check_decision(spec: Record, activation: str) -> None:
    """Raise unless the largest output wins, or sigmoid's at a half."""
    threshold = spec.values.get("threshold", spec.values.get("logit_thresh", 0.5))
    threshold = threshold[0] if isinstance(threshold, list) else threshold
    if activation != "sigmoid" and not _is_true(spec, "argmax"):
        msg = f"{spec.where} does not take the largest of the outputs."
        raise InputError(msg)
    if activation == "sigmoid" and (_is_true(spec, "argmax") or threshold not in (0.5, True)):
        msg = f"{spec.where} does not decide each output at 0.5."
        raise InputError(msg)


def _read_invert(spec: Record, *, activation: str, is_decided: bool) -> str:
    is_nearest = spec.values.get("nearest_interp", True) in (True, [True])
    if is_decided and not is_nearest:
        msg = f"{spec.where} interpolates labels as if they were numbers."
        raise InputError(msg)
    if is_nearest:
        return "labels"
    return "probabilities" if activation else "logits"
