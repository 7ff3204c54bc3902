"""Files without their patient: nothing is left, and everything still fits together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import highdicom
import pydicom
import pytest

from atlastumor.deidentify import DeidentifyOptions, deidentify_files, make_key
from atlastumor.deidentify.pseudonyms import Pseudonyms
from atlastumor.scans import read_scan
from Backend.results.dicom_examples import compare, validate, write_all
from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import write_enhanced_ct

from .patients import SECRETS, SURNAME, a_patient, name_before_the_header
from .series import a_series, set_tags, tag_of


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", [{}, {"clean_descriptors": True, "retain_device": True}])
def test_nothing_of_the_patient_is_left_in_any_byte(tmp_path, a_key, options):
    folder = a_series(tmp_path / "series", a_patient, n_left_out=10)
    for file in folder.iterdir():
        name_before_the_header(file)
    before = b"".join(file.read_bytes() for file in folder.iterdir())
    assert all(secret.encode() in before for secret in SECRETS)

    done = deidentify_files([folder], tmp_path / "out", DeidentifyOptions(a_key, **options))

    after = b"".join(file.read_bytes() for file in done.files).lower()
    names = "".join(str(file.relative_to(tmp_path)) for file in done.files)
    assert len(done.files) == 2
    for secret in (*SECRETS, "elmsfeuer" if not options else SURNAME):
        assert secret.lower().encode() not in after, secret
        assert secret.lower() not in names.lower()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nothing_of_the_patient_is_left_in_results_either(tmp_path, a_key):
    folder = a_series(tmp_path / "series", a_patient)
    results = write_all(read_scan(folder), tmp_path / "result")

    done = deidentify_files(results.rglob("*.dcm"), tmp_path / "out", DeidentifyOptions(a_key))

    assert len(done.files) == 5
    for file in done.files:
        data = file.read_bytes().lower()
        assert not [secret for secret in SECRETS if secret.lower().encode() in data]


def test_results_stay_valid(tmp_path, a_key):
    results = write_all(read_scan(a_series(tmp_path / "series")), tmp_path / "result")

    for name in ("plain", "dated"):
        options = DeidentifyOptions(a_key, retain_dates=name == "dated")
        done = deidentify_files([results], tmp_path / name, options)

        assert [validate(file) for file in done.files] == [[]] * 5


def test_series_and_results_agree_about_patient_and_study(tmp_path, a_key):
    folder = a_series(tmp_path / "series")
    results = write_all(read_scan(folder), tmp_path / "result")
    options = DeidentifyOptions(a_key, retain_dates=True)

    done = deidentify_files([folder, results], tmp_path / "out", options)

    assert compare([*folder.iterdir(), *results.rglob("*.dcm")]) == []
    assert compare(done.files) == []


def test_voxels_and_geometry_stay_as_they_are(tmp_path, a_key):
    folder = a_series(tmp_path / "series")

    deidentify_files([folder], tmp_path / "out", DeidentifyOptions(a_key))

    before, after = read_scan(folder), read_scan(tmp_path / "out")
    assert (before.array == after.array).all()
    assert before.grid.matches(after.grid)


@pytest.mark.parametrize("enhanced", [False, True])
def test_results_still_refer_to_the_series_though_de_identified_apart(tmp_path, a_key, enhanced):
    if enhanced:
        (tmp_path / "series").mkdir()
        write_enhanced_ct(a_body_scan(), tmp_path / "series" / "one.dcm")
    else:
        a_series(tmp_path / "series")
    results = write_all(read_scan(tmp_path / "series"), tmp_path / "result")
    options = DeidentifyOptions(a_key)

    ct = deidentify_files([tmp_path / "series"], tmp_path / "ct", options).files
    done = deidentify_files([results / "report.dcm"], tmp_path / "sr", options).files
    seg_file = deidentify_files([results / "segmentation.dcm"], tmp_path / "seg", options).files[0]

    images = {tag_of(file, "SOPInstanceUID") for file in ct}
    seg = highdicom.seg.segread(seg_file)
    report = highdicom.sr.srread(done[0])
    referenced = seg.ReferencedSeriesSequence[0]
    assert {i.ReferencedSOPInstanceUID for i in referenced.ReferencedInstanceSequence} == images
    assert referenced.SeriesInstanceUID == tag_of(ct[0], "SeriesInstanceUID")
    assert seg.FrameOfReferenceUID == tag_of(ct[0], "FrameOfReferenceUID")
    assert seg.PatientID == report.PatientID == tag_of(ct[0], "PatientID")
    assert {uids[2] for uids in report.get_evidence()} == {*images, seg.SOPInstanceUID}
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 3
    for group in groups:
        reference = group.referenced_segment
        assert reference.referenced_sop_instance_uid == seg.SOPInstanceUID
        number = reference.referenced_segment_numbers[0]
        assert seg.get_segment_description(number).tracking_uid == group.tracking_uid


def test_another_key_gives_other_replacements_and_the_same_key_the_same_bytes(tmp_path, a_key):
    folder = a_series(tmp_path / "series")
    other = make_key(tmp_path / "other")

    runs = [
        deidentify_files([folder], tmp_path / name, DeidentifyOptions(key)).files
        for name, key in (("a", a_key), ("b", a_key), ("c", other))
    ]

    contents = [[file.read_bytes() for file in files] for files in runs]
    assert contents[0] == contents[1]
    uids = [{tag_of(file, "SOPInstanceUID") for file in files} for files in runs]
    assert not uids[0] & uids[2]
    assert tag_of(runs[0][0], "PatientID") != tag_of(runs[2][0], "PatientID")


def test_uids_are_valid_and_dicom_s_own_stay():
    one = Pseudonyms(b"k" * 32)

    uids = {one.uid(f"1.2.3.{n}") for n in range(200)}

    assert len(uids) == 200
    assert all(pydicom.uid.UID(uid).is_valid and uid.startswith("2.25.") for uid in uids)
    assert one.uid("1.2.840.10008.5.1.4.1.1.2") == "1.2.840.10008.5.1.4.1.1.2"


def test_it_says_what_was_done(tmp_path, a_key):
    folder = a_series(tmp_path / "series")
    options = DeidentifyOptions(
        a_key, retain_dates=True, retain_device=True, clean_descriptors=True
    )

    plain = deidentify_files([folder], tmp_path / "a", DeidentifyOptions(a_key)).files[0]
    rich = deidentify_files([folder], tmp_path / "b", options).files[0]

    def codes_in(file: Path) -> list[str]:
        return [item.CodeValue for item in tag_of(file, "DeidentificationMethodCodeSequence")]

    assert tag_of(plain, "PatientIdentityRemoved") == "YES"
    assert codes_in(plain) == ["113100", "113104"]
    assert codes_in(rich) == ["113100", "113104", "113105", "113107", "113109"]
    assert tag_of(plain, "LongitudinalTemporalInformationModified") == "REMOVED"
    assert tag_of(rich, "LongitudinalTemporalInformationModified") == "MODIFIED"
    source = validate(next(folder.iterdir()))
    assert set(validate(plain)) | set(validate(rich)) <= set(source)


def test_results_go_on_saying_that_they_are_not_for_clinical_use(tmp_path, a_key):
    results = write_all(read_scan(a_series(tmp_path / "series")), tmp_path / "result")

    done = deidentify_files([results], tmp_path / "out", DeidentifyOptions(a_key))

    for file in done.files:
        assert "not for clinical use" in str(tag_of(file, "SeriesDescription"))
    told = {str(tag_of(file, "ImageComments")) for file in done.files}
    assert "Liver tumor 1: 12 mm, 0.7 mL, score 0.91. Not for clinical use." in told
    labels = [item.SegmentLabel for f in done.files for item in tag_of(f, "SegmentSequence") or []]
    assert "Left kidney" in labels


def test_a_patient_named_like_an_organ_keeps_the_segments_readable(tmp_path, a_key):
    folder = a_series(tmp_path / "series", set_tags(PatientName="Liver^Mary", PatientID="X-1"))
    results = write_all(read_scan(folder), tmp_path / "result")

    done = deidentify_files(
        [results / "segmentation.dcm"], tmp_path / "o", DeidentifyOptions(a_key)
    )

    labels = [item.SegmentLabel for item in tag_of(done.files[0], "SegmentSequence")]
    assert labels[0] == "Liver"


def test_names_in_text_that_the_profile_keeps_are_replaced_and_told(tmp_path, a_key):
    change = set_tags(PatientName="Zwetschgen^K", ConvolutionKernel="zwetschgen")

    done = deidentify_files(
        [a_series(tmp_path / "series", change)], tmp_path / "out", DeidentifyOptions(a_key)
    )

    assert b"zwetschgen" not in done.files[0].read_bytes().lower()
    assert done.notes == ("Names stood in text that the profile keeps; these texts were replaced.",)


def test_a_head_in_view_is_told(tmp_path, a_key):
    folder = a_series(tmp_path / "series", set_tags(BodyPartExamined="HEADNECK"))

    done = deidentify_files([folder], tmp_path / "out", DeidentifyOptions(a_key))

    assert len(done.notes) == 1
    assert "a face can be drawn" in done.notes[0]


def test_results_written_without_patient_are_those_de_identified_afterwards(tmp_path, a_key):
    scan = read_scan(a_series(tmp_path / "series"))

    at_once = write_all(scan, tmp_path / "at-once", deidentify=a_key)
    results = write_all(scan, tmp_path / "result")
    later = deidentify_files([results], tmp_path / "later", DeidentifyOptions(a_key))

    files = sorted(at_once.rglob("*.dcm"))
    assert sorted(file.read_bytes() for file in files) == sorted(
        file.read_bytes() for file in later.files
    )
    assert all(tag_of(file, "PatientIdentityRemoved") == "YES" for file in files)
    for name, told in json.loads((at_once / "result.json").read_text())["files"].items():
        data = (at_once / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == told["sha256"]
