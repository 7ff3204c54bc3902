"""The geometry gate: which grids every later room can rely on.

Any orientation, oblique or flipped, and any anisotropy passes. What does not is refused with its
numbers: a wrong volume, in mL or in place, would look as convincing as a right one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["MIN_SLICES", "check_angles", "check_geometry", "require_volume", "shear_degrees"]

# Fewer cannot show a tumor in 3-D: the networks look at neighborhoods of at least this depth.
MIN_SLICES = 8
_MAX_AXIS = 4096  # a whole-body CT in thin slices has 3000
_MAX_VOXELS = 1_500_000_000  # 3 GB as int16
_SPACING_MM = (0.1, 20.0)
_MIN_EXTENT_MM = 30.0
# 0.1 degrees move the far end of a 300 mm scan by half a millimetre, less than a voxel.
_MAX_SHEAR_DEGREES = 0.1


def require_volume(shape: Sequence[int]) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """Reduce the shape of a file's array to three axes.

    Args:
        shape: Its axes as stored; trailing ones of size 1 are dropped.

    Returns:
        The three sizes, and a note if an axis was dropped.

    Raises:
        InputError: If there are fewer axes, or more than one volume.
    """
    sizes = tuple(int(n) for n in shape)
    text = " x ".join(str(n) for n in sizes)
    if len(sizes) < 3 or min(sizes) < 1:
        msg = f"The scan is not a volume (shape {text}); a 3-D CT is needed. Load the whole series."
        raise InputError(msg)
    n_volumes = int(np.prod([float(n) for n in sizes[3:]]))
    if n_volumes > 1:
        msg = (
            f"The scan holds {n_volumes} volumes or time points (shape {text}); one 3-D CT is "
            "needed. Save the one to be read as its own file."
        )
        raise InputError(msg)
    notes = (f"Axes of size 1 were dropped (shape {text}).",) if len(sizes) > 3 else ()
    return (sizes[0], sizes[1], sizes[2]), notes


def shear_degrees(affine: npt.NDArray[np.float64]) -> float:
    """Measure how far the axes of a grid are from being at right angles.

    Args:
        affine: Voxels to mm, (4, 4), no column zero.

    Returns:
        The largest deviation of any two axes from 90 degrees.
    """
    cosines = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    off = np.abs((cosines.T @ cosines)[np.triu_indices(3, 1)]).max()
    return float(np.degrees(np.arcsin(min(off, 1.0))))


def check_geometry(shape: tuple[int, int, int], affine: npt.NDArray[np.float64]) -> None:
    """Refuse a grid on which results could be wrong.

    Args:
        shape: Voxels along (i, j, k).
        affine: Voxel centers to RAS mm, (4, 4).

    Raises:
        InputError: If the grid is too small or large, its spacing is no CT's, or it is sheared.
    """
    _check_size(shape)
    if not np.isfinite(affine).all():
        msg = "The scan's position is damaged (its affine is not finite). Export it again."
        raise InputError(msg)
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    _check_spacing(spacing_mm)
    if abs(np.linalg.det(affine[:3, :3] / spacing_mm)) < 1e-3:
        msg = "The scan's axes lie in one plane (its affine is singular). Export it again."
        raise InputError(msg)
    check_angles(affine, "The scan")
    extent_mm = spacing_mm * shape
    if extent_mm.min() < _MIN_EXTENT_MM:
        sizes = " x ".join(f"{mm:.0f}" for mm in extent_mm)
        msg = f"The scan covers {sizes} mm; at least {_MIN_EXTENT_MM:.0f} mm each way are needed."
        raise InputError(msg)


def check_angles(affine: npt.NDArray[np.float64], what: str) -> None:
    """Refuse a sheared grid, on which spacings alone give neither volumes nor distances.

    Args:
        affine: Voxel centers to RAS mm, (4, 4), no column zero.
        what: Whose grid it is, for the message.

    Raises:
        InputError: If two axes are not at right angles.
    """
    shear = shear_degrees(affine)
    if shear > _MAX_SHEAR_DEGREES:
        msg = (
            f"{what} is sheared: its axes are {shear:.1f} degrees off a right angle, as from a "
            "tilted gantry. Resample it to a rectangular grid first."
        )
        raise InputError(msg)


def _check_size(shape: tuple[int, int, int]) -> None:
    text = " x ".join(str(n) for n in shape)
    if min(shape) < MIN_SLICES:
        few = min(shape)
        msg = (
            f"The scan has only {few} slice{'s' if few > 1 else ''} (shape {text}); at least "
            f"{MIN_SLICES} are needed. Load the whole series."
        )
        raise InputError(msg)
    if max(shape) > _MAX_AXIS or np.prod([float(n) for n in shape]) > _MAX_VOXELS:
        msg = (
            f"The scan is too large (shape {text}); at most {_MAX_AXIS} voxels along an axis and "
            f"{_MAX_VOXELS / 1e9:.1f} billion in all are read. Crop or resample it."
        )
        raise InputError(msg)


def _check_spacing(spacing_mm: npt.NDArray[np.float64]) -> None:
    low, high = _SPACING_MM
    if spacing_mm.min() >= low and spacing_mm.max() <= high:
        return
    text = " x ".join(f"{mm:g}" for mm in spacing_mm)
    msg = (
        f"The voxel spacing is {text} mm; a CT has {low:g} to {high:g} mm. "
        "Check the unit and export the scan again."
    )
    raise InputError(msg)
