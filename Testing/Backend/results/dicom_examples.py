"""Scans read from DICOM and what an engine would say of them, for tests of what is written."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from atlastumor.organs import label_names
from atlastumor.results import write_results
from atlastumor.scans import read_scan
from atlastumor.volume import Grid, LabelMap, Scan
from Backend.results.examples import (
    FakeSegmentation,
    make_labels,
    make_segmentation,
    make_specks,
)
from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import Change, write_dicom_series, write_enhanced_ct

EVERYTHING = ("dicom-seg", "dicom-sr", "dicom-sc")
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_classic(folder: Path, change: Change | None = None) -> Scan:
    write_dicom_series(a_body_scan(oblique=True), folder, change=change)
    return read_scan(folder)


def read_enhanced(folder: Path) -> Scan:
    folder.mkdir(exist_ok=True)
    return read_scan(write_enhanced_ct(a_body_scan(oblique=True), folder / "enhanced.dcm"))


def read_coronal(folder: Path) -> Scan:
    write_dicom_series(a_body_scan("LIA"), folder)
    return read_scan(folder)


def segment(scan: Scan) -> FakeSegmentation:
    """The example's labels in a corner of the scan."""
    return _segment_as(make_labels, scan)


def segment_many(scan: Scan) -> FakeSegmentation:
    """The example's hundreds of tumors in that corner."""
    return _segment_as(make_specks, scan)


def _segment_as(make: Callable[[Grid], LabelMap], scan: Scan) -> FakeSegmentation:
    array = np.zeros(scan.grid.shape, np.uint8)
    array[8:32, 6:26, 1:11] = make(Grid((24, 20, 10), np.eye(4))).array
    return make_segmentation(scan, LabelMap(array, scan.grid, label_names()))


def write_all(
    scan: Scan, folder: Path, segmentation: FakeSegmentation | None = None, **options: object
) -> Path:
    """Write every DICOM format of a result; gives its folder."""
    options = {"formats": EVERYTHING, "report": False} | options
    write_results(segmentation or segment(scan), scan, folder, **options)
    return folder


def validate(path: Path) -> list[str]:
    """The errors that dicom3tools finds in a file."""
    return _ask("dciodvfy", path)


def compare(paths: Iterable[Path]) -> list[str]:
    """The errors that dicom3tools finds between files of one patient."""
    return _ask("dcentvfy", *paths)


def _ask(name: str, *paths: Path) -> list[str]:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed (package dicom3tools)")
    done = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith(("Error", "Abort"))]
