"""What was found, as rows: for `--list` on a screen, and for `series.csv`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

from .finding_roster import Found
from .series_choice import SeriesChoice

__all__ = ["SERIES_COLUMNS", "list_rows", "write_series"]

SERIES_COLUMNS = (
    "case",
    "study",
    "series",
    "description",
    "modality",
    "slices",
    "spacing_mm",
    "thickness_mm",
    "coverage_mm",
    "kernel",
    "taken",
    "rule",
    "uid",
)


def list_rows(found: Found) -> list[dict[str, Any]]:
    """List cases, series that were not taken, problems, and what was left out.

    Args:
        found: A cohort.

    Returns:
        Rows with the same keys: case, study, series, modality, slices, spacing_mm, kernel, taken,
        why and input; what does not apply is empty. Cases first, by id.
    """
    chosen = {choice.case: choice for choice in found.choices if choice.is_taken}
    rows = [_row(chosen.get(case.id), case.id, str(case.path)) for case in found.cases]
    rows += [_row(choice) for choice in found.choices if not choice.is_taken]
    rows += [_row(None, why=f"{one.case}: {one.message}") for one in found.problems]
    labels = "labels or a result of this software"
    rows += [_row(None, path=str(path), why=labels) for path in found.left_out]
    return rows


def _row(
    choice: SeriesChoice | None, case: str = "", path: str = "", why: str = ""
) -> dict[str, Any]:
    series = choice.series if choice else None
    return {
        "case": case,
        "taken": "yes" if case else "no",
        "study": series.study if series else "",
        "series": series.number if series else "",
        "modality": series.modality if series else "",
        "slices": series.n_slices or series.n_files if series else "",
        "spacing_mm": _round(series.spacing_mm) if series else "",
        "kernel": series.kernel if series else "",
        "why": choice.rule if choice else why or "a scan in one file",
        "input": path,
    }


def write_series(path: Path, choices: Sequence[SeriesChoice]) -> None:
    """Write which series were found, which are taken, and what decided it, whole or not at all.

    Descriptions and UIDs are in it as they are in the files, so it stays where the scans are.

    Args:
        path: The .csv file, UTF-8; an earlier one is replaced.
        choices: Of every series.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(SERIES_COLUMNS)
            table.writerows(_list_cells(choice) for choice in choices)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _list_cells(choice: SeriesChoice) -> list[object]:
    one = choice.series
    sizes = (_round(x) for x in (one.spacing_mm, one.thickness_mm, one.coverage_mm))
    slices = one.n_slices or one.n_files
    return [
        choice.case,
        one.study,
        one.number,
        " ".join(one.description.split()),
        one.modality,
        slices,
        *sizes,
        one.kernel,
        int(choice.is_taken),
        choice.rule,
        one.uid,
    ]


def _round(value: float) -> str:
    return "" if isnan(value) else f"{value:.2f}"
