"""What every training run here does with its state: the running mean, and the checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

__all__ = ["check_weights", "follow_weights", "write_state"]


def check_weights(weights: Mapping[str, torch.Tensor], network: torch.nn.Module) -> None:
    """Make sure that weights are a network's own, by names and shapes.

    Args:
        weights: By name.
        network: That is to hold them.

    Raises:
        ValueError: If they are another network's.
    """
    own = {name: one.shape for name, one in network.state_dict().items()}
    if {name: one.shape for name, one in weights.items()} != own:
        msg = "The earlier weights are not of this network; give a card with the recipe's network."
        raise ValueError(msg)


def follow_weights(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    """Move a running mean of weights toward the newest.

    Args:
        average: The mean, of the same architecture; changed.
        network: The newest weights.
        decay: Share of the mean that stays, in [0, 1].
    """
    with torch.no_grad():
        for kept, new in zip(average.parameters(), network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for held, now in zip(average.buffers(), network.buffers(), strict=True):
            held.copy_(now)


def write_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint; whoever kills the process leaves the old one or the new one.

    Args:
        state: Tensors, numbers and text.
        path: The file.
    """
    partial = path.with_suffix(".partial")
    torch.save(dict(state), partial)
    os.replace(partial, path)  # noqa: PTH105 - Path.replace hides that it must be one rename
