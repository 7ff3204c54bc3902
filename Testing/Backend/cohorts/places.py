"""Folders as hospitals, data sets and colleagues leave them, of the smallest files that will do."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset

from atlastumor.cohorts.finding import find_cohort
from atlastumor.cohorts.finding.roster import Found
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series

STUDY = "1.2.826.0.1.1"


def touch(path: Path, text: str = "x") -> Path:
    """A file with a name; finding does not open scans."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_series(
    folder: Path,
    number: int,
    change: Callable[[Dataset], None] = lambda _: None,
    *,
    study: str = STUDY,
    description: str = "Abdomen",
) -> str:
    """Write a CT series; returns its UID."""
    uid = f"{study}.{number}"

    def change_all(dataset: Dataset, _k: int) -> None:
        dataset.SeriesNumber = number
        change(dataset)

    write_dicom_series(
        a_scan(),
        folder,
        series_uid=uid,
        study_uid=study,
        description=description,
        change=change_all,
    )
    return uid


def pack(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def ids(*inputs: Path | str, **options: object) -> list[str]:
    return [case.id for case in find_cohort(inputs, **options).cases]


def rules(found: Found) -> dict[int, tuple[bool, str]]:
    """What was decided of each series, by its number."""
    return {one.series.number: (one.is_taken, one.rule) for one in found.choices}
