"""Convolutions in 8 bits, in a model of OpenVINO.

What goes into a convolution and its weights are rounded to 256 steps. OpenVINO sees the roundings
and runs the convolution between them in integers, on whatever the CPU has for these (AMX, VNNI,
AVX2), and the rest as before. Jacob et al., Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference, CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

__all__ = ["LEVELS", "WEIGHT_LEVELS", "find_weight_range", "has_integer_products", "quantize"]

LEVELS = 256
"""Values that what goes into a convolution is rounded to."""
WEIGHT_LEVELS = 255
"""Values of its weights, as many below 0 as above, for each output channel by itself."""

_COMMANDS = ("avx512_vnni", "avx_vnni", "amx_int8")


def quantize(
    model: Any, ranges: Mapping[str, tuple[float, float]], *, weight_range: float = 1.0
) -> None:
    """Round the inputs and weights of convolutions, in place.

    Args:
        model: As OpenVINO's reader returns it.
        ranges: (low, high) of what goes in, by the name that the constant of the weights has there;
            a convolution that nothing comes of is not there.
        weight_range: From `find_weight_range`.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution":
            continue
        name = node.input_value(1).get_node().get_friendly_name()
        if name in ranges:
            _round_input(node, *ranges[name])
            _round_weights(node, weight_range)


def find_weight_range() -> float:
    """Find how much of 8 bits weights may fill on this CPU.

    Without commands for products of 8-bit integers (VNNI, AMX), OpenVINO adds up pairs of them in
    16 bits, which overflow without a word where weights are large.

    Returns:
        1, or 0.5 where pairs could overflow.
    """
    return 1.0 if has_integer_products() else 0.5


def has_integer_products() -> bool:
    """Tell whether this CPU has commands for products of 8-bit integers: VNNI or AMX."""
    flags = torch.cpu.get_capabilities()
    return any(flags.get(name) for name in _COMMANDS)


def _round_input(node: Any, low: float, high: float) -> None:
    from openvino import opset13 as ops

    ends = np.float32(low), np.float32(high)
    rounded = ops.fake_quantize(node.input_value(0), *ends, *ends, LEVELS)
    node.input(0).replace_source_output(rounded.output(0))


def _round_weights(node: Any, weight_range: float) -> None:
    from openvino import opset13 as ops

    weights = node.input_value(1)
    largest = np.abs(weights.get_node().data).max(axis=(1, 2, 3, 4), keepdims=True)
    ends = -largest / np.float32(weight_range), largest / np.float32(weight_range)
    rounded = ops.fake_quantize(weights, *ends, *ends, WEIGHT_LEVELS)
    node.input(1).replace_source_output(rounded.output(0))
