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

from ..organs import ORGANS, Organ
from ..volume import LabelMap
from .overlap import check_grids
from .reference import ball_radius_mm, find_reference_lesions
from .rules import HIT_RULES
from .sweep import sweep_case

__all__ = ["HIT_RULE", "CaseMatch", "LesionMatch", "match_lesions"]

HIT_RULE = "union IoU >= 0.10; 26-connected; components of 30 mm3 and more"


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
        return self.iou >= HIT_RULES["union-iou"].threshold

    @property
    def diameter_mm(self) -> float:
        """Diameter of the ball of its volume, mm."""
        return 2.0 * ball_radius_mm(self.volume_ml)


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
    lesions = find_reference_lesions(
        reference.array == organ.tumor_label, spacing_mm=reference.grid.spacing_mm
    )
    mask = (prediction.array == organ.tumor_label).view(np.uint8)
    sweep = sweep_case("", organ.key, mask, lesions)
    row = sweep.at(1.0)
    ious = sweep.union_iou[row] if row >= 0 else np.zeros(len(sweep.lesions))
    matches = [
        LesionMatch(organ.key, lesion.volume_ml, float(iou))
        for lesion, iou in zip(sweep.lesions, ious, strict=True)
    ]
    return matches, int(sweep.n_false[row]) if row >= 0 else 0
