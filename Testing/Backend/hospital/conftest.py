"""Fixtures of the DICOM network."""

from __future__ import annotations

from pathlib import Path

import pytest

from Backend.hospital.orthanc import Orthanc, an_orthanc
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series

__all__ = ["a_series", "an_empty_orthanc", "an_orthanc"]


@pytest.fixture
def a_series(tmp_path: Path) -> list[Path]:
    """A CT series of 12 slices."""
    return write_dicom_series(a_scan(), tmp_path / "ct")


@pytest.fixture
def an_empty_orthanc(an_orthanc: Orthanc) -> Orthanc:
    """The server, holding nothing."""
    an_orthanc.forget()
    return an_orthanc
