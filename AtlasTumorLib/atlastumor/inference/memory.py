"""How much memory there is, how much was used, and how much a run will need.

"Available" is what this process may still take: the least of the machine's free memory and what
its control group (a container's limit) leaves.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import psutil

__all__ = [
    "PeakMemory",
    "available_device_bytes",
    "available_host_bytes",
    "is_out_of_memory",
    "total_host_bytes",
]

_CGROUP = Path("/sys/fs/cgroup")
_FILES = {
    "": ("memory.max", "memory.current"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
}
_RECLAIMABLE = ("inactive_file", "total_inactive_file")


def total_host_bytes() -> int:
    """Tell how much memory this process could have at most.

    Returns:
        Bytes: the machine's, or its container's limit if that is less.
    """
    limits = [limit for limit, _ in _read_cgroups(_CGROUP, Path("/proc/self/cgroup"))]
    return min([int(psutil.virtual_memory().total), *limits])


def available_host_bytes() -> int:
    """Tell how much memory this process may still take.

    Returns:
        Bytes, at least 0.
    """
    left = [limit - used for limit, used in _read_cgroups(_CGROUP, Path("/proc/self/cgroup"))]
    return max(min([int(psutil.virtual_memory().available), *left]), 0)


def available_device_bytes(name: str) -> tuple[int, int]:
    """Tell how much memory a GPU has.

    Memory that torch holds but does not use counts as free: the next tensors get it.

    Args:
        name: As torch knows the device, such as "cuda:0".

    Returns:
        (free, total) bytes.
    """
    import torch

    free, total = torch.cuda.mem_get_info(name)
    idle = torch.cuda.memory_reserved(name) - torch.cuda.memory_allocated(name)
    return free + idle, total


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out, on the host or on a device.

    Args:
        error: Anything that was raised.

    Returns:
        True for torch's and Python's own errors and for messages of the libraries below them.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _OOM_SIGNS)


_OOM_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "failed to allocate",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
)


class PeakMemory:
    """Watches the resident memory of this process from a thread.

    Sampled and not asked of the kernel, whose high-water mark cannot be set back; a peak shorter
    than the interval may be missed.
    """

    def __init__(self, interval_s: float = 0.05) -> None:
        """Start watching, looking every `interval_s` seconds."""
        self._process = psutil.Process()
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._peak = self._look()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()

    def _look(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self._peak = max(self._peak, self._look())

    @property
    def bytes(self) -> int:
        """The most so far."""
        self._peak = max(self._peak, self._look())
        return self._peak

    def stop(self) -> int:
        """Stop watching.

        Returns:
            The most resident memory that was seen, bytes.
        """
        if not self._stopped.is_set():
            self._peak = max(self._peak, self._look())
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


def _read_cgroups(root: Path, membership: Path) -> list[tuple[int, int]]:
    """Read (limit, used) bytes of every control group around this process that has a limit.

    Version 2 keeps one tree under `root`, version 1 one for memory under `root/memory`; a limit of
    a parent binds its children, so the walk goes up.
    """
    found: list[tuple[int, int]] = []
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base = root / controllers
        folder = base / path.strip("/")
        for place in [folder, *folder.parents]:
            pair = _read_limit(place, *_FILES[controllers])
            if pair is not None:
                found.append(pair)
            if place == base:
                break
    return found


def _read_limit(folder: Path, limit_name: str, used_name: str) -> tuple[int, int] | None:
    """Read (limit, used) of one control group; None where it has none."""
    try:
        limit = int((folder / limit_name).read_text())
        used = int((folder / used_name).read_text())
    except (OSError, ValueError):  # "max" in version 2 is no number
        return None
    return limit, used - _read_reclaimable(folder / "memory.stat")


def _read_reclaimable(stat: Path) -> int:
    """Read how much of a group's use is file cache that gives way under pressure."""
    try:
        pairs = [line.split() for line in stat.read_text().splitlines()]
    except OSError:
        return 0
    values = {name: int(value) for name, value in (p for p in pairs if len(p) == 2)}
    return next((values[name] for name in reversed(_RECLAIMABLE) if name in values), 0)
