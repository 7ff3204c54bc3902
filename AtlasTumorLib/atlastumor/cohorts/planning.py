"""How many workers a computer can bear, and what a cohort will take, before it starts.

On a CPU the last digits of the engine's answers depend on the number of its threads, whatever the
backend. So each worker's engine has as many as a single run would have, OMP_NUM_THREADS or all
cores, and there are as many workers as have cores of their own: outputs are those of single runs.
Few threads and many workers are the fastest; OMP_NUM_THREADS=1 makes it so.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..executors import count_cores
from ..models.recipe import Recipe
from ..volume import Grid
from .case import CohortCase
from .scan import open_segmenter
from .settings import BatchSettings

if TYPE_CHECKING:
    from ..inference.estimating import Estimate

__all__ = ["Plan", "foresee", "guess_grid", "plan_local"]

_JOBS_ON_CPU, _JOBS_ON_GPU = 2, 3
"""Cases under way in a worker: one in the engine, others being read and written."""

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_SPARE = 0.8  # of free memory; what a page cache and a desktop need stays
_BYTES_PER_VOXEL = 8  # of a case that waits for the engine: scan, labels, a map
_USUAL_SPACING_MM = (0.8, 0.8, 2.0)
_PACKED_VOXELS_PER_BYTE, _PLAIN_VOXELS_PER_BYTE = 1.4, 0.5
_PLAIN = (".nii", ".mha", ".nrrd", "")


@dataclass(frozen=True)
class Plan:
    """Workers of this computer.

    Args:
        n_workers: Number of processes.
        n_jobs_each: Cases under way in each.
        device: For the engine, as a worker sees it.
        environments: Variables of each process.
    """

    n_workers: int
    n_jobs_each: int
    device: str
    environments: tuple[Mapping[str, str], ...] = field(default=())


def plan_local(
    settings: BatchSettings,
    cases: Sequence[CohortCase],
    *,
    device: str = "auto",
    n_workers: int | None = None,
    gpus: Sequence[int] = (),
) -> Plan:
    """Choose workers of this computer.

    Args:
        settings: What is done with every case.
        cases: At least those that are left.
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_workers: That the user wants; None chooses by cores and free memory.
        gpus: Numbers of the GPUs to use, a worker on each.

    Returns:
        The plan.

    Raises:
        UsageError: If GPUs are named and another device, too.
    """
    if gpus:
        if device != "auto":
            msg = f"Give GPUs or the device {device}, not both"
            raise UsageError(msg)
        shown = tuple({_VISIBLE: _name_gpu(number)} for number in gpus)
        return Plan(len(gpus), _JOBS_ON_GPU, "cuda:0", shown)
    if _is_gpu(device):
        n = n_workers or 1
        return Plan(n, _JOBS_ON_GPU, device, ({},) * n)
    n = n_workers or _choose_workers(settings, cases, device)
    return Plan(n, _JOBS_ON_CPU, device, ({},) * n)


def _name_gpu(number: int) -> str:
    """A GPU's name for a worker; numbers count those that this process sees, as everywhere."""
    shown = [word.strip() for word in os.environ.get(_VISIBLE, "").split(",") if word.strip()]
    return shown[number] if number < len(shown) else str(number)


def _is_gpu(device: str) -> bool:
    if device != "auto":
        return device.startswith("cuda")
    import torch

    return torch.cuda.is_available()


def _choose_workers(settings: BatchSettings, cases: Sequence[CohortCase], device: str) -> int:
    """As many as cores and free memory allow, at least one."""
    from ..inference.memory import available_host_bytes

    most = min(count_cores() // _count_threads(), max(len(cases), 1))
    if most == 1:
        return 1
    largest = max(map(guess_grid, cases), key=lambda grid: math.prod(grid.shape))
    each = foresee(settings, largest, device).host_bytes
    each += (_JOBS_ON_CPU - 1) * _BYTES_PER_VOXEL * math.prod(largest.shape)
    return max(min(most, int(_SPARE * available_host_bytes()) // each), 1)


def _count_threads() -> int:
    """Threads of the engine in a single run."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(wanted), count_cores()) if wanted.isdecimal() and int(wanted) else count_cores()


def guess_grid(case: CohortCase) -> Grid:
    """Guess the grid of a scan from the size of its files alone.

    Args:
        case: The scan.

    Returns:
        512 x 512 voxels by as many slices as the bytes could hold, of usual spacing.
    """
    is_plain = case.path.suffix.lower() in _PLAIN
    rate = _PLAIN_VOXELS_PER_BYTE if is_plain else _PACKED_VOXELS_PER_BYTE
    side = 512 if case.size_bytes * rate > 512 * 512 * 8 else 128
    n_slices = min(max(round(case.size_bytes * rate / side**2), 16), 2000)
    return Grid((side, side, n_slices), np.diag([*_USUAL_SPACING_MM, 1.0]))


def foresee(settings: BatchSettings, grid: Grid, device: str) -> Estimate:
    """Foresee time and memory of a case, without loading weights.

    Args:
        settings: What is done with it.
        grid: Of the scan.
        device: For the engine.

    Returns:
        The estimate.
    """
    from ..inference.backends import choose_precision, name_backend
    from ..inference.device import choose_device
    from ..inference.estimating import choose_batch, estimate

    card = settings.find_model()
    if isinstance(card, Recipe):  # opens no network before a scan comes
        recipe = open_segmenter(settings, device)
        return recipe.estimate(grid, mirror=settings.mirror, probabilities=settings.probabilities)
    chosen = choose_device(device)
    precision = choose_precision(settings.precision, chosen, card, settings.backend)
    return estimate(
        card,
        grid,
        chosen,
        name_backend(settings.backend, settings.precision, chosen),
        precision,
        batch=choose_batch(card, chosen, precision, is_compared=settings.disagreement),
        mirror=settings.mirror,
        fine=settings.probabilities,
        is_compared=settings.disagreement,
    )
