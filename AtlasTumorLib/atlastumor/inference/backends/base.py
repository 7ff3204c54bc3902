"""What every backend does: windows in, logits out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from ..device import Device
from ..memory import is_out_of_memory

__all__ = ["AbstractBackend"]


class AbstractBackend(ABC):
    """A network made ready for one device in one number format.

    On a CPU the same windows give the same bytes, given the same number of threads and the same
    grouping into batches.

    Args:
        device: Where it runs.
        precision: One of `PRECISIONS`.
    """

    name: str

    def __init__(self, device: Device, precision: str) -> None:
        """Remember where and how."""
        self.device = device
        self.precision = precision

    def run(self, windows: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch of windows.

        Args:
            windows: (N, 1, I, J, K) float32 on the backend's device, as the card's input wants.

        Returns:
            Logits (N, C, I, J, K) on that device, in float32 or in the backend's own precision.

        Raises:
            torch.OutOfMemoryError: If the device's memory ran out.
            MemoryError: If the host's memory ran out.
        """
        try:
            with torch.inference_mode():
                return self._forward(windows)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryError(str(error)) from error

    @abstractmethod
    def _forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Do what `run` says."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the network and its memory; the backend cannot run any more."""
