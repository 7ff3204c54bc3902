"""From the positions of slices to one grid, or a reason why there is none.

Slices are ordered by their position along the normal of the image plane; instance numbers and
slice locations are left alone, since scanners disagree about them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .dicom_slices import Slice
from .input_files import name_of

__all__ = ["make_affine", "sort_slices"]

_SAME_MM = 0.01
# Some scanners write positions to one decimal; 0.1 mm is a fraction of any network's voxel.
_REGULAR_MM = 0.1
_REGULAR_FRACTION = 0.02
_MAX_TILT_DEGREES = 0.1
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def sort_slices(slices: Sequence[Slice]) -> list[Slice]:
    """Order slices along their normal, and check that they belong together.

    Args:
        slices: Of one series, at least one.

    Returns:
        The same slices, ascending along the cross product of row and column direction.

    Raises:
        InputError: If size, spacing, orientation or coordinate system differ, or two slices lie
            at one position.
    """
    first = slices[0]
    normal = _normal(first)
    for other in slices:
        _check_alike(first, other)
    ordered = sorted(slices, key=lambda one: float(np.dot(one.position, normal)))
    heights = _heights(ordered)
    n_same = int((np.diff(heights) < _SAME_MM).sum())
    if n_same:
        msg = (
            f"{n_same + 1} of the {len(slices)} images share a position with another one, as when "
            "phases or acquisitions are mixed in one series. Export the phase to be read alone."
        )
        raise InputError(msg)
    return ordered


def make_affine(ordered: Sequence[Slice]) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Make the grid of a series.

    Args:
        ordered: Slices from `sort_slices`, at least two.

    Returns:
        The affine of (column, row, slice) to RAS mm, and notes.

    Raises:
        InputError: If slices are missing, unevenly spaced, or the gantry was tilted.
    """
    _check_gaps(_heights(ordered))
    first = ordered[0]
    positions = np.array([one.position for one in ordered])
    step = (positions[-1] - positions[0]) / (len(ordered) - 1)
    _check_tilt(step, _normal(first))
    regular = positions[0] + np.arange(len(ordered))[:, None] * step
    off_mm = float(np.linalg.norm(positions - regular, axis=1).max())
    if off_mm > max(_REGULAR_MM, _REGULAR_FRACTION * float(np.linalg.norm(step))):
        msg = (
            f"The slices lie up to {off_mm:.1f} mm beside a regular grid. Resample the series to "
            "even spacing first."
        )
        raise InputError(msg)
    affine = np.eye(4)
    affine[:3, 0] = np.array(first.orientation[:3]) * first.spacing[1]
    affine[:3, 1] = np.array(first.orientation[3:]) * first.spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = positions[0]
    rounded = off_mm > _SAME_MM
    note = f"Slice positions are rounded: up to {off_mm:.2f} mm beside a regular grid."
    return _LPS_TO_RAS @ affine, ((note,) if rounded else ())


def _normal(one: Slice) -> npt.NDArray[np.float64]:
    """The unit normal of an image plane, LPS; its two directions must be orthogonal units."""
    row, column = np.array(one.orientation[:3]), np.array(one.orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if abs(np.dot(row, column)) > 1e-3 or not np.allclose(lengths, 1.0, atol=1e-3):
        msg = (
            f"{name_of(one.path)} has a damaged ImageOrientationPatient: its directions are not "
            "orthogonal unit vectors. Export the series again."
        )
        raise InputError(msg)
    return np.asarray(np.cross(row, column))


def _heights(ordered: Sequence[Slice]) -> npt.NDArray[np.float64]:
    """Positions along the first slice's normal, mm."""
    heights: npt.NDArray[np.float64] = np.array([s.position for s in ordered]) @ _normal(ordered[0])
    return heights


def _check_alike(first: Slice, other: Slice) -> None:
    """Refuse a slice that cannot lie in one grid with the first."""
    if other.size != first.size:
        what = f"size ({first.size[0]} x {first.size[1]} and {other.size[0]} x {other.size[1]})"
    elif not np.allclose(other.spacing, first.spacing, rtol=1e-4):
        what = f"pixel spacing ({first.spacing[0]:g} and {other.spacing[0]:g} mm)"
    elif not np.allclose(other.orientation, first.orientation, atol=1e-4):
        what = "orientation"
    elif other.frame_of_reference != first.frame_of_reference:
        what = "frame of reference"
    else:
        return
    msg = f"The series mixes images of different {what}. Export the scan to be read alone."
    raise InputError(msg)


def _check_gaps(heights: npt.NDArray[np.float64]) -> None:
    """Refuse missing slices and uneven spacing, naming where."""
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    tolerance = max(2 * _REGULAR_MM, 2 * _REGULAR_FRACTION * usual)
    bad = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if not len(bad):
        return
    ratios = gaps[bad] / usual
    if (np.abs(ratios - ratios.round()) * usual <= tolerance).all() and (ratios > 1.5).all():
        n_missing = int((ratios.round() - 1).sum())
        where = f"slices {bad[0] + 1} and {bad[0] + 2} of {len(heights)}"
        missing = "1 slice is" if n_missing == 1 else f"{n_missing} slices are"
        msg = (
            f"{missing} missing: between {where} lie {gaps[bad[0]]:g} mm instead of {usual:g} mm. "
            "Export the whole series again."
        )
    else:
        msg = (
            f"The slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm apart. "
            "Resample the series to even spacing first."
        )
    raise InputError(msg)


def _check_tilt(step: npt.NDArray[np.float64], normal: npt.NDArray[np.float64]) -> None:
    cosine = float(np.dot(step, normal) / np.linalg.norm(step))
    tilt = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    if tilt > _MAX_TILT_DEGREES:
        msg = (
            f"The gantry was tilted by {tilt:.1f} degrees, so the slices do not stack at right "
            "angles. Resample the series to a rectangular grid first."
        )
        raise InputError(msg)
