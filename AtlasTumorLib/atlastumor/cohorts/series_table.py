"""`series.csv`: which DICOM series were found, which are taken, and what decided it."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from math import isnan
from pathlib import Path

from ..errors import OutputError
from ..scans.input_files import name_of
from .series_choice import SeriesChoice

__all__ = ["SERIES_COLUMNS", "write_series"]

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


def write_series(path: Path, choices: Sequence[SeriesChoice]) -> None:
    """Write which series were found, which are taken, and what decided it, whole or not at all.

    Descriptions and UIDs are in it as they are in the files, so it stays where the scans are.

    Args:
        path: The .csv file, UTF-8; an earlier one is replaced.
        choices: Of every series.

    Raises:
        OutputError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(SERIES_COLUMNS)
            table.writerows(_list_cells(choice) for choice in choices)
        part.replace(path)
    except OSError as error:
        msg = f"{name_of(path)} cannot be written: {error.strerror}. Free some space, or look "
        msg += "after the permissions of its folder."
        raise OutputError(msg) from error
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
