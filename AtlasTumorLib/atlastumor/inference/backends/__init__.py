"""Backends: ways of running a network behind one small interface, chosen by what measures best.

Adding one: a file with its class, its name in `BACKEND_NAMES` and a line in `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ...errors import CardError, DeviceError, UnknownKeyError
from ...models.card import ModelCard
from ...networks import find_multiple, has_one_size
from ..choices import BACKEND_NAMES, PRECISIONS
from ..device import Device, find_best_precision
from .base import AbstractBackend
from .openvino_backend import OpenVinoBackend, has_openvino
from .quantizing import has_integer_products
from .torch_backend import TorchBackend

__all__ = [
    "BACKENDS",
    "AbstractBackend",
    "check_precision",
    "choose_backend",
    "choose_precision",
    "name_backend",
]


def _make_torch(
    network: nn.Module, device: Device, precision: str, _card: ModelCard
) -> AbstractBackend:
    return TorchBackend(network, device, precision)


def _make_openvino(
    network: nn.Module, device: Device, precision: str, card: ModelCard
) -> AbstractBackend:
    name, args = card.network.name, card.network.args
    multiple = None if has_one_size(name, args) else find_multiple(name, args)
    check_precision(card, precision)
    ranges = None if card.quantization is None else card.quantization.ranges
    return OpenVinoBackend(network, device, precision, multiple, ranges)


BACKENDS: dict[str, Callable[[nn.Module, Device, str, ModelCard], AbstractBackend]] = {
    "torch": _make_torch,
    "openvino": _make_openvino,
}
"""Every backend by the name that people use."""


def choose_backend(
    request: str, precision: str, device: Device, network: nn.Module, card: ModelCard
) -> AbstractBackend:
    """Make a network ready to run.

    Args:
        request: A key of `BACKENDS`, or "auto" for what measures best on this device.
        precision: "fp32", "bf16", "fp16", "int8" or "auto", as for `choose_precision`.
        device: From `choose_device`.
        network: In evaluation mode, on the CPU; it is taken over and may be changed.
        card: The network's.

    Returns:
        The backend.

    Raises:
        UnknownKeyError: If there is no such backend or precision.
        DeviceError: If the device cannot do what was asked.
        DependencyError: If the backend's package is not installed.
        CardError: If the card has no ranges for int8, or another network's.
    """
    chosen = choose_precision(precision, device, card, request)
    name = name_backend(request, precision, device)
    return BACKENDS[name](network, device, chosen, card)


def check_precision(card: ModelCard, precision: str) -> None:
    """Make sure that a model can run in a number format, before any is loaded.

    Args:
        card: The model.
        precision: One of `PRECISIONS`.

    Raises:
        CardError: If it is "int8" and the model's ranges were not measured.
    """
    if precision == "int8" and card.quantization is None:
        msg = (
            f"The model '{card.id}' cannot run in int8: nobody has measured its ranges. Run "
            f"`atlastumor models calibrate {card.id} SCAN`, or choose another precision."
        )
        raise CardError(msg)


def choose_precision(
    request: str, device: Device, card: ModelCard | None = None, backend: str = "auto"
) -> str:
    """Choose the number format.

    Args:
        request: "fp32", "bf16", "fp16", "int8" or "auto": the fastest floating point that the
            device computes in, or "int8" in place of fp32 where the card prefers that and the CPU
            multiplies 8-bit integers.
        device: From `choose_device`.
        card: The model; None for several, which "auto" runs in floating point.
        backend: As it was asked for.

    Returns:
        One of `PRECISIONS`.

    Raises:
        UnknownKeyError: If there is no such format.
        DeviceError: If the device does not compute in it.
    """
    if request not in (*PRECISIONS, "auto"):
        raise UnknownKeyError("precision", request, (*PRECISIONS, "auto"))
    if request == "fp32":
        return request
    if request == "int8":
        if device.kind == "cpu":
            return request
        msg = f"int8 is for CPUs, not for {device.description}; choose the device cpu, or auto."
        raise DeviceError(msg)
    best = find_best_precision(device)
    if request == "auto":
        return "int8" if best == "fp32" and _prefers_int8(card, device, backend) else best
    if request == best or (device.kind == "cuda" and best == "bf16"):  # such GPUs have fp16 too
        return request
    msg = f"{device.description} does not compute in {request}; choose auto, {best} or fp32."
    raise DeviceError(msg)


def _prefers_int8(card: ModelCard | None, device: Device, backend: str) -> bool:
    if card is None or card.quantization is None or not card.quantization.preferred:
        return False
    can = device.kind == "cpu" and backend != "torch" and has_openvino()
    return can and has_integer_products()


def name_backend(request: str, precision: str, device: Device) -> str:
    """Choose the backend by name, without making it.

    "auto" is OpenVINO on a CPU if it is installed, else torch. Who asks for fp32 by its name wants
    agreement before speed and gets torch, which rounds as the network's training did. The choice
    never hangs on a stopwatch, so that the same machine gives the same bytes.

    Args:
        request: A key of `BACKENDS`, or "auto".
        precision: As it was asked for: "fp32", "bf16", "fp16", "int8" or "auto".
        device: From `choose_device`.

    Returns:
        A key of `BACKENDS`.

    Raises:
        UnknownKeyError: If there is no such backend.
    """
    if request not in (*BACKEND_NAMES, "auto"):
        raise UnknownKeyError("backend", request, (*BACKEND_NAMES, "auto"))
    if request != "auto":
        return request
    if precision == "int8":
        return "openvino"  # nothing else runs it
    is_fast = device.kind == "cpu" and precision in ("auto", "bf16")
    return "openvino" if is_fast and has_openvino() else "torch"
