"""Reading checkpoints that may come from anywhere: tensors by name, and never code.

The published files are pickles. They are read by torch's restricted unpickler, which knows tensors
and plain containers only; what a training framework wrote beside them (its configuration) becomes
inert `_Shell` objects that are thrown away. Safetensors files are read as they are.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import WeightsError

__all__ = ["read_tensors"]

_BROKEN = (
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OSError,
    OverflowError,
    struct.error,
)
_CONTAINERS = ("ema", "state_dict")


class _Shell:
    """Stands in for an object of a class that is not needed; does nothing."""

    def __init__(self, *_arguments: object) -> None:
        """Take whatever the file gives."""

    def __setstate__(self, _state: object) -> None:
        """Forget it."""


def _make_dict(*_arguments: object) -> dict[str, Any]:
    """Stand in for `defaultdict`, which the unpickler would not fill."""
    return {}


# What the autoencoder's file names beside tensors: its OmegaConf configuration and Python's own.
_HARMLESS: list[Any] = [
    (_make_dict, "collections.defaultdict"),
    (dict, "builtins.dict"),
    (list, "builtins.list"),
    (int, "builtins.int"),
    *(
        (_Shell, name)
        for name in (
            "typing.Any",
            "omegaconf.dictconfig.DictConfig",
            "omegaconf.listconfig.ListConfig",
            "omegaconf.nodes.AnyNode",
            "omegaconf.base.ContainerMetadata",
            "omegaconf.base.Metadata",
        )
    ),
]


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint without running anything in it.

    Of a file that holds several sets the averaged weights ("ema") or the "state_dict" are taken.

    Args:
        path: A safetensors file, or one written by `torch.save`.

    Returns:
        Tensors by name, on the CPU, not copied out of the file before they are used.

    Raises:
        WeightsError: If the file is missing, broken, holds objects that could run code, or holds
            anything but tensors where the weights should be.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"The weights file {path.name} is missing. Download it, then name it again."
        raise WeightsError(msg)
    try:
        if _is_safetensors(path):
            return dict(load_file(path))
        with torch.serialization.safe_globals(_HARMLESS):
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        msg = (
            f"{path.name} was refused: it holds more than tensors, and reading it could run "
            "foreign code. Get the file again from its publisher."
        )
        raise WeightsError(msg) from error
    except (SafetensorError, *_BROKEN) as error:
        msg = (
            f"{path.name} cannot be read as a checkpoint ({type(error).__name__}); it may be "
            "incomplete. Get the file again."
        )
        raise WeightsError(msg) from error
    return _unwrap(loaded, path.name)


def _is_safetensors(path: Path) -> bool:
    """Tell by its start: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _unwrap(loaded: object, name: str) -> dict[str, torch.Tensor]:
    """Take the weights out of what was loaded."""
    for key in _CONTAINERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping):
        msg = f"{name} holds no weights: a {type(loaded).__name__} where tensors by name are due."
        raise WeightsError(msg)
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            msg = f"{name} holds a {type(value).__name__} named '{key}' where a tensor is due."
            raise WeightsError(msg)
    return dict(loaded)
