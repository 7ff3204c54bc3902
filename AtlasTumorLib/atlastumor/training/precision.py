"""The number format that networks are trained in."""

from __future__ import annotations

import torch

from ..inference.device import Device, find_best_precision

__all__ = ["find_training_dtype"]


def find_training_dtype(device: str) -> torch.dtype:
    """Find what forward passes compute in: bfloat16, but on CPUs that only emulate it.

    Emulated, a step takes several times as long as in float32.

    Args:
        device: "cpu" or a CUDA device.

    Returns:
        float32 or bfloat16.
    """
    if device != "cpu":
        return torch.bfloat16
    native = find_best_precision(Device("cpu", "cpu", "", 0, 0))
    return torch.bfloat16 if native == "bf16" else torch.float32
