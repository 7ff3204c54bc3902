"""What every number of an evaluation means, in sentences that are printed beside it."""

from __future__ import annotations

from ..detection.bootstrap import LEVEL
from .scoring import EvaluationOptions

__all__ = ["METRICS", "define"]

METRICS = (
    "dsc",
    "nsd",
    "hd95_mm",
    "volume_error",
    "predicted_ml",
    "reference_ml",
    "n_lesions",
    "n_found",
    "n_candidates",
    "n_false",
    "n_false_strict",
)
"""Names of the numbers of a case and organ, in the order of `metrics.csv`."""


def define(options: EvaluationOptions) -> dict[str, str]:
    """Say what the numbers mean.

    Args:
        options: With which they were made.

    Returns:
        A sentence or two by subject: those of `METRICS`, and those of the tables.
    """
    least = f"{options.min_volume_mm3:g} mm3"
    return {
        "prediction": _say_thresholds(options),
        "hit": options.rule.text,
        "components": f"Lesions and candidates are 26-connected and of {least} or more; smaller "
        "parts of a reference are ignored regions, in which nothing counts.",
        "n_false": "A false positive is a candidate that touches no tumor of the reference. One "
        "that touches a lesion without hitting it is neither hit nor false.",
        "n_false_strict": "Strictly, every candidate without part in a hit is a false positive.",
        "tumor_sensitivity": "Found lesions over all lesions of all scans. " + options.rule.text,
        "patient_sensitivity": "Scans with a lesion in which there is any candidate, wherever "
        "(as AbdomenAtlas 2.0 counts).",
        "patient_sensitivity_localized": "Scans with a lesion in which at least one was found. "
        + options.rule.text,
        "specificity": "Scans without any tumor of the organ in which there is no candidate.",
        "dsc": "Dice coefficient of all tumor voxels of the organ, over scans whose reference has "
        "a tumor; 0 where nothing was predicted.",
        "nsd": f"Normalized surface Dice at {options.tolerance_mm:g} mm (DeepMind's definition: "
        "by surface elements and their areas), over scans whose reference has a tumor; 0 where "
        "nothing was predicted.",
        "hd95_mm": "95th percentile of surface distances by area, the larger of both directions, "
        "mm; over scans where both sides have a tumor.",
        "volume_error": "(predicted - reference) / reference volume of the organ's tumors, over "
        "scans whose reference has a tumor.",
        "size": "Size is that of the ball of a lesion's volume.",
        "interval": _say_interval(options),
    }


def _say_thresholds(options: EvaluationOptions) -> str:
    text = "The label map or mask of a prediction is taken as it is; a probability map alone from "
    text += "0.5 on."
    if not options.thresholds:
        return text
    chosen = ", ".join(f"{organ} from {value:g} on" for organ, value in options.thresholds.items())
    return f"{text} By request, probability maps: {chosen}."


def _say_interval(options: EvaluationOptions) -> str:
    text = (
        "After ± stands the standard deviation of the cases, below it the interval of the mean at "
        f"{100 * LEVEL:.0f} % confidence. Intervals of patients, of fewer than ten lesions and of "
        "shares that every case has alike are Wilson's"
    )
    if not options.n_samples:
        return f"{text}; there are no others."
    return (
        f"{text}; others come from {options.n_samples} samples of the cases, drawn with "
        f"replacement (seed {options.seed})."
    )
