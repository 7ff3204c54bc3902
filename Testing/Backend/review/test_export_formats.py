"""The reviewed truth in the formats of others, and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom
import numpy as np
import pytest

from atlastumor.batch.cohort import Case, read_reference
from atlastumor.cli import main
from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.review import make_ball
from atlastumor.review.export import ExportReport, export_review
from atlastumor.review.session import ReviewSession
from atlastumor.scans import read_scan
from Backend.review.cohort import (
    GRID,
    KEYS,
    ONE,
    PAIR,
    open_session,
    write_case,
)
from Backend.review.truth import decide, export, read
from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import write_dicom_series

FILES = {
    "labels.nii.gz",
    "lesions.csv",
    "result.json",
    *(f"segmentations/{name}.nii.gz" for name in (*ONE.organ_files, *PAIR.organ_files)),
    *(f"segmentations/{organ.tumor_files[0]}.nii.gz" for organ in (ONE, PAIR)),
}


def test_the_export_is_a_reference_that_says_no_tumor_with_a_mask_of_zeros(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0]})
    folder = export(a_session, predictions)

    case = Case("case-1", folder, folder)

    assert read_reference(case, ONE.key)[0].sum() == 8
    tumor, organ, _ = read_reference(case, PAIR.key)
    assert not tumor.any()
    assert organ is not None


def test_exporting_twice_gives_the_same_label_map(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0]})

    first = (export(a_session, predictions) / "labels.nii.gz").read_bytes()

    assert (export(a_session, predictions) / "labels.nii.gz").read_bytes() == first


def test_slicers_segments_are_called_semiautomatic(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0], KEYS[1]})

    folder = export(a_session, predictions, formats=("nifti", "seg.nrrd"))

    header = (folder / "segmentation.seg.nrrd").read_bytes().split(b"\n\n")[0].decode()
    assert header.count("SegmentAlgorithmType:SEMIAUTOMATIC") == 5  # 3 organs, 2 tumors
    assert ":AUTOMATIC" not in header


def export_dicom(tmp_path: Path, name: str) -> ExportReport:
    """Review a case that came from a DICOM series, and export it."""
    write_dicom_series(a_body_scan(oblique=True), tmp_path / "scans" / "case-1")
    scan = read_scan(tmp_path / "scans" / "case-1")
    write_case(tmp_path / "predictions" / "case-1", scan.grid)
    session = open_session(tmp_path / "review", tmp_path / "predictions")
    session.show("case-1")
    decide(session, {KEYS[0]})
    return export_review(
        session.folder,
        tmp_path / "predictions",
        tmp_path / "truth",
        formats=(name,),
        scans=tmp_path / "scans",
    )


def test_a_dicom_seg_lies_on_the_series_and_is_semiautomatic(tmp_path: Path) -> None:
    report = export_dicom(tmp_path, "dicom-seg")

    assert report.written == ("case-1",), report.skipped
    seg = highdicom.seg.segread(tmp_path / "truth" / "case-1" / "segmentation.dcm")
    kinds = {one.SegmentAlgorithmType for one in seg.SegmentSequence}
    assert kinds == {"SEMIAUTOMATIC"}
    tumor = seg.get_volume(segment_numbers=[seg.number_of_segments]).array
    assert int(tumor.sum()) == 8


def test_a_report_of_a_review_says_what_the_readers_decided(tmp_path: Path) -> None:
    export_dicom(tmp_path, "dicom-sr")

    report = highdicom.sr.srread(tmp_path / "truth" / "case-1" / "report.dcm")
    assert len(report.content.get_volumetric_roi_measurement_groups()) == 1
    told = [
        (evaluation.name.meaning, evaluation.value.meaning)
        for group in report.content.get_image_measurement_groups()
        for evaluation in group.get_qualitative_evaluations()
    ]
    assert ("Mass", "Absent") in told
    assert not [name for name, _ in told if name.startswith("CAD Processing")]


def test_key_images_of_a_review_are_refused_as_it_holds_no_scan(tmp_path: Path) -> None:
    report = export_dicom(tmp_path, "dicom-sc")

    assert "Key images show the scan, which is not at hand here" in report.skipped[0].message


def test_a_dicom_seg_without_a_series_is_refused(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0]})

    report = export_review(
        a_session.folder, predictions, a_session.folder.parent / "t", formats=("dicom-seg",)
    )

    assert "name the folder that holds them" in report.skipped[0].message


def test_unknown_formats_and_roles_are_refused(a_session: ReviewSession, predictions: Path) -> None:
    with pytest.raises(UnknownKeyError, match="format 'jpeg'"):
        export_review(a_session.folder, predictions, predictions, formats=("jpeg",))
    with pytest.raises(UnknownKeyError, match="role 'boss'"):
        export_review(a_session.folder, predictions, predictions, role="boss")


def test_a_prediction_without_a_label_map_gives_tumors_alone(
    a_session: ReviewSession, predictions: Path
) -> None:
    (predictions / "case-1" / "labels.nii.gz").unlink()
    decide(a_session, {KEYS[0]})

    folder = export(a_session, predictions)

    assert set(np.unique(read(folder / "labels.nii.gz"))) == {0, ONE.tumor_label}
    masks = {path.name for path in (folder / "segmentations").iterdir()}
    assert masks == {f"{organ.tumor_files[0]}.nii.gz" for organ in (ONE, PAIR)}


def test_the_command_reports_and_exports(
    a_session: ReviewSession, predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decide(a_session, {KEYS[0]})
    target = a_session.folder.parent / "truth"

    assert main(["review", str(a_session.folder)]) == 0
    told = capsys.readouterr().out
    assert main(["review", str(a_session.folder), "-o", str(target)]) == 2
    words = ["--predictions", str(predictions), "-o", str(target), "--json-progress"]
    words += ["--format", "nifti,seg.nrrd"]
    assert main(["review", str(a_session.folder), *words]) == 0

    assert "revise" in told
    assert "1/1" in told
    assert "s per scan" in told
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "result"
    assert last["files"] == [str(target / "case-1")]
    assert (target / "case-1" / "labels.nii.gz").is_file()
    assert (target / "case-1" / "segmentation.seg.nrrd").is_file()


def test_an_added_tumor_counts_as_added_when_its_border_is_drawn(
    a_session: ReviewSession, capsys: pytest.CaptureFixture[str]
) -> None:
    ball = make_ball((7, 12, 3), GRID, diameter_mm=8.0)
    added = a_session.add_tumor(ONE.key, (7, 12, 3), ball)
    a_session.edit_border(added.candidate, make_ball((7, 12, 3), GRID, diameter_mm=9.0))

    assert main(["review", str(a_session.folder)]) == 0

    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("revise"))
    assert row.split()[-2:] == ["1", "0"]  # added, and borders edited of what was a candidate


def test_the_command_says_when_there_is_no_review(tmp_path: Path) -> None:
    assert main(["review", str(tmp_path)]) == InputError("").exit_code


def test_an_export_in_which_nothing_is_finished_names_no_files(
    a_session: ReviewSession, predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--predictions", str(predictions), "-o", str(predictions.parent / "truth")]

    assert main(["review", str(a_session.folder), *words]) == 0

    said = capsys.readouterr()
    assert said.out == ""
    assert "It is not finished" in said.err
