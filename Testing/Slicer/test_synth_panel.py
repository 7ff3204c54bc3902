"""AtlasTumorSynth as the user meets it: the real panel, the real worker, clicks in the views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.organs import ORGANS
from atlastumor.synthesis import METHODS, PAINTED, SHAPES
from Slicer.synth_case import CENTERS_RAS, add_scan, cells, click, synthetic, voxels

LIVER, PANCREAS = CENTERS_RAS["liver"], CENTERS_RAS["pancreas"]


def test_the_boxes_hold_what_the_backend_has(a_synth_panel: Any) -> None:
    def keys(box: Any) -> list[str]:
        return [box.itemData(n) for n in range(box.count)]

    assert keys(a_synth_panel.ui.methodComboBox) == list(METHODS)
    assert keys(a_synth_panel.ui.shapeComboBox) == ["", *SHAPES, PAINTED]
    assert keys(a_synth_panel.ui.organComboBox) == ["", *(organ.key for organ in ORGANS)]


def test_every_widget_that_takes_input_explains_itself(a_synth_panel: Any) -> None:
    import ctk
    import qt

    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox, qt.QLabel, ctk.ctkSliderWidget)
    silent = [
        name
        for name, widget in vars(a_synth_panel.ui).items()
        if isinstance(widget, kinds)
        and not name.startswith("qt_")
        and not name.endswith("CollapsibleButton")
        and not widget.toolTip
    ]
    assert not silent


def test_what_is_done_often_has_a_key(a_synth_panel: Any) -> None:
    ui = a_synth_panel.ui
    names = {"place": "P", "before": "B", "undo": "U", "redo": "Shift+U", "keep": "K"}

    for name, key in names.items():
        assert getattr(ui, f"{name}Button").shortcut.toString() == key


def test_without_scan_or_outlines_placing_says_what_is_missing(a_synth_panel: Any) -> None:
    ui = a_synth_panel.ui
    assert ui.placeButton.enabled

    ui.organsSelector.setCurrentNode(None)
    assert not ui.placeButton.enabled
    assert ui.placeButton.toolTip == "Choose outlines of the organs, or press Find organs."
    ui.inputSelector.setCurrentNode(None)
    assert ui.surpriseButton.toolTip == "Choose a scan first."
    assert not ui.applyButton.enabled


def test_bad_clicks_are_answered_in_the_panel_and_the_preview_stays(
    a_synth_panel: Any, a_slicer: Any, settle: Any
) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    click(panel, LIVER)
    settle()
    shown = voxels(synthetic())

    click(panel, (-105.0, -60.0, 25.0))
    settle()
    assert "No organ is outlined" in ui.messageLabel.text
    ui.organComboBox.currentIndex = ui.organComboBox.findData("pancreas")
    settle()
    assert "lies the liver, not the pancreas" in ui.messageLabel.text
    ui.organComboBox.currentIndex = 0
    ui.diameterSlider.value = 150.0
    settle()
    assert "largest" in ui.messageLabel.text
    ui.diameterSlider.value = 16.0
    ui.methodComboBox.currentIndex = ui.methodComboBox.findData("difftumor")
    settle()
    assert ui.methodNoteLabel.text.startswith("This method needs weights")
    assert "difftumor" in ui.messageLabel.text.lower()

    assert np.array_equal(voxels(synthetic()), shown)
    assert not a_slicer.user.seen  # no window stood in the way
    ui.methodComboBox.currentIndex = 0
    settle()
    assert ui.messageLabel.text.startswith("Preview: ")


def test_surprises_are_drawn_anew_and_can_be_several(a_synth_panel: Any, settle: Any) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    ui.numberSpinBox.value = 3
    ui.organComboBox.currentIndex = ui.organComboBox.findData("liver")

    ui.surpriseButton.click()
    settle()
    first = [row[-1] for row in cells(panel)]
    ui.surpriseButton.click()
    settle()

    assert len(first) == len(cells(panel)) == 3
    assert set(first).isdisjoint(row[-1] for row in cells(panel))
    ui.undoButton.click()
    assert [row[-1] for row in cells(panel)] == first
    ui.keepButton.click()
    assert "3 in this scan" in ui.messageLabel.text


def test_views_stay_where_the_user_took_them_while_a_surprise_is_changed(
    a_synth_panel: Any, settle: Any
) -> None:
    import slicer

    panel, ui = a_synth_panel, a_synth_panel.ui
    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    ui.surpriseButton.click()
    settle()
    at = panel.logic.state.preview[0].centerRas
    assert np.allclose(camera.GetFocalPoint(), at)
    camera.SetFocalPoint(1.0, 2.0, 3.0)

    ui.capsuleCheckBox.checked = True
    settle()

    assert panel.logic.state.preview[0].settings.capsule
    assert panel.logic.state.preview[0].centerRas == at
    assert camera.GetFocalPoint() == (1.0, 2.0, 3.0)


def test_the_point_can_be_dragged(a_synth_panel: Any, settle: Any) -> None:
    panel = a_synth_panel
    click(panel, LIVER)
    settle()
    node = panel.widget._clicks.node

    node.SetNthControlPointPositionWorld(0, *PANCREAS)
    node.InvokeEvent(node.PointEndInteractionEvent)
    panel.widget._clicks._take()
    settle()

    assert cells(panel)[0][1] == "Pancreas"


def test_clicking_a_line_of_the_history_takes_the_views_there(
    a_synth_panel: Any, settle: Any
) -> None:
    import slicer

    panel = a_synth_panel
    click(panel, LIVER)
    settle()
    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")

    panel.ui.historyTable.cellClicked.emit(0, 0)

    assert np.allclose(camera.GetFocalPoint(), LIVER, atol=4.0)


def test_leaving_the_module_ends_place_mode_and_keeps_the_preview(
    a_synth_panel: Any, settle: Any
) -> None:
    panel = a_synth_panel
    click(panel, LIVER)
    settle()
    shown = voxels(synthetic())
    panel.ui.placeButton.click()

    panel.panel.exit()

    assert not panel.ui.placeButton.checked
    panel.panel.enter()
    assert np.array_equal(voxels(synthetic()), shown)
    assert panel.ui.keepButton.enabled


def test_another_scan_takes_the_preview_away(a_synth_panel: Any, settle: Any) -> None:
    panel = a_synth_panel
    click(panel, LIVER)
    settle()
    other = add_scan(panel.body, "Other")

    panel.ui.inputSelector.setCurrentNode(other)

    assert np.array_equal(voxels(synthetic()), voxels(panel.volume))
    assert cells(panel) == []


@pytest.mark.parametrize("how", ["scene", "cleanup"])
def test_closing_scene_or_panel_ends_the_work(a_synth_panel: Any, wait_for: Any, how: str) -> None:
    import slicer

    panel = a_synth_panel
    panel.ui.numberSpinBox.value = 10
    panel.ui.surpriseButton.click()
    wait_for(lambda: panel.logic.workerPid)
    pid = panel.logic.workerPid

    if how == "scene":
        slicer.mrmlScene.Clear(0)
        wait_for(lambda: not panel.logic.isBusy)
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    else:
        panel.widget.cleanup()
        wait_for(lambda: not is_alive(pid), 10)
    assert not list(Path(slicer.app.temporaryPath).glob("AtlasTumorSynth-*"))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
