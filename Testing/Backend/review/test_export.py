"""The reviewed truth: voxel for voxel what the readers decided, in everybody's layout."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest

from atlastumor.batch.cohort import Case, read_reference
from atlastumor.cli import main
from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.review import make_ball, make_outline
from atlastumor.review.export import export_review
from atlastumor.review.session import ReviewSession
from atlastumor.scans import read_scan
from Backend.review.cohort import (
    GRID,
    KEYS,
    ONE,
    PAIR,
    VOXEL_ML,
    A,
    B,
    K,
    open_session,
    write_case,
)
from Backend.review.examples import REMOVE
from Backend.scans.bodies import a_scan as a_body_scan
from Backend.scans.dicom_series import write_dicom_series

FILES = {
    "labels.nii.gz",
    "lesions.csv",
    "result.json",
    *(f"segmentations/{name}.nii.gz" for name in (*ONE.organ_files, *PAIR.organ_files)),
    *(f"segmentations/{organ.tumor_files[0]}.nii.gz" for organ in (ONE, PAIR)),
}


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    folder = tmp_path / "predictions"
    write_case(folder / "case-1")
    return folder


@pytest.fixture
def a_session(tmp_path: Path, predictions: Path) -> ReviewSession:
    session = open_session(tmp_path / "review", predictions)
    session.show("case-1")
    return session


def decide(session: ReviewSession, accepted: set[str]) -> None:
    """Accept some, remove the rest of the model's candidates, and finish the scan."""
    for key in KEYS:
        session.choose(key)
        session.accept() if key in accepted else session.reject()
    session.finish()
    session.leave()


def export(session: ReviewSession, predictions: Path, **options: object) -> Path:
    directory = session.folder.parent / "truth"
    report = export_review(session.folder, predictions, directory, **options)  # type: ignore[arg-type]
    assert report.written == ("case-1",), report.skipped
    return directory / "case-1"


def read(path: Path) -> np.ndarray:
    image = nibabel.load(path)
    assert np.allclose(image.affine, GRID.affine)
    return np.asarray(image.dataobj)


def test_the_layout_is_that_of_abdomenatlas(a_session: ReviewSession, predictions: Path) -> None:
    decide(a_session, {KEYS[0]})

    folder = export(a_session, predictions)

    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == FILES


def test_kept_candidates_are_tumors_and_removed_ones_their_organ_again(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0]})

    array = read(export(a_session, predictions) / "labels.nii.gz")

    assert (array[A] == ONE.tumor_label).all()
    assert np.count_nonzero(array == ONE.tumor_label) == 8
    assert (array[B] == ONE.label).all()
    assert (array[K] == PAIR.sides[1].label).all()
    assert not (array == PAIR.tumor_label).any()


def test_masks_and_label_map_say_the_same(a_session: ReviewSession, predictions: Path) -> None:
    decide(a_session, {KEYS[0], KEYS[1]})

    folder = export(a_session, predictions)

    array = read(folder / "labels.nii.gz")
    named = {ONE.tumor_files[0]: ONE.tumor_label, PAIR.organ_files[0]: PAIR.labels[0]}
    named |= {ONE.organ_files[0]: ONE.label, PAIR.tumor_files[0]: PAIR.tumor_label}
    for name, label in named.items():
        assert ((read(folder / f"segmentations/{name}.nii.gz") == 1) == (array == label)).all()


def test_where_kept_tumors_overlap_the_higher_score_wins(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0], KEYS[2]})

    array = read(export(a_session, predictions) / "labels.nii.gz")

    assert (array[A] == ONE.tumor_label).all()
    assert np.count_nonzero(array == PAIR.tumor_label) == 4


def test_a_drawn_border_replaces_the_models(a_session: ReviewSession, predictions: Path) -> None:
    mask = np.zeros(GRID.shape, bool)
    mask[9:13, 9:11, 6:8] = True
    decide(a_session, set(KEYS))
    a_session.show("case-1")
    a_session.edit_border(KEYS[3], make_outline(mask, GRID))

    array = read(export(a_session, predictions) / "labels.nii.gz")

    assert (array[mask] == ONE.tumor_label).all()
    assert np.count_nonzero(array == ONE.tumor_label) == 8 + 16


