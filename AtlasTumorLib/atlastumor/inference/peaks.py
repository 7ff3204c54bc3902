"""How much memory a run has used at most, on the host and on the device."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING

from .memory import resident_bytes

if TYPE_CHECKING:
    from .device import Device

__all__ = ["PeakDeviceMemory", "PeakMemory"]


class PeakMemory:
    """Watches the resident memory of this process from a thread.

    Sampled and not asked of the kernel, whose high-water mark cannot be set back; a peak shorter
    than the interval may be missed.
    """

    def __init__(self, interval_s: float = 0.05) -> None:
        """Start watching, looking every `interval_s` seconds."""
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._one_look = threading.Lock()
        self._peak = 0
        self._look()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()

    def _look(self) -> int:
        # One thread at a time: who looked earlier but writes later would undo a higher peak.
        with self._one_look:
            self._peak = max(self._peak, resident_bytes())
            return self._peak

    def _watch(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self._look()

    @property
    def bytes(self) -> int:
        """The most so far."""
        return self._look()

    def stop(self) -> int:
        """Stop watching.

        Returns:
            The most resident memory that was seen, bytes.
        """
        if not self._stopped.is_set():
            self._look()
        self._stopped.set()
        self._thread.join()
        return self._peak

    def __enter__(self) -> PeakMemory:
        """Watch for as long as the block runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self.stop()


class PeakDeviceMemory:
    """Watches what this process holds on a device from now on; torch itself counts.

    Runs at the same time on one device share the count.
    """

    def __init__(self, device: Device) -> None:
        """Forget the peaks before; what is held already counts."""
        self._gpu = device.name if device.kind == "cuda" else None
        if self._gpu is not None:
            import torch

            torch.cuda.reset_peak_memory_stats(self._gpu)

    @property
    def bytes(self) -> int | None:
        """The most so far; None where there is no device memory."""
        if self._gpu is None:
            return None
        import torch

        return torch.cuda.max_memory_allocated(self._gpu)
