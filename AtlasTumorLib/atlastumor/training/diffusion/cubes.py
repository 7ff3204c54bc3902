"""Tumors cut out of anatomies: cubes of tissue that each tumor fills to the same share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...organs import KEYS
from ...phantom.tissues import TUMOR_TISSUES
from ...phantom.tumors import NEIGHBORS
from ...synthesis.diffusion.conditioning import SIDE, SPAN

__all__ = ["FINE", "Cubes", "cut_cubes"]

FINE = 2
"""Tissue voxels per voxel of the network, along each axis."""

_log = logging.getLogger(__name__)
_REACH_MM = 90.0  # from a tumor's center; the largest is shorter


@dataclass(frozen=True, eq=False)
class Cubes:
    """Tumors and what surrounds them.

    Args:
        tissues: Tissue ids, (N, S, S, S) uint8 with S = FINE * SIDE.
        own: Which voxels are the tumor itself, (N, S, S, S).
        voxel_mm: Size of the network's voxels, (N,).
        organs: Row of each tumor's organ in the organ table, (N,).
    """

    tissues: npt.NDArray[np.uint8]
    own: npt.NDArray[np.bool_]
    voxel_mm: npt.NDArray[np.float32]
    organs: npt.NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write them as npz, beside and then renamed."""
        partial = path.with_suffix(".partial")
        own = np.packbits(self.own, axis=-1)
        with partial.open("wb") as file:
            np.savez_compressed(
                file, tissues=self.tissues, own=own, voxel_mm=self.voxel_mm, organs=self.organs
            )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Cubes:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            own = np.unpackbits(data["own"], axis=-1).astype(bool)
            return cls(data["tissues"], own, data["voxel_mm"], data["organs"])

    def split(self, n_last: int) -> tuple[Cubes, Cubes]:
        """Keep the last tumors apart: but for one anatomy, the rest are of other ones."""
        first = len(self.organs) - n_last
        return self._part(slice(first)), self._part(slice(first, None))

    def _part(self, rows: slice) -> Cubes:
        return Cubes(self.tissues[rows], self.own[rows], self.voxel_mm[rows], self.organs[rows])


def cut_cubes(anatomies: list[Path], anatomy_mm: float) -> Cubes:
    """Cut every tumor out of a pool of anatomies.

    Args:
        anatomies: Files of `training.pool.make_pool`.
        anatomy_mm: Voxel size of them.

    Returns:
        The tumors, in order.
    """
    parts: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], float, int]] = []
    for done, path in enumerate(anatomies, start=1):
        with np.load(path, allow_pickle=False) as data:
            tissues, centers, organs = data["tissues"], data["centers"], data["organs"]
        parts.extend(_cut_all(tissues, centers, organs, anatomy_mm))
        if done % 50 == 0:
            _log.info("Anatomy %d of %d: %d tumors so far", done, len(anatomies), len(parts))
    cut, own, voxel_mm, rows = zip(*parts, strict=True)
    return Cubes(
        np.stack(cut), np.stack(own), np.array(voxel_mm, np.float32), np.array(rows, np.int64)
    )


def _cut_all(
    tissues: npt.NDArray[np.uint8],
    centers: npt.NDArray[np.float64],
    organs: npt.NDArray[np.int64],
    anatomy_mm: float,
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], float, int]]:
    """Cut the tumors of one anatomy (I, J, K)."""
    reach = int(_REACH_MM / anatomy_mm)
    for center, row in zip(centers, organs, strict=True):
        middle = np.rint(center).astype(int)
        low = np.maximum(middle - reach, 0)
        near = tissues[tuple(slice(a, m + reach) for a, m in zip(low, middle, strict=True))]
        mask = np.isin(near, TUMOR_TISSUES[KEYS[row]].all)
        parts, n = ndimage.label(mask, NEIGHBORS)
        if n == 0:
            continue
        at = np.argwhere(parts > 0)
        first = at[np.argmin(((at - (center - low)) ** 2).sum(axis=1))]
        own = parts == parts[tuple(first)]
        yield (*_fit(near, own, anatomy_mm), int(row))


def _fit(
    tissues: npt.NDArray[np.uint8], own: npt.NDArray[np.bool_], anatomy_mm: float
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], float]:
    """Sample the cube that a tumor fills to its share, nearest voxels."""
    box = ndimage.find_objects(own.astype(np.uint8))[0]
    longest = max(side.stop - side.start for side in box)
    step = longest / SPAN / FINE  # anatomy voxels per fine one
    fine = np.arange(SIDE * FINE) - (SIDE * FINE - 1) / 2
    index = np.ix_(
        *(
            np.clip(np.rint((side.start + side.stop - 1) / 2 + fine * step), 0, n - 1).astype(int)
            for side, n in zip(box, own.shape, strict=True)
        )
    )
    return tissues[index], own[index], longest * anatomy_mm / SPAN
