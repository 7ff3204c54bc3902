"""Curves for spreadsheets and programs: the `.csv` and `.json` files of a FROC run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..detection.false_sizes import RADIUS_EDGES_MM
from ..detection.froc import FROC_COLUMNS, Point, thin_rows
from ..detection.operating_point import OperatingPoint
from ..detection.summary import OrganSummary
from .staging import MANIFEST, SCHEMA
from .tables import NOTICE, SCHEMA_VERSION, identify

__all__ = [
    "FALSE_POSITIVE_COLUMNS",
    "make_operating_points",
    "write_curves",
    "write_false_sizes",
    "write_froc_manifest",
    "write_record",
]

FALSE_POSITIVE_COLUMNS = (
    "organ",
    "threshold",
    "radius_above_mm",
    "radius_up_to_mm",
    "fp",
    "fp_per_scan",
)

_MOST_ROWS = 10_000


def write_curves(path: Path, summaries: Iterable[OrganSummary]) -> None:
    """Write the curves, a row per threshold at which found lesions or false positives change.

    Thresholds are written with nine digits, which give a float32 back to the bit. Of a curve of
    more than ten thousand rows some are left out; its chosen points are always there. Without
    lesions the sensitivity is empty.

    Args:
        path: The .csv file, UTF-8.
        summaries: One per organ.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(FROC_COLUMNS)
        for summary in summaries:
            curve = summary.curve
            for row in _choose_rows(summary):
                point = curve.point(row)
                sensitivity = "" if math.isnan(point.sensitivity) else f"{point.sensitivity:.6f}"
                rates = f"{point.threshold:.9g}", sensitivity, f"{point.fp_per_scan:.6f}"
                counts = point.tp, point.fp, curve.n_lesions, curve.n_scans
                table.writerow([curve.organ, *rates, *counts])


def _choose_rows(summary: OrganSummary) -> list[int]:
    """Rows of a curve to list: those that differ from the one above, and the chosen ones."""
    curve, choices = summary.curve, (summary.choice, *summary.presets)
    points = [p for c in choices for p in (c.point, c.best, c.highest_feasible, c.conservative)]
    chosen = [curve.row_at(point.threshold) for point in points if point is not None]
    rows = thin_rows(curve, _MOST_ROWS, keep=chosen)
    counts = np.stack([curve.tp[rows], curve.fp[rows]])
    differ = np.diff(counts, axis=1, prepend=0).any(axis=0)
    listed: list[int] = rows[differ | np.isin(rows, chosen)].tolist()
    return listed


def write_false_sizes(path: Path, summaries: Iterable[OrganSummary]) -> None:
    """Write how large the false positives are, a row per size class, at the chosen threshold.

    Where no threshold reaches the target it is the best there is; an organ without either has no
    rows. The largest class has no upper end.

    Args:
        path: The .csv file, UTF-8.
        summaries: One per organ.
    """
    edges = ["0", *(f"{edge:g}" for edge in RADIUS_EDGES_MM), ""]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(FALSE_POSITIVE_COLUMNS)
        for summary in summaries:
            point = summary.choice.chosen_or_best
            if point is None:
                continue
            threshold = f"{point.threshold:.9g}"
            for bounds, fp in zip(pairwise(edges), summary.false_sizes, strict=True):
                rate = f"{fp / summary.curve.n_scans:.6f}"
                table.writerow([summary.curve.organ, threshold, *bounds, fp, rate])


def make_operating_points(
    summaries: Iterable[OrganSummary],
    *,
    model_id: str,
    weights_sha256: str,
    data_set: str,
    min_volume_mm3: float,
    floor: float,
) -> list[OperatingPoint]:
    """Turn the chosen points of a cohort into operating points.

    Args:
        summaries: One per organ; those without a chosen point, and those from label maps, which
            leave nothing to choose, are passed over.
        model_id: Whose predictions they are; empty if unknown.
        weights_sha256: Of its weights, hex; empty if unknown.
        data_set: Name of the cohort.
        min_volume_mm3: Smaller components did not count.
        floor: Lower thresholds were not looked at.

    Returns:
        One per organ that has one.
    """
    cohort: dict[str, Any] = {
        "model_id": model_id,
        "weights_sha256": weights_sha256,
        "data_set": data_set,
        "min_volume_mm3": min_volume_mm3,
        "floor": floor,
    }
    return [
        _make_point(summary, summary.choice.point, cohort)
        for summary in summaries
        if summary.choice.point is not None and not summary.curve.is_binary
    ]


def _make_point(summary: OrganSummary, point: Point, cohort: dict[str, Any]) -> OperatingPoint:
    """One organ's operating point; `cohort` is what all of them share."""
    curve = summary.curve
    return OperatingPoint(
        organ=curve.organ,
        threshold=point.threshold,
        hit_rule=curve.rule.name,
        hit_threshold=curve.rule.threshold,
        hit_guard=curve.rule.guard,
        hit_text=curve.rule.text,
        false_positives="strict" if curve.strict else "lenient",
        target=summary.choice.target,
        sensitivity=point.sensitivity,
        sensitivity_interval=summary.sensitivity_interval(point),
        fp_per_scan=point.fp_per_scan,
        fp_per_scan_interval=summary.fp_interval(point),
        n_lesions=curve.n_lesions,
        n_scans=curve.n_scans,
        **cohort,
    )


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON.

    Args:
        path: The .json file.
        record: What JSON can hold.
    """
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_froc_manifest(folder: Path, files: Sequence[Path]) -> None:
    """Write the list of files, with their hashes, that marks a complete result.

    Args:
        folder: Where everything was written.
        files: All of it, below the folder.
    """
    listed = {file.relative_to(folder).as_posix(): identify(file) for file in files}
    manifest = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "kind": "froc",
        "notice": NOTICE,
        "files": listed,
    }
    write_record(folder / MANIFEST, manifest)
