"""Tumor probabilities at the scan's own voxels, of the same interpolated logits as the labels.

Interpolating probabilities blurs an edge that interpolated logits keep sharp. Where somebody wants
the map itself, it is made as nnU-Net makes it: logits are interpolated, then activated. That takes
a half-precision number per voxel of the scan and organ, and time; nothing else is measured on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .decision import Decision
from .probability import Half
from .resample import Taps
from .upsample import SlabFeed

__all__ = ["FineKeeper"]

_SLAB_VALUES = 1 << 23


class FineKeeper:
    """Fills maps on the scan's grid as slabs of logits pass by."""

    def __init__(
        self,
        decision: Decision,
        taps: tuple[Taps, Taps, Taps],
        maps: Sequence[tuple[Half, Sequence[int]]],
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        """Start below the first slice.

        Args:
            decision: Turns logits into probabilities.
            taps: Along each axis, between which network voxels each scan voxel lies.
            maps: For each organ, the array to fill, turned as the network sees the scan, and the
                organ's tumor channels.
            device: Where to compute.
        """
        self._decision = decision
        self._i, self._j, self._k = (axis.to(device) for axis in taps)
        self._feed = SlabFeed(taps[2])
        self._maps = maps
        self._device = device

    def push(self, values: torch.Tensor) -> None:
        """Take the next slab.

        Args:
            values: As of `Decision.prepare`, (C, I, J, dk) float32 on the network's grid.
        """
        slab, first, start, stop = self._feed.join(values.to(self._device))
        step = max(1, _SLAB_VALUES // (len(slab) * len(self._i.low) * len(self._j.low)))
        for k0 in range(start, stop, step):
            k1 = min(k0 + step, stop)
            at_voxels = _interpolate(slab, self._k.part(k0, k1).shifted(-first), 3)
            at_voxels = _interpolate(_interpolate(at_voxels, self._i, 1), self._j, 2)
            probabilities = self._decision.probabilities(at_voxels)
            for array, channels in self._maps:
                highest = probabilities[list(channels)].amax(dim=0)
                array[:, :, k0:k1] = highest.half().cpu().numpy()


def _interpolate(values: torch.Tensor, taps: Taps, axis: int) -> torch.Tensor:
    """Interpolate one axis of (C, I, J, K)."""
    low = values.index_select(axis, taps.low)
    if taps.is_exact:
        return low
    weight = taps.weight.reshape([-1 if n == axis else 1 for n in range(4)])
    return low.lerp_(values.index_select(axis, taps.high), weight)
