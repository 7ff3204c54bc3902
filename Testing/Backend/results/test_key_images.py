"""Key images: what they show, what they refer to, and how they are marked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from atlastumor.results.dicom_plan import plan_dicom
from atlastumor.results.key_images import MAX_KEY_IMAGES
from atlastumor.results.segments import number_segments
from atlastumor.volume import Scan
from Backend.results.dicom_examples import (
    read_classic,
    read_coronal,
    read_enhanced,
    segment,
    write_all,
)


@pytest.fixture
def a_dicom_scan(tmp_path: Path) -> Scan:
    return read_classic(tmp_path / "series")


def read_images(folder: Path) -> dict[str, pydicom.Dataset]:
    return {p.stem: pydicom.dcmread(p) for p in sorted((folder / "key_images").glob("*.dcm"))}


def lies_in(point_ras: tuple[float, ...], position: object, directions: object) -> bool:
    """Whether a point lies in an image plane, mm."""
    row, column = np.array(directions, float).reshape(2, 3)
    away = np.array(point_ras) * (-1, -1, 1) - np.array(position, float)
    return abs(float(np.dot(np.cross(row, column), away))) < 1e-3


def test_there_is_one_image_for_each_lesion_in_a_series_of_their_own(tmp_path, a_dicom_scan):
    folder = write_all(a_dicom_scan, tmp_path / "result")

    images = read_images(folder)

    assert list(images) == ["kidney_1", "liver_1", "liver_2"]
    others = [*a_dicom_scan.source.dicom_files, folder / "segmentation.dcm", folder / "report.dcm"]
    series = {pydicom.dcmread(path).SeriesInstanceUID for path in others}
    own = {image.SeriesInstanceUID for image in images.values()}
    assert len(own) == 1
    assert not own & series
    assert sorted(image.InstanceNumber for image in images.values()) == [1, 2, 3]
    assert images["liver_1"].InstanceNumber == 1


def test_they_are_marked_as_derived_and_not_for_clinical_use(tmp_path, a_dicom_scan):
    image = read_images(write_all(a_dicom_scan, tmp_path / "result"))["liver_1"]

    assert list(image.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert image.BurnedInAnnotation == "NO"
    assert "not for clinical use" in image.SeriesDescription
    assert image.ImageComments == "Liver tumor 1: 12 mm, 0.7 mL, score 0.91. Not for clinical use."
    assert (image.ContentDate, image.DateOfSecondaryCapture) == ("20260102", "20260102")


def test_the_lesion_s_color_is_in_the_picture(tmp_path, a_dicom_scan):
    image = read_images(write_all(a_dicom_scan, tmp_path / "result"))["liver_1"]

    pixels = image.pixel_array.astype(int)

    assert image.PhotometricInterpretation == "RGB"
    assert (np.abs(pixels - (255, 215, 0)).sum(axis=2) < 30).sum() > 50


@pytest.mark.parametrize("read", [read_classic, read_coronal])
def test_each_names_the_image_that_it_was_drawn_from(tmp_path, read):
    scan = read(tmp_path / "series")
    segmentation = segment(scan)

    images = read_images(write_all(scan, tmp_path / "result", segmentation))

    sources = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, scan.source.dicom_files)}
    for lesion in segmentation.lesions:
        image = images[f"{lesion.organ}_{lesion.index}"]
        source = sources[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
        place = source.ImagePositionPatient
        assert lies_in(lesion.point_ras, place, source.ImageOrientationPatient)
        assert len(image.PatientOrientation) == 2


def test_of_an_enhanced_ct_the_frame_is_named(tmp_path):
    scan = read_enhanced(tmp_path / "series")
    segmentation = segment(scan)

    images = read_images(write_all(scan, tmp_path / "result", segmentation))

    source = pydicom.dcmread(scan.source.dicom_files[0])
    shared = source.SharedFunctionalGroupsSequence[0]
    directions = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    for lesion in segmentation.lesions:
        item = images[f"{lesion.organ}_{lesion.index}"].SourceImageSequence[0]
        frame = source.PerFrameFunctionalGroupsSequence[item.ReferencedFrameNumber - 1]
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        assert lies_in(lesion.point_ras, place, directions)


def test_only_the_largest_of_very_many_lesions_are_shown_and_that_is_said(a_dicom_scan):
    segmentation = segment(a_dicom_scan)
    lesions = tuple(
        replace(segmentation.lesions[0], index=n + 1, volume_ml=100.0 - n)
        for n in range(MAX_KEY_IMAGES + 5)
    )
    numbered = number_segments(segmentation.labels, ())

    writers, notes = plan_dicom(
        replace(segmentation, lesions=lesions),
        numbered,
        a_dicom_scan.source,
        ("dicom-sc",),
        scan=a_dicom_scan,
    )

    assert len(writers) == MAX_KEY_IMAGES
    assert "key_images/liver_1.dcm" in writers
    assert f"key_images/liver_{MAX_KEY_IMAGES + 1}.dcm" not in writers
    assert notes == [f"Key images show the {MAX_KEY_IMAGES} largest of 55 tumors."]


def test_no_tumor_means_no_image_and_a_sentence_that_says_so(tmp_path, a_dicom_scan):
    segmentation = replace(segment(a_dicom_scan), lesions=())

    folder = write_all(a_dicom_scan, tmp_path / "result", segmentation, formats=("dicom-sc",))

    assert not (folder / "key_images").exists()
    assert "No key images" in (folder / "result.json").read_text()


def test_what_was_ever_compressed_with_loss_says_so(tmp_path):
    def change(dataset: pydicom.Dataset, _k: int) -> None:
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 10.0
        dataset.LossyImageCompressionMethod = "ISO_15444_1"

    folder = write_all(read_classic(tmp_path / "series", change), tmp_path / "result")

    files = [folder / "segmentation.dcm", *(folder / "key_images").iterdir()]
    for image in map(pydicom.dcmread, files):
        assert (image.LossyImageCompression, image.LossyImageCompressionRatio) == ("01", 10.0)
