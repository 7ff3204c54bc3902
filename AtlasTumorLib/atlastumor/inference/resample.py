"""Resampling along one axis at a time: small matrices for images, two taps for logits.

Mostly, old and new lattices cover the same extent: with n old and m new samples, new sample x lies
at old position (x + 0.5) n / m - 0.5 (nnU-Net). Else both begin at the same center, and new sample
x lies at x times a step (MONAI). Beyond the outermost centers the edge value holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ..volume import Grid

__all__ = [
    "Taps",
    "find_coarse_axis",
    "make_matrix",
    "make_taps",
    "nearest_samples",
    "resampled_grid",
    "resampled_shape",
    "stepped_grid",
    "taps_at",
]

Shape = tuple[int, int, int]

_COARSE_RATIO = 3.0
_SPLINE_MARGIN = 12  # samples of edge beyond which a cubic spline has forgotten its boundary


def resampled_shape(grid: Grid, spacing_mm: tuple[float, float, float]) -> Shape:
    """Count the voxels of a grid at another spacing.

    Args:
        grid: The grid as it is.
        spacing_mm: Voxel size wanted along (i, j, k), mm.

    Returns:
        Rounded sizes, each at least 1.
    """
    old = grid.spacing_mm
    i, j, k = (
        max(1, round(a / b * n)) for a, b, n in zip(old, spacing_mm, grid.shape, strict=True)
    )
    return i, j, k


def resampled_grid(grid: Grid, shape: Shape) -> Grid:
    """Give the grid of another size that covers the same extent.

    Args:
        grid: The grid as it is.
        shape: Its new sizes.

    Returns:
        The grid; its spacing follows from the sizes.
    """
    scale = np.array(grid.shape) / np.array(shape)
    old_of_new = np.diag([*scale, 1.0])
    old_of_new[:3, 3] = 0.5 * scale - 0.5
    return Grid(shape, grid.affine @ old_of_new)


def stepped_grid(grid: Grid, spacing_mm: tuple[float, float, float]) -> Grid:
    """Give the grid of exactly another spacing that begins at the same voxel center.

    Args:
        grid: The grid as it is.
        spacing_mm: Voxel size wanted along (i, j, k), mm.

    Returns:
        The grid; its last centers lie within half a voxel of the old ones.

    Source:
        MONAI's `Spacing` and `compute_shape_offset`.
    """
    steps = [new / old for new, old in zip(spacing_mm, grid.spacing_mm, strict=True)]
    i, j, k = (round((n - 1) / step + 1.0) for n, step in zip(grid.shape, steps, strict=True))
    return Grid((i, j, k), grid.affine @ np.diag([*steps, 1.0]))


def find_coarse_axis(*spacings_mm: tuple[float, float, float]) -> int | None:
    """Find the axis that is too coarse to interpolate along.

    Args:
        spacings_mm: Voxel sizes of the lattice there is, then of the one wanted, mm.

    Returns:
        The axis that alone has the largest spacing, in the first lattice whose largest is over 3
        times its smallest; None where there is no such axis.

    Source:
        Isensee et al., nnU-Net, Nature Methods 2021, supplementary note on resampling.
    """
    for spacing in spacings_mm:
        if max(spacing) / min(spacing) > _COARSE_RATIO:
            coarsest = [axis for axis in range(3) if spacing[axis] == max(spacing)]
            return coarsest[0] if len(coarsest) == 1 else None
    return None


def make_matrix(
    n_old: int, n_new: int, *, order: int, antialias: bool = False, step: float | None = None
) -> npt.NDArray[np.float32]:
    """Write resampling along one axis as a matrix.

    Args:
        n_old: Samples there are.
        n_new: Samples wanted.
        order: 0 nearest, 1 linear, 3 cubic spline.
        antialias: Average over a triangle one new sample wide to each side instead (where samples
            get denser: linear), so that noise finer than the new samples does not fold back.
        step: Old samples from one new sample to the next, from the first on; None for lattices of
            one extent.

    Returns:
        The matrix, (n_new, n_old); each row sums to 1.
    """
    if n_old == n_new and step is None:
        return np.eye(n_old, dtype=np.float32)
    where = _positions(n_old, n_new, step)
    if antialias:
        return _triangle_matrix(n_old, where, width=max(n_old / n_new, 1.0))
    if order == 3:
        return _spline_matrix(n_old, where)
    taps = taps_at(where, n_old, order=order)
    matrix = np.zeros((n_new, n_old), np.float32)
    rows = np.arange(n_new)
    np.add.at(matrix, (rows, taps.low.numpy()), 1.0 - taps.weight.numpy())
    np.add.at(matrix, (rows, taps.high.numpy()), taps.weight.numpy())
    return matrix


def nearest_samples(n_old: int, n_new: int) -> npt.NDArray[np.int64]:
    """Find the old sample that each new one takes, between lattices of one extent.

    Args:
        n_old: Samples there are.
        n_new: Samples wanted.

    Returns:
        Indices, (n_new,), as `make_matrix` of order 0 takes them.
    """
    return make_taps(n_old, n_new, order=0).low.numpy()


def _positions(n_old: int, n_new: int, step: float | None) -> npt.NDArray[np.float64]:
    """Where the new samples lie among the old, (n_new,)."""
    if step is not None:
        return np.asarray(np.arange(n_new) * step, np.float64)
    return np.asarray((np.arange(n_new) + 0.5) * (n_old / n_new) - 0.5, np.float64)


def _triangle_matrix(
    n_old: int, where: npt.NDArray[np.float64], *, width: float
) -> npt.NDArray[np.float32]:
    """Weights that fall linearly to 0 at `width` old samples away, (n_new, n_old)."""
    inside = np.clip(where, 0, n_old - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(n_old) - inside[:, None]) / width)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _spline_matrix(n_old: int, where: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Cubic spline through edge-extended samples, (n_new, n_old).

    Source:
        Unser, Splines: a perfect fit, IEEE Signal Processing Magazine 1999, sections on the
        recursive filter and on interpolation.
    """
    padded = np.pad(np.eye(n_old), ((_SPLINE_MARGIN, _SPLINE_MARGIN), (0, 0)), mode="edge")
    coefficients = ndimage.spline_filter1d(padded, order=3, axis=0, mode="mirror")
    place = where + _SPLINE_MARGIN
    first = np.floor(place).astype(int)
    t = (place - first)[:, None]
    basis = (
        (1 - t) ** 3 / 6,
        2 / 3 - t**2 + t**3 / 2,
        2 / 3 - (1 - t) ** 2 + (1 - t) ** 3 / 2,
        t**3 / 6,
    )
    parts = [b * coefficients[first + n - 1] for n, b in enumerate(basis)]
    return np.asarray(np.sum(parts, axis=0), np.float32)


