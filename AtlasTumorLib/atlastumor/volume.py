"""Grids and the volumes that lie on them.

Arrays are indexed `[i, j, k]` and a grid's affine maps voxel centers `(i, j, k, 1)` to RAS
millimetres. Volumes are frozen and their arrays read-only views, so a caller's array stays free.
The type decides interpolation: a `Scan` is never resampled as labels nor a `LabelMap` as a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import GridMismatchError

__all__ = ["Grid", "LabelMap", "Scan", "Source"]

Affine = npt.NDArray[np.float64]


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of a volume lie.

    Args:
        shape: Number of voxels along (i, j, k), each at least 1.
        affine: Voxel centers to RAS mm, (4, 4), invertible.

    Raises:
        ValueError: If the shape is not three positive numbers or the affine is not a finite
            invertible (4, 4) matrix.
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        """Check and freeze the fields."""
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            msg = f"A grid needs three positive sizes; got {self.shape}."
            raise ValueError(msg)
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            msg = f"An affine is a finite (4, 4) matrix; got shape {affine.shape}."
            raise ValueError(msg)
        if abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            msg = "The affine is singular; it needs an inverse."
            raise ValueError(msg)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", _read_only(affine))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighboring voxel centers along (i, j, k), mm."""
        i, j, k = (float(n) for n in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def axcodes(self) -> str:
        """The anatomical direction nearest to each axis, such as "RAS"."""
        return "".join(
            "LPI"[axis] if negative else "RAS"[axis] for axis, negative in self._directions()
        )

    def _directions(self) -> list[tuple[int, bool]]:
        """For each of i, j, k: the world axis it runs along and whether it runs backwards."""
        cosines = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        result: list[tuple[int, bool]] = [(0, False)] * 3
        left = np.abs(cosines).copy()
        for _ in range(3):  # strongest match first, so no world axis is given away twice
            world, axis = np.unravel_index(int(np.argmax(left)), left.shape)
            result[int(axis)] = (int(world), bool(cosines[world, axis] < 0))
            left[world, :] = -1
            left[:, axis] = -1
        return result

    def to_ras(self, ijk: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map voxel positions (..., 3) to RAS mm (..., 3)."""
        return np.asarray(ijk, float) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_ijk(self, ras_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map RAS mm (..., 3) to fractional voxel positions (..., 3)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return (np.asarray(ras_mm, float) - self.affine[:3, 3]) @ inverse.T

    def matches(self, other: Grid, *, tolerance_mm: float = 1e-3) -> bool:
        """Tell whether two grids have one shape and no voxel center differs by more than this."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        distance = np.linalg.norm(self.to_ras(corners) - other.to_ras(corners), axis=1)
        return bool(distance.max() <= tolerance_mm)


@dataclass(frozen=True, eq=False)
class Source:
    """Where a scan came from, for provenance and for DICOM results.

    Args:
        kind: "nifti", "nrrd", "metaimage", "dicom", or "memory" for an array.
        sha256: Hash of the input's bytes (for a series: of its files in slice order), hex.
        dicom_files: The files of a DICOM series in slice order, else empty. Kept out of logs.
        notes: Sentences about what the reader did, shown to the user ("HU rescaled by ...").
    """

    kind: str = "memory"
    sha256: str = ""
    dicom_files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def _check_array(array: npt.NDArray[Any], grid: Grid) -> npt.NDArray[Any]:
    if array.shape != grid.shape:
        msg = f"The array has shape {array.shape}, its grid {grid.shape}."
        raise GridMismatchError(msg)
    return _read_only(array)


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT in Hounsfield units.

    Args:
        array: HU, (I, J, K), int16 or float32 (whole scans stay small in the type they came in).
        grid: Where its voxels lie.
        source: Where it came from.
    """

    array: npt.NDArray[np.int16] | npt.NDArray[np.float32]
    grid: Grid
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        """Check shape and type; freeze the array."""
        if self.array.dtype not in (np.dtype(np.int16), np.dtype(np.float32)):
            msg = f"A scan is int16 or float32; got {self.array.dtype}."
            raise ValueError(msg)
        object.__setattr__(self, "array", _check_array(self.array, self.grid))


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A volume of labels.

    Args:
        array: Label of each voxel, (I, J, K) uint8; 0 is background.
        grid: Where its voxels lie.
        names: What each value other than 0 means.
    """

    array: npt.NDArray[np.uint8]
    grid: Grid
    names: Mapping[int, str]

    def __post_init__(self) -> None:
        """Check shape and type; freeze the array."""
        if self.array.dtype != np.uint8:
            msg = f"A label map is uint8; got {self.array.dtype}."
            raise ValueError(msg)
        object.__setattr__(self, "array", _check_array(self.array, self.grid))
