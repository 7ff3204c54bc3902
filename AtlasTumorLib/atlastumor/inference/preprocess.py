"""From a scan in HU to what a network wants to see, slab by slab.

The scan is turned (as a view), clipped, normalized and resampled on the device a few slices at a
time, so it is never whole in floating point on its own lattice. The order is nnU-Net's: clip,
normalize, resample (Isensee et al., Nature Methods 2021); so are its sizes and its splines. Cards
that ask for `antialias` have densities averaged first, as thicker slices would, and then clipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..errors import InputError
from ..models.specs import InputSpec
from ..progress import CancelToken, Progress, ignore_progress
from ..volume import Grid, Scan
from .body import BodyMask, BodySampler
from .orientation import Orientation, find_orientation, orient, orient_grid
from .resample import find_coarse_axis, make_matrix, resampled_grid, resampled_shape

__all__ = ["NetworkInput", "network_grid", "normalize", "padding_value", "preprocess"]

_STAGE = "Preparing the scan"
_SLAB_VOXELS = 1 << 23  # 32 MiB in float32; larger ones are no faster
_SMALLEST_WEIGHT = 1e-7  # below what float32 keeps of a sum of weights


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """A scan as its network sees it.

    Args:
        array: Normalized densities, (I, J, K) float32, on the device.
        grid: Where they lie; axes run as the card asks.
        source_grid: The scan's own lattice with its axes turned alike.
        orientation: How the scan's axes were turned.
        body: Where the patient is.
    """

    array: torch.Tensor
    grid: Grid
    source_grid: Grid
    orientation: Orientation
    body: BodyMask


def network_grid(grid: Grid, spec: InputSpec) -> Grid:
    """Give the grid on which a network sees a scan.

    Args:
        grid: The scan's grid, any orientation.
        spec: What the network wants.

    Returns:
        A grid over the same extent, with the card's orientation and (rounded) spacing.
    """
    turned = orient_grid(grid, find_orientation(grid, spec.orientation))
    return resampled_grid(turned, resampled_shape(turned, spec.spacing_mm))


def normalize(hu: torch.Tensor, spec: InputSpec) -> torch.Tensor:
    """Clip and scale densities, in place.

    Args:
        hu: HU, float32 of any shape; overwritten.
        spec: Clip range and kind of normalization.

    Returns:
        The same tensor.
    """
    low, high = spec.clip_hu
    shift, scale = {
        "unit": (low, high - low),
        "symmetric": ((low + high) / 2, (high - low) / 2),
        "zscore": (spec.mean or 0.0, spec.std or 1.0),
    }[spec.normalize]
    return hu.clamp_(low, high).sub_(shift).div_(scale)


def padding_value(spec: InputSpec) -> float:
    """Give the value around a scan smaller than a window.

    Args:
        spec: What the network wants.

    Returns:
        What the darkest density becomes; for "zscore" 0, the mean, as nnU-Net pads.
    """
    return -1.0 if spec.normalize == "symmetric" else 0.0


def preprocess(
    scan: Scan,
    spec: InputSpec,
    *,
    device: str | torch.device = "cpu",
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> NetworkInput:
    """Turn, clip, normalize and resample a scan.

    Args:
        scan: HU, any orientation and spacing.
        spec: What the network wants.
        device: Where to compute, and where the result stays.
        progress: Told after every slab.
        cancel: Looked at before every slab.

    Returns:
        The network's input.

    Raises:
        InputError: If densities are not finite numbers.
        Cancelled: If `cancel` was set.
    """
    orientation = find_orientation(scan.grid, spec.orientation)
    source = orient(scan.array, orientation)
    source_grid = orient_grid(scan.grid, orientation)
    grid = network_grid(scan.grid, spec)
    resampler = _SlabResampler(source_grid, grid, spec, device)
    body = BodySampler(source_grid, grid)
    for k0, k1 in _slabs(source.shape):
        if cancel is not None:
            cancel.check()
        hu = np.array(source[:, :, k0:k1], order="C")
        _check_finite(hu)
        body.add(hu, k0)
        resampler.add(hu, k0)
        progress(k1 / source.shape[2], _STAGE)
    return NetworkInput(resampler.finish(), grid, source_grid, orientation, body.finish())


def _slabs(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Ranges of slices, each small enough to be held in floating point."""
    step = max(1, _SLAB_VOXELS // (shape[0] * shape[1]))
    for k0 in range(0, shape[2], step):
        yield k0, min(k0 + step, shape[2])


def _check_finite(hu: npt.NDArray[Any]) -> None:
    if hu.dtype != np.int16 and not np.isfinite(hu).all():
        msg = (
            "The scan holds values that are not finite numbers; a CT in Hounsfield units is needed."
        )
        raise InputError(msg)


class _SlabResampler:
    """Adds up a resampled volume from slabs of slices.

    Results are kept within the range of what came in: splines overshoot at edges.
    """

    def __init__(
        self, source_grid: Grid, grid: Grid, spec: InputSpec, device: str | torch.device
    ) -> None:
        self._spec = spec
        self._device = device
        coarse = _coarse_axis(source_grid, spec)
        self._matrices = [
            make_matrix(
                n_old,
                n_new,
                order=0 if axis == coarse else spec.resample_order,
                antialias=spec.antialias,
            )
            for axis, (n_old, n_new) in enumerate(zip(source_grid.shape, grid.shape, strict=True))
        ]
        self._rows, self._columns = (
            torch.from_numpy(matrix).to(device) for matrix in self._matrices[:2]
        )
        self._sum = torch.zeros(grid.shape, dtype=torch.float32, device=device)
        self._range = torch.tensor([torch.inf, -torch.inf], device=device)

    def add(self, hu: npt.NDArray[Any], k0: int) -> None:
        """Add what slices `k0` on contribute, HU (I, J, dk)."""
        slab = torch.from_numpy(hu).to(self._device).to(torch.float32)
        if not self._spec.antialias:
            normalize(slab, self._spec)
        low, high = torch.aminmax(slab)
        self._range[0] = torch.minimum(self._range[0], low)
        self._range[1] = torch.maximum(self._range[1], high)
        n_i, n_j, n_k = slab.shape
        slab = (self._rows @ slab.reshape(n_i, n_j * n_k)).reshape(-1, n_j, n_k)
        slab = self._columns @ slab
        weights = self._matrices[2][:, k0 : k0 + n_k]
        touched = np.flatnonzero((np.abs(weights) > _SMALLEST_WEIGHT).any(axis=1))
        if len(touched):
            a, b = int(touched[0]), int(touched[-1]) + 1
            along = torch.from_numpy(np.ascontiguousarray(weights[a:b].T)).to(self._device)
            self._sum[:, :, a:b] += slab @ along

    def finish(self) -> torch.Tensor:
        """Give the volume, (I, J, K)."""
        volume = torch.clamp_(self._sum, self._range[0], self._range[1])
        return normalize(volume, self._spec) if self._spec.antialias else volume


def _coarse_axis(source_grid: Grid, spec: InputSpec) -> int | None:
    """The axis along which cubic resampling takes the nearest slice instead, if any."""
    if spec.antialias or spec.resample_order != 3:
        return None
    return find_coarse_axis(source_grid.spacing_mm, spec.spacing_mm)
