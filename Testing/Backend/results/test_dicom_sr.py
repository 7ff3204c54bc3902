"""The structured report, read back by highdicom, beside the SEG that it refers to."""

from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from atlastumor.errors import InputError
from atlastumor.organs import label_names
from atlastumor.volume import LabelMap, Scan
from Backend.results.dicom_examples import (
    read_classic,
    read_enhanced,
    segment,
    segment_many,
    write_all,
)
from Backend.results.examples import FakeSegmentation, make_scan, make_segmentation


@pytest.fixture
def a_dicom_scan(tmp_path: Path) -> Scan:
    return read_classic(tmp_path / "series")


def searched(scan: Scan) -> FakeSegmentation:
    """The example with a pancreas that was looked at in vain."""
    segmentation = segment(scan)
    message = "No tumor above threshold 0.50 (highest score 0.31)."
    findings = [
        replace(one, highest_score=0.31, message=message) if one.organ == "pancreas" else one
        for one in segmentation.findings
    ]
    return replace(segmentation, findings=tuple(findings))


def read_report(folder: Path) -> highdicom.sr.Comprehensive3DSR:
    return highdicom.sr.srread(folder / "report.dcm")


def comment_of(group: object) -> str:
    items = [i for i in group[0].ContentSequence if i.name == codes.DCM.Comment]
    return str(items[0].TextValue)


@pytest.mark.parametrize("read", [read_classic, read_enhanced])
def test_each_lesion_is_a_group_whose_region_is_its_segment(tmp_path, read):
    scan = read(tmp_path / "series")
    segmentation = segment(scan)

    folder = write_all(scan, tmp_path / "result", segmentation)

    report = read_report(folder)
    seg = highdicom.seg.segread(folder / "segmentation.dcm")
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(segmentation.lesions) == 3
    for group, lesion in zip(groups, segmentation.lesions, strict=True):
        reference = group.referenced_segment
        assert reference.referenced_sop_instance_uid == seg.SOPInstanceUID
        description = seg.get_segment_description(reference.referenced_segment_numbers[0])
        assert group.tracking_uid == description.tracking_uid
        assert group.tracking_identifier == description.tracking_id
        assert description.segment_label.startswith(lesion.organ.capitalize())
        voxels = seg.get_volume(segment_numbers=[description.segment_number]).array
        assert int(voxels.sum()) * scan.grid.voxel_ml == pytest.approx(lesion.volume_ml)
        assert group.finding_type == codes.SCT.Mass
    side = groups[2].finding_sites[0].laterality
    assert (side.value, side.scheme_designator) == ("7771000", "SCT")


def test_measurements_have_codes_and_units_and_the_lesion_s_values(tmp_path, a_dicom_scan):
    folder = write_all(a_dicom_scan, tmp_path / "result")

    group = read_report(folder).content.get_volumetric_roi_measurement_groups()[0]

    found = {m.name.meaning: (m.value, m.unit.value) for m in group.get_measurements()}
    lesion = segment(a_dicom_scan).lesions[0]
    assert found == {
        "Volume": (pytest.approx(lesion.volume_ml, abs=1e-4), "mL"),
        "Long axis": (pytest.approx(lesion.diameter_mm, abs=1e-2), "mm"),
        "Certainty of Finding": (pytest.approx(91.0), "%"),
    }
    assert {m.unit.scheme_designator for m in group.get_measurements()} == {"UCUM"}


def test_an_unknown_score_is_left_out(tmp_path, a_dicom_scan):
    segmentation = segment(a_dicom_scan)
    lesions = tuple(replace(one, score=math.nan) for one in segmentation.lesions)

    folder = write_all(a_dicom_scan, tmp_path / "result", replace(segmentation, lesions=lesions))

    group = read_report(folder).content.get_volumetric_roi_measurement_groups()[0]
    assert [m.name.meaning for m in group.get_measurements()] == ["Volume", "Long axis"]


def test_the_algorithm_is_named_with_version_model_and_weights(tmp_path, a_dicom_scan):
    folder = write_all(a_dicom_scan, tmp_path / "result")

    items = pydicom.dcmread(folder / "report.dcm").ContentSequence[-1].ContentSequence[0]

    told = {
        (item.ConceptNameCodeSequence[0].CodeMeaning, item.get("TextValue"))
        for item in items.ContentSequence
    }
    family = next(
        item.ConceptCodeSequence[0]
        for item in items.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Algorithm Family"
    )
    assert ("Algorithm Name", "AtlasTumor some-model") in told
    assert ("Algorithm Parameters", "model=some-model") in told
    assert ("Algorithm Parameters", f"weights={'cd' * 32}") in told
    assert ("Algorithm Parameters", "threshold=0.5") in told
    assert family.CodeValue == codes.cid7162.ArtificialIntelligence.value


