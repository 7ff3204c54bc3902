"""Which processor runs the network: named, tried out with a real kernel, never swapped silently.

A GPU that the driver lists may still be unusable, most often because the installed PyTorch has
no kernels for its architecture; only a launched convolution tells.
"""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeviceError
from .memory import available_device_bytes, available_host_bytes, total_host_bytes

if TYPE_CHECKING:
    import torch

__all__ = [
    "Device",
    "choose_device",
    "explain_failure",
    "find_best_precision",
    "find_dtype",
    "run_trial",
]

_REQUEST = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


@dataclass(frozen=True)
class Device:
    """A processor that works.

    Args:
        name: As torch knows it: "cpu" or "cuda:0".
        kind: "cpu" or "cuda".
        description: Shown to people, such as "NVIDIA H200".
        total_bytes: Its memory.
        free_bytes: What of it was free when it was chosen.
        note: A sentence when something else could have been expected, else empty.
    """

    name: str
    kind: str
    description: str
    total_bytes: int
    free_bytes: int
    note: str = ""


def choose_device(request: str = "auto", *, precision: str = "fp32") -> Device:
    """Choose a processor and try it out.

    Args:
        request: "cpu", "cuda" (the first GPU that works), "cuda:N" (that one), or "auto" (the
            first GPU that works, else the CPU, and then `note` says why). Numbers count the GPUs
            that CUDA_VISIBLE_DEVICES shows.
        precision: Number format of the trial: one of `PRECISIONS`.

    Returns:
        The device.

    Raises:
        DeviceError: If the request names no device or the named one does not work.
    """
    wanted = request.strip().lower()
    if _REQUEST.fullmatch(wanted) is None:
        hint = " Apple GPUs are not supported; use cpu." if wanted.startswith("mps") else ""
        msg = f"There is no device '{request}'. Choose auto, cpu, cuda or cuda:0.{hint}"
        raise DeviceError(msg)
    if wanted == "cpu":
        return _find_cpu()
    index = int(wanted.removeprefix("cuda:")) if ":" in wanted else None
    found = _find_cuda(index, precision)
    if isinstance(found, Device):
        return found
    if wanted == "auto":
        return _find_cpu(f"The CPU is used, which is much slower than a GPU: {found}")
    msg = f"The device {wanted} cannot be used: {found} Choose the CPU to go on without a GPU."
    raise DeviceError(msg)


def find_best_precision(device: Device) -> str:
    """Find the fastest number format in which a processor computes natively.

    Args:
        device: From `choose_device`.

    Returns:
        One of `PRECISIONS`.
    """
    import torch

    if device.kind == "cpu":
        flags = torch.cpu.get_capabilities()
        return "bf16" if flags.get("avx512_bf16") or flags.get("amx_bf16") else "fp32"
    capability = torch.cuda.get_device_capability(device.name)
    if capability >= (8, 0):
        return "bf16"
    return "fp16" if capability >= (7, 0) else "fp32"


def find_dtype(precision: str) -> torch.dtype:
    """Find torch's name of a number format.

    Args:
        precision: One of `PRECISIONS`.

    Returns:
        The dtype.
    """
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def _find_cpu(note: str = "") -> Device:
    return Device("cpu", "cpu", _read_cpu_name(), total_host_bytes(), available_host_bytes(), note)


def _read_cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text(errors="replace"))
        if found is not None:
            return found[1].strip()
    return platform.processor() or platform.machine() or "CPU"


def _find_cuda(index: int | None, precision: str) -> Device | str:
    """Try one GPU, or all until one works; a sentence says why none does."""
    import torch

    if not torch.cuda.is_available():
        return _explain_absence()
    n = torch.cuda.device_count()
    if index is not None and index >= n:
        return f"PyTorch sees {n} GPU{'s' if n > 1 else ''}, numbered from 0."
    reasons: list[str] = []
    for number in range(n) if index is None else [index]:
        reason = _try_cuda(number, precision)
        if reason is None:
            free, total = available_device_bytes(f"cuda:{number}")
            name = torch.cuda.get_device_name(number)
            return Device(f"cuda:{number}", "cuda", name, total, free, " ".join(reasons))
        reasons.append(reason)
    return " ".join(reasons)


def _explain_absence() -> str:
    import torch

    if torch.version.cuda is None:
        return "the installed PyTorch is built without CUDA."
    if not os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip():
        return "CUDA_VISIBLE_DEVICES is set and empty, which hides every GPU."
    return "PyTorch finds no CUDA GPU; check the NVIDIA driver."


def _try_cuda(number: int, precision: str) -> str | None:
    """Run a small convolution on a GPU; a sentence says why it failed."""
    import torch

    try:
        with torch.inference_mode():
            run_trial(f"cuda:{number}", find_dtype(precision))
            torch.cuda.synchronize(number)
    except RuntimeError as error:
        return f"GPU {number} does not work: {explain_failure(str(error), number)}"
    return None


def run_trial(name: str, dtype: torch.dtype) -> torch.Tensor:
    """Run the small convolution that tells whether a device works.

    Args:
        name: As torch knows the device.
        dtype: Number format.

    Returns:
        (1, 8, 8, 8, 8); each inner value is 27, the sum of a 3 x 3 x 3 neighborhood of ones.
    """
    import torch

    ones = torch.ones((1, 1, 8, 8, 8), dtype=dtype, device=name)
    kernels = torch.ones((8, 1, 3, 3, 3), dtype=dtype, device=name)
    return torch.nn.functional.conv3d(ones, kernels, padding=1)


def explain_failure(message: str, number: int) -> str:
    """Put a failed trial into words that say what to do.

    Args:
        message: What PyTorch said.
        number: Which GPU.

    Returns:
        A sentence.
    """
    import torch

    if "no kernel image" not in message and "not compatible" not in message:
        return message.strip().splitlines()[0].rstrip(".")[:200] + "."
    built = torch.cuda.get_arch_list()
    wanted = "sm_{}{}".format(*torch.cuda.get_device_capability(number)) if built else "this GPU"
    return (
        f"your PyTorch build lacks kernels for this GPU ({wanted}; it has {', '.join(built)}). "
        "Install a PyTorch build for a matching CUDA version."
    )
