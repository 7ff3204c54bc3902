"""Which format something has, told by the files in it and never by their names alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...errors import InputError
from ..reading.checkpoints import read_checkpoint
from .bundle import find_bundles
from .documents import find_checkpoints
from .fields import list_some
from .nnunet import find_trained
from .nnunet_v1 import find_trained_v1
from .own import find_cards

__all__ = ["recognize_place"]

_FOLDERS = {
    "nnunet": find_trained,
    "nnunet_v1": find_trained_v1,
    "bundle": find_bundles,
    "own": find_cards,
}
_KNOWN = (
    "a folder or zip that nnU-Net v2 or v1 trained, a MONAI bundle, a SegResNet that Auto3DSeg "
    "trained, a checkpoint with a card, or a card of this software with its safetensors"
)


def recognize_place(place: Path) -> str:
    """Tell the format of a folder or file.

    Args:
        place: A folder, unpacked if it was an archive, or a file.

    Returns:
        "nnunet", "nnunet_v1", "bundle", "auto3dseg", "plain" or "own".

    Raises:
        InputError: If it is none of these, or is not there.
        WeightsError: If a checkpoint cannot be read.
    """
    if place.is_dir():
        for kind, find in _FOLDERS.items():
            if find(place):
                return kind
        checkpoints = find_checkpoints(place)
        if len(checkpoints) == 1:
            return _recognize_file(checkpoints[0])
        if checkpoints:
            names = list_some(path.name for path in checkpoints)
            msg = f"'{place.name}' holds several checkpoints ({names}); import one of them."
            raise InputError(msg)
    elif place.is_file():
        return _recognize_file(place)
    found = "is no model that is known here" if place.exists() else "is not there"
    msg = f"'{place.name}' {found}. Models are: {_KNOWN}."
    raise InputError(msg)


def _recognize_file(path: Path) -> str:
    if path.suffix.lower() == ".json":
        return "own"
    if path.suffix.lower() == ".safetensors":
        return "plain"
    content = read_checkpoint(path)
    if isinstance(content, Mapping):
        if {"network_weights", "init_args"} <= set(content):
            return "nnunet"
        if {"state_dict", "config"} <= set(content):
            return "auto3dseg"
    return "plain"
