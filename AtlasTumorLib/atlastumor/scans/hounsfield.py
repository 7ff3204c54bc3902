"""Whether values are Hounsfield units of a body, and how stored numbers become them.

HU are anchored by water (0) and air (-1000), so CT of a body is known by its values: organs and
muscle at 0 to 100, fat near -100, air far below. Stored values without their intercept, MR, PET,
pictures and label maps have no such pattern and are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["AIR_HU", "check_hounsfield", "scan_dtype", "store_hu"]

AIR_HU = -1024
_SAMPLES = 2_000_000
_ADVICE = "Export the CT in Hounsfield units."


def scan_dtype(dtype: npt.DTypeLike, slope: float, intercept: float) -> np.dtype[Any]:
    """Choose the type in which a scan is kept.

    Args:
        dtype: The stored type.
        slope: HU per stored unit.
        intercept: HU of the stored value 0.

    Returns:
        int16 if every HU is a whole number, else float32.
    """
    is_whole = np.dtype(dtype).kind in "iu" and slope == int(slope) and intercept == int(intercept)
    return np.dtype(np.int16 if is_whole else np.float32)


def store_hu(
    stored: npt.NDArray[Any], out: npt.NDArray[Any], *, slope: float = 1.0, intercept: float = 0.0
) -> None:
    """Write stored values into `out` as HU.

    Args:
        stored: Values as the file has them, any shape.
        out: The same shape, int16 or float32; written to.
        slope: HU per stored unit.
        intercept: HU of the stored value 0.

    Raises:
        InputError: If a value does not fit into int16, far beyond any metal.
    """
    if out.dtype == np.float32:
        # Double first, as nibabel and pydicom do, so that rounding happens once.
        with np.errstate(over="ignore", invalid="ignore"):
            out[...] = stored.astype(np.float64) * slope + intercept
        return
    ends = [int(n) * int(slope) + int(intercept) for n in (stored.min(), stored.max())]
    if min(ends) < -32768 or max(ends) > 32767:
        msg = f"Values run from {min(ends):g} to {max(ends):g}, which are no Hounsfield units. "
        raise InputError(msg + _ADVICE)
    if (slope, intercept) == (1, 0):
        out[...] = stored
    else:
        out[...] = stored.astype(np.int64) * int(slope) + int(intercept)


def check_hounsfield(array: npt.NDArray[Any]) -> None:
    """Refuse values that are no CT of a body.

    Args:
        array: (I, J, K), int16 or float32.

    Raises:
        InputError: If values are not finite, constant, or not distributed as HU are.
    """
    low, high = _range(array)
    span = f"from {low:g} to {high:g}"
    if low == high:
        msg = f"Every voxel has the value {low:g}; there is nothing to see in this scan."
        raise InputError(msg)
    if low >= 0:
        msg = (
            f"Values run {span} and none is negative: these are labels, a picture, MR or PET, or "
            f"stored values without the rescale intercept, and no Hounsfield units. {_ADVICE}"
        )
        raise InputError(msg)
    _check_tissue(_sample(array), span)


def _range(array: npt.NDArray[Any]) -> tuple[float, float]:
    """Smallest and largest value of (I, J, K), slice by slice to stay small; all must be finite."""
    if array.dtype.kind == "f":
        slices = [array[:, :, k] for k in range(array.shape[2])]
        n_nan = sum(int(np.isnan(plane).sum()) for plane in slices)
        n_inf = sum(int(np.isinf(plane).sum()) for plane in slices)
        if n_nan or n_inf:
            msg = (
                f"The scan has {n_nan} NaN and {n_inf} infinite values; every voxel needs a "
                "number. Export the scan again, with air (-1024) where nothing was measured."
            )
            raise InputError(msg)
    return float(array.min()), float(array.max())


def _sample(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every n-th voxel in memory order, at most about two million."""
    flat = array.ravel(order="K")
    step = max(1, flat.size // _SAMPLES) | 1  # odd, so as not to run down one column
    return flat[::step]


def _check_tissue(sample: npt.NDArray[Any], span: str) -> None:
    body = sample > -500
    n_body = max(int(body.sum()), 1)
    soft = float(((sample > -20) & (sample < 200)).mean())
    fat = float(((sample > -200) & (sample < -20)).mean())
    air = 1 - n_body / sample.size
    tissue = float(((sample > -200) & (sample < 300)).sum()) / n_body
    dense = float((sample > 700).sum()) / n_body
    if soft < 0.01 or tissue < 0.3:
        problem = "hardly any voxel has the density of soft tissue (-20 to 200)"
    elif air < 0.001 and fat < 0.02:
        problem = "there is neither air (below -500) nor fat (-200 to -20)"
    elif dense > 0.25:
        problem = f"{dense:.0%} of the body is as dense as bone (above 700)"
    else:
        return
    msg = f"Values run {span} but {problem}, so these are no Hounsfield units of a body. {_ADVICE}"
    raise InputError(msg)
