"""Time and memory of several models that run one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..volume import Grid
from .device import Device
from .engine import has_fine_maps
from .errands import Errand
from .estimating import Estimate, choose_batch, estimate
from .preprocess import network_grid

__all__ = ["foresee_errands", "join_estimates", "share_time"]


def foresee_errands(
    errands: Sequence[Errand],
    grid: Grid,
    device: Device,
    backend_name: str,
    precision: str,
    *,
    probabilities: bool,
) -> list[Estimate]:
    """Foresee the run of each model, beside what is kept of those before.

    Args:
        errands: What each has to do, in order.
        grid: The scan's.
        device: Where the networks run.
        backend_name: "torch" or "openvino".
        precision: One of `PRECISIONS`.
        probabilities: Whether tumor probabilities are wanted too.

    Returns:
        One estimate per model.
    """
    foreseen: list[Estimate] = []
    n_voxels = math.prod(grid.shape)
    kept = n_voxels  # the labels of all
    for errand in errands:
        card = errand.card
        fine = probabilities and bool(errand.plain) and has_fine_maps(card)
        is_compared = errand.n_apart > 1
        needed = estimate(
            card,
            grid,
            device,
            backend_name,
            precision,
            batch=choose_batch(card, device, precision, is_compared=is_compared),
            mirror=bool(errand.request.mirror_axes),
            fine=fine,
            is_compared=is_compared,
        )
        foreseen.append(replace(needed, host_bytes=needed.host_bytes + kept))
        n_maps = len(errand.plain) * (2 if is_compared else 1) + len(errand.scored)
        kept += 2 * n_maps * math.prod(network_grid(grid, card.input).shape)
        kept += 2 * n_voxels * len(errand.plain) if fine else 0
    return foreseen


def join_estimates(foreseen: Sequence[Estimate]) -> Estimate:
    """Foresee runs after one another: time adds up, memory is that of the largest.

    Args:
        foreseen: Each run, at least one.

    Returns:
        All of them.
    """
    return Estimate(
        sum(one.seconds for one in foreseen),
        max(one.host_bytes for one in foreseen),
        max(one.device_bytes for one in foreseen),
        sum(one.n_windows for one in foreseen),
    )


def share_time(foreseen: Sequence[Estimate]) -> Iterator[tuple[float, float]]:
    """Say where each run begins and ends in the whole: by time, or by windows if it is unknown.

    Args:
        foreseen: Each run.

    Yields:
        Fractions of the whole, in [0, 1].
    """
    weights = [one.seconds for one in foreseen]
    if not all(math.isfinite(weight) for weight in weights):
        weights = [float(one.n_windows) for one in foreseen]
    done = 0.0
    for weight in weights:
        yield done / sum(weights), (done + weight) / sum(weights)
        done += weight
