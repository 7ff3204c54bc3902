"""What the two sides of a case say of an organ's tumors.

Of a reference, masks count before a label map, as they tell an organ without tumors from one that
nobody looked at. Of a prediction, probability maps count first where thresholds are chosen
(`read_probability`), and last where a result is judged as it is (`read_prediction`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..components import has_label
from ..errors import InputError
from ..organs import KEYS, ORGANS, find_organ
from ..scans.input_files import name_of
from ..volume import Grid
from .cases import Case
from .laying import lay_on_grid
from .layouts import (
    find_labels,
    find_masks,
    find_probability,
    find_tumor_masks,
    predicted_organs,
)
from .volumes import list_labels, read_labels, read_map, read_mask

__all__ = [
    "Pair",
    "organs_of",
    "read_pair",
    "read_prediction",
    "read_probability",
    "read_reference",
]

Mask = npt.NDArray[np.bool_]
FloatMap = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Pair:
    """What both sides of a case say of one organ's tumors.

    Args:
        probability: Predicted, (I, J, K) in [0, 1]; 0 and 1 only where there is no map.
        reference: True in its tumors, (I, J, K).
        organ_mask: The reference's organ with its tumors, or None if it does not outline it.
        grid: Of all of them.
    """

    probability: FloatMap
    reference: Mask
    organ_mask: Mask | None
    grid: Grid


def organs_of(case: Case) -> tuple[str, ...]:
    """Tell which organs of a case can be measured.

    Args:
        case: One of a cohort.

    Returns:
        Keys of the organs that were asked for, that the reference speaks of and that were
        predicted, in table order.

    Raises:
        InputError: If there is none, or the reference cannot be read.
    """
    outlined, predicted = _outlined(case), predicted_organs(case.prediction)[1]
    both = tuple(key for key in case.organs or KEYS if key in outlined & predicted)
    if not both:
        asked = f" of the organs asked for ({', '.join(case.organs)})" if case.organs else ""
        msg = (
            f"No organ{asked} is both outlined and predicted: the reference has "
            f"{_join(outlined)}, the prediction {_join(predicted)}."
        )
        raise InputError(msg)
    return both


def read_reference(case: Case, organ: str) -> tuple[Mask, Mask | None, Grid]:
    """Read where the tumors of an organ are.

    Args:
        case: One of a cohort.
        organ: The organ's key.

    Returns:
        The tumors (I, J, K); the organ with its tumors, or None if it is not outlined; the grid.

    Raises:
        InputError: If the reference does not speak of the organ or cannot be read.
    """
    row = find_organ(organ)
    files = find_tumor_masks(case.reference, row)
    if files:
        tumor, grid = _unite(files)
        parts = find_masks(case.reference, row.organ_files)
        if not parts:
            return tumor, None, grid
        organ_mask, organ_grid = _unite(parts)
        names = ("The reference's organ mask", "its tumor mask")
        organ_mask = lay_on_grid(organ_mask, organ_grid, grid, names)
        return tumor, organ_mask | tumor, grid
    path = find_labels(case.reference)
    if path is None or organ not in _outlined(case):
        msg = f"The reference says nothing of {row.name.lower()} tumors; add their mask."
        raise InputError(msg)
    labels, grid = read_labels(path)
    tumor = labels == row.tumor_label
    organ_mask = has_label(labels, row.labels)
    return tumor, (organ_mask | tumor if organ_mask.any() else None), grid


def read_probability(case: Case, organ: str) -> tuple[FloatMap, Grid]:
    """Read how probable a tumor of an organ is.

    Args:
        case: One of a cohort.
        organ: The organ's key.

    Returns:
        Probabilities (I, J, K) in [0, 1], 0 and 1 only if the prediction is a mask; the grid.

    Raises:
        InputError: If there is no prediction of the organ or it cannot be read.
    """
    path = find_probability(case.prediction, organ)
    if path is not None:
        return read_map(path)
    mask, grid = read_prediction(case, organ)
    return mask.astype(np.float32), grid


def read_prediction(case: Case, organ: str, *, threshold: float | None = None) -> tuple[Mask, Grid]:
    """Read where tumors of an organ were predicted.

    Args:
        case: One of a cohort.
        organ: The organ's key.
        threshold: Call it tumor from this probability on. None takes the label map as it is, and
            0.5 if there is none.

    Returns:
        The tumors (I, J, K), and the grid.

    Raises:
        InputError: If there is no prediction of the organ, it cannot be read, or a threshold is
            asked of a mask.
    """
    row = find_organ(organ)
    path = find_probability(case.prediction, organ)
    labels = find_labels(case.prediction)
    if threshold is None and labels is not None and organ in predicted_organs(case.prediction)[0]:
        array, grid = read_labels(labels)
        return array == row.tumor_label, grid
    files = find_masks(case.prediction, row.tumor_files)
    if threshold is None and files:
        return _unite(files)
    if path is None:
        what = "" if threshold is None else " as a probability map, which a threshold needs"
        msg = f"There is no prediction of {row.name.lower()} tumors{what}; add one."
        raise InputError(msg)
    probability, grid = read_map(path)
    return probability >= np.float32(0.5 if threshold is None else threshold), grid


def read_pair(case: Case, organ: str) -> Pair:
    """Read both sides of a case for one organ.

    Args:
        case: One of a cohort.
        organ: The organ's key.

    Returns:
        Probability, reference and organ on one grid.

    Raises:
        InputError: As the two readers.
        GridMismatchError: If the two sides do not share one grid.
    """
    probability, predicted_grid = read_probability(case, organ)
    reference, organ_mask, grid = read_reference(case, organ)
    names = ("The prediction", "the reference")
    probability = lay_on_grid(probability, predicted_grid, grid, names)
    return Pair(probability, reference, organ_mask, grid)


def _outlined(case: Case) -> frozenset[str]:
    """Keys of the organs that a reference speaks of."""
    masks = {organ.key for organ in ORGANS if find_masks(case.reference, organ.tumor_files)}
    if masks:
        return frozenset(masks)
    path = find_labels(case.reference)
    if path is None:
        msg = f"{name_of(case.reference)} holds neither a label map nor tumor masks; add one."
        raise InputError(msg)
    if case.organs:
        return frozenset(case.organs)
    present = list_labels(path)
    return frozenset(o.key for o in ORGANS if present & {*o.labels, o.tumor_label})


def _unite(files: list[Path]) -> tuple[Mask, Grid]:
    """Read masks and take them together."""
    mask, grid = read_mask(files[0])
    for path in files[1:]:
        other, other_grid = read_mask(path)
        mask |= lay_on_grid(other, other_grid, grid, (name_of(path), name_of(files[0])))
    return mask, grid


def _join(keys: frozenset[str]) -> str:
    return ", ".join(key for key in KEYS if key in keys) or "none"
