"""Beginning and resuming: what is asked for, what is refused, what is said."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.detection.operating_point import save_operating_points
from Backend.review.cohort import GRID, KEYS, ONE, PAIR
from Slicer.review.reading import (
    THRESHOLDS,
    FakeLogic,
    a_point,
    logged,
    press,
    rows,
)


def test_removing_false_positives_offers_neither_adding_nor_drawing(
    make_panel: Callable[..., Any], a_slicer: Any, folders: Any
) -> None:
    panel = make_panel(role="remove-false-positives")
    panel.ui.beginButton.click()

    assert not panel.ui.addButton.enabled
    assert not panel.ui.borderButton.enabled
    press(panel, "M")
    press(panel, "B")
    assert all("role" in dialog.text for dialog in a_slicer.user.seen)
    assert len(a_slicer.user.seen) == 2


def test_a_review_resumes_where_a_crash_stopped_it(
    make_panel: Callable[..., Any], folders: Any
) -> None:
    first = make_panel()
    first.ui.beginButton.click()
    for _ in KEYS:
        press(first, "A")
    press(first, "N")
    press(first, "R")
    with (folders.review / "review.jsonl").open("ab") as file:
        file.write(b'{"n": 12, "kind": "rej')  # what a crash left of a decision

    second = make_panel(reader="Bob")
    second.ui.beginButton.click()

    assert "Scan 2 of 2" in second.ui.scanLabel.text
    assert second.session.current.key == KEYS[1]
    assert "torn by a crash" in second.ui.statusLabel.text
    assert rows(second)[0][4] == "Ada"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("readerLineEdit", "", "Type your name first"),
        ("predictionsPathLineEdit", "", "Choose the folder of the predictions"),
        ("reviewPathLineEdit", "", "Choose the review folder"),
        ("pointsPathLineEdit", "", "There is no threshold yet"),
    ],
)
def test_what_is_missing_is_said(
    make_panel: Callable[..., Any], a_slicer: Any, name: str, value: str, said: str
) -> None:
    panel = make_panel()
    field = "text" if name == "readerLineEdit" else "currentPath"
    setattr(getattr(panel.ui, name), field, value)

    panel.ui.beginButton.click()

    assert said in a_slicer.user.seen[-1].text
    assert panel.session is None


def test_the_reader_is_nobody_until_a_name_is_typed(make_panel: Callable[..., Any]) -> None:
    make_panel(reader="Ada").ui.beginButton.click()

    import qt

    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    from AtlasFROCLib.ReviewPanel import ReviewPanel

    assert ReviewPanel(parent, FakeLogic()).ui.readerLineEdit.text == ""


def test_a_review_of_another_threshold_is_refused(
    a_review: Any, make_panel: Callable[..., Any], a_slicer: Any, folders: Any
) -> None:
    save_operating_points(folders.points, [a_point(ONE.key, threshold=0.3), a_point(PAIR.key)])

    panel = make_panel()
    panel.ui.beginButton.click()

    assert "begun with other thresholds" in a_slicer.user.seen[-1].text
    assert panel.session is None


def test_thresholds_of_the_panel_serve_without_a_file(
    make_panel: Callable[..., Any], folders: Any
) -> None:
    panel = make_panel()
    panel.ui.pointsPathLineEdit.currentPath = ""
    panel._logic.thresholds = dict(THRESHOLDS)
    panel._logic.cohort = SimpleNamespace(
        modelId="b-model", weightsSha256="", options=SimpleNamespace(min_volume_mm3=50.0)
    )

    panel.ui.beginButton.click()

    assert panel.session.basis.model_id == "b-model"
    assert panel.session.basis.min_volume_mm3 == 50.0


def spoil_ct(folders: Any, name: str) -> None:
    ct = nibabel.Nifti1Image(np.zeros((10, 10, 10), np.int16), GRID.affine)
    nibabel.save(ct, folders.predictions / name / "ct.nii.gz")


def test_a_scan_that_cannot_be_shown_is_left_out_and_the_next_one_comes_up(
    make_panel: Callable[..., Any], folders: Any
) -> None:
    spoil_ct(folders, "case-1")

    panel = make_panel()
    panel.ui.beginButton.click()

    assert panel.session.scan.name == "case-2"
    text = panel.ui.statusLabel.text
    assert "'case-1' is left out: The CT of 'case-1' does not lie on the grid of its maps" in text


def test_maps_that_cannot_be_read_are_left_out_too(
    make_panel: Callable[..., Any], folders: Any
) -> None:
    path = folders.predictions / "case-1" / "probabilities" / f"{ONE.key}_tumor.nii.gz"
    path.write_bytes(path.read_bytes()[:200])

    panel = make_panel()
    panel.ui.beginButton.click()

    assert panel.session.scan.name == "case-2"
    assert "'case-1' is left out" in panel.ui.statusLabel.text


def test_when_no_scan_can_be_shown_nothing_can_be_decided(
    make_panel: Callable[..., Any], a_slicer: Any, folders: Any
) -> None:
    for name in ("case-1", "case-2"):
        spoil_ct(folders, name)

    panel = make_panel()
    panel.ui.beginButton.click()

    assert "does not lie on the grid of its maps" in a_slicer.user.seen[-1].text
    assert not panel.actions.isReading
    assert not panel.ui.acceptButton.enabled
    assert "No scan is shown" in panel.ui.scanLabel.text


def test_without_a_ct_the_map_is_shown(make_panel: Callable[..., Any], folders: Any) -> None:
    (folders.predictions / "case-1" / "ct.nii.gz").unlink()

    panel = make_panel()
    panel.ui.beginButton.click()

    import slicer

    array = slicer.util.arrayFromVolume(panel.actions.scene.volumeNode)
    assert array.max() == pytest.approx(0.95)


def test_keys_work_only_while_the_module_is_open(a_review: Any) -> None:
    a_review.exit()
    assert not a_review._keys.areInPlace
    assert not a_review.session.watch.is_running

    a_review.enter()

    assert a_review._keys.areInPlace
    assert a_review.session.watch.is_running


def test_ending_records_the_seconds_and_clears_the_scene(a_review: Any, folders: Any) -> None:
    import slicer

    a_review.close()

    assert logged(folders)[-1][0] == "leave"
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_every_widget_that_takes_input_explains_itself(make_panel: Callable[..., Any]) -> None:
    import qt

    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QLineEdit, qt.QLabel, qt.QProgressBar)
    silent = [
        name
        for name, widget in vars(make_panel().ui).items()
        if isinstance(widget, kinds)
        and not name.startswith("qt_")
        and not name.endswith("CollapsibleButton")
        and not widget.toolTip
    ]
    assert not silent
