"""From a scan in HU to what a network wants to see, slab by slab.

The scan is turned (as a view), clipped, normalized and resampled on the device a few slices at a
time, so it is never whole in floating point on its own lattice. Mostly the order is nnU-Net's:
clip, normalize, resample (Isensee et al., Nature Methods 2021); so are its sizes and its splines.
Cards that ask for MONAI's way, or for `antialias`, have densities resampled first. What must be
known of the whole scan before (its box, its mean) takes a first pass over the slabs.
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
from .intensity import ImageStatistics, needs_image, normalize, padding_value
from .orientation import Orientation, find_orientation, orient, orient_grid
from .resample import (
    find_coarse_axis,
    make_matrix,
    nearest_samples,
    resampled_grid,
    resampled_shape,
    stepped_grid,
)

__all__ = ["NetworkInput", "network_grid", "normalize", "padding_value", "preprocess"]

_STAGE = "Preparing the scan"
_SLAB_VOXELS = 1 << 23  # 32 MiB in float32; larger ones are no faster
_SMALLEST_WEIGHT = 1e-7  # below what float32 keeps of a sum of weights

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """A scan as its network sees it.

    Args:
        array: Normalized densities, (I, J, K) float32, on the device.
        grid: Where they lie; axes run as the card asks.
        source_grid: The lattice of the scan's part that was looked at, its axes turned alike.
        orientation: How the scan's axes were turned.
        box: Which part of the turned scan was looked at.
        body: Where the patient is.
    """

    array: torch.Tensor
    grid: Grid
    source_grid: Grid
    orientation: Orientation
    box: Box
    body: BodyMask


def network_grid(grid: Grid, spec: InputSpec) -> Grid:
    """Give the grid on which a network sees a scan.

    Args:
        grid: The scan's grid, any orientation.
        spec: What the network wants.

    Returns:
        A grid over the same extent, with the card's orientation and (rounded) spacing.
    """
    return _resampled(orient_grid(grid, find_orientation(grid, spec.orientation)), spec)


def _resampled(turned: Grid, spec: InputSpec) -> Grid:
    if spec.resample == "monai":
        return stepped_grid(turned, spec.spacing_mm)
    return resampled_grid(turned, resampled_shape(turned, spec.spacing_mm))


def _resamples_first(spec: InputSpec) -> bool:
    return spec.antialias or spec.resample == "monai"


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
    source, source_grid = orient(scan.array, orientation), orient_grid(scan.grid, orientation)
    box: Box = (slice(0, source.shape[0]), slice(0, source.shape[1]), slice(0, source.shape[2]))
    if spec.crop_zeros:
        box = _find_box(source, cancel) or box
        source, source_grid = source[box], _crop_grid(source_grid, box)
    image = None
    if needs_image(spec) and not _resamples_first(spec):
        image = _look_at_image(source, spec, cancel)
    grid = _resampled(source_grid, spec)
    resampler = _SlabResampler(source_grid, grid, spec, image, device)
    body = BodySampler(source_grid, grid)
    for k0, hu in _slabs(source, cancel):
        body.add(hu, k0)
        resampler.add(hu, k0)
        progress((k0 + hu.shape[2]) / source.shape[2], _STAGE)
    return NetworkInput(resampler.finish(), grid, source_grid, orientation, box, body.finish())


def _look_at_image(
    source: npt.NDArray[Any], spec: InputSpec, cancel: CancelToken | None
) -> ImageStatistics:
    """Gather what normalization must know of the whole scan."""
    image = ImageStatistics()
    for _, hu in _slabs(source, cancel):
        values = torch.from_numpy(hu).to(torch.float32)
        image.add(values if spec.clip_hu is None else values.clamp_(*spec.clip_hu))
    return image


def _find_box(source: npt.NDArray[Any], cancel: CancelToken | None) -> Box | None:
    """Box around what is not exactly 0; None where all is."""
    seen = [np.zeros(n, np.bool_) for n in source.shape]
    for k0, hu in _slabs(source, cancel):
        mask = hu != 0
        plane = mask.any(axis=2)
        seen[0] |= plane.any(axis=1)
        seen[1] |= plane.any(axis=0)
        seen[2][k0 : k0 + hu.shape[2]] = mask.any(axis=(0, 1))
    if not seen[0].any():
        return None
    i, j, k = (slice(int(at[0]), int(at[-1]) + 1) for at in map(np.flatnonzero, seen))
    return i, j, k


def _crop_grid(grid: Grid, box: Box) -> Grid:
    """The grid of a part of a volume."""
    i, j, k = (side.stop - side.start for side in box)
    affine = np.array(grid.affine)
    affine[:3, 3] = grid.to_ras([side.start for side in box])
    return Grid((i, j, k), affine)


def _slabs(
    source: npt.NDArray[Any], cancel: CancelToken | None
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Copies of a few slices, each small enough for floating point, with their first's number."""
    step = max(1, _SLAB_VOXELS // (source.shape[0] * source.shape[1]))
    for k0 in range(0, source.shape[2], step):
        if cancel is not None:
            cancel.check()
        hu = np.array(source[:, :, k0 : k0 + step], order="C")
        _check_finite(hu)
        yield k0, hu


def _check_finite(hu: npt.NDArray[Any]) -> None:
    if hu.dtype != np.int16 and not np.isfinite(hu).all():
        msg = (
            "The scan holds values that are not finite numbers; a CT in Hounsfield units is needed."
        )
        raise InputError(msg)


class _SlabResampler:
    """Adds up a resampled volume from slabs of slices.

    Results are kept within the range of what came in, along a coarse axis that of each slice:
    splines overshoot at edges.
    """

    def __init__(
        self,
        source_grid: Grid,
        grid: Grid,
        spec: InputSpec,
        image: ImageStatistics | None,
        device: str | torch.device,
    ) -> None:
        self._spec = spec
        self._image = image
        self._device = device
        self._coarse = coarse = _coarse_axis(source_grid, spec)
        is_monai = spec.resample == "monai"
        self._matrices = [
            make_matrix(
                n_old,
                n_new,
                order=0 if axis == coarse else spec.resample_order,
                antialias=spec.antialias,
                step=grid.spacing_mm[axis] / source_grid.spacing_mm[axis] if is_monai else None,
            )
            for axis, (n_old, n_new) in enumerate(zip(source_grid.shape, grid.shape, strict=True))
        ]
        self._rows, self._columns = (
            torch.from_numpy(matrix).to(device) for matrix in self._matrices[:2]
        )
        self._sum = torch.zeros(grid.shape, dtype=torch.float32, device=device)
        n_ranges = 1 if coarse is None else source_grid.shape[coarse]
        self._low = torch.full((n_ranges,), torch.inf, device=device)
        self._high = torch.full((n_ranges,), -torch.inf, device=device)

    def add(self, hu: npt.NDArray[Any], k0: int) -> None:
        """Add what slices `k0` on contribute, HU (I, J, dk)."""
        slab = torch.from_numpy(hu).to(self._device).to(torch.float32)
        if not _resamples_first(self._spec):
            normalize(slab, self._spec, self._image)
        self._widen_ranges(slab, k0)
        n_i, n_j, n_k = slab.shape
        slab = (self._rows @ slab.reshape(n_i, n_j * n_k)).reshape(-1, n_j, n_k)
        slab = self._columns @ slab
        weights = self._matrices[2][:, k0 : k0 + n_k]
        touched = np.flatnonzero((np.abs(weights) > _SMALLEST_WEIGHT).any(axis=1))
        if len(touched):
            a, b = int(touched[0]), int(touched[-1]) + 1
            along = torch.from_numpy(np.ascontiguousarray(weights[a:b].T)).to(self._device)
            self._sum[:, :, a:b] += slab @ along

    def _widen_ranges(self, slab: torch.Tensor, k0: int) -> None:
        """Take note of the lowest and highest values, for each slice along a coarse axis."""
        if self._coarse is None:
            low, high = torch.aminmax(slab)
            self._low.clamp_(max=low)
            self._high.clamp_(min=high)
            return
        others = [axis for axis in range(3) if axis != self._coarse]
        part = slice(k0, k0 + slab.shape[2]) if self._coarse == 2 else slice(None)
        self._low[part] = torch.minimum(self._low[part], slab.amin(dim=others))
        self._high[part] = torch.maximum(self._high[part], slab.amax(dim=others))

    def finish(self) -> torch.Tensor:
        """Give the volume, (I, J, K)."""
        low, high = self._low, self._high
        if self._coarse is not None:
            n_new = self._sum.shape[self._coarse]
            taken = torch.from_numpy(nearest_samples(len(low), n_new)).to(self._device)
            sides = [n_new if axis == self._coarse else 1 for axis in range(3)]
            low, high = low[taken].reshape(sides), high[taken].reshape(sides)
        volume = torch.clamp_(self._sum, low, high)
        return normalize(volume, self._spec) if _resamples_first(self._spec) else volume


def _coarse_axis(source_grid: Grid, spec: InputSpec) -> int | None:
    """The axis along which cubic resampling takes the nearest slice instead, if any."""
    if spec.antialias or spec.resample_order != 3:
        return None
    return find_coarse_axis(source_grid.spacing_mm, spec.spacing_mm)
