"""What the options keep, which files are refused, and the key."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from atlastumor.deidentify import DeidentifyOptions, deidentify_files, make_key
from atlastumor.deidentify.words import clean_text
from atlastumor.errors import InputError, OutputError
from atlastumor.scans import read_scan
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series

from .series import a_series, set_tags, tag_of


def test_shifted_dates_keep_their_distances(tmp_path, a_key):
    first = a_series(tmp_path / "1", set_tags(StudyDate="20200101", StudyTime="120000"))
    change = set_tags(StudyDate="20200131", AcquisitionDateTime="20200131101112.5")
    second = a_series(tmp_path / "2", change)
    options = DeidentifyOptions(a_key, retain_dates=True)

    days = []
    for folder in (first, second):
        file = deidentify_files([folder], tmp_path / f"{folder.name}-out", options).files[0]
        days.append(date.fromisoformat(str(tag_of(file, "StudyDate"))))

    assert days[1] - days[0] == timedelta(days=30)
    assert days[0] < date(2020, 1, 1)
    moment = str(tag_of(file, "AcquisitionDateTime"))
    assert moment == f"{days[1]:%Y%m%d}101112.5"
    assert not tag_of(file, "PatientBirthDate")


def test_descriptions_keep_words_for_scans_only(tmp_path, a_key):
    change = set_tags(
        SeriesDescription="Abdomen venous 5.0 Dr.Huber 20200101",
        StudyDescription="Huber",
        Manufacturer="Scanners Inc",
    )
    options = DeidentifyOptions(a_key, clean_descriptors=True)

    done = deidentify_files([a_series(tmp_path / "in", change)], tmp_path / "out", options)

    assert tag_of(done.files[0], "SeriesDescription") == "Abdomen venous 5.0"
    assert tag_of(done.files[0], "StudyDescription") is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("CT Abdomen/Pelvis w/o contrast 1.25mm B30f", "CT Abdomen/Pelvis w/o contrast 1.25mm"),
        ("Huber, Anna *5.12.1953 venous", "venous"),
        ("5/12/53 liver 120kV 70s", "liver 120kV 70s"),
        ("Abdomen 20200101 093817 4711", "Abdomen"),
        ("腹部 axial", "axial"),
    ],
)
def test_a_description_loses_all_that_could_be_a_person_or_a_date(text, left):
    assert clean_text(text) == left


def test_two_patients_of_one_number_stay_two_if_somebody_else_gave_it(tmp_path, a_key):
    names = []
    for issuer in ("North", "South"):
        change = set_tags(PatientID="1234", IssuerOfPatientID=issuer)
        folder = a_series(tmp_path / issuer, change, n_left_out=11)
        done = deidentify_files([folder], tmp_path / f"{issuer}-out", DeidentifyOptions(a_key))
        names.append(tag_of(done.files[0], "PatientID"))

    assert names[0] != names[1]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless])
def test_every_encoding_keeps_its_pixels(tmp_path, a_key, syntax):
    write_dicom_series(a_scan(), tmp_path / "series", transfer_syntax=syntax)

    done = deidentify_files([tmp_path / "series"], tmp_path / "out", DeidentifyOptions(a_key))

    assert pydicom.dcmread(done.files[0]).file_meta.TransferSyntaxUID == syntax
    assert (read_scan(tmp_path / "out").array == read_scan(tmp_path / "series").array).all()


CAPTURE, MR = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.4"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_tags(BurnedInAnnotation="YES"), "burned into its pixels"),
        (
            set_tags(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]),
            "picture of text or a screen",
        ),
        (set_tags(SeriesDescription="Patient Protocol"), "picture of text"),
        (set_tags(PhotometricInterpretation="RGB", SamplesPerPixel=3), "picture of text"),
        (lambda d, _k: delattr(d, "ImagePositionPatient"), "picture of text"),
        (set_tags(SOPClassUID=CAPTURE, Manufacturer="X"), "Secondary Capture Image Storage"),
        (set_tags(SOPClassUID=MR, Modality="MR"), "MR Image Storage"),
        (lambda d, _k: delattr(d, "StudyInstanceUID"), "lacks StudyInstanceUID"),
    ],
)
def test_what_may_show_a_name_is_refused_and_nothing_is_written(tmp_path, a_key, change, expected):
    folder = a_series(tmp_path / "series")
    a_series(tmp_path / "series" / "more", change)

    with pytest.raises(InputError, match=expected):
        deidentify_files([folder], tmp_path / "out", DeidentifyOptions(a_key))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "series"]


def test_a_damaged_file_is_refused_by_its_name(tmp_path, a_key):
    folder = a_series(tmp_path / "series")
    file = sorted(folder.iterdir())[3]
    file.write_bytes(file.read_bytes()[:200] + b"\xff\x13\x00\x37" * 50)

    with pytest.raises(InputError, match=file.name):
        deidentify_files([folder], tmp_path / "out", DeidentifyOptions(a_key))

    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_not_written_to(tmp_path, a_key):
    folder = a_series(tmp_path / "series")

    with pytest.raises(OutputError, match="not empty"):
        deidentify_files([folder], folder, DeidentifyOptions(a_key))


def test_a_key_that_is_missing_or_short_is_refused(tmp_path):
    folder = a_series(tmp_path / "series")
    (tmp_path / "short").write_text("secret")

    for name, expected in (("none", "cannot be read"), ("short", "holds 6 bytes")):
        with pytest.raises(InputError, match=expected):
            deidentify_files([folder], tmp_path / "out", DeidentifyOptions(tmp_path / name))


def test_a_new_key_is_its_owner_s_alone_and_never_replaces_another(a_key):
    assert a_key.stat().st_mode & 0o077 == 0
    assert len(a_key.read_text().strip()) == 64

    with pytest.raises(OutputError, match="No key can be written"):
        make_key(a_key)


def test_copies_become_one_file_and_conflicting_copies_are_refused(tmp_path, a_key):
    folder = a_series(tmp_path / "series")
    file = sorted(folder.iterdir())[0]
    shutil.copy(file, folder / "copy.dcm")

    done = deidentify_files([folder], tmp_path / "out", DeidentifyOptions(a_key))

    assert len(done.files) == 12
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    (folder / "copy.dcm").write_bytes(data)
    with pytest.raises(InputError, match="SOPInstanceUID of another file but differs"):
        deidentify_files([folder], tmp_path / "again", DeidentifyOptions(a_key))
