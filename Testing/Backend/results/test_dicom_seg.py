"""DICOM SEG, read back by highdicom and by pydicom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from atlastumor.errors import InputError
from atlastumor.organs import label_names
from atlastumor.results import write_results
from atlastumor.results.dicom_seg import write_dicom_seg
from atlastumor.results.dicom_study import DicomStudy
from atlastumor.results.segments import number_segments
from atlastumor.volume import LabelMap, Scan, Source
from Backend.results.dicom_examples import (
    RAS_TO_LPS,
    read_classic,
    read_coronal,
    read_enhanced,
    segment,
)
from Backend.results.examples import FakeSegmentation, make_segmentation
from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import write_dicom_series


def write(scan: Scan, path: Path, segmentation: FakeSegmentation | None = None) -> Path:
    segmentation = segmentation or segment(scan)
    numbered = number_segments(segmentation.labels, segmentation.lesions)
    write_dicom_seg(path, DicomStudy(scan.source, numbered, segmentation.provenance))
    return path


@pytest.fixture
def a_dicom_scan(tmp_path: Path) -> Scan:
    return read_classic(tmp_path / "series")


@pytest.mark.parametrize("read", [read_classic, read_enhanced, read_coronal])
def test_voxels_and_geometry_read_back(tmp_path: Path, read: Callable[[Path], Scan]):
    scan = read(tmp_path / "series")
    segmentation = segment(scan)

    path = write(scan, tmp_path / "segmentation.dcm", segmentation)

    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    to_ras = RAS_TO_LPS @ volume.affine
    numbered = number_segments(segmentation.labels, segmentation.lesions)
    expected = numbered.paint(0, scan.grid.shape[2])
    back = np.zeros_like(expected)
    # Frames without any segment are left out, so positions are compared voxel by voxel.
    for kji in np.argwhere(volume.array):
        ras = (to_ras @ [*kji, 1.0])[:3]
        ijk = scan.grid.to_ijk(ras)
        assert ijk == pytest.approx(np.rint(ijk), abs=1e-4)
        back[tuple(np.rint(ijk).astype(int))] = volume.array[tuple(kji)]
    assert (back == expected).all()


def test_segments_say_what_they_are(tmp_path, a_dicom_scan):
    dataset = pydicom.dcmread(write(a_dicom_scan, tmp_path / "segmentation.dcm"))

    items = {item.SegmentLabel: item for item in dataset.SegmentSequence}
    assert list(items) == [
        "Liver",
        "Left kidney",
        "Right kidney",
        "Liver tumor 1",
        "Liver tumor 2",
        "Kidney tumor 1",
    ]
    liver, kidney, tumor = items["Liver"], items["Left kidney"], items["Kidney tumor 1"]
    assert liver.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert liver.SegmentAlgorithmType == "AUTOMATIC"
    assert liver.SegmentAlgorithmName == "AtlasTumor some-model"
    kind = kidney.SegmentedPropertyTypeCodeSequence[0]
    assert kind.CodeValue == "64033007"
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"
    assert tumor.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert tumor.SegmentedPropertyTypeCodeSequence[0].CodeValue == "4147007"
    region = tumor.AnatomicRegionSequence[0]
    assert region.CodeValue == "64033007"
    assert region.AnatomicRegionModifierSequence[0].CodeValue == "7771000"
    assert tumor.TrackingID == "AtlasTumor_kidney_tumor_1"
    algorithm = tumor.SegmentationAlgorithmIdentificationSequence[0]
    assert "cd" * 32 in str(algorithm.AlgorithmParameters)


def test_it_belongs_to_the_patient_and_the_images_of_its_source(tmp_path, a_dicom_scan):
    dataset = pydicom.dcmread(write(a_dicom_scan, tmp_path / "segmentation.dcm"))

    images = [pydicom.dcmread(file) for file in a_dicom_scan.source.dicom_files]
    assert dataset.PatientID == images[0].PatientID
    assert dataset.StudyInstanceUID == images[0].StudyInstanceUID
    assert dataset.FrameOfReferenceUID == images[0].FrameOfReferenceUID
    assert dataset.SeriesInstanceUID != images[0].SeriesInstanceUID
    series = dataset.ReferencedSeriesSequence[0]
    referenced = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
    assert referenced == {image.SOPInstanceUID for image in images}
    places = {image.SOPInstanceUID: image.ImagePositionPatient for image in images}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        derivation = frame.DerivationImageSequence[0].SourceImageSequence[0]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert places[derivation.ReferencedSOPInstanceUID] == pytest.approx(position, abs=1e-3)


def test_equal_results_are_equal_files_and_others_have_other_uids(tmp_path, a_dicom_scan):
    first = segment(a_dicom_scan)
    other = replace(first, provenance=replace(first.provenance, weights_sha256="ef" * 32))

    paths = [tmp_path / name for name in "abc"]
    for path, segmentation in zip(paths, (first, first, other), strict=True):
        write(a_dicom_scan, path, segmentation)

    assert paths[0].read_bytes() == paths[1].read_bytes()
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in paths]
    assert uids[0] != uids[2]


def test_it_is_dated_by_the_record(tmp_path, a_dicom_scan):
    dataset = pydicom.dcmread(write(a_dicom_scan, tmp_path / "segmentation.dcm"))

    assert (dataset.ContentDate, dataset.ContentTime) == ("20260102", "030405")
    assert (dataset.InstanceCreationDate, dataset.SeriesDate) == ("20260102", "20260102")


def test_a_thickness_that_the_source_leaves_out_is_that_of_the_grid(tmp_path):
    def drop(dataset: pydicom.Dataset, _k: int) -> None:
        del dataset.SliceThickness

    scan = a_body_scan()
    files = write_dicom_series(scan, tmp_path / "series", change=drop)
    thin = Scan(scan.array, scan.grid, Source("dicom", "ab" * 32, tuple(files)))

    dataset = pydicom.dcmread(write(thin, tmp_path / "segmentation.dcm"))

    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SliceThickness == pytest.approx(4.0)
    assert list(measures.PixelSpacing) == pytest.approx([2.5, 2.0])


def test_it_is_part_of_a_whole_result(tmp_path, a_dicom_scan):
    write_results(
        segment(a_dicom_scan),
        a_dicom_scan,
        tmp_path / "result",
        formats=("dicom-seg",),
        report=False,
    )

    assert (tmp_path / "result" / "segmentation.dcm").is_file()


def test_a_result_without_segments_says_why_there_is_no_file(tmp_path, a_dicom_scan):
    nothing = LabelMap(
        np.zeros(a_dicom_scan.grid.shape, np.uint8), a_dicom_scan.grid, label_names()
    )

    write_results(
        make_segmentation(a_dicom_scan, nothing),
        a_dicom_scan,
        tmp_path / "result",
        formats=("dicom-seg",),
        report=False,
    )

    assert not (tmp_path / "result" / "segmentation.dcm").exists()
    assert "No DICOM SEG" in (tmp_path / "result" / "result.json").read_text()


def test_a_series_that_is_gone_is_an_error_of_the_input(tmp_path, a_dicom_scan):
    for file in a_dicom_scan.source.dicom_files:
        file.unlink()

    with pytest.raises(InputError, match="No DICOM result can be made"):
        write(a_dicom_scan, tmp_path / "segmentation.dcm")


def test_a_series_without_frame_of_reference_is_refused(tmp_path):
    def drop(dataset: pydicom.Dataset, _k: int) -> None:
        del dataset.FrameOfReferenceUID

    scan = a_body_scan()
    files = write_dicom_series(scan, tmp_path / "series", change=drop)
    lost = Scan(scan.array, scan.grid, Source("dicom", "ab" * 32, tuple(files)))

    with pytest.raises(InputError, match="No DICOM result can be made"):
        write(lost, tmp_path / "segmentation.dcm")
