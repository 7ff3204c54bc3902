"""What every training run here does with its state: the running mean, and the checkpoint."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError

__all__ = ["check_weights", "follow_weights", "hash_weights", "read_state", "write_state"]

_FREE = ("steps", "decay")
"""Settings that may change between resumptions: a run may be lengthened."""


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


def hash_weights(weights: Mapping[str, torch.Tensor]) -> str:
    """Hash weights, to know them again.

    Args:
        weights: By name.

    Returns:
        SHA-256 of names and float32 values, hexadecimal.
    """
    digest = hashlib.sha256()
    for name, one in weights.items():
        digest.update(name.encode())
        digest.update(one.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


def read_state(path: Path, recipe: Mapping[str, Any], *, device: str) -> dict[str, Any]:
    """Read the checkpoint of a run that goes on.

    Args:
        path: What `write_state` wrote; `recipe` in it is what the run followed from.
        recipe: What the run follows from now; only steps and decay may differ.
        device: Where its tensors go.

    Returns:
        The state.

    Raises:
        InputError: If the file cannot be read or belongs to a run with other settings.
    """
    try:
        state = dict(torch.load(path, map_location=device, weights_only=True))
        held = dict(state["recipe"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        msg = f"The checkpoint {path} cannot be read. Move it away to begin anew."
        raise InputError(msg) from error
    different = sorted(key for key in recipe if key not in _FREE and held.get(key) != recipe[key])
    if different:
        msg = (
            f"The checkpoint {path} is of a run with other settings ({', '.join(different)}). Set "
            "them as they were, or move it away to begin anew."
        )
        raise InputError(msg)
    return state


def write_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint; whoever kills the process leaves the old one or the new one.

    Args:
        state: Tensors, numbers and text.
        path: The file.

    Raises:
        OSError: If it cannot be written; the old one stays.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(dict(state), file)
        os.replace(partial, path)  # noqa: PTH105 - Path.replace hides that it must be one rename
    except RuntimeError as error:
        # What broke it off (a full disk, Ctrl+C) comes out of torch as a fault of its file format.
        if error.__context__ is None:
            raise
        raise error.__context__ from None
    finally:
        partial.unlink(missing_ok=True)
