"""The reviewed truth: voxel for voxel what the readers decided, in everybody's layout."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.review import make_ball, make_outline
from atlastumor.review.export import export_review
from atlastumor.review.session import ReviewSession
from Backend.damaged_archives import garble_streams
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
from Backend.review.truth import decide, export, read

FILES = {
    "labels.nii.gz",
    "lesions.csv",
    "result.json",
    *(f"segmentations/{name}.nii.gz" for name in (*ONE.organ_files, *PAIR.organ_files)),
    *(f"segmentations/{organ.tumor_files[0]}.nii.gz" for organ in (ONE, PAIR)),
}


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
    a_session.edit_border(a_session.items[-1].key, ball)
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


def test_only_finished_scans_are_exported(a_session: ReviewSession, predictions: Path) -> None:
    a_session.accept()
    target = a_session.folder.parent / "truth"

    report = export_review(a_session.folder, predictions, target)

    assert report.written == ()
    assert report.skipped[0].message == "It is not finished; finish it first."
    decide(a_session, set())
    report = export_review(a_session.folder, predictions, target, role=REMOVE)
    assert "not finished in the role" in report.skipped[0].message


def review_two(tmp_path: Path, predictions: Path) -> ReviewSession:
    """Decide on all candidates of two scans."""
    write_case(predictions / "case-2")
    session = open_session(tmp_path / "review", predictions)
    for name in ("case-1", "case-2"):
        session.show(name)
        decide(session, set(KEYS))
    return session


def test_one_bad_scan_does_not_stop_the_others(tmp_path: Path, predictions: Path) -> None:
    session = review_two(tmp_path, predictions)
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


def test_a_finished_scan_without_a_prediction_is_told(
    a_session: ReviewSession, predictions: Path
) -> None:
    write_case(predictions / "case-2")
    decide(a_session, set(KEYS))
    (predictions / "case-1").rename(a_session.folder.parent / "elsewhere")

    report = export_review(a_session.folder, predictions, a_session.folder.parent / "truth")

    assert report.written == ()
    assert [one.scan for one in report.skipped] == ["case-1", "case-2"]
    assert "no prediction" in report.skipped[0].message


def test_the_predictions_that_were_reviewed_are_never_replaced(
    a_session: ReviewSession, predictions: Path
) -> None:
    decide(a_session, set(KEYS))
    folder = predictions / "case-1"
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    record = json.loads((folder / "result.json").read_text("utf-8"))
    record |= {"schema": "atlastumor-result", "files": {name: {} for name in names}}
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")

    report = export_review(a_session.folder, predictions, predictions)

    assert "would be replaced" in report.skipped[0].message
    assert names == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))


def test_a_tumor_added_in_an_organ_without_a_prediction_is_listed(
    tmp_path: Path, predictions: Path
) -> None:
    (predictions / "case-1" / "probabilities" / f"{PAIR.key}_tumor.nii.gz").unlink()
    (predictions / "case-1" / "labels.nii.gz").unlink()
    session = open_session(tmp_path / "review", predictions)
    session.show("case-1")
    session.add_tumor(PAIR.key, (17, 13, 3), make_ball((17, 13, 3), GRID, diameter_mm=8.0))
    for key in (KEYS[0], KEYS[3]):
        session.choose(key)
        session.reject()
    session.finish()

    folder = export(session, predictions)

    record = json.loads((folder / "result.json").read_text("utf-8"))
    assert [lesion["organ"] for lesion in record["lesions"]] == [PAIR.key]
    assert (read(folder / f"segmentations/{PAIR.tumor_files[0]}.nii.gz") == 1).any()
    assert [row["n_lesions"] for row in record["findings"]] == [0, 1]


def test_a_damaged_outline_costs_its_own_scan_alone(tmp_path: Path, predictions: Path) -> None:
    session = review_two(tmp_path, predictions)
    session.show("case-1")
    entry = session.edit_border(KEYS[0], make_ball((5, 5, 5), GRID, diameter_mm=8.0))
    garble_streams(session.folder / entry.outline)

    report = export_review(session.folder, predictions, tmp_path / "truth")

    assert report.written == ("case-2",)
    assert "missing or damaged" in report.skipped[0].message
