"""CT series to take patients out of."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import Change, write_dicom_series


def a_series(folder: Path, change: Change | None = None, n_left_out: int = 0) -> Path:
    write_dicom_series(a_body_scan(), folder, change=change, skip=range(n_left_out))
    return folder


def tag_of(file: Path, keyword: str) -> object:
    return pydicom.dcmread(file).get(keyword)


def set_tags(**tags: object) -> Change:
    def change(dataset: Dataset, _k: int) -> None:
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)

    return change