def test_organs_without_findings_say_that_they_were_searched_or_were_not(tmp_path, a_dicom_scan):
    folder = write_all(a_dicom_scan, tmp_path / "result", searched(a_dicom_scan))

    groups = {
        group.finding_sites[0].value.meaning: group
        for group in read_report(folder).content.get_image_measurement_groups()
    }

    assert set(groups) == {"Pancreas", "Colon", "Esophagus", "Uterus"}
    summary = codes.DCM.CADProcessingAndFindingsSummary
    answers = {
        name: next(e.value for e in group.get_qualitative_evaluations() if e.name == summary)
        for name, group in groups.items()
    }
    assert answers["Pancreas"] == codes.DCM.AllAlgorithmsSucceededWithoutFindings
    assert answers["Colon"] == codes.SCT.NotEvaluated
    assert "No tumor above threshold 0.50" in comment_of(groups["Pancreas"])
    assert "Not in view" in comment_of(groups["Colon"])


def test_it_is_unverified_and_preliminary_and_made_by_a_device(tmp_path, a_dicom_scan):
    report = read_report(write_all(a_dicom_scan, tmp_path / "result"))

    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    observers = report.content.get_observer_contexts()
    assert [one.observer_type for one in observers] == [codes.DCM.Device]
    assert observers[0].observer_identifying_attributes.name == "AtlasTumor"
    assert "not for clinical use" in report.SeriesDescription


def test_its_evidence_is_every_source_image_and_the_seg(tmp_path, a_dicom_scan):
    folder = write_all(a_dicom_scan, tmp_path / "result")

    evidence = {uids[2] for uids in read_report(folder).get_evidence()}

    files = [*a_dicom_scan.source.dicom_files, folder / "segmentation.dcm"]
    assert evidence == {pydicom.dcmread(file).SOPInstanceUID for file in files}


def test_a_report_without_any_segment_still_says_what_was_searched(tmp_path, a_dicom_scan):
    grid = a_dicom_scan.grid
    nothing = LabelMap(np.zeros(grid.shape, np.uint8), grid, label_names())

    folder = write_all(a_dicom_scan, tmp_path / "result", make_segmentation(a_dicom_scan, nothing))

    report = read_report(folder)
    assert not (folder / "segmentation.dcm").exists()
    assert len(report.content.get_image_measurement_groups()) == 6
    assert len(report.get_evidence()) == len(a_dicom_scan.source.dicom_files)


def test_a_report_brings_the_seg_that_it_refers_to(tmp_path, a_dicom_scan):
    folder = write_all(a_dicom_scan, tmp_path / "result", formats=("dicom-sr",))

    assert (folder / "segmentation.dcm").is_file()
    assert not (folder / "key_images").exists()


def test_it_passes_dcmtk_s_reader(tmp_path, a_dicom_scan):
    program = shutil.which("dsrdump")
    if program is None:
        pytest.skip("dsrdump is not installed (package dcmtk)")
    folder = write_all(a_dicom_scan, tmp_path / "result")

    done = subprocess.run(
        [program, folder / "report.dcm"], capture_output=True, text=True, check=True
    )

    assert "Imaging Measurement Report" in done.stdout
    assert "E:" not in done.stderr


@pytest.mark.parametrize("name", ["dicom-seg", "dicom-sr", "dicom-sc"])
def test_a_scan_that_is_not_from_dicom_is_refused_and_nothing_is_written(tmp_path, name):
    scan = make_scan()

    with pytest.raises(InputError, match="needs a DICOM series as input; this scan is nifti"):
        write_all(scan, tmp_path / "result", make_segmentation(scan), formats=(name,))

    assert not (tmp_path / "result").exists()


def test_of_hundreds_of_lesions_the_largest_are_measured_and_a_comment_says_so(
    tmp_path, a_dicom_scan
):
    segmentation = segment_many(a_dicom_scan)

    folder = write_all(a_dicom_scan, tmp_path / "result", segmentation, formats=("dicom-sr",))

    content = read_report(folder).content
    groups = content.get_volumetric_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == [
        *(f"AtlasTumor_liver_tumor_{n}" for n in range(1, 101)),
        "AtlasTumor_kidney_tumor_1",
    ]
    (liver,) = (
        group
        for group in content.get_image_measurement_groups()
        if group.tracking_identifier == "AtlasTumor_liver"
    )
    assert "Liver: 241 found. Only the 100 largest are measured here." in comment_of(liver)
    evaluations = {e.name: e.value for e in liver.get_qualitative_evaluations()}
    summary = codes.DCM.CADProcessingAndFindingsSummary
    assert evaluations[summary] == codes.DCM.AllAlgorithmsSucceededWithFindings
    seg = highdicom.seg.segread(folder / "segmentation.dcm")
    rest = seg.get_segment_description(seg.number_of_segments)
    assert rest.segment_label == "Liver tumors from 101 on"
    assert rest.segmented_property_type == codes.SCT.Mass
    assert rest.anatomic_regions[0].meaning == "Liver"
    voxels = seg.get_volume(segment_numbers=[rest.segment_number]).array
    smaller = [one.volume_ml for one in segmentation.lesions if one.index > 100]
    assert int(voxels.sum()) * a_dicom_scan.grid.voxel_ml == pytest.approx(sum(smaller))
