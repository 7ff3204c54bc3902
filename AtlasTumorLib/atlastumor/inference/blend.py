"""The network's pass over a scan: windows in, blended logits out, a slab at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ..errors import DeviceError
from .backends import AbstractBackend
from .ring import Ring
from .windows import WindowPlan, importance

__all__ = ["BlendOptions", "blend_windows", "mirrorings", "pad"]


@dataclass(frozen=True)
class BlendOptions:
    """How the pass is run.

    Args:
        batch: Windows that the network sees at once.
        mirrorings: Sets of axes along which each window is mirrored; predictions are averaged.
        fill: Logits where no window came, one per channel.
        padding: Value around a scan smaller than a window.
        sums: Type of the sums, float32 or float16.
        device: Where the sums live.
        blend: How voxels of a window count, as for `importance`.
    """

    batch: int
    mirrorings: tuple[tuple[int, ...], ...]
    fill: Sequence[float]
    padding: float
    sums: torch.dtype
    device: str | torch.device
    blend: str = "gaussian"


def mirrorings(axes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Give all ways of mirroring along some axes.

    Args:
        axes: Axes 0, 1, 2 for i, j, k.

    Returns:
        Every subset, the empty one first.
    """
    return tuple(subset for n in range(len(axes) + 1) for subset in itertools.combinations(axes, n))


def blend_windows(
    array: torch.Tensor,
    plan: WindowPlan,
    backend: AbstractBackend,
    options: BlendOptions,
    *,
    tick: Callable[[int], None],
) -> Iterator[torch.Tensor]:
    """Show every window to the network and blend its answers.

    Args:
        array: The network's input, (I, J, K) float32.
        plan: Where windows lie.
        backend: What runs the network.
        options: How.
        tick: Called with the number of windows done, after every batch; may raise to stop.

    Yields:
        Logits (C, I, J, dk) float32 on the network's grid, padding removed, in rising k.

    Raises:
        DeviceError: If the network's answers are not finite numbers.
    """
    shape = tuple(array.shape)
    ring = Ring(
        len(options.fill),
        plan.shape,
        importance(plan.patch, options.blend),
        fill=options.fill,
        dtype=options.sums,
        device=options.device,
    )
    array = pad(array, plan, options.padding)
    passes = _Passes(ring, len(options.mirrorings))
    n_done, first = 0, -plan.padding[2]
    following = [layer.k for layer in plan.layers[1:]]
    for layer, k_next in zip(plan.layers, [*following, None], strict=True):
        jobs = list(itertools.product(layer.starts, options.mirrorings))
        for n in range(0, len(jobs), options.batch):
            part = jobs[n : n + options.batch]
            _run_batch(array, layer.k, part, plan, backend, passes)
            tick(n_done + (n + len(part)) // len(options.mirrorings))
        n_done += len(layer.starts)
        for slab in ring.advance(k_next):
            yield from _trim(slab, first, shape, plan)
            first += slab.shape[3]


def pad(array: torch.Tensor, plan: WindowPlan, value: float) -> torch.Tensor:
    """Make room for at least one window, the scan in the middle.

    Args:
        array: The network's input, (I, J, K).
        plan: Where windows lie.
        value: Of the voxels added.

    Returns:
        The input of the plan's shape; itself where nothing is to be added.
    """
    sizes: list[int] = []
    for n, n_padded, before in zip(array.shape, plan.shape, plan.padding, strict=True):
        sizes = [before, n_padded - n - before, *sizes]  # torch names the last axis first
    return torch.nn.functional.pad(array, sizes, value=value) if any(sizes) else array


def _run_batch(
    array: torch.Tensor,
    k: int,
    jobs: Sequence[tuple[tuple[int, int], tuple[int, ...]]],
    plan: WindowPlan,
    backend: AbstractBackend,
    passes: _Passes,
) -> None:
    """Run some windows of one layer, each (start, axes to mirror), and add up the answers."""
    n_i, n_j, n_k = plan.patch
    windows = torch.stack(
        [array[i : i + n_i, j : j + n_j, k : k + n_k].flip(axes) for (i, j), axes in jobs]
    )
    answers = backend.run(windows[:, None].to(backend.device.name))
    for answer, (start, axes) in zip(answers, jobs, strict=True):
        passes.add(answer.flip([axis + 1 for axis in axes]), start)


class _Passes:
    """Averages the mirrored passes of a window, which come one after another, before they count."""

    def __init__(self, ring: Ring, n_passes: int) -> None:
        self._ring, self._n_passes = ring, n_passes
        self._sum: torch.Tensor | None = None
        self._n_added = 0

    def add(self, logits: torch.Tensor, start: tuple[int, int]) -> None:
        """Add one pass over the window that starts at (i, j)."""
        if self._n_passes == 1:
            self._ring.add(logits, start)
            return
        self._sum = logits.float() if self._sum is None else self._sum + logits
        self._n_added += 1
        if self._n_added == self._n_passes:
            self._ring.add(self._sum / self._n_passes, start)
            self._sum, self._n_added = None, 0


def _trim(
    slab: torch.Tensor, first: int, shape: tuple[int, ...], plan: WindowPlan
) -> Iterator[torch.Tensor]:
    """Remove padding from a slab (C, I, J, dk) whose first slice is `first`; none may be left."""
    i, j = plan.padding[:2]
    k0, k1 = max(-first, 0), min(shape[2] - first, slab.shape[3])
    if k1 <= k0:
        return
    slab = slab[:, i : i + shape[0], j : j + shape[1], k0:k1]
    if not torch.isfinite(slab).all():
        msg = "The network's answers are not finite numbers; try precision fp32."
        raise DeviceError(msg)
    yield slab
