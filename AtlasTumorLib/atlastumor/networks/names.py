"""Bringing the names of published tensors to ours: prefixes off, patterns replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["add_zero_biases", "rename_tensors", "strip_wrappers"]

_WRAPPERS = ("module.", "_orig_mod.", "backbone.")
"""Written before every name by training on several GPUs, by compiling, by a training framework."""


def strip_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take off what a training put before every name, whatever and however often.

    Args:
        tensors: By name.

    Returns:
        The same tensors; a wrapper that some name lacks stays.
    """
    names = list(tensors)
    while names and (found := [w for w in _WRAPPERS if all(n.startswith(w) for n in names)]):
        names = [name.removeprefix(found[0]) for name in names]
    return dict(zip(names, tensors.values(), strict=True))


def rename_tensors(
    tensors: Mapping[str, Tensor], rules: Sequence[tuple[str, str | None]]
) -> dict[str, Tensor]:
    """Rename tensors by the first rule that fits the whole name.

    Args:
        tensors: By name.
        rules: (pattern, replacement as of `re.sub`, or None to leave the tensor out).

    Returns:
        The tensors; those that no rule fits keep their name. Of two that get the same name the
        second stays under its own, to be refused as left over.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        new: str | None = name
        for pattern, replacement in rules:
            found = re.fullmatch(pattern, name)
            if found:
                new = found.expand(replacement) if replacement is not None else None
                break
        if new is not None:
            renamed[name if new in renamed else new] = tensor
    return renamed


def add_zero_biases(
    tensors: Mapping[str, Tensor], pattern: str, *, axis: int = 0
) -> dict[str, Tensor]:
    """Give layers that were trained without a bias one of zeros, which changes nothing.

    Args:
        tensors: By our names.
        pattern: Of the names of the layers, that end in ".weight".
        axis: Of a weight, that counts the layer's outputs; 1 for transposed convolutions.

    Returns:
        The tensors, with the biases if none of these layers has one; else the same tensors.
    """
    layers = {
        name.removesuffix(".weight"): tensor.shape[axis]
        for name, tensor in tensors.items()
        if re.fullmatch(rf"{pattern}\.weight", name)
    }
    if any(f"{layer}.bias" in tensors for layer in layers):
        return dict(tensors)
    a_tensor = next(iter(tensors.values()))
    biases = {f"{layer}.bias": a_tensor.new_zeros(n) for layer, n in layers.items()}
    return {**tensors, **biases}
