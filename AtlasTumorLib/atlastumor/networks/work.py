"""What one window asks of a machine: a network is run on shapes alone, and counted.

That takes a fraction of a second, no memory, and holds for any architecture.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from ..errors import CardError
from . import build_network
from .shapes import shapes_alone

__all__ = ["Work", "measure_work"]


@dataclass(frozen=True)
class Work:
    """Of one window.

    Args:
        operations: Multiplications and additions of its convolutions and matrix products.
        bytes: Most that its tensors of float32 take at once, without the weights.
    """

    operations: int
    bytes: int


def measure_work(
    name: str, n_outputs: int, args: Mapping[str, Any], window: tuple[int, int, int]
) -> Work:
    """Find what a window of a network takes.

    Args:
        name: A key of `NETWORKS`.
        n_outputs: Number of output channels.
        args: Its arguments.
        window: (I, J, K) voxels.

    Returns:
        The work; libraries add room of their own to the bytes.

    Raises:
        CardError: If there is no such network, it does not know the arguments, or it cannot take
            such windows.
    """
    try:
        return _measure(name, n_outputs, json.dumps(args, sort_keys=True), window)
    except (RuntimeError, ValueError) as error:  # as instance norm of a single voxel
        why = str(error).partition("\n")[0]
        msg = f"The network '{name}' cannot take windows of {window}: {why}. Choose larger ones."
        raise CardError(msg) from error


@lru_cache(maxsize=64)
def _measure(name: str, n_outputs: int, args: str, window: tuple[int, int, int]) -> Work:
    with shapes_alone(), torch.no_grad():
        network = build_network(name, n_outputs, json.loads(args))
        with _Meter() as meter:
            network(torch.empty(1, 1, *window))
    return Work(meter.operations, meter.peak_bytes)


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what functions of torch compute, and their results until these are let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.peak_bytes = self._held_bytes = 0
        self._storages: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function of torch, and count."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **kwargs, out_val=result)
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._hold(leaf.untyped_storage())
        return result

    def _hold(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._storages:
            self._storages.add(key)
            self._held_bytes += size
            self.peak_bytes = max(self.peak_bytes, self._held_bytes)
            weakref.finalize(storage, self._let_go, key, size)

    def _let_go(self, key: int, size: int) -> None:
        self._storages.discard(key)
        self._held_bytes -= size
