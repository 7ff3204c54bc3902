"""PyTorch itself, on CUDA GPUs and on the CPU.

Weights are cast once instead of at every call, and laid out channels-last, which the convolution
libraries want in half precision. Nothing is compiled: that costs more than one scan saves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from ...errors import DeviceError
from ..device import Device, find_dtype
from .base import AbstractBackend
from .rewrite import rewrite_for_cpu

__all__ = ["TorchBackend", "choose_layout"]


class TorchBackend(AbstractBackend):
    """Runs a network in PyTorch.

    Args:
        network: In evaluation mode; it is taken over and changed.
        device: CPU or GPU.
        precision: "fp32", "bf16" or, on a GPU, "fp16".

    Raises:
        DeviceError: If it is "int8".
    """

    name = "torch"

    def __init__(self, network: nn.Module, device: Device, precision: str) -> None:
        """Move and cast the weights."""
        super().__init__(device, precision)
        if precision == "int8":
            msg = "The backend torch does not run int8; choose the backend openvino, or auto."
            raise DeviceError(msg)
        if device.kind == "cpu":
            network = rewrite_for_cpu(network)
        self._dtype = find_dtype(precision)
        self._layout = choose_layout(device, precision)
        network = network.to(device=device.name, dtype=self._dtype).eval()
        self._network: nn.Module | None = network.to(memory_format=self._layout)  # type: ignore[call-overload]

    def _forward(self, windows: torch.Tensor) -> torch.Tensor:
        if self._network is None:
            msg = "The backend is closed."
            raise ValueError(msg)
        with _cudnn_mode(self.device, exact=self.precision == "fp32"):
            batch = windows.to(dtype=self._dtype, memory_format=self._layout)
            logits: torch.Tensor = self._network(batch)
        return logits

    def close(self) -> None:
        """Let go of the network and its memory; the backend cannot run any more."""
        self._network = None
        if self.device.kind == "cuda":
            torch.cuda.empty_cache()


def choose_layout(device: Device, precision: str) -> torch.memory_format:
    """Choose how a tensor's channels lie in memory.

    Args:
        device: Where the network runs.
        precision: "fp32", "bf16" or "fp16".

    Returns:
        Channels-last, save for fp32 on a GPU, whose cuDNN kernels want channels first.
    """
    is_plain = device.kind == "cuda" and precision == "fp32"
    return torch.contiguous_format if is_plain else torch.channels_last_3d


@contextlib.contextmanager
def _cudnn_mode(device: Device, *, exact: bool) -> Iterator[None]:
    """Let cuDNN time its kernels once per window size; no TF32 where fp32 was asked for."""
    if device.kind != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=True, deterministic=False, allow_tf32=not exact
    ):
        yield
