"""Weights on disk: safetensors only, hashed at every load, written beside and then renamed.

A pickled checkpoint can run code, so none is ever read. A network may list one tensor under
several names (nnU-Net's decoder holds its encoder): a file stores it once, under any of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import WeightsError
from .specs import WeightsRef

if TYPE_CHECKING:
    import torch

__all__ = [
    "WeightsCard",
    "find_weights",
    "fit_weights",
    "hash_file",
    "load_weights",
    "save_weights",
]

_CHUNK_BYTES = 1 << 20
_MOST_NAMED = 8


class WeightsCard(Protocol):
    """What any card says about its weights; `ModelCard` is one."""

    @property
    def id(self) -> str:
        """Name of the model."""

    @property
    def weights(self) -> WeightsRef:
        """Which file."""

    @property
    def path(self) -> Path | None:
        """Where the card was read from; its weights lie beside it."""


def load_weights(card: WeightsCard, *, models_dir: Path | None = None) -> dict[str, torch.Tensor]:
    """Read the weights of a card, having checked that they are the ones it means.

    Args:
        card: The model.
        models_dir: Where imported weights lie, beside the card's own folder.

    Returns:
        Tensors by name, on the CPU; floating-point ones as float32 however they were stored.

    Raises:
        WeightsError: If the file is missing, altered or no safetensors file.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = find_weights(card, models_dir=models_dir)
    _check_file(card, path)
    try:
        state = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        msg = f"{path.name} is not a readable safetensors file ({error})."
        raise WeightsError(msg) from error
    return {
        name: tensor.to(torch.float32) if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }


def find_weights(card: WeightsCard, *, models_dir: Path | None = None) -> Path:
    """Find the weights file of a card without reading it.

    Args:
        card: The model.
        models_dir: Where imported weights lie, beside the card's own folder.

    Returns:
        The file.

    Raises:
        WeightsError: If it is nowhere; says where it was looked for and what to do.
    """
    folders = [card.path.parent if card.path is not None else None, models_dir]
    for folder in folders:
        if folder is not None and (Path(folder) / card.weights.name).is_file():
            return Path(folder) / card.weights.name
    todo = "Put it beside its card or into the models folder"
    if card.weights.url is not None:
        todo = f"Download {card.weights.url} and put it into the models folder"
    msg = f"The weights of '{card.id}' are missing: {card.weights.name}. {todo}."
    raise WeightsError(msg)


def _check_file(card: WeightsCard, path: Path) -> None:
    """Raise unless size and hash are the card's."""
    try:
        size, digest = path.stat().st_size, hash_file(path)
    except OSError as error:
        msg = f"The weights file {path.name} cannot be read: {error.strerror}."
        raise WeightsError(msg) from error
    if size != card.weights.bytes or digest != card.weights.sha256:
        msg = (
            f"The weights file {path.name} is not the one that the card '{card.id}' means: "
            f"{size} bytes, SHA-256 {digest[:12]}…, where {card.weights.bytes} bytes, "
            f"{card.weights.sha256[:12]}… are needed. Get the file again."
        )
        raise WeightsError(msg)


def hash_file(path: Path) -> str:
    """Hash a file without holding it in memory.

    Args:
        path: The file.

    Returns:
        SHA-256, hex.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def fit_weights(network: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Put weights into a network, every one of them and no other.

    Args:
        network: Receives the values.
        state: Tensors by name; of names that share one tensor in the network, one is enough.

    Raises:
        WeightsError: If tensors are missing, left over or of another shape, or hold what is no
            finite number; lists them.
    """
    own = network.state_dict()
    full: dict[str, torch.Tensor] = {}
    missing: list[str] = []
    reshaped: list[str] = []
    for names in _alias_groups(own):
        given = next((name for name in names if name in state), None)
        if given is None:
            missing.append(f"'{names[0]}'")
            continue
        found, needed = tuple(state[given].shape), tuple(own[given].shape)
        if found != needed:
            reshaped.append(f"'{given}' is {found}, not {needed}")
        full.update(dict.fromkeys(names, state[given]))
    differences = (
        *_list_some("missing", missing),
        *_list_some("unknown", [f"'{name}'" for name in sorted(set(state) - set(own))]),
        *_list_some("of another shape", reshaped),
    )
    if differences:
        msg = (
            f"The weights do not fit the network. {' '.join(differences)} They belong to another "
            "network, or to other settings of this one."
        )
        raise WeightsError(msg)
    _check_finite(state)
    network.load_state_dict(full)


def _check_finite(state: Mapping[str, torch.Tensor]) -> None:
    """Raise if weights are NaN or infinite: the network would answer nothing else."""
    spoilt = [f"'{name}'" for name, tensor in state.items() if not tensor.isfinite().all()]
    if spoilt:
        msg = (
            f"The weights are damaged. {' '.join(_list_some('not finite', spoilt))} Their training "
            "has failed, or their numbers are too large for float32. Get another checkpoint."
        )
        raise WeightsError(msg)


def _list_some(what: str, items: list[str]) -> tuple[str, ...]:
    """Say how many tensors are so, and name the first few; nothing if there are none."""
    if not items:
        return ()
    verb = "tensor is" if len(items) == 1 else "tensors are"
    rest = f" and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
    return (f"{len(items)} {verb} {what}: {', '.join(items[:_MOST_NAMED])}{rest}.",)


def save_weights(
    state: Mapping[str, torch.Tensor], path: Path, *, half: bool = False
) -> tuple[str, int]:
    """Write weights, never leaving half a file under the name asked for.

    The same tensors make the same bytes. Tensors that share memory are stored once.

    Args:
        state: Tensors by name, as of `state_dict`.
        path: The safetensors file to write.
        half: Store floating-point tensors as float16, in half the space.

    Returns:
        (SHA-256 in hex, bytes), as a card's `weights` wants them.

    Raises:
        OSError: If the file cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    kept = {names[0]: state[names[0]].detach().cpu().contiguous() for names in _alias_groups(state)}
    if half:
        kept = {
            name: tensor.to(torch.float16) if tensor.is_floating_point() else tensor
            for name, tensor in kept.items()
        }
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(kept, beside)
        beside.chmod(0o644)  # safetensors makes it readable by its owner alone
        digest, size = hash_file(beside), beside.stat().st_size
        beside.replace(path)
    except SafetensorError as error:  # which a full disk is, too
        raise OSError(str(error).rpartition("I/O error: ")[2]) from error
    finally:
        beside.unlink(missing_ok=True)
    return digest, size


def _alias_groups(state: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """Group the names of a state dict that stand for one tensor; names sorted."""
    groups: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for name in sorted(state):
        tensor = state[name]
        key = (tensor.data_ptr() if tensor.numel() else id(tensor), tuple(tensor.shape))
        groups.setdefault(key, []).append(name)
    return list(groups.values())
