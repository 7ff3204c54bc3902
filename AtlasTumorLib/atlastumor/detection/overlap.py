"""Overlap and volume of two masks."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from ..errors import GridMismatchError
from ..volume import LabelMap

__all__ = ["check_grids", "dice", "mask_dice", "volume_error"]

Mask = npt.NDArray[np.bool_]


def check_grids(prediction: LabelMap, reference: LabelMap) -> None:
    """Make sure that two label maps can be compared voxel by voxel.

    Args:
        prediction: One of them.
        reference: The other.

    Raises:
        GridMismatchError: If their grids differ by more than a thousandth of a millimeter.
    """
    if not prediction.grid.matches(reference.grid):
        msg = (
            f"Prediction ({prediction.grid.shape}) and reference ({reference.grid.shape}) do not "
            "lie on one grid. Resample one of them first."
        )
        raise GridMismatchError(msg)


def dice(prediction: LabelMap, reference: LabelMap, labels: Collection[int]) -> float:
    """Measure the Dice similarity coefficient of a set of labels taken together.

    Args:
        prediction: (I, J, K).
        reference: On the same grid.
        labels: Values that count as foreground, such as an organ's and its tumors'.

    Returns:
        2 |A and B| / (|A| + |B|), in [0, 1]; NaN if the labels occur in neither.

    Raises:
        GridMismatchError: If the grids differ.
    """
    check_grids(prediction, reference)
    chosen = np.zeros(256, bool)
    chosen[list(labels)] = True
    a, b = chosen[prediction.array], chosen[reference.array]
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / total if total else float("nan")


def mask_dice(prediction: Mask, reference: Mask) -> float:
    """Measure the Dice similarity coefficient of two masks.

    Args:
        prediction: (I, J, K).
        reference: Of the same shape.

    Returns:
        In [0, 1]; NaN if both are empty, 0 if one is.

    Raises:
        GridMismatchError: If the shapes differ.
    """
    total = _count(prediction, reference)
    return 2 * int(np.count_nonzero(prediction & reference)) / total if total else float("nan")


def volume_error(prediction: Mask, reference: Mask) -> float:
    """Measure how much too large a prediction is.

    Args:
        prediction: (I, J, K).
        reference: Of the same shape.

    Returns:
        (predicted - reference) / reference: 0 for equal volumes, -1 for an empty prediction; NaN if
        the reference is empty.

    Raises:
        GridMismatchError: If the shapes differ.
    """
    total = _count(prediction, reference)
    wanted = int(np.count_nonzero(reference))
    return (total - 2 * wanted) / wanted if wanted else float("nan")


def _count(prediction: Mask, reference: Mask) -> int:
    """Voxels of one and of the other."""
    if prediction.shape != reference.shape:
        msg = f"The prediction has shape {prediction.shape}, the reference {reference.shape}."
        raise GridMismatchError(msg)
    return int(np.count_nonzero(prediction)) + int(np.count_nonzero(reference))
