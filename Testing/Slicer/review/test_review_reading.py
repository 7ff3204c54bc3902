"""Reading: one key for each decision, and views that follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from Backend.review.cohort import GRID, KEYS, ONE, PAIR
from Slicer.review.reading import (
    logged,
    point_at,
    press,
    rows,
)


def test_a_review_begins_at_the_best_candidate_of_the_first_scan(a_review: Any) -> None:
    import slicer

    assert "Scan 1 of 2: case-1" in a_review.ui.scanLabel.text
    assert [row[1] for row in rows(a_review)] == ["0.900", "0.700", "0.600", "0.500"]
    assert rows(a_review)[0][0] == f"{ONE.name} 1"
    assert a_review.ui.candidateTable.currentRow() == 0
    node = a_review.actions.scene.node
    assert node.GetSegmentation().GetNumberOfSegments() == 4
    assert slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetBackgroundLayer()
    assert a_review._logic.nClosed == 1


def test_views_are_centered_on_the_current_candidate(a_review: Any) -> None:
    import slicer
    import vtk

    press(a_review, "N")
    item = a_review.session.current
    assert item.key == KEYS[1]
    ras = GRID.to_ras(item.voxel)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        to_slice = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetSliceToRAS(), to_slice)
        assert to_slice.MultiplyPoint([*ras, 1.0])[:3] == pytest.approx([0, 0, 0], abs=1e-3)


def test_one_key_each_accepts_removes_and_takes_back(a_review: Any, folders: Any) -> None:
    press(a_review, "A")
    press(a_review, "R")
    assert [row[3] for row in rows(a_review)] == ["accepted", "removed", "", ""]
    assert rows(a_review)[0][4] == "Ada"
    assert a_review.ui.candidateTable.currentRow() == 2

    press(a_review, "U")

    assert [row[3] for row in rows(a_review)] == ["accepted", "", "", ""]
    assert a_review.ui.candidateTable.currentRow() == 1
    assert logged(folders)[1:] == [("accept", KEYS[0]), ("reject", KEYS[1]), ("undo", KEYS[1])]
    assert "Taken back: line 4" in a_review.ui.statusLabel.text


def test_buttons_do_what_keys_do(a_review: Any, folders: Any) -> None:
    a_review.ui.acceptButton.click()
    a_review.ui.rejectButton.click()
    a_review.ui.undoButton.click()
    a_review.ui.nextButton.click()

    assert [kind for kind, _ in logged(folders)] == ["show", "accept", "reject", "undo"]
    assert a_review.session.current.key == KEYS[2]


def test_removed_candidates_leave_the_views_and_accepted_ones_turn_green(a_review: Any) -> None:
    press(a_review, "A")
    press(a_review, "R")

    node = a_review.actions.scene.node
    display = node.GetDisplayNode()
    accepted, removed = (f"AtlasTumor_review_{key}" for key in KEYS[:2])
    assert node.GetSegmentation().GetSegment(accepted).GetColor() == pytest.approx(
        (0.16, 0.80, 0.30)
    )
    assert not display.GetSegmentVisibility(removed)
    assert display.GetSegmentVisibility(accepted)
    assert display.GetSegmentOpacity2DFill(accepted) == pytest.approx(0.35)


def test_choosing_a_row_goes_to_its_candidate(a_review: Any) -> None:
    a_review.ui.candidateTable.setCurrentCell(3, 0)

    assert a_review.session.current.key == KEYS[3]


def test_next_finishes_a_decided_scan_and_shows_the_next(a_review: Any, folders: Any) -> None:
    for _ in KEYS:
        press(a_review, "A")
    assert "Next finishes it" in a_review.ui.statusLabel.text

    press(a_review, "N")

    assert "Scan 2 of 2: case-2" in a_review.ui.scanLabel.text
    assert "Finished in this role: 1" in a_review.ui.scanLabel.text
    assert [kind for kind, _ in logged(folders)][-3:] == ["done", "leave", "show"]
    assert "s per scan" in a_review.ui.timesLabel.text
    for _ in KEYS:
        press(a_review, "R")
    press(a_review, "N")
    assert "Every scan is finished" in a_review.ui.statusLabel.text


def test_undo_goes_back_to_the_scan_of_the_decision(a_review: Any) -> None:
    for _ in KEYS:
        press(a_review, "A")
    press(a_review, "N")
    assert a_review.session.scan.name == "case-2"

    press(a_review, "U")

    assert a_review.session.scan.name == "case-1"
    assert a_review.session.current.key == KEYS[3]
    assert rows(a_review)[3][3] == ""


def test_a_missed_tumor_is_added_where_the_crosshair_is(a_review: Any) -> None:
    ui = a_review.ui
    ui.organComboBox.currentIndex = ui.organComboBox.findData(PAIR.key)
    point_at(GRID.to_ras((12, 10, 6)))

    press(a_review, "M")

    item = a_review.session.current
    assert (item.key, item.voxel) == (f"{PAIR.key}-added-3", (12, 10, 6))
    assert rows(a_review)[4][:4] == [f"{PAIR.name} new 3", "-", "-", "added"]
    segment = a_review.actions.scene.node.GetSegmentation().GetSegment(
        f"AtlasTumor_review_{item.key}"
    )
    assert segment is not None
    press(a_review, "U")
    assert len(rows(a_review)) == 4


def test_the_mouse_in_a_slice_view_goes_before_the_crosshair(a_review: Any) -> None:
    import slicer

    point_at(GRID.to_ras((12, 10, 6)))
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node.SetCursorPositionRAS([float(x) for x in GRID.to_ras((3, 3, 3))])

    press(a_review, "M")

    assert a_review.session.current.voxel == (3, 3, 3)


def test_pointing_outside_the_scan_is_refused(a_review: Any, a_slicer: Any, folders: Any) -> None:
    point_at((1000, 1000, 1000))

    press(a_review, "M")

    assert "outside the scan" in a_slicer.user.seen[-1].text
    assert [kind for kind, _ in logged(folders)] == ["show"]


def test_another_scan_can_be_chosen(a_review: Any, folders: Any) -> None:
    press(a_review, "A")
    box = a_review.ui.scanComboBox
    assert [box.itemText(n) for n in range(box.count)] == ["case-1", "case-2"]

    box.setCurrentIndex(1)
    box.activated.emit(1)

    assert a_review.session.scan.name == "case-2"
    assert [kind for kind, _ in logged(folders)] == ["show", "accept", "leave", "show"]


def test_time_begins_when_the_scan_can_be_seen(
    make_panel: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make_panel()
    was_running = []
    original = panel.actions.scene.open

    def note(session: Any, scans: Any) -> None:
        was_running.append(session.watch.is_running)
        original(session, scans)

    monkeypatch.setattr(panel.actions.scene, "open", note)
    panel.ui.beginButton.click()

    assert was_running == [False]
    assert panel.session.watch.is_running
