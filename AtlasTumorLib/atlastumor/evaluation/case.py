"""What is measured on one case, and how cases add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..detection import CaseMatch, dice, match_lesions
from ..organs import ORGANS, Organ
from ..volume import LabelMap

__all__ = ["EARLY_MM", "CaseScore", "OrganSummary", "score_case", "summarize"]

EARLY_MM = 20.0
"""Tumors of a smaller equivalent diameter count as early, as TextoMorph reports them."""


@dataclass(frozen=True)
class CaseScore:
    """One case, measured.

    Args:
        case: Its name.
        dice: Dice of each organ with its tumors, by organ key; organs in neither map are left out.
        match: Lesions found, missed and false.
        seconds: Wall-clock time of the segmentation.
    """

    case: str
    dice: dict[str, float]
    match: CaseMatch
    seconds: float


@dataclass(frozen=True)
class OrganSummary:
    """One organ over all cases.

    Args:
        organ: Its key, or "all".
        n_cases: Cases with the organ in the reference.
        mean_dice: Mean Dice over them; NaN if there are none.
        worst_dice: The lowest.
        n_lesions: Reference lesions.
        n_found: Those found.
        n_early: Reference lesions smaller than `EARLY_MM`.
        n_early_found: Those found.
        n_false: False positives.
        false_per_scan: Over all cases, with or without lesions.
    """

    organ: str
    n_cases: int
    mean_dice: float
    worst_dice: float
    n_lesions: int
    n_found: int
    n_early: int
    n_early_found: int
    n_false: int
    false_per_scan: float

    @property
    def sensitivity(self) -> float:
        """Found lesions over reference lesions; NaN without any."""
        return self.n_found / self.n_lesions if self.n_lesions else float("nan")


def score_case(
    case: str,
    prediction: LabelMap,
    reference: LabelMap,
    *,
    organs: Iterable[Organ] = ORGANS,
    tumors: Iterable[Organ] = ORGANS,
    seconds: float = float("nan"),
) -> CaseScore:
    """Measure one case.

    Args:
        case: Its name.
        prediction: AbdomenAtlas 2.0 numbers, (I, J, K).
        reference: The same, on the same grid.
        organs: Organs that the reference outlines.
        tumors: Organs whose tumors the reference outlines.
        seconds: How long the segmentation took.

    Returns:
        Dice by organ and the match of lesions.

    Raises:
        GridMismatchError: If the grids differ.
    """
    by_organ = {
        organ.key: dice(prediction, reference, (*organ.labels, organ.tumor_label))
        for organ in organs
    }
    known = {key: value for key, value in by_organ.items() if np.isfinite(value)}
    return CaseScore(case, known, match_lesions(prediction, reference, organs=tumors), seconds)


def summarize(scores: Sequence[CaseScore]) -> list[OrganSummary]:
    """Add cases up, organ by organ, and over all organs in a last row.

    Args:
        scores: One per case.

    Returns:
        One row per organ of the table, then "all".
    """
    return [_summarize(scores, [organ.key], organ.key) for organ in ORGANS] + [
        _summarize(scores, [organ.key for organ in ORGANS], "all")
    ]


def _summarize(scores: Sequence[CaseScore], keys: Sequence[str], name: str) -> OrganSummary:
    dices = [score.dice[key] for score in scores for key in keys if key in score.dice]
    lesions = [m for score in scores for m in score.match.lesions if m.organ in keys]
    early = [m for m in lesions if m.diameter_mm < EARLY_MM]
    n_false = sum(key in keys for score in scores for key in score.match.false_positives)
    return OrganSummary(
        organ=name,
        n_cases=len(dices),
        mean_dice=float(np.mean(dices)) if dices else float("nan"),
        worst_dice=min(dices, default=float("nan")),
        n_lesions=len(lesions),
        n_found=sum(lesion.is_found for lesion in lesions),
        n_early=len(early),
        n_early_found=sum(lesion.is_found for lesion in early),
        n_false=n_false,
        false_per_scan=n_false / len(scores) if scores else float("nan"),
    )
