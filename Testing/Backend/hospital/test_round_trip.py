"""A scan into a real server, out, segmented, its results in and out again, by the command."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    CTImageStorage,
    SegmentationStorage,
)

from atlastumor.cli import main
from Backend.hospital.orthanc import Orthanc
from Backend.inference.kitchen import BORDERS, BOTH, Kitchen, a_scan_of_two_organs
from Backend.scans.dicom_series import write_dicom_series


def run(*words: object) -> int:
    return main([str(word) for word in words])


def read_all(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


def referenced_uids(dataset: pydicom.Dataset) -> set[str]:
    """Every instance that a dataset points at, at any depth."""
    found: set[str] = set()
    for element in dataset.iterall():
        if element.keyword == "ReferencedSOPInstanceUID":
            found.add(str(element.value))
    return found


@pytest.fixture
def a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """UID of a series of two organs with a tumor each, and a model that finds all of them."""
    (tmp_path / "models").mkdir()
    Kitchen(tmp_path / "models", monkeypatch).add_model("both", BOTH, BORDERS)
    files = write_dicom_series(a_scan_of_two_organs(), tmp_path / "ct")
    return str(pydicom.dcmread(files[0]).StudyInstanceUID)


@pytest.mark.parametrize("way", ["peer", "web"])
def test_seg_and_report_come_back_whole_and_point_at_what_is_there(
    way: str,
    a_study: str,
    an_empty_orthanc: Orthanc,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = an_empty_orthanc.url if way == "web" else an_empty_orthanc.address
    options = ("--model", "both", "--organs", "liver,kidney", "--backend", "torch", "--no-report")
    formats = ("--format", "nifti,dicom-seg,dicom-sr")

    assert run("dicom", "send", server, tmp_path / "ct") == 0
    words = ("--study", a_study, "--modality", "CT")
    assert run("dicom", "fetch", server, *words, "-o", tmp_path / "in") == 0
    assert run("segment", tmp_path / "in", "-o", tmp_path / "out", *options, *formats) == 0
    assert run("dicom", "send", server, tmp_path / "out") == 0
    assert run("dicom", "fetch", server, "--study", a_study, "-o", tmp_path / "back") == 0
    capsys.readouterr()

    datasets = read_all(tmp_path / "back")
    images = {str(one.SOPInstanceUID) for one in datasets if one.SOPClassUID == CTImageStorage}
    [seg_file] = [one for one in datasets if one.SOPClassUID == SegmentationStorage]
    [report_file] = [one for one in datasets if one.SOPClassUID == Comprehensive3DSRStorage]
    seg = highdicom.seg.segread(_find(tmp_path / "back", seg_file))
    report = highdicom.sr.srread(_find(tmp_path / "back", report_file))

    assert len(images) == 40
    assert {one.StudyInstanceUID for one in datasets} == {a_study}
    assert {str(one.PatientID) for one in datasets} == {"T-1"}
    assert referenced_uids(seg) <= images
    assert {str(seg.SOPInstanceUID)} < referenced_uids(report)
    assert referenced_uids(report) <= images | {str(seg.SOPInstanceUID)}
    lesions = report.content.get_volumetric_roi_measurement_groups()
    assert len(lesions) == 2
    numbers = {one.referenced_segment.referenced_segment_numbers[0] for one in lesions}
    labels = {seg.get_segment_description(n).segment_label for n in numbers}
    assert labels == {"Liver tumor 1", "Kidney tumor 1"}
    sent = highdicom.seg.segread(tmp_path / "out" / "segmentation.dcm")
    np.testing.assert_array_equal(seg.pixel_array, sent.pixel_array)
    assert seg.number_of_segments == 4  # a liver, a kidney, a lesion in each


def _find(folder: Path, dataset: pydicom.Dataset) -> Path:
    [path] = [
        path
        for path in folder.rglob("*.dcm")
        if pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID == dataset.SOPInstanceUID
    ]
    return path
