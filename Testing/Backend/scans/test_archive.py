from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from atlastumor.scans import read_scan

from .bodies import SHAPE, a_scan
from .dicom_series import write_dicom_series


@pytest.mark.parametrize("name", ["exam.zip", "öäü 扫描.zip"])
def test_a_zip_gives_the_same_scan_as_its_folder(name: str, tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path / "study" / "series")
    (tmp_path / "study" / "README.txt").write_text("not DICOM")
    (tmp_path / "study" / "series" / "._IM00001.dcm").write_bytes(b"macOS")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "study")
    (tmp_path / "packed.zip").rename(tmp_path / name)

    zipped, folder = read_scan(tmp_path / name), read_scan(tmp_path / "study")

    assert np.array_equal(zipped.array, folder.array)
    assert zipped.grid.matches(folder.grid)
    assert zipped.source.sha256 == folder.source.sha256


def test_files_of_a_zip_live_as_long_as_the_source(tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path / "study")
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "study")

    source = read_scan(tmp_path / "study.zip").source  # the scan itself is gone

    files = source.dicom_files
    assert len(files) == SHAPE[2]
    assert all(pydicom.dcmread(path).Modality == "CT" for path in files)
    del source
    assert not files[0].parent.exists()
