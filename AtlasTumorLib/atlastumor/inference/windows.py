"""Where windows lie, and how much each voxel of a window counts.

Windows come in layers of one position along k, lowest first. k runs from feet to head ("RAS"), the
axis along which scans grow long: once a layer is done, every slice below the next layer is final
and leaves memory. Positions and weights are nnU-Net's (Isensee et al., Nature Methods 2021) or
MONAI's (`dense_patch_slices`, `compute_importance_map`), as a card asks.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch

from .body import BodyMask

__all__ = ["Layer", "WindowPlan", "importance", "plan_windows", "window_starts"]

Shape = tuple[int, int, int]

_SIGMA_SHARE = 1 / 8
_PEAK = 10.0  # lifts small weights out of half precision's subnormal numbers
_FLOOR = 2.0**-24  # the smallest number of half precision, as in nnU-Net
_MONAI_FLOOR = 1e-3


@dataclass(frozen=True)
class Layer:
    """Windows at one position along k.

    Args:
        k: First slice, on the padded network grid.
        starts: First (i, j) of each window worth a look.
    """

    k: int
    starts: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class WindowPlan:
    """All windows of a scan.

    Args:
        patch: Size of each.
        shape: The network grid, padded to at least one window.
        padding: Voxels added before the first along (i, j, k).
        layers: The windows, in rising k.
        n_skipped: Windows left out because they hold air alone.
    """

    patch: Shape
    shape: Shape
    padding: Shape
    layers: tuple[Layer, ...]
    n_skipped: int

    @property
    def n_windows(self) -> int:
        """Windows that the network is to see."""
        return sum(len(layer.starts) for layer in self.layers)


def plan_windows(
    shape: Shape,
    patch: Shape,
    *,
    overlap: float = 0.5,
    placement: str = "even",
    body: BodyMask | None = None,
) -> WindowPlan:
    """Lay windows over a network grid.

    Args:
        shape: Size of the grid.
        patch: Size of a window.
        overlap: Share of a window that the next one covers again, below 1.
        placement: "even" or "stepped", as for `window_starts`.
        body: Where the patient is; None keeps every window.

    Returns:
        The plan.
    """
    padded = tuple(max(n, p) for n, p in zip(shape, patch, strict=True))
    before = tuple((a - n) // 2 for a, n in zip(padded, shape, strict=True))
    pad_i, pad_j, pad_k = before
    at_i, at_j, at_k = (
        window_starts(n, p, overlap=overlap, placement=placement)
        for n, p in zip(padded, patch, strict=True)
    )
    # i runs fastest, as in nnU-Net: in half precision the order of adding up shows.
    every = [(i, j) for j, i in itertools.product(at_j, at_i)]
    layers = [
        Layer(
            k,
            tuple(
                (i, j)
                for i, j in every
                if body is None or body.touches((i - pad_i, j - pad_j, k - pad_k), patch)
            ),
        )
        for k in at_k
    ]
    n_kept = sum(len(layer.starts) for layer in layers)
    return WindowPlan(
        patch,
        (padded[0], padded[1], padded[2]),
        (pad_i, pad_j, pad_k),
        tuple(layers),
        len(every) * len(layers) - n_kept,
    )


def window_starts(
    size: int, patch: int, *, overlap: float = 0.5, placement: str = "even"
) -> tuple[int, ...]:
    """Place windows along one axis, from edge to edge.

    Args:
        size: Voxels along the axis, at least `patch`.
        patch: Voxels of a window.
        overlap: Least share of a window that the next one covers again.
        placement: "even" spreads them; "stepped" keeps one step and moves the last one back.

    Returns:
        First voxel of each window, rising.
    """
    if size <= patch:
        return (0,)
    if placement == "stepped":
        fixed = max(int(patch * (1.0 - overlap)), 1)
        n_windows = math.ceil((size - patch) / fixed) + 1
        return tuple(min(fixed * n, size - patch) for n in range(n_windows))
    n_windows = math.ceil((size - patch) / (patch * (1.0 - overlap))) + 1
    step = (size - patch) / (n_windows - 1)
    return tuple(round(step * n) for n in range(n_windows))


def importance(patch: Shape, blend: str = "gaussian") -> torch.Tensor:
    """Weigh the voxels of a window: mostly by a Gaussian, sigma an eighth of its size.

    Args:
        patch: Size of a window.
        blend: "gaussian" about the middle voxel, 10 there and never below 6e-8; "gaussian_monai"
            about the middle, at most 1 and never below 0.001; "constant" for 1 everywhere.

    Returns:
        Weights, (I, J, K) float32.
    """
    if blend == "constant":
        return torch.ones(patch)
    if blend == "gaussian_monai":
        i, j, k = (_bell(n, (n - 1) / 2) for n in patch)
        weights = i[:, None, None] * j[:, None] * k
        return weights.clamp_(min=max(float(weights.min()), _MONAI_FLOOR))
    i, j, k = (_bell(n, n // 2) for n in patch)
    return (_PEAK * i[:, None, None] * j[:, None] * k).clamp_(min=_FLOOR)


def _bell(n: int, center: float) -> torch.Tensor:
    """A Gaussian along one axis, (n,)."""
    return torch.exp(-0.5 * ((torch.arange(n) - center) / (n * _SIGMA_SHARE)) ** 2)
