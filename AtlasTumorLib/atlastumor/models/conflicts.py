"""Conflicts within a card that no single key shows: channels, organs, normalization, weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..organs import KEYS, find_organ
from .specs import ModelCard, OutputSpec

__all__ = ["find_conflict"]

_AXIS = {"R": "x", "L": "x", "A": "y", "P": "y", "S": "z", "I": "z"}
_NEED_RANGE = {"unit", "symmetric", "sigmoid"}


def find_conflict(card: ModelCard) -> str | None:
    """Find the first pair of values in a card that do not go together.

    Args:
        card: Each of whose values the schema allows.

    Returns:
        A phrase that names the key, or None.
    """
    return next((fault for check in _CHECKS for fault in check(card)), None)


def _weights(card: ModelCard) -> Iterator[str]:
    if (card.weights.file is None) == (card.weights.url is None):
        yield "weights needs either file or url, and not both"


def _input(card: ModelCard) -> Iterator[str]:
    spec = card.input
    if spec.clip_hu is not None and spec.clip_hu[0] >= spec.clip_hu[1]:
        yield f"input.clip_hu must rise, not go from {spec.clip_hu[0]} to {spec.clip_hu[1]}"
    if spec.clip_hu is None and spec.normalize in _NEED_RANGE:
        yield f'input.clip_hu is missing, which "{spec.normalize}" needs'
    scaled = spec.mean is not None, spec.std is not None
    if spec.normalize == "zscore" and not all(scaled):
        yield 'input.mean and input.std are missing, which "zscore" needs'
    if spec.normalize != "zscore" and any(scaled):
        yield f'input.mean and input.std mean nothing beside "{spec.normalize}"'
    if spec.orientation != "stored" and len({_AXIS[code] for code in spec.orientation}) < 3:
        yield f'input.orientation must name three axes, as "RAS" does, not "{spec.orientation}"'
    if spec.resample == "monai" and (spec.resample_order != 1 or spec.antialias):
        yield 'input.resample "monai" needs resample_order 1 and no antialias'


def _channels(card: ModelCard) -> Iterator[str]:
    channels = [output.channel for output in card.outputs]
    if channels != list(range(len(channels))):
        yield f"outputs must list the channels 0 to {len(channels) - 1} in order, not {channels}"
    backgrounds = [o.channel for o in card.outputs if o.kind == "background"]
    if card.activation == "softmax" and backgrounds != [0]:
        yield 'outputs must have the background as channel 0, and only there, for "softmax"'
    if card.activation != "softmax" and backgrounds:
        yield f'outputs must have no background for "{card.activation}"'
    meanings = [(o.kind, o.organ, o.side) for o in card.outputs]
    for output, meaning in zip(card.outputs, meanings, strict=True):
        if meanings.count(meaning) > 1 and output.kind != "other":
            yield f"outputs[{output.channel}] means the same as another channel"
    if not any(output.organ or output.kind == "lesion" for output in card.outputs):
        yield "outputs must name at least one organ"


def _organs(card: ModelCard) -> Iterator[str]:
    for output in card.outputs:
        yield from _output(output, f"outputs[{output.channel}]")


def _output(output: OutputSpec, key: str) -> Iterator[str]:
    if output.kind in {"background", "other", "lesion"}:
        if output.organ is not None or output.side is not None:
            yield f"{key} is {output.kind} and has neither organ nor side"
        return
    if output.organ not in KEYS:
        yield f"{key}.organ must be one of {', '.join(KEYS)}, not {output.organ!r}"
        return
    sides = [side.key for side in find_organ(output.organ).sides]
    if output.side is not None and (output.kind != "organ" or output.side not in sides):
        yield f"{key}.side is for the halves of a paired organ only"


def _postprocessing(card: ModelCard) -> Iterator[str]:
    tumors = {output.organ for output in card.outputs if output.kind == "tumor"}
    for organ in card.thresholds:
        if organ not in tumors:
            yield f"thresholds.{organ} has no tumor channel"
    for organ in card.postprocess.min_fill:
        if organ not in tumors:
            yield f"postprocess.min_fill names {organ}, which has no tumor channel"
    organs = {output.organ for output in card.outputs if output.kind == "organ"}
    for organ in card.postprocess.largest_component:
        if organ not in organs:
            yield f"postprocess.largest_component names {organ}, which has no organ channel"
    if card.postprocess.organ_margin_mm is not None and not tumors <= organs:
        yield "postprocess.organ_margin_mm needs an organ channel beside every tumor channel"


def _quantization(card: ModelCard) -> Iterator[str]:
    ranges = {} if card.quantization is None else card.quantization.ranges
    if card.quantization is not None and not ranges:
        yield "quantization.ranges must name at least one convolution"
    for name, (low, high) in ranges.items():
        if not low <= 0 < high:
            yield f"quantization.ranges.{name} must hold 0 and rise, not go from {low} to {high}"


_CHECKS: tuple[Callable[[ModelCard], Iterator[str]], ...] = (
    _weights,
    _input,
    _channels,
    _organs,
    _postprocessing,
    _quantization,
)
