"""Tumor probabilities, kept on the network's grid and brought to a scan's only in slabs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import torch

from ..box_index import BoxIndex
from ..components import Box, Region
from ..errors import GridMismatchError
from ..volume import Grid
from .orientation import Orientation, find_orientation, orient, orient_grid
from .resample import Taps, taps_at

__all__ = ["AbstractTumorMap", "Half", "JudgedLesion", "ProbabilityMap", "find_overlap"]

Half = npt.NDArray[np.float16]

_SLAB_VOXELS = 1 << 22
_ALIGNED = 1e-3  # voxels by which an axis may stray over its whole length


@dataclass(frozen=True, eq=False)
class JudgedLesion:
    """A lesion to which one probability is given as a whole.

    Args:
        region: Its voxels, on the scan's grid.
        score: Its probability, in [0, 1].
    """

    region: Region
    score: float


class AbstractTumorMap(ABC):
    """Something about tumors in every voxel, given in slabs so that memory stays small."""

    def to_grid(self, grid: Grid) -> Half:
        """Interpolate linearly to another grid.

        Args:
            grid: One whose axes run along ours, in any order and direction, such as the scan's.

        Returns:
            Values, (I, J, K) float16; outside our extent those of the edge.

        Raises:
            GridMismatchError: If the axes do not run along ours.
        """
        whole = np.empty(grid.shape, np.float16)
        for k0, k1, slab in self.slabs(grid):
            whole[:, :, k0:k1] = slab
        return whole

    def slabs(self, grid: Grid) -> Iterator[tuple[int, int, Half]]:
        """Interpolate linearly to another grid, a few slices at a time.

        Args:
            grid: One whose axes run along ours, such as the scan's.

        Yields:
            First slice, one past the last, and (I, J, dk) float16, in rising k.

        Raises:
            GridMismatchError: If the axes do not run along ours.
        """
        i, j, k = (slice(0, n) for n in grid.shape)
        for inner, slab in self.slabs_of(grid, (i, j, k)):
            yield inner.start, inner.stop, slab

    def slabs_of(self, grid: Grid, box: Box) -> Iterator[tuple[slice, Half]]:
        """Interpolate linearly to a box of another grid, a few slices at a time.

        Args:
            grid: One whose axes run along ours, such as the scan's.
            box: Which of its voxels, (start, stop) along each axis.

        Yields:
            Slices counted from the box's first, and (I, J, dk) float16, in rising k.

        Raises:
            GridMismatchError: If the axes do not run along ours.
        """
        i, j, k = box
        n = k.stop - k.start
        step = max(1, _SLAB_VOXELS // ((i.stop - i.start) * (j.stop - j.start)))
        for first in range(0, n, step):
            stop = min(first + step, n)
            part = self.part(grid, (i, j, slice(k.start + first, k.start + stop)))
            yield slice(first, stop), part

    @abstractmethod
    def part(self, grid: Grid, box: Box) -> Half:
        """Interpolate linearly to a box of another grid.

        Args:
            grid: One whose axes run along ours, such as the scan's.
            box: Which of its voxels, (start, stop) along each axis.

        Returns:
            Values, float16 of the box's shape.

        Raises:
            GridMismatchError: If the axes do not run along ours.
        """


@dataclass(frozen=True, eq=False)
class ProbabilityMap(AbstractTumorMap):
    """How likely each voxel is tumor of one organ.

    Args:
        array: Probabilities, (I, J, K) float16 in [0, 1].
        grid: The network's grid.
        outline: If given, voxels from this probability on are told by `lesions` alone: in one they
            have its score, and outside of all, where clean-up took them out, just less than this.
        lesions: Those judged whole. They lie on the scan's grid, the only one then to be asked for.
    """

    array: Half
    grid: Grid
    outline: float | None = None
    lesions: tuple[JudgedLesion, ...] = ()

    def part(self, grid: Grid, box: Box) -> Half:
        """Interpolate linearly to a box of another grid.

        Args:
            grid: One whose axes run along ours, such as the scan's.
            box: Which of its voxels, (start, stop) along each axis.

        Returns:
            Probabilities, float16 of the box's shape.

        Raises:
            GridMismatchError: If the axes do not run along ours.
        """
        orientation, every = _find_taps(self.grid, grid)
        values = torch.from_numpy(self.array)
        taps = _taps_of(every, grid, box, orientation)
        # Only what the box touches is looked at: of specks there can be thousands.
        for axis, wanted in enumerate(taps):
            first, last = int(wanted.low[0]), int(wanted.high[-1])
            values = values.narrow(axis, first, last + 1 - first)
            taps[axis] = wanted.shifted(-first)
        # Of a slab the third axis is the short one: taken first, what lies between stays small.
        for axis in sorted(range(3), key=lambda n: -orientation.axes[n]):
            values = _interpolate(values, taps[axis], axis)
        result = np.empty([side.stop - side.start for side in box], np.float16)
        orient(result, orientation)[...] = values.to(torch.float16).numpy()
        if self.outline is not None:
            np.minimum(result, np.nextafter(np.float16(self.outline), np.float16(0)), out=result)
        if self.lesions:
            for n in self._index.near(box):
                _paste(self.lesions[n], result, box)
        return result

    @cached_property
    def _index(self) -> BoxIndex:
        """Where the lesions lie."""
        return BoxIndex(lesion.region.box for lesion in self.lesions)


@lru_cache(maxsize=32)
def _find_taps(ours: Grid, theirs: Grid) -> tuple[Orientation, tuple[Taps, ...]]:
    """How another grid is turned to ours, and where, for each of our axes, its voxels lie.

    Kept for as long as maps are read, as of one grid thousands of boxes may be asked for.
    """
    orientation = find_orientation(theirs, ours.axcodes)
    ours_of_theirs = np.linalg.inv(ours.affine) @ orient_grid(theirs, orientation).affine
    shape = [theirs.shape[axis] for axis in orientation.axes]
    scale = np.diag(ours_of_theirs)[:3]
    stray = np.abs(ours_of_theirs[:3, :3] - np.diag(scale)) @ np.array(shape)
    if stray.max() > _ALIGNED * max(shape):
        msg = "The grid's axes do not run along the probability map's; resample it elsewhere."
        raise GridMismatchError(msg)
    return orientation, tuple(
        taps_at(np.arange(n) * step + first, n_ours)
        for n, step, first, n_ours in zip(
            shape, scale, ours_of_theirs[:3, 3], ours.shape, strict=True
        )
    )


def _taps_of(every: Sequence[Taps], grid: Grid, box: Box, orientation: Orientation) -> list[Taps]:
    """For each of our axes, where the turned box's voxels lie."""
    taps = []
    for axis, (wanted, old) in enumerate(zip(every, orientation.axes, strict=True)):
        start, stop = box[old].start, box[old].stop
        if orientation.is_reversed[axis]:
            start, stop = grid.shape[old] - stop, grid.shape[old] - start
        taps.append(wanted.part(start, stop))
    return taps


