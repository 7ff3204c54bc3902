"""The ground that an automaton grows on: a cubic lattice cut from a patch, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Mask
from .patch import Patch

__all__ = ["Culture", "make_culture", "spread_to_patch"]

Floats = npt.NDArray[np.float32]

_CELLS = 28  # across a tumor
_FINEST_MM = 0.5
_REACH = 1.1  # half the lattice's width relative to the diameter
_SMOOTH_MM = 1.5  # of the densities, so that noise does not count as tissue
_SOFT_HU = (-150.0, 350.0)
_LEAST_SPREAD_HU = 5.0
_LEVELS = ((0.5, 1.0), (1.25, 0.3), (2.0, 0.1))  # density in spreads above the median; chance
_LOOSE = (-3.0, 0.15)  # fat and gas: not tissue that a tumor lives on
_RESISTANCE = 3  # pushes until denser tissue, such as a vessel, yields
_YIELDED = 0.3  # chance once it has
_STEPS_PER_CELL = 5.0  # about how long growth takes to move on by one place


@dataclass(frozen=True, eq=False)
class Culture:
    """A cubic lattice around a tumor's center, as flat arrays; its outermost layer is closed.

    Args:
        side: Places along each edge.
        pitch_mm: Distance of neighboring places, mm.
        n_wanted: Places that the tumor is to fill.
        is_open: Which places may be taken, (side^3,).
        is_outside: Which of these lie outside the organ, (side^3,).
        welcome: Chance that a cell sent there settles, (side^3,).
        resistance: Pushes that it takes before one can, (side^3,).
    """

    side: int
    pitch_mm: float
    n_wanted: int
    is_open: Mask
    is_outside: Mask
    welcome: Floats
    resistance: npt.NDArray[np.int16]

    @property
    def size(self) -> int:
        """Number of places."""
        return self.side * self.side * self.side

    @property
    def strides(self) -> npt.NDArray[np.intp]:
        """Steps in the flat arrays along the three axes, (3,)."""
        return np.array((self.size // self.side, self.side, 1), np.intp)

    @property
    def center(self) -> int:
        """Flat index of the middle."""
        return self.size // 2

    @property
    def radius_cells(self) -> int:
        """Radius of the ball of the wanted volume, in places, at least 1."""
        return max(round(math.cbrt(self.n_wanted * 0.75 / math.pi)), 1)

    @cached_property
    def neighbors(self) -> npt.NDArray[np.intp]:
        """Steps to the 26 neighbors in the flat arrays, (88,).

        By squared distance, faces stand there six times, edges thrice and corners twice: drawn
        alike, fronts would grow square.
        """
        offsets = np.delete(np.argwhere(np.ones((3, 3, 3), bool)) - 1, 13, axis=0)
        steps: npt.NDArray[np.intp] = offsets @ self.strides
        return np.repeat(steps, 6 // (offsets**2).sum(axis=1))

    def measure_depth(self, taken: npt.NDArray[np.intp]) -> Floats:
        """Measure how deep places lie in a tumor.

        Args:
            taken: Flat indices of the places that it takes up, (N,).

        Returns:
            Distance of each place from the nearest that is not, in places, (side^3,).
        """
        mask = np.zeros(self.size, bool)
        mask[taken] = True
        depth = ndimage.distance_transform_edt(mask.reshape((self.side,) * 3))
        return np.asarray(depth, np.float32).ravel()

    def extend(self, arrival: Floats) -> Floats:
        """Say when places would be reached that growth did not reach, by their distance.

        Args:
            arrival: Step at which each place was taken, (side^3,); infinite where it was not.

        Returns:
            Finite steps, (side^3,), somewhat smoothed.
        """
        cube = arrival.reshape((self.side,) * 3)
        taken = np.isfinite(cube)
        away = ndimage.distance_transform_edt(~taken) * _STEPS_PER_CELL
        later = np.float32(cube[taken].max()) + away
        smooth = ndimage.gaussian_filter(np.where(taken, cube, later), 0.7)
        return np.asarray(smooth, np.float32).ravel()


def make_culture(patch: Patch, allowed: Mask, diameter_mm: float) -> Culture:
    """Lay a lattice over a patch.

    Args:
        patch: The scan around the center.
        allowed: Voxels that the tumor may take up, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.

    Returns:
        The lattice, open where its places lie in allowed voxels.
    """
    pitch = max(diameter_mm / _CELLS, _FINEST_MM)
    half = math.ceil(_REACH * diameter_mm / pitch) + 1
    steps = np.arange(-half, half + 1) * pitch
    sides = [at + steps / mm for at, mm in zip(patch.center, patch.spacing_mm, strict=True)]
    nearest = [np.rint(side).astype(np.intp) for side in sides]
    within = [(at >= 0) & (at < n) for at, n in zip(nearest, patch.shape, strict=True)]
    for keep in within:
        keep[[0, -1]] = False
    i, j, k = within
    inside = [np.clip(at, 0, n - 1) for at, n in zip(nearest, patch.shape, strict=True)]
    is_open = allowed[np.ix_(*inside)] & i[:, None, None] & j[:, None] & k
    sigma = [_SMOOTH_MM / mm for mm in patch.spacing_mm]
    density = ndimage.gaussian_filter(patch.hu, sigma, truncate=2.0)[np.ix_(*inside)]
    own = is_open & patch.organ[np.ix_(*inside)]
    welcome, resistance = _judge(density, own if own.any() else is_open)
    return Culture(
        side=2 * half + 1,
        pitch_mm=pitch,
        n_wanted=max(round(math.pi / 6.0 * (diameter_mm / pitch) ** 3), 1),
        is_open=is_open.ravel(),
        is_outside=(is_open & ~own).ravel(),
        welcome=welcome.ravel(),
        resistance=resistance.ravel(),
    )


def _judge(density: Floats, organ: Mask) -> tuple[Floats, npt.NDArray[np.int16]]:
    """Chance to settle and resistance, from densities against the organ's, all (side,) * 3."""
    low, high = _SOFT_HU
    soft = density[organ & (density > low) & (density < high)]
    tissue = soft if soft.size else density.ravel()
    median = np.median(tissue)
    spread = max(1.4826 * float(np.median(np.abs(tissue - median))), _LEAST_SPREAD_HU)
    above = (density - median) / spread
    edges, chances = zip(*_LEVELS, strict=True)
    welcome = np.array([*chances, _YIELDED], np.float32)[np.digitize(above, edges)]
    welcome[above < _LOOSE[0]] = _LOOSE[1]
    resistance = np.where(above >= edges[-1], _RESISTANCE, 0).astype(np.int16)
    return welcome, resistance


def spread_to_patch(culture: Culture, values: Floats, patch: Patch) -> Floats:
    """Interpolate values of the lattice at the voxels of its patch.

    Args:
        culture: The lattice.
        values: One for each place, (side^3,).
        patch: The patch from which it was cut.

    Returns:
        Values (I, J, K), linear between places; beyond the lattice, those of its outermost layer.
    """
    cube = values.reshape((culture.side,) * 3)
    last = culture.side - 1
    for axis, offset in enumerate(patch.offsets_mm()):
        at = np.clip(offset.ravel() / culture.pitch_mm + last / 2.0, 0.0, last)
        low = np.minimum(at.astype(np.intp), last - 1)
        share = (at - low).astype(np.float32)
        shape = [1, 1, 1]
        shape[axis] = -1
        share = share.reshape(shape)
        cube = np.take(cube, low, axis) * (1 - share) + np.take(cube, low + 1, axis) * share
    return np.asarray(cube, np.float32)
