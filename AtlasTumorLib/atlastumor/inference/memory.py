"""How much memory there is, and whether it ran out.

"Available" is what this process may still take: the least of the machine's free memory and what
its control group (a container's limit) leaves.
"""

from __future__ import annotations

import psutil

from .cgroups import read_limits

__all__ = [
    "available_device_bytes",
    "available_host_bytes",
    "is_out_of_memory",
    "resident_bytes",
    "total_host_bytes",
]


def total_host_bytes() -> int:
    """Tell how much memory this process could have at most.

    Returns:
        Bytes: the machine's, or its container's limit if that is less.
    """
    limits = [limit for limit, _ in read_limits()]
    return min([int(psutil.virtual_memory().total), *limits])


def available_host_bytes() -> int:
    """Tell how much memory this process may still take.

    Returns:
        Bytes, at least 0.
    """
    left = [limit - used for limit, used in read_limits()]
    return max(min([int(psutil.virtual_memory().available), *left]), 0)


def resident_bytes() -> int:
    """Tell how much memory this process holds now.

    Returns:
        Bytes.
    """
    return int(psutil.Process().memory_info().rss)


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