def _interpolate(values: torch.Tensor, taps: Taps, axis: int) -> torch.Tensor:
    """Interpolate one axis of (I, J, K), in float32."""
    low = values.index_select(axis, taps.low).float()
    high = values.index_select(axis, taps.high).float()
    shape = [1, 1, 1]
    shape[axis] = -1
    return low.lerp_(high, taps.weight.reshape(shape))


def find_overlap(inner: Box, outer: Box) -> tuple[Box, Box] | None:
    """Find where two boxes overlap.

    Args:
        inner: One of them.
        outer: The other.

    Returns:
        What both share, counted from the first voxel of each; None if there is nothing.
    """
    starts = [max(a.start, b.start) for a, b in zip(inner, outer, strict=True)]
    stops = [min(a.stop, b.stop) for a, b in zip(inner, outer, strict=True)]
    if any(stop <= start for start, stop in zip(starts, stops, strict=True)):
        return None
    (i, j, k), (x, y, z) = (
        [
            slice(start - side.start, stop - side.start)
            for start, stop, side in zip(starts, stops, sides, strict=True)
        ]
        for sides in (inner, outer)
    )
    return (i, j, k), (x, y, z)


def _paste(lesion: JudgedLesion, values: Half, box: Box) -> None:
    """Write a lesion's score where it lies in a box."""
    overlap = find_overlap(lesion.region.box, box)
    if overlap is not None:
        theirs, ours = overlap
        values[ours][lesion.region.mask[theirs]] = lesion.score
