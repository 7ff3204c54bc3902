"""From logits on the network's grid to labels on the scan's, exactly and slab by slab.

The label of a voxel is decided on linearly interpolated logits, as nnU-Net does. Where the same
channel wins with certainty at all corners of a cell it wins inside (see `decision`), so only cells
on the surfaces of organs and tumors, a few percent, are interpolated; memory is that of a slab.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from .decision import Decision
from .resample import Taps

__all__ = ["LabelUpsampler", "SlabFeed"]

_MIXED = 255
_SLAB_VOXELS = 1 << 22
_POINTS = 1 << 18


class SlabFeed:
    """Joins slabs that come in rising k, and knows which of the scan's slices they suffice for."""

    def __init__(self, taps: Taps) -> None:
        """Start below the first slice.

        Args:
            taps: Between which network slices each of the scan's lies.
        """
        self._ends = taps.high.tolist()
        self._carry: torch.Tensor | None = None
        self._n_seen = 0
        self._next = 0

    def join(self, values: torch.Tensor) -> tuple[torch.Tensor, int, int, int]:
        """Take the next slab.

        Args:
            values: (C, I, J, dk) on the network's grid.

        Returns:
            The slab with what earlier ones left to it, its first slice, and the scan's slices that
            can be made now: the first, and one past the last.
        """
        slab = values if self._carry is None else torch.cat([self._carry, values], dim=3)
        first = self._n_seen - (0 if self._carry is None else 1)
        self._n_seen += values.shape[3]
        # The last slice is all that later voxels can still need.
        self._carry = slab[..., -1:].clone()
        start = self._next
        while self._next < len(self._ends) and self._ends[self._next] < self._n_seen:
            self._next += 1
        return slab, first, start, self._next


class LabelUpsampler:
    """Turns slabs of logits into slabs of labels as they come."""

    def __init__(
        self,
        decision: Decision,
        taps: tuple[Taps, Taps, Taps],
        labels: list[int],
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        """Start below the first slice.

        Args:
            decision: Which channel wins.
            taps: Along each axis, between which network voxels each scan voxel lies.
            labels: Label of each channel, in channel order.
            device: Where to compute.
        """
        self._decision = decision
        self._i, self._j, self._k = (axis.to(device) for axis in taps)
        self._feed = SlabFeed(taps[2])
        self._merged = [not axis.is_exact for axis in taps]
        self._label_of = torch.zeros(256, dtype=torch.uint8, device=device)
        self._label_of[: len(labels)] = torch.tensor(labels, dtype=torch.uint8, device=device)
        self._device = device

    def push(self, logits: torch.Tensor) -> Iterator[tuple[int, int, npt.NDArray[np.uint8]]]:
        """Take the next slab of logits and give the labels that are now known.

        Args:
            logits: (C, I, J, dk) float32 on the network's grid.

        Yields:
            First slice, one past the last, and labels (I, J, dk) uint8 on the turned scan's grid.
        """
        slab, first, start, stop = self._feed.join(logits.to(self._device))
        if stop > start:
            yield from self._label(slab, first, start, stop)

    def _label(
        self, slab: torch.Tensor, first: int, start: int, stop: int
    ) -> Iterator[tuple[int, int, npt.NDArray[np.uint8]]]:
        """Label slices `start` to `stop` from logits (C, I, J, n) whose first slice is `first`."""
        cells = self._win_cells(slab)
        table = slab.permute(1, 2, 3, 0).contiguous()
        step = max(1, _SLAB_VOXELS // (len(self._i.low) * len(self._j.low)))
        for k0 in range(start, stop, step):
            k1 = min(k0 + step, stop)
            k = self._k.part(k0, k1).shifted(-first)
            winner = cells.index_select(2, k.low)
            winner = winner.index_select(1, self._j.low).index_select(0, self._i.low)
            self._fill_mixed(winner, table, k)
            yield k0, k1, self._label_of[winner.int()].cpu().numpy()

    def _win_cells(self, slab: torch.Tensor) -> torch.Tensor:
        """Winner of each cell by its lower corner, `_MIXED` where in doubt, (I, J, n) uint8."""
        winner = self._decision.choose(slab)
        certain = self._decision.is_certain(slab, winner)
        cells = winner if certain is None else torch.where(certain, winner, _MIXED)
        for axis, is_merged in enumerate(self._merged):
            n = cells.shape[axis]
            if is_merged and n > 1:
                low, high = cells.narrow(axis, 0, n - 1), cells.narrow(axis, 1, n - 1)
                merged = torch.where(low == high, low, _MIXED)
                cells = torch.cat([merged, cells.narrow(axis, n - 1, 1)], dim=axis)
        return cells

    def _fill_mixed(self, winner: torch.Tensor, table: torch.Tensor, k: Taps) -> None:
        """Decide the voxels in doubt, in place; logits come as (I, J, n, C)."""
        mixed = torch.nonzero(winner.view(-1) == _MIXED)[:, 0]
        n_j, n_k = winner.shape[1:]
        for part in torch.split(mixed, _POINTS):
            plane, z = part // n_k, part % n_k
            x, y = plane // n_j, plane % n_j
            logits = _interpolate(table, (self._i, x), (self._j, y), (k, z))
            winner.view(-1)[part] = self._decision.choose(logits.T)


def _interpolate(
    table: torch.Tensor,
    i: tuple[Taps, torch.Tensor],
    j: tuple[Taps, torch.Tensor],
    k: tuple[Taps, torch.Tensor],
) -> torch.Tensor:
    """Logits (N, C) at N voxels, each axis given as its taps and the N indices along it."""
    flat = table.view(-1, table.shape[3])
    total = torch.zeros((len(i[1]), table.shape[3]), device=table.device)
    for at_i, weight_i in _ends(*i):
        for at_j, weight_j in _ends(*j):
            row = (at_i * table.shape[1] + at_j) * table.shape[2]
            weight_ij = weight_i * weight_j
            for at_k, weight_k in _ends(*k):
                total.addcmul_(flat[row + at_k], (weight_ij * weight_k)[:, None])
    return total


def _ends(taps: Taps, index: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Lower and upper tap of some voxels: old index and weight, (N,) each."""
    weight = taps.weight[index]
    yield taps.low[index], 1.0 - weight
    yield taps.high[index], weight
