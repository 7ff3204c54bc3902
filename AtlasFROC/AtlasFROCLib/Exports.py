"""Files that people take away: the operating point, the figure, the table."""

import csv
from pathlib import Path

from slicer.i18n import tr as _

from atlastumor.detection.froc import FROC_COLUMNS
from atlastumor.detection.operating_point import (
    OperatingPoint,
    load_operating_points,
    save_operating_points,
)
from atlastumor.errors import InputError, OutputError

from .Cohort import MeasuredCohort
from .Curves import OrganCurve

__all__ = ["makeOperatingPoint", "saveOperatingPoint", "writeTable"]


def makeOperatingPoint(cohort: MeasuredCohort, curve: OrganCurve, target: str) -> OperatingPoint:
    """Describe the current threshold of an organ, and what it is worth something for.

    Args:
        cohort: That it was chosen on.
        curve: With the threshold.
        target: Why this threshold, in words.

    Returns:
        The operating point.

    Raises:
        InputError: If no threshold is chosen, or nothing is found at it, or the cohort has no
            lesions.
    """
    if curve.row < 0 or not curve.curve.n_lesions:
        raise InputError(_("There is no operating point to save. Choose a threshold first."))
    point = curve.point
    sensitivity, fp = curve.intervals()
    return OperatingPoint(
        model_id=cohort.modelId,
        weights_sha256=cohort.weightsSha256,
        organ=curve.organ,
        threshold=point.threshold,
        data_set=cohort.dataSet,
        hit_rule=curve.rule.name,
        hit_threshold=curve.rule.threshold,
        hit_guard=curve.rule.guard,
        hit_text=curve.rule.text,
        false_positives="strict" if curve.curve.strict else "lenient",
        min_volume_mm3=cohort.options.min_volume_mm3,
        floor=cohort.options.floor,
        target=target,
        sensitivity=point.sensitivity,
        sensitivity_interval=sensitivity,
        fp_per_scan=point.fp_per_scan,
        fp_per_scan_interval=fp,
        n_lesions=curve.curve.n_lesions,
        n_scans=curve.curve.n_scans,
    )


def saveOperatingPoint(path: Path, point: OperatingPoint) -> None:
    """Put an operating point into a file; other organs of the same model in it stay.

    Args:
        path: The file to make or to add to.
        point: The operating point.

    Raises:
        InputError: If the file is there and is none of operating points, or of another model.
        OutputError: If it cannot be written.
    """
    others = load_operating_points(path) if path.exists() else ()
    for other in others:
        if (other.model_id, other.weights_sha256) != (point.model_id, point.weights_sha256):
            raise InputError(
                _(
                    "'{file}' holds operating points of another model ('{model}'). Choose "
                    "another file name."
                ).format(file=path.name, model=other.model_id)
            )
    save_operating_points(path, [*(one for one in others if one.organ != point.organ), point])


def writeTable(path: Path, curve: OrganCurve) -> None:
    """Write every threshold of a curve as CSV, with the columns of `atlastumor froc`.

    Args:
        path: The file to make.
        curve: Of an organ.

    Raises:
        OutputError: If it cannot be written.
    """
    table = curve.curve
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(FROC_COLUMNS)
            for row in range(table.thresholds.size):
                point = table.point(row)
                numbers = (point.threshold, point.sensitivity, point.fp_per_scan)
                counts = (point.tp, point.fp, table.n_lesions, table.n_scans)
                writer.writerow((curve.organ, *numbers, *counts))
    except OSError as error:
        raise OutputError(
            _("The table cannot be written to {file}: {reason}.").format(
                file=path.name, reason=error.strerror
            )
        ) from error
