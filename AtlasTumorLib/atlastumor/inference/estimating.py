"""How much time and memory a run will need, told before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..models.specs import ModelCard
from ..volume import Grid
from .device import Device

if TYPE_CHECKING:
    from ..networks.work import Work

__all__ = ["Estimate", "choose_batch", "count_apart", "estimate", "window_bytes"]


@dataclass(frozen=True)
class Estimate:
    """What a run will need, before it starts.

    Args:
        seconds: Time; NaN on a GPU whose speed has not been measured yet.
        host_bytes: Peak resident memory of the process.
        device_bytes: Peak memory on the GPU; 0 on the CPU.
        n_windows: Windows, before any are skipped as air.
    """

    seconds: float
    host_bytes: int
    device_bytes: int
    n_windows: int


# Fitted on AVX-512 cores to ResEnc-M, SegResNet and the plain U-Net at 96^3 and MedFormer at 64^3:
# measured peaks lie within 30 % of the sums.
_ROOM = 1.35  # of a window's tensors, for what libraries keep beside them
_OPERATIONS_PER_S = {"fp32": 65e9, "bf16": 260e9, "int8": 180e9, "fp16": math.nan}  # of a core
_S_PER_SCAN_VOXEL = 2e-7  # reading, resampling, upsampling, measuring
_LIBRARY_BYTES = {"torch": 400 << 20, "openvino": 750 << 20}
_GPU_LIBRARY_BYTES = 700 << 20
_BYTES_PER_VALUE = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 4}


def estimate(
    card: ModelCard,
    grid: Grid,
    device: Device,
    backend_name: str,
    precision: str,
    *,
    batch: int = 1,
    mirror: bool = False,
    fine: bool = False,
    is_compared: bool = False,
    n_windows: int | None = None,
    seconds_per_window: float | None = None,
) -> Estimate:
    """Estimate time and memory of a run, linear in voxels and windows.

    Args:
        card: The model.
        grid: The scan's.
        device: Where the network runs.
        backend_name: "torch" or "openvino".
        precision: One of `PRECISIONS`.
        batch: Windows at once.
        mirror: Whether every window is also run mirrored along the card's axes.
        fine: Whether tumor probabilities are kept at the scan's own voxels.
        is_compared: Whether to tell where the members of an ensemble disagree.
        n_windows: How many windows; None counts those of the whole scan.
        seconds_per_window: As measured on this device; None takes a stored rate, CPU only.

    Returns:
        The estimate.
    """
    shape = _find_shape(card, grid)
    n_windows = _count_windows(card, shape) if n_windows is None else n_windows
    if seconds_per_window is None:
        seconds_per_window = _guess_seconds(card, device, precision)
    scan_voxels = math.prod(grid.shape)
    network_bytes = 3 * card.weights.bytes
    network_bytes += batch * window_bytes(card, precision, is_compared=is_compared)
    network_bytes += count_apart(card, is_compared=is_compared) * _sum_bytes(card, shape)
    host = _LIBRARY_BYTES[backend_name] + 7 * scan_voxels
    host += _map_bytes(card, shape, scan_voxels if fine else 0, is_compared=is_compared)
    on_gpu = device.kind == "cuda"
    n_passes = n_windows * (2 ** len(card.inference.mirror_axes) if mirror else 1)
    return Estimate(
        n_passes * seconds_per_window + scan_voxels * _S_PER_SCAN_VOXEL,
        host + (_GPU_LIBRARY_BYTES if on_gpu else network_bytes),
        network_bytes + _GPU_LIBRARY_BYTES if on_gpu else 0,
        n_windows,
    )


def count_apart(card: ModelCard, *, is_compared: bool = False) -> int:
    """Count the networks of a model whose answers are added up each by itself.

    Args:
        card: The model.
        is_compared: Whether to tell where the members of an ensemble disagree.

    Returns:
        The members of an ensemble that are compared, or summed in half precision: what is rounded
        is rounded for each fold by itself, as nnU-Net does. 1 for any other model.
    """
    from ..networks.ensemble import count_members

    is_apart = is_compared or card.inference.sums == "float16"
    return count_members(card.network.name, card.network.args) if is_apart else 1


def _find_shape(card: ModelCard, grid: Grid) -> tuple[int, int, int]:
    """Size of the network's grid."""
    from .preprocess import network_grid

    return network_grid(grid, card.input).shape


def _count_windows(card: ModelCard, shape: tuple[int, int, int]) -> int:
    """Count the windows of a whole network grid."""
    from .windows import plan_windows

    spec = card.inference
    plan = plan_windows(shape, spec.patch, overlap=spec.overlap, placement=spec.windows)
    return plan.n_windows


def window_bytes(card: ModelCard, precision: str, *, is_compared: bool = False) -> int:
    """Estimate the memory that one window takes while the network runs.

    Args:
        card: The model.
        precision: One of `PRECISIONS`.
        is_compared: Whether to tell where the members of an ensemble disagree.

    Returns:
        Bytes: the most that the network's tensors take at once, and the logits once more, of each
        network that answers by itself.
    """
    values = int(_ROOM * _find_work(card).bytes / 4)
    n_logits = count_apart(card, is_compared=is_compared) * len(card.outputs)
    values += math.prod(card.inference.patch) * n_logits
    return values * _BYTES_PER_VALUE[precision]


def choose_batch(
    card: ModelCard, device: Device, precision: str, *, is_compared: bool = False, most: int = 8
) -> int:
    """Choose how many windows to run at once.

    Args:
        card: The model.
        device: Where the network runs.
        precision: One of `PRECISIONS`.
        is_compared: Whether to tell where the members of an ensemble disagree.
        most: Not more than this; beyond a few a GPU is full.

    Returns:
        1 on a CPU, which a single window keeps busy; on a GPU what half of its free memory holds.
    """
    if device.kind == "cpu":
        return 1
    each = window_bytes(card, precision, is_compared=is_compared)
    return min(max(device.free_bytes // 2 // each, 1), most)


def _guess_seconds(card: ModelCard, device: Device, precision: str) -> float:
    """Guess the seconds of a window from a stored rate."""
    if device.kind != "cpu":
        return math.nan
    import torch

    rate = _OPERATIONS_PER_S[precision] * torch.get_num_threads()
    return _find_work(card).operations / rate


def _find_work(card: ModelCard) -> Work:
    """What the card's network makes of one of its windows."""
    from ..networks.work import measure_work

    network = card.network
    return measure_work(network.name, len(card.outputs), network.args, card.inference.patch)


def _sum_bytes(card: ModelCard, shape: tuple[int, int, int]) -> int:
    """Bytes of the blended sums: one window's thickness over the whole plane."""
    i, j, k = (max(n, p) for n, p in zip(shape, card.inference.patch, strict=True))
    bytes_each = 2 if card.inference.sums == "float16" else 4
    return bytes_each * (len(card.outputs) + 1) * i * j * min(k, card.inference.patch[2])


def _map_bytes(
    card: ModelCard, shape: tuple[int, int, int], fine_voxels: int, *, is_compared: bool
) -> int:
    """Bytes of the input, and of float16 maps per tumor: on the network's grid and, fine, ours."""
    n_tumors = sum(output.kind == "tumor" for output in card.outputs)
    n_maps = (2 if is_compared else 1) * n_tumors
    return math.prod(shape) * (4 + 2 * n_maps) + 2 * n_tumors * fine_voxels
