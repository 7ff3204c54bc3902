"""Weighted sums of overlapping windows, kept only for the slices that are still unfinished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

__all__ = ["Ring"]

_SLAB_SLICES = 16


class Ring:
    """Blends windows that come in layers along k.

    Memory is that of one window's thickness over the whole (I, J) plane, whatever the length of
    the scan.
    """

    def __init__(
        self,
        n_channels: int,
        shape: tuple[int, int, int],
        weights: torch.Tensor,
        *,
        fill: Sequence[float],
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> None:
        """Start below the first slice.

        Args:
            n_channels: Channels of the windows to come.
            shape: The padded network grid, (I, J, K).
            weights: How much each voxel of a window counts, (I, J, K) of a window.
            fill: Logits where no window came, one per channel.
            dtype: Of the sums: float32, or float16 to halve their memory.
            device: Where the sums live.
        """
        depth = weights.shape[2]
        self._n_slices = shape[2]
        self._weights = weights.to(device=device, dtype=dtype)
        self._fill = torch.tensor(fill, dtype=torch.float32, device=device)
        self._sum = torch.zeros((n_channels, *shape[:2], depth), dtype=dtype, device=device)
        self._weight = torch.zeros((*shape[:2], depth), dtype=dtype, device=device)
        self._first = 0

    def add(self, logits: torch.Tensor, start: tuple[int, int]) -> None:
        """Add one window of the present layer.

        Args:
            logits: The network's answer, (C, I, J, K) of a window, any floating type.
            start: Its first (i, j).
        """
        _, n_i, n_j, _ = logits.shape
        i, j = slice(start[0], start[0] + n_i), slice(start[1], start[1] + n_j)
        # Only sums are rounded to half precision, not what is added: as nnU-Net does.
        weighted = logits.to(self._sum.device).float() * self._weights
        self._sum[:, i, j] += weighted
        self._weight[i, j] += self._weights

    def advance(self, first: int | None = None) -> Iterator[torch.Tensor]:
        """Finish the slices below the next layer.

        Args:
            first: First slice of the next layer; None after the last layer.

        Yields:
            Blended logits, (C, I, J, dk) float32, thin slabs in rising k without gaps.
        """
        stop = self._n_slices if first is None else first
        n_done = stop - self._first
        for a in range(0, n_done, _SLAB_SLICES):
            b = min(a + _SLAB_SLICES, n_done)
            weight = self._weight[:, :, a:b]
            slab = (self._sum[:, :, :, a:b] / weight).float()
            yield torch.where(weight > 0, slab, self._fill[:, None, None, None])
        self._first = stop
        if first is not None:
            self._shift(n_done)

    def _shift(self, n_done: int) -> None:
        """Move unfinished slices down by `n_done` and clear the room above them."""
        for plane in (*self._sum, self._weight):
            kept = plane[:, :, n_done:].clone()
            plane[:, :, : kept.shape[2]] = kept
            plane[:, :, kept.shape[2] :] = 0
