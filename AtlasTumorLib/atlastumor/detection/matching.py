"""Which lesions were found: predicted against reference components, organ by organ.

Tumor level, localized: a lesion is hit when the union of the predicted components that touch it
reaches an IoU of 0.10 with it. A predicted component that touches no reference lesion is a false
positive; one that touches without reaching the hit is neither. Components below 30 mm3 count on
neither side. The public evaluators differ in all of these, so every number names its rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..organs import ORGANS, Organ
from ..volume import LabelMap
from .overlap import check_grids

__all__ = ["HIT_RULE", "CaseMatch", "LesionMatch", "match_lesions"]

HIT_RULE = "union IoU >= 0.10; 26-connected; components of 30 mm3 and more"

_MIN_IOU = 0.10
_MIN_ML = 0.030
_TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class LesionMatch:
    """One reference lesion and whether it was found.

    Args:
        organ: Its organ's key.
        volume_ml: Its volume.
        iou: With the union of the predicted components that touch it; 0 if none does.
    """

    organ: str
    volume_ml: float
    iou: float

    @property
    def is_found(self) -> bool:
        """Whether the hit rule holds."""
        return self.iou >= _MIN_IOU

    @property
    def equivalent_diameter_mm(self) -> float:
        """Diameter of the ball of its volume, mm."""
        return float(2 * (3000 * self.volume_ml / (4 * np.pi)) ** (1 / 3))


@dataclass(frozen=True)
class CaseMatch:
    """All reference lesions of a case, and its false positives.

    Args:
        lesions: By organ in table order.
        false_positives: Organ key of each false positive.
    """

    lesions: tuple[LesionMatch, ...]
    false_positives: tuple[str, ...]

    @property
    def n_reference(self) -> int:
        """Number of reference lesions."""
        return len(self.lesions)

    @property
    def n_found(self) -> int:
        """Number of reference lesions that were found."""
        return sum(lesion.is_found for lesion in self.lesions)

    @property
    def n_false(self) -> int:
        """Number of false positives."""
        return len(self.false_positives)


def match_lesions(
    prediction: LabelMap, reference: LabelMap, *, organs: Iterable[Organ] = ORGANS
) -> CaseMatch:
    """Match the tumors of two label maps, organ by organ.

    Args:
        prediction: AbdomenAtlas 2.0 numbers, (I, J, K).
        reference: The same, on the same grid.
        organs: Rows whose tumors count.

    Returns:
        Reference lesions with their IoU, and the false positives.

    Raises:
        GridMismatchError: If the grids differ.
    """
    check_grids(prediction, reference)
    lesions: list[LesionMatch] = []
    false_positives: list[str] = []
    for organ in organs:
        found, false = _match_organ(prediction, reference, organ)
        lesions += found
        false_positives += [organ.key] * false
    return CaseMatch(tuple(lesions), tuple(false_positives))


def _match_organ(
    prediction: LabelMap, reference: LabelMap, organ: Organ
) -> tuple[list[LesionMatch], int]:
    """Match one organ's tumors; returns its reference lesions and its number of false positives."""
    voxel_ml = reference.grid.voxel_ml
    predicted, predicted_ml = _components(prediction.array == organ.tumor_label, voxel_ml)
    wanted, wanted_ml = _components(reference.array == organ.tumor_label, voxel_ml)
    both = (predicted > 0) & (wanted > 0)
    pairs, counts = np.unique(np.stack([wanted[both], predicted[both]]), axis=1, return_counts=True)
    matches: list[LesionMatch] = []
    for index in np.flatnonzero(wanted_ml >= _MIN_ML):
        rows = np.flatnonzero(pairs[0] == index)
        rows = rows[predicted_ml[pairs[1, rows]] >= _MIN_ML]
        shared = float(counts[rows].sum()) * voxel_ml
        union = float(wanted_ml[index] + predicted_ml[pairs[1, rows]].sum()) - shared
        matches.append(LesionMatch(organ.key, float(wanted_ml[index]), shared / union))
    touching = np.unique(pairs[1])
    counted = np.flatnonzero(predicted_ml >= _MIN_ML)
    return matches, int(np.setdiff1d(counted, touching).size)


def _components(
    mask: npt.NDArray[np.bool_], voxel_ml: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Label a mask; volume of each component in mL, with 0 mL for the background at index 0."""
    labels, n = ndimage.label(mask, _TOUCHING)
    ml = np.bincount(labels.ravel(), minlength=n + 1).astype(np.float64) * voxel_ml
    ml[0] = 0.0
    return labels, ml
