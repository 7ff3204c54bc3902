"""From a network's own order of axes to ours: settled once, when a model is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ...errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["Axes", "find_axes"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Axes:
    """Which axis of a network's arrays is i, which j and which k.

    Args:
        order: For each of (i, j, k), the network's axis, 0 to 2.
    """

    order: tuple[int, int, int]

    def turn(self, values: Sequence[_T]) -> list[_T]:
        """Bring three values, one for each axis of the network, into the order (i, j, k)."""
        return [values[axis] for axis in self.order]

    def turn_axes(self, axes: Iterable[int]) -> list[int]:
        """Rename some of the network's axes to 0, 1, 2 for i, j, k; sorted."""
        wanted = set(axes)
        return [ours for ours, axis in enumerate(self.order) if axis in wanted]

    def turn_tensors(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Turn the kernels, (O, I, a, b, c), of a convolutional network; views, nothing copied.

        Convolution, normalization over space and pooling do not know their axes by number, so that
        a network with turned kernels answers a turned image with the turned answer.
        """
        axes = (0, 1, *(2 + axis for axis in self.order))
        return {
            name: tensor.permute(axes) if tensor.dim() == len(axes) else tensor
            for name, tensor in tensors.items()
        }


def find_axes(transpose_forward: Sequence[float]) -> Axes:
    """Find the axes of a network that nnU-Net trained.

    Args:
        transpose_forward: For each axis of the network, the one of (k, j, i), in which nnU-Net
            reads every image; a permutation of 0, 1, 2.

    Returns:
        The axes.

    Raises:
        InputError: If it is no permutation.
    """
    forward = list(transpose_forward)
    if sorted(forward) != [0, 1, 2]:
        msg = f"The plan's transpose_forward is {forward}, no permutation of 0, 1 and 2."
        raise InputError(msg)
    i, j, k = (forward.index(axis) for axis in (2, 1, 0))
    return Axes((i, j, k))
