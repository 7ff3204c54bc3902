"""One case against its reference: overlap, surfaces, volumes, and which lesions were found."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ..detection.case_sweep import CaseSweep, SweepOptions
from ..detection.overlap import mask_dice, volume_error
from ..detection.reference import find_reference_lesions
from ..detection.rules import HIT_RULES, HitRule
from ..detection.surface import measure_surfaces
from ..detection.sweep import sweep_case
from ..errors import InputError
from ..volume import Grid
from .cases import Case, Problem, merge_problems
from .laying import lay_on_grid
from .reading import organs_of, read_prediction, read_reference

__all__ = [
    "ANY",
    "CaseScores",
    "EvaluationOptions",
    "OrganScore",
    "measure_masks",
    "score_case",
    "score_organ",
]

ANY = 0.5
"""A threshold between the two values of a mask, at which its sweep is asked."""

Mask = npt.NDArray[np.bool_]

_BUGS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationOptions:
    """What the numbers mean.

    Args:
        tolerance_mm: Up to this distance surfaces agree, mm.
        rule: When a lesion counts as found; not by its peak, as what is measured are masks.
        min_volume_mm3: Smaller components are neither lesions nor candidates, mm3.
        thresholds: Probability from which on it is tumor, by organ key; the label map counts where
            there is none.
        n_samples: Bootstrap samples; 0 leaves intervals by bootstrap out.
        seed: Of the random numbers.

    Raises:
        InputError: If the tolerance or the least volume is negative or not finite, or the rule
            needs probabilities.
    """

    tolerance_mm: float = 2.0
    rule: HitRule = HIT_RULES["union-iou"]
    min_volume_mm3: float = 30.0
    thresholds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    n_samples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        numbers = {"tolerance": self.tolerance_mm, "least volume": self.min_volume_mm3}
        for what, value in numbers.items():
            if not (math.isfinite(value) and value >= 0):
                msg = f"The {what} is {value}; give 0 or more."
                raise InputError(msg)
        if self.rule.name == "peak":
            msg = (
                "The hit rule 'peak' asks for the highest probability of a candidate, and masks "
                "have none. Choose another, or measure probability maps with `atlastumor froc`."
            )
            raise InputError(msg)
        # A read-only view cannot travel to another process; a copy of its own can.
        object.__setattr__(self, "thresholds", dict(self.thresholds))


@dataclass(frozen=True, eq=False)
class OrganScore:
    """One organ of one case.

    Args:
        case: Its name.
        organ: The organ's key.
        dsc: Dice of all tumor voxels; NaN if neither side has any, 0 if one has.
        nsd: Normalized surface Dice; likewise.
        hd95_mm: 95th percentile of surface distances, mm; NaN likewise, infinite if one has.
        volume_error: (predicted - reference) / reference; NaN without a reference tumor.
        predicted_ml: Volume of the predicted tumors, mL.
        reference_ml: Volume of the reference's, mL.
        sweep: Lesions and candidates; a mask's sweep has one row or, without candidates, none.
    """

    case: str
    organ: str
    dsc: float
    nsd: float
    hd95_mm: float
    volume_error: float
    predicted_ml: float
    reference_ml: float
    sweep: CaseSweep

    @property
    def row(self) -> int:
        """The row of the sweep that counts; -1 if there is no candidate."""
        return self.sweep.at(ANY)

    def is_found(self, rule: HitRule) -> list[bool]:
        """Tell which lesions were found, by a rule."""
        return [bool(hit) for hit in self.sweep.hits_at(ANY, rule)]

    def counts(self, rule: HitRule) -> dict[str, int]:
        """Count lesions, found lesions, candidates, and false positives in both ways.

        Args:
            rule: When a lesion counts as found.

        Returns:
            By the metric's name.
        """
        sweep, row = self.sweep, self.row
        return {
            "n_lesions": len(sweep.lesions),
            "n_found": sum(self.is_found(rule)),
            "n_candidates": int(sweep.n_components[row]) if row >= 0 else 0,
            "n_false": int(sweep.n_false[row]) if row >= 0 else 0,
            "n_false_strict": int(sweep.n_strict(rule)[row]) if row >= 0 else 0,
        }


@dataclass(frozen=True, eq=False)
class CaseScores:
    """What became of a case.

    Args:
        scores: One per organ that could be measured.
        problems: Of the others, or of the case as a whole.
    """

    scores: tuple[OrganScore, ...]
    problems: tuple[Problem, ...]


def score_case(case: Case, options: EvaluationOptions) -> CaseScores:
    """Measure every organ of a case.

    Args:
        case: One of a cohort.
        options: What the numbers mean.

    Returns:
        Scores and problems; nothing that is wrong with the case is raised.
    """
    try:
        organs = organs_of(case)
    except InputError as error:
        return CaseScores((), (Problem(case.name, str(error)),))
    scores: list[OrganScore] = []
    messages: list[tuple[str, str]] = []
    for organ in organs:
        try:
            scores.append(score_organ(case, organ, options))
        except InputError as error:
            messages.append((organ, str(error)))
        except MemoryError:
            text = "There is not enough memory for it. Close other programs or use fewer --workers."
            messages.append((organ, text))
        except _BUGS as error:  # over one case they must not cost the hours that the others took
            _LOG.exception("measuring failed")
            text = f"This is a bug in AtlasTumor ({type(error).__name__}); please report it."
            messages.append((organ, text))
    return CaseScores(tuple(scores), merge_problems(case, messages))


def score_organ(case: Case, organ: str, options: EvaluationOptions) -> OrganScore:
    """Measure one organ of a case.

    Args:
        case: One of a cohort.
        organ: The organ's key.
        options: What the numbers mean.

    Returns:
        Its numbers.

    Raises:
        InputError: If a side cannot be read.
        GridMismatchError: If the two sides do not share one grid.
    """
    predicted, predicted_grid = read_prediction(
        case, organ, threshold=options.thresholds.get(organ)
    )
    reference, organ_mask, grid = read_reference(case, organ)
    names = ("The prediction", "the reference")
    predicted = lay_on_grid(predicted, predicted_grid, grid, names)
    return measure_masks((case.name, organ), predicted, reference, grid, options, organ_mask)


def measure_masks(
    names: tuple[str, str],
    predicted: Mask,
    reference: Mask,
    grid: Grid,
    options: EvaluationOptions,
    organ_mask: Mask | None = None,
) -> OrganScore:
    """Measure one organ's tumors, predicted against reference.

    Args:
        names: Of the case, and the organ's key.
        predicted: Its predicted tumors, (I, J, K).
        reference: Its tumors, likewise.
        grid: Of both.
        options: What the numbers mean.
        organ_mask: The organ with its tumors, likewise; None if it is not outlined.

    Returns:
        Its numbers.
    """
    spacing_mm, least = grid.spacing_mm, options.min_volume_mm3
    lesions = find_reference_lesions(reference, spacing_mm=spacing_mm, min_volume_mm3=least)
    sweep = sweep_case(
        *names,
        predicted.astype(np.float32),
        lesions,
        options=SweepOptions(min_volume_mm3=least),
        organ_mask=organ_mask,
    )
    surfaces = measure_surfaces(
        predicted, reference, spacing_mm=spacing_mm, tolerance_mm=options.tolerance_mm
    )
    return OrganScore(
        *names,
        dsc=mask_dice(predicted, reference),
        nsd=surfaces.nsd,
        hd95_mm=surfaces.hd95_mm,
        volume_error=volume_error(predicted, reference),
        predicted_ml=int(np.count_nonzero(predicted)) * grid.voxel_ml,
        reference_ml=int(np.count_nonzero(reference)) * grid.voxel_ml,
        sweep=sweep,
    )
