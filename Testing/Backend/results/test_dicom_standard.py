"""What is written, against the standard's own checker, and what is carried over from the source."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless

from atlastumor.errors import InputError
from atlastumor.organs import find_organ
from atlastumor.scans import read_scan
from atlastumor.volume import Scan
from Backend.results.dicom_examples import (
    RAS_TO_LPS,
    read_classic,
    read_coronal,
    read_enhanced,
    segment,
    segment_many,
    validate,
    write_all,
)
from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import write_dicom_series


def written(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def an_item(**tags: object) -> Dataset:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def as_hospitals_do(dataset: Dataset, _k: int) -> None:
    """Patient, study, equipment and request, in Japanese, as PS3.5 H.3.1 writes a name."""
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "患者1", "19500102", "M"
    dataset.PatientAge, dataset.PatientWeight = "070Y", "61.5"
    dataset.StudyID, dataset.AccessionNumber = "S1", "A-77"
    dataset.StudyDescription, dataset.InstitutionName = "腹部", "東京病院"
    dataset.ReferringPhysicianName = "Suzuki^Jirou=鈴木^次郎"
    dataset.OtherPatientIDsSequence = Sequence([an_item(PatientID="旧1", TypeOfPatientID="TEXT")])


@pytest.mark.parametrize("read", [read_classic, read_enhanced, read_coronal])
def test_dicom3tools_finds_no_error_in_what_is_written(tmp_path, read: Callable[[Path], Scan]):
    folder = write_all(read(tmp_path / "series"), tmp_path / "result")

    assert {path.name: validate(path) for path in written(folder)} == {
        path.name: [] for path in written(folder)
    }
    assert len(written(folder)) == 5


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, JPEG2000Lossless])
def test_nor_in_that_of_series_in_other_encodings(tmp_path, syntax):
    scan = a_body_scan()
    write_dicom_series(scan, tmp_path / "series", transfer_syntax=syntax, change=as_hospitals_do)

    folder = write_all(read_scan(tmp_path / "series"), tmp_path / "result")

    assert [validate(path) for path in written(folder)] == [[]] * 5
    assert str(pydicom.dcmread(folder / "report.dcm").PatientName.ideographic) == "山田^太郎"


def test_nor_in_that_of_a_series_as_hospitals_have_them(tmp_path):
    scan = read_classic(tmp_path / "series", as_hospitals_do)

    folder = write_all(scan, tmp_path / "result")

    assert [validate(path) for path in written(folder)] == [[]] * 5


def test_nor_in_that_of_hundreds_of_tumors(tmp_path):
    scan = read_classic(tmp_path / "series")
    formats = ("dicom-seg", "dicom-sr")

    folder = write_all(scan, tmp_path / "result", segment_many(scan), formats=formats)

    assert [validate(path) for path in written(folder)] == [[]] * 2


def test_patient_and_study_are_carried_over_unchanged(tmp_path):
    scan = read_classic(tmp_path / "series", as_hospitals_do)

    folder = write_all(scan, tmp_path / "result")

    source = pydicom.dcmread(scan.source.dicom_files[0])
    for path in written(folder):
        dataset = pydicom.dcmread(path)
        for keyword in (
            "SpecificCharacterSet",
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "PatientSex",
            "PatientAge",
            "PatientWeight",
            "StudyInstanceUID",
            "StudyID",
            "StudyDate",
            "StudyTime",
            "AccessionNumber",
            "StudyDescription",
            "ReferringPhysicianName",
        ):
            assert dataset.get_item(keyword).value == source.get_item(keyword).value, keyword
        assert str(dataset.PatientName.ideographic) == "山田^太郎"
        assert dataset.OtherPatientIDsSequence[0].PatientID == "旧1"
        assert dataset.ContributingEquipmentSequence[0].InstitutionName == "東京病院"
        assert dataset.SeriesNumber in (9700, 9701, 9702)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen".encode("latin-1")),
        ("ISO_IR 192", "Łukasz^Ø".encode()),
        ("ISO_IR 6", "Müller^Jürgen".encode("latin-1")),  # not what was declared
        ("ISO_IR 192", "Müller^Jürgen".encode("latin-1")),
        ("ISO_IR 999", b"Nobody^Knows"),
        (None, "Ünal^Ayşe".encode()),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_name_keeps_its_bytes_even_where_its_character_set_is_wrong(tmp_path, charset, name):
    stand_in = "x" * (len(name) + len(name) % 2)

    def change(dataset: Dataset, _k: int) -> None:
        dataset.PatientName = stand_in
        if charset:
            dataset.add_new("SpecificCharacterSet", "CS", charset)

    read_classic(tmp_path / "series", change)
    for file in (tmp_path / "series").iterdir():
        file.write_bytes(file.read_bytes().replace(stand_in.encode(), name.ljust(len(stand_in))))

    folder = write_all(read_scan(tmp_path / "series"), tmp_path / "result")

    for path in written(folder):
        dataset = pydicom.dcmread(path)
        assert dataset.get_item("PatientName").value.strip() == name
        assert dataset.get("SpecificCharacterSet") == charset


def test_values_that_break_the_rules_are_carried_over_too(tmp_path):
    def change(dataset: Dataset, _k: int) -> None:
        del dataset["PatientSex"], dataset["StudyDate"], dataset["PatientBirthDate"]
        dataset.add_new("PatientSex", "CS", "female")
        dataset.add_new("StudyDate", "DA", "2020-01-01")
        dataset.add_new("PatientBirthDate", "DA", "unknown")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scan = read_classic(tmp_path / "series", change)

    folder = write_all(scan, tmp_path / "result")

    for path in written(folder):
        dataset = pydicom.dcmread(path)
        assert dataset.get_item("PatientSex").value == b"female"
        assert dataset.get_item("StudyDate").value == b"2020-01-01"


def test_tags_that_may_be_missing_may_be_missing(tmp_path):
    def change(dataset: Dataset, _k: int) -> None:
        for keyword in (
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "PatientSex",
            "StudyID",
            "StudyDate",
            "StudyTime",
            "AccessionNumber",
            "ReferringPhysicianName",
            "Manufacturer",
            "KVP",
            "SliceThickness",
            "SeriesNumber",
            "AcquisitionNumber",
            "PatientPosition",
            "PositionReferenceIndicator",
        ):
            delattr(dataset, keyword)

    scan = read_classic(tmp_path / "series", change)

    folder = write_all(scan, tmp_path / "result")

    assert [validate(path) for path in written(folder)] == [[]] * 5
    assert pydicom.dcmread(folder / "report.dcm").PatientID == ""


def test_the_seg_holds_the_label_map_voxel_for_voxel(tmp_path):
    scan = read_classic(tmp_path / "series")
    folder = write_all(scan, tmp_path / "result")

    image = nib.load(folder / "labels.nii.gz")
    seg = highdicom.seg.segread(folder / "segmentation.dcm")

    values = {}
    for number in seg.segment_numbers:
        item = seg.get_segment_description(number)
        organ = find_organ(item.segment_label.split()[-1 if "kidney" in item.segment_label else 0])
        sides = {f"{side.key.capitalize()} kidney": side.label for side in organ.sides}
        is_tumor = "tumor" in item.segment_label
        values[number] = (
            organ.tumor_label if is_tumor else sides.get(item.segment_label, organ.labels[0])
        )
    volume = seg.get_volume(combine_segments=True)
    to_ijk = np.linalg.inv(image.affine) @ RAS_TO_LPS @ volume.affine
    back = np.zeros(image.shape, np.uint8)
    kji = np.argwhere(volume.array)
    ijk = np.rint(np.c_[kji, np.ones(len(kji))] @ to_ijk.T[:, :3]).astype(int)
    back[tuple(ijk.T)] = [values[int(volume.array[tuple(one)])] for one in kji]
    assert (back == np.asarray(image.dataobj)).all()


def test_equal_results_are_equal_files_and_other_settings_give_other_uids(tmp_path):
    scan = read_classic(tmp_path / "series")
    first = segment(scan)
    other = replace(first, provenance=replace(first.provenance, precision="bf16"))

    folders = [
        write_all(scan, tmp_path / name, one)
        for name, one in zip("abc", (first, first, other), strict=True)
    ]

    contents = [[path.read_bytes() for path in written(folder)] for folder in folders]
    assert contents[0] == contents[1]
    uids = [
        {pydicom.dcmread(path).SOPInstanceUID for path in written(folder)} for folder in folders
    ]
    assert len(uids[0] | uids[2]) == 10


def test_the_time_of_the_scan_is_not_that_of_the_result(tmp_path):
    def change(dataset: Dataset, _k: int) -> None:
        dataset.AcquisitionDateTime = "20200101121500"

    folder = write_all(read_classic(tmp_path / "series", change), tmp_path / "result")

    scanner, software = pydicom.dcmread(folder / "segmentation.dcm").ContributingEquipmentSequence
    assert scanner.ContributionDateTime == "20200101121500"
    assert software.ContributionDateTime == "20260102030405"


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID", "SOPInstanceUID"])
def test_a_series_that_cannot_be_referred_to_is_refused_by_the_tag_it_lacks(tmp_path, keyword):
    scan = read_classic(tmp_path / "series", lambda dataset, _k: delattr(dataset, keyword))

    with pytest.raises(InputError, match=f"its images lack {keyword}"):
        write_all(scan, tmp_path / "result")

    assert not (tmp_path / "result").exists()
