"""Weights and windows that anybody can make again, in whatever program."""

from __future__ import annotations

import zlib

import torch


def wave(shape: tuple[int, ...], name: str) -> torch.Tensor:
    """Values of a sine whose phase is the name's."""
    n = torch.Size(shape).numel()
    steps = torch.arange(n, dtype=torch.float64) * 0.7 + zlib.crc32(name.encode()) % 1000
    return torch.sin(steps).float().reshape(shape)


def fill(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same names and shapes, of waves; weights scaled so that layers keep their size."""
    return {
        name: wave(tuple(t.shape), name) / max(t[0].numel() if t.ndim > 1 else 4, 1) ** 0.5
        for name, t in state.items()
    }
