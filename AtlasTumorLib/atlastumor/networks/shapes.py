"""The shapes of a network's tensors, found without the memory that they would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["list_shapes", "shapes_alone"]


class _NumbersAreReal(TorchFunctionMode):
    """Keeps `linspace` real: MONAI's Swin takes numbers out of one while it is built."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function of torch, on the CPU if it is that one."""
        kwargs = kwargs or {}
        if func is torch.linspace:
            kwargs = {**kwargs, "device": "cpu"}
        return func(*args, **kwargs)


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Make and run networks whose tensors have shapes and no values.

    Yields:
        Nothing; within, tensors are made on torch's device "meta".
    """
    with torch.device("meta"), _NumbersAreReal():
        yield


def list_shapes(build: Callable[[], torch.nn.Module]) -> dict[str, tuple[int, ...]]:
    """List what a network's weights file holds.

    Args:
        build: Makes the network.

    Returns:
        Shape of every tensor by name, in the order of its state dict.
    """
    with shapes_alone():
        return {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}
