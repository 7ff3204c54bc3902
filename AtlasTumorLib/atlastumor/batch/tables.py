"""`metrics.csv`, `lesions.csv` and `metrics.json`: an evaluation for spreadsheets and programs."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import __version__
from ..detection.rates import Rate
from ..detection.size_bins import SIZE_BINS
from ..detection.summary import describe_rule
from ..provenance import creation_time, to_plain
from ..results.tables import NOTICE
from .definitions import METRICS, define
from .evaluate import Evaluation, OrganResult
from .scoring import OrganScore

__all__ = [
    "LESION_COLUMNS",
    "METRIC_COLUMNS",
    "describe",
    "list_metrics",
    "write_lesions",
    "write_metrics",
]

METRIC_COLUMNS = ("case", "organ", "metric", "value")
LESION_COLUMNS = (
    "case",
    "organ",
    "lesion",
    "volume_ml",
    "diameter_mm",
    "size",
    "found",
    "union_iou",
    "i",
    "j",
    "k",
)


def write_metrics(path: Path, evaluation: Evaluation) -> None:
    """Write every number of every case and organ, a row each.

    What there is no number for is left empty; a distance to nothing is "inf".

    Args:
        path: The .csv file, UTF-8.
        evaluation: What to write.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(METRIC_COLUMNS)
        for score in evaluation.scores:
            numbers = list_metrics(score, evaluation)
            for metric in METRICS:
                table.writerow([score.case, score.organ, metric, _to_text(numbers[metric])])


def list_metrics(score: OrganScore, evaluation: Evaluation) -> dict[str, float]:
    """Give the numbers of one case and organ by the names of `METRICS`."""
    counts = score.counts(evaluation.options.rule)
    return {name: counts[name] if name in counts else getattr(score, name) for name in METRICS}


def write_lesions(path: Path, evaluation: Evaluation) -> None:
    """Write a row per reference lesion: where it is, how large, and whether it was found.

    Args:
        path: The .csv file, UTF-8.
        evaluation: What to write.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(LESION_COLUMNS)
        for score in evaluation.scores:
            for row in _list_lesions(score, evaluation):
                table.writerow([score.case, score.organ, *row])


def _list_lesions(score: OrganScore, evaluation: Evaluation) -> Iterator[tuple[object, ...]]:
    found = score.is_found(evaluation.options.rule)
    for n, lesion in enumerate(score.sweep.lesions):
        iou = float(score.sweep.union_iou[score.row, n]) if score.row >= 0 else 0.0
        yield (
            lesion.index,
            f"{lesion.volume_ml:.4f}",
            f"{lesion.diameter_mm:.2f}",
            next(size.key for size in SIZE_BINS if size.holds(lesion)),
            int(found[n]),
            f"{iou:.4f}",
            *(f"{x:.1f}" for x in lesion.center_ijk),
        )


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Give the whole evaluation as what JSON can hold: definitions first, then numbers.

    Args:
        evaluation: What to describe.

    Returns:
        NaN and infinities are None in it.
    """
    options = evaluation.options
    record: dict[str, Any] = to_plain(
        {
            "schema": "atlastumor-evaluation/1",
            "notice": NOTICE,
            "created": creation_time(),
            "software": f"AtlasTumor {__version__}",
            "definitions": define(options),
            "options": {
                "hit_rule": describe_rule(options.rule),
                "tolerance_mm": options.tolerance_mm,
                "min_volume_mm3": options.min_volume_mm3,
                "thresholds": options.thresholds,
                "bootstrap": options.n_samples,
                "seed": options.seed,
            },
            "organs": {result.organ: _describe_organ(result) for result in evaluation.organs},
            "cases": [
                {"case": score.case, "organ": score.organ, **list_metrics(score, evaluation)}
                for score in evaluation.scores
            ],
            "problems": [asdict(problem) for problem in evaluation.problems],
        }
    )
    return record


def _describe_organ(result: OrganResult) -> dict[str, Any]:
    patients = result.patients
    return {
        "n_scans": result.n_scans,
        "n_tumor_scans": result.n_tumor_scans,
        "n_clear_scans": result.n_clear_scans,
        "tumor_sensitivity": _describe_rate(result.tumor),
        "patient_sensitivity": _describe_rate(patients.sensitivity),
        "patient_sensitivity_localized": _describe_rate(patients.localized),
        "specificity": _describe_rate(patients.specificity),
        "fp_per_scan": asdict(result.fp_per_scan),
        "strict_fp_per_scan": asdict(result.strict_fp_per_scan),
        "sizes": {key: _describe_rate(rate) for key, rate in result.sizes.items()},
        **{name: asdict(mean) for name, mean in result.means.items()},
    }


def _describe_rate(rate: Rate) -> dict[str, Any]:
    return asdict(rate) | {"value": rate.value}


def _to_text(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