@dataclass(frozen=True, eq=False)
class Taps:
    """Between which two old samples each new one lies.

    Args:
        low: Index of the lower one, (n_new,) int64, never falling.
        high: Index of the upper one, `low` or the next.
        weight: Weight of the upper one, in [0, 1], float32.
    """

    low: torch.Tensor
    high: torch.Tensor
    weight: torch.Tensor

    @property
    def is_exact(self) -> bool:
        """Whether every new sample is an old one, so that nothing is interpolated."""
        return bool((self.low == self.high).all())

    def to(self, device: torch.device | str) -> Taps:
        """Bring the taps to a device."""
        return Taps(self.low.to(device), self.high.to(device), self.weight.to(device))

    def part(self, start: int, stop: int) -> Taps:
        """Give the taps of some of the new samples."""
        return Taps(self.low[start:stop], self.high[start:stop], self.weight[start:stop])

    def shifted(self, by: int) -> Taps:
        """Give the taps among old samples of which some were added (or, negative, cut) before."""
        return Taps(self.low + by, self.high + by, self.weight)


def make_taps(n_old: int, n_new: int, *, order: int = 1, step: float | None = None) -> Taps:
    """Find the taps of linear or nearest resampling.

    Args:
        n_old: Samples there are.
        n_new: Samples wanted.
        order: 0 nearest, 1 linear.
        step: Old samples from one new sample to the next, from the first on; None for lattices of
            one extent.

    Returns:
        The taps.
    """
    if order == 0 and step is not None:
        return taps_at(_nearest_as_torch(n_old, n_new, step), n_old, order=0)
    return taps_at(_positions(n_old, n_new, step), n_old, order=order)


def _nearest_as_torch(n_old: int, n_new: int, step: float) -> npt.NDArray[np.float64]:
    """Old samples nearest to the new ones, by torch itself: (n_new,).

    Which of two samples equally near it takes depends on rounding on its way, through coordinates
    from -1 to 1, as MONAI's `to_norm_affine` makes them.
    """
    old, new = (
        torch.tensor([[2.0 / n, 1.0 / n - 1.0], [0.0, 1.0]], dtype=torch.float64)
        for n in (n_old, n_new)
    )
    scaling = torch.tensor([[step, 0.0], [0.0, 1.0]], dtype=torch.float64)
    theta = torch.eye(3, 4, dtype=torch.float64)
    theta[2, 2:] = (old @ scaling @ torch.inverse(new))[0]
    grid = torch.nn.functional.affine_grid(theta[None], [1, 1, n_new, 1, 1], align_corners=False)
    samples = torch.arange(n_old, dtype=torch.float64).reshape(1, 1, n_old, 1, 1)
    nearest = torch.nn.functional.grid_sample(
        samples, grid, mode="nearest", padding_mode="border", align_corners=False
    )
    return nearest.reshape(-1).numpy()


def taps_at(where: npt.NDArray[np.float64], n_old: int, *, order: int = 1) -> Taps:
    """Find the taps for samples at given positions.

    Args:
        where: Rising positions among the old samples, (n_new,); beyond the ends the edge holds.
        n_old: Samples there are.
        order: 0 nearest, 1 linear.

    Returns:
        The taps.
    """
    inside = np.clip(np.floor(where + 0.5) if order == 0 else where, 0, n_old - 1)
    low = np.floor(inside).astype(np.int64)
    weight = inside - low
    high = np.where(weight > 0, low + 1, low)
    return Taps(
        torch.from_numpy(low),
        torch.from_numpy(high),
        torch.from_numpy(weight.astype(np.float32)),
    )
