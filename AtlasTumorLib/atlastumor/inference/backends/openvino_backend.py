"""OpenVINO on the CPU: converts the torch network once, then runs without torch.

OpenVINO's Python package sends usage events when it is imported and when its `convert_model`
runs, if the package openvino-telemetry is there. Neither happens here: that package is kept from
being imported, and the converter below `convert_model` is called directly.

The network goes in as it is, without `rewrite.py`: OpenVINO 2026.4 crashes on group norm with one
channel per group, and fuses instance norm itself.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from ...errors import CardError, DependencyError, DeviceError
from ..device import Device, find_best_precision
from .base import AbstractBackend
from .quantizing import find_weight_range, quantize

__all__ = ["OpenVinoBackend", "has_openvino", "import_openvino"]

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_WEIGHT = "weight_{}"
_N_AXES = 5  # of a convolution's weights: channels out and in, i, j, k


def has_openvino() -> bool:
    """Tell whether OpenVINO can be imported.

    Returns:
        True if it can.
    """
    try:
        import_openvino()
    except DependencyError:
        return False
    return True


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry.

    Returns:
        The module `openvino`.

    Raises:
        DependencyError: If it is not installed.
    """
    # None makes `import openvino_telemetry` fail, and OpenVINO then takes its own silent stub.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)
    try:
        import openvino
        import openvino.frontend.pytorch.ts_decoder
    except ImportError as error:
        msg = "The backend openvino needs the package openvino; install it with pip."
        raise DependencyError(msg) from error
    module: ModuleType = openvino
    return module


class OpenVinoBackend(AbstractBackend):
    """Runs a network in OpenVINO.

    Args:
        network: In evaluation mode; it is taken over and its weights shared.
        device: The CPU.
        precision: "fp32" or "bf16", or "int8" for the convolutions of `ranges` in 8 bits and the
            rest in what the CPU is best at.
        multiple: What a window's sides are multiples of; sizes the example for the conversion.
            None converts anew for every window size, which some networks need.
        ranges: For "int8", (low, high) of what goes into convolutions, by the names of weights.

    Raises:
        DependencyError: If OpenVINO is not installed.
        DeviceError: If the device is no CPU.
        CardError: If a range is for no convolution of this network.
    """

    name = "openvino"

    def __init__(
        self,
        network: nn.Module,
        device: Device,
        precision: str,
        multiple: tuple[int, int, int] | None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """Convert the network; it is compiled when the first windows say their size."""
        super().__init__(device, precision)
        openvino = import_openvino()
        floating = find_best_precision(device) if precision == "int8" else precision
        if device.kind != "cpu" or floating not in _HINTS:
            msg = (
                "OpenVINO runs on the CPU in fp32, bf16 or int8, not on "
                f"{device.name} in {precision}."
            )
            raise DeviceError(msg)
        self._hint = _HINTS[floating]
        self._core: Any = openvino.Core()
        self._network: nn.Module | None = network.float().eval()
        self._ranges = _rename(network, ranges or {}) if precision == "int8" else {}
        self._model: Any = None
        if multiple is not None:
            # Twice along one axis: instance norm refuses a single voxel at the deepest level.
            self._model = _convert(self._network, (2 * multiple[0], *multiple[1:]), self._ranges)
            self._network = None
        self._compiled: Any = None
        self._shape: tuple[int, ...] = ()

    def _forward(self, windows: torch.Tensor) -> torch.Tensor:
        if self._model is None and self._network is None:
            msg = "The backend is closed."
            raise ValueError(msg)
        if tuple(windows.shape[2:]) != self._shape:
            self._compile(tuple(windows.shape[2:]))
        logits = [self._compiled(window[None].numpy())[0] for window in windows.contiguous()]
        return torch.from_numpy(np.concatenate(logits) if len(logits) > 1 else logits[0])

    def _compile(self, shape: tuple[int, ...]) -> None:
        """Make the network ready for windows of one size."""
        self._compiled = None
        if self._network is not None:
            self._model = _convert(self._network, shape, self._ranges)
        self._model.reshape([1, 1, *shape])
        options = {
            "INFERENCE_PRECISION_HINT": self._hint,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),  # one knob for both backends
        }
        if _has_square_attention(self._model):
            options["SNIPPETS_MODE"] = "DISABLE"
        self._compiled = self._core.compile_model(self._model, "CPU", options)
        self._shape = shape

    def close(self) -> None:
        """Let go of the network and its memory; the backend cannot run any more."""
        self._network = self._model = self._compiled = None
        self._shape = ()


def _has_square_attention(model: Any) -> bool:
    """Tell whether a model of fixed size has an attention with as many heads as tokens.

    OpenVINO 2026.4 takes the one for the other where it fuses such layers into a "snippet": in fp32
    the answers are wrong by percents and differ from run to run. Without snippets they are right.
    """
    shapes = [
        tuple(node.get_output_shape(0))  # (windows, heads, tokens, tokens) in an attention
        for node in model.get_ops()
        if node.get_type_name() == "Softmax"
    ]
    return any(len(shape) == 4 and shape[1] == shape[2] > 1 for shape in shapes)


class _Flat(nn.Module):
    """A network without layers: it owns their weights, and runs them unseen.

    Tracing makes a script module of every layer, of nnU-Net's more than a thousand, which takes
    longer than the pass itself. Weights that nobody owned would stay in memory as constants.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        vars(self)["_network"] = network
        for number, weight in enumerate(network.parameters()):
            self.register_parameter(_WEIGHT.format(number), weight)
        for number, buffer in enumerate(network.buffers()):
            self.register_buffer(f"buffer_{number}", buffer)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Logits (N, C, I, J, K) of windows (N, 1, I, J, K)."""
        logits: torch.Tensor = vars(self)["_network"](windows)
        return logits


def _rename(
    network: nn.Module, ranges: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Give ranges the names that weights have once the network is flat and converted."""
    names = {
        name: f"self.{_WEIGHT.format(number)}"
        for number, (name, weight) in enumerate(network.named_parameters())
        if weight.ndim == _N_AXES
    }
    missing = set(ranges) - set(names)
    if missing:
        msg = (
            f"The card's quantization.ranges are another network's: {len(missing)} of "
            f"{len(ranges)} belong to no convolution of this one. Measure them again."
        )
        raise CardError(msg)
    return {names[name]: ends for name, ends in ranges.items()}


def _convert(
    network: nn.Module, shape: tuple[int, ...], ranges: Mapping[str, tuple[float, float]]
) -> Any:
    """Convert a network with OpenVINO's own reader of PyTorch networks; `ranges` as renamed."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros((1, 1, *shape))
    with warnings.catch_warnings(), torch.no_grad():
        # Tracing warns of shape checks, which hold, and that torch plans to drop it.
        warnings.simplefilter("ignore")
        decoder = TorchScriptPythonDecoder(
            _Flat(network), example_input=(example,), trace_kwargs={"check_trace": False}
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    quantize(model, ranges, weight_range=find_weight_range())
    return model