def test_an_added_tumor_is_there_and_told_until_it_is_drawn(
    a_session: ReviewSession, predictions: Path
) -> None:
    ball = make_ball((7, 12, 3), GRID, diameter_mm=8.0)
    a_session.add_tumor(ONE.key, (7, 12, 3), ball)
    decide(a_session, set())

    folder = export(a_session, predictions)

    array = read(folder / "labels.nii.gz")
    assert np.count_nonzero(array == ONE.tumor_label) == int(ball.mask.sum())
    record = json.loads((folder / "result.json").read_text("utf-8"))
    assert any("added, but not drawn" in note for note in record["notes"])
    assert record["lesions"][0]["score"] is None
    a_session.show("case-1")
    a_session.edit_border(f"{ONE.key}-added-1", ball)
    record = json.loads((export(a_session, predictions) / "result.json").read_text("utf-8"))
    assert record["notes"]  # the same outline, looked at and kept, is still the ball


def test_the_record_counts_what_was_done_and_names_no_reader(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, {KEYS[0], KEYS[1]})

    text = (export(a_session, predictions) / "result.json").read_text("utf-8")

    record = json.loads(text)
    review = record["provenance"]["review"]
    assert (review["n_accepted"], review["n_removed"], review["n_readers"]) == (2, 2, 1)
    assert review["roles"] == ["revise"]
    assert record["provenance"]["model_id"] == "a-model"
    assert record["provenance"]["model_version"] == "1.2"
    assert "Ada" not in text
    finding = record["findings"][0]
    assert (finding["coverage"], finding["n_lesions"]) == ("whole", 1)
    assert finding["tumor_ml"] == pytest.approx(8 * VOXEL_ML)
    assert "1 candidates removed, 0 tumors added" in finding["message"]


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


def test_only_finished_scans_are_exported(a_session: ReviewSession, predictions: Path) -> None:
    a_session.accept()
    target = a_session.folder.parent / "truth"

    report = export_review(a_session.folder, predictions, target)

    assert report.written == ()
    assert report.skipped[0].message == "It is not finished; finish it first."
    decide(a_session, set())
    report = export_review(a_session.folder, predictions, target, role=REMOVE)
    assert "not finished in the role" in report.skipped[0].message


def test_one_bad_scan_does_not_stop_the_others(tmp_path: Path, predictions: Path) -> None:
    write_case(predictions / "case-2")
    session = open_session(tmp_path / "review", predictions)
    for name in ("case-1", "case-2"):
        session.show(name)
        decide(session, set(KEYS))
    path = predictions / "case-1" / "probabilities" / f"{ONE.key}_tumor.nii.gz"
    path.write_bytes(path.read_bytes()[:100])

    report = export_review(session.folder, predictions, tmp_path / "truth")

    assert report.written == ("case-2",)
    assert [one.scan for one in report.skipped] == ["case-1"]


def test_candidates_that_changed_are_not_exported(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, set(KEYS))
    path = predictions / "case-1" / "probabilities" / f"{ONE.key}_tumor.nii.gz"
    array = np.asarray(nibabel.load(path).dataobj) * np.float32(0.9)
    nibabel.save(nibabel.Nifti1Image(array, GRID.affine), path)

    report = export_review(a_session.folder, predictions, a_session.folder.parent / "truth")

    assert "its maps changed" in report.skipped[0].message


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


def test_a_dicom_seg_lies_on_the_series_and_is_semiautomatic(tmp_path: Path) -> None:
    write_dicom_series(a_body_scan(oblique=True), tmp_path / "scans" / "case-1")
    scan = read_scan(tmp_path / "scans" / "case-1")
    write_case(tmp_path / "predictions" / "case-1", scan.grid)
    session = open_session(tmp_path / "review", tmp_path / "predictions")
    session.show("case-1")
    decide(session, {KEYS[0]})

    report = export_review(
        session.folder,
        tmp_path / "predictions",
        tmp_path / "truth",
        formats=("dicom-seg",),
        scans=tmp_path / "scans",
    )

    assert report.written == ("case-1",), report.skipped
    seg = highdicom.seg.segread(tmp_path / "truth" / "case-1" / "segmentation.dcm")
    kinds = {one.SegmentAlgorithmType for one in seg.SegmentSequence}
    assert kinds == {"SEMIAUTOMATIC"}
    tumor = seg.get_volume(segment_numbers=[seg.number_of_segments]).array
    assert int(tumor.sum()) == 8


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
    assert main(["review", str(a_session.folder), *words]) == 0

    assert "revise" in told
    assert "1/1" in told
    assert "s per scan" in told
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "result"
    assert last["files"] == [str(target / "case-1")]
    assert (target / "case-1" / "labels.nii.gz").is_file()


def test_the_command_says_when_there_is_no_review(tmp_path: Path) -> None:
    assert main(["review", str(tmp_path)]) == InputError("").exit_code
