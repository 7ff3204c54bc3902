"""Comparing a prediction with a reference: overlap of organs, hits and misses of lesions.

Needs numpy and scipy only.
"""

from __future__ import annotations

from .bootstrap import Bands, bootstrap
from .choice import Choice, choose_by_false_positives, choose_threshold
from .froc import FP_PER_SCAN, FrocCurve, Point, combine, sensitivity_at
from .matching import HIT_RULE, CaseMatch, LesionMatch, match_lesions
from .operating_point import (
    OperatingPoint,
    load_operating_points,
    save_operating_points,
    thresholds_for,
)
from .overlap import dice, mask_dice, volume_error
from .rates import PatientLevel, Rate, wilson
from .reference import ReferenceLesion, ReferenceLesions, find_reference_lesions
from .rules import HIT_RULES, HitRule, find_hit_rule
from .size_bins import SIZE_BINS, SizeBin
from .summary import OrganSummary, SummaryOptions, summarize
from .surface import SurfaceScores, hausdorff_95, measure_surfaces, surface_dice
from .sweep import CaseSweep, SweepOptions, sweep_case
from .tree import Candidate, Candidates, CandidateTree

__all__ = [
    "FP_PER_SCAN",
    "HIT_RULE",
    "HIT_RULES",
    "SIZE_BINS",
    "Bands",
    "Candidate",
    "CandidateTree",
    "Candidates",
    "CaseMatch",
    "CaseSweep",
    "Choice",
    "FrocCurve",
    "HitRule",
    "LesionMatch",
    "OperatingPoint",
    "OrganSummary",
    "PatientLevel",
    "Point",
    "Rate",
    "ReferenceLesion",
    "ReferenceLesions",
    "SizeBin",
    "SummaryOptions",
    "SurfaceScores",
    "SweepOptions",
    "bootstrap",
    "choose_by_false_positives",
    "choose_threshold",
    "combine",
    "dice",
    "find_hit_rule",
    "find_reference_lesions",
    "hausdorff_95",
    "load_operating_points",
    "mask_dice",
    "match_lesions",
    "measure_surfaces",
    "save_operating_points",
    "sensitivity_at",
    "summarize",
    "surface_dice",
    "sweep_case",
    "thresholds_for",
    "volume_error",
    "wilson",
]
