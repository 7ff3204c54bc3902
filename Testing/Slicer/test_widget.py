"""The module as the user meets it: the real panel from its real .ui file, pressed and read."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.organs import KEYS, ORGANS


@pytest.fixture
def a_run(a_panel: Any, a_scan: Any, wait_for: Any) -> Any:
    """The panel after one finished run on the scan."""
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    press_and_wait(a_panel, wait_for)
    return a_panel


def press_and_wait(panel: Any, wait_for: Any) -> None:
    panel.ui.applyButton.click()
    wait_for(lambda: panel.ui.applyButton.text == "Apply")


def cells(panel: Any) -> list[list[str]]:
    table = panel.ui.lesionTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def test_without_a_scan_apply_says_what_is_missing(a_panel: Any) -> None:
    assert not a_panel.ui.applyButton.enabled
    assert a_panel.ui.applyButton.toolTip == "Choose a scan first."


def test_without_an_organ_apply_says_what_is_missing(a_panel: Any, a_scan: Any) -> None:
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    assert a_panel.ui.applyButton.enabled

    a_panel.ui.noOrgansButton.click()

    assert not a_panel.ui.applyButton.enabled
    assert a_panel.ui.applyButton.toolTip == "Check at least one organ."
    a_panel.ui.allOrgansButton.click()
    assert a_panel.ui.applyButton.enabled


def test_there_is_a_box_for_every_organ_and_all_are_checked(a_panel: Any) -> None:
    for organ in ORGANS:
        box = getattr(a_panel.widget._organs, "_boxes")[organ.key]  # noqa: B009
        assert box.text == organ.name
        assert box.checked
        assert box.toolTip


def test_every_widget_that_takes_input_explains_itself(a_panel: Any) -> None:
    import qt

    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox, qt.QLabel, qt.QProgressBar)
    silent = [
        name
        for name, widget in vars(a_panel.ui).items()
        if isinstance(widget, kinds)
        and not name.startswith(("qt_", "Scroll"))  # made by Qt
        and not name.endswith("CollapsibleButton")
        and not widget.toolTip
    ]
    assert not silent


def test_model_details_show_limits_and_that_nothing_was_measured(a_panel: Any) -> None:
    text = a_panel.ui.modelLabel.text
    assert "A model for tests" in text
    assert "Not for &lt;patients&gt;." in text
    assert "Unvalidated" in text


def test_pressing_apply_fills_scene_table_and_findings(a_run: Any, a_scan: Any) -> None:
    import slicer

    node = a_run.ui.outputSelector.currentNode()
    assert node.GetName() == "Scan tumors"
    segmentation = node.GetSegmentation()
    names = [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]
    assert names[-4:] == ["Liver tumor 1", "Liver tumor 2", "Pancreas tumor 1", "Kidney tumor 1"]
    rows = cells(a_run)
    assert [row[:2] for row in rows] == [
        ["Liver", "1"],
        ["Liver", "2"],
        ["Pancreas", "1"],
        ["Kidney", "1"],
    ]
    # Two voxels across j, three along k, of 0.9 x 1.5 x 3.0 mm: 24.3 mm3; hypot(1.5, 6.0) mm long.
    assert rows[0][2:] == ["0.02 mL", "6.2 mm", "0.75", ""]
    assert rows[3][5] == "left"
    text = a_run.ui.findingsLabel.text
    assert "No tumor above threshold 0.50 (highest score 0.12)." in text
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1


def test_nothing_is_left_of_the_temporary_files(a_run: Any) -> None:
    import slicer

    assert not [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]


def test_a_second_run_keeps_to_its_segmentation_and_table(a_run: Any, wait_for: Any) -> None:
    import slicer

    n_segments = a_run.ui.outputSelector.currentNode().GetSegmentation().GetNumberOfSegments()

    press_and_wait(a_run, wait_for)

    node = a_run.ui.outputSelector.currentNode()
    assert node.GetSegmentation().GetNumberOfSegments() == n_segments
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1


def test_chosen_organs_and_thresholds_reach_the_worker(
    a_panel: Any, a_scan: Any, wait_for: Any
) -> None:
    organs = a_panel.widget._organs
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    a_panel.ui.noOrgansButton.click()
    organs._boxes[KEYS[1]].click()
    for key in KEYS[3:]:
        organs._boxes[key].click()
    organs._spins[KEYS[4]].value = 0.35

    press_and_wait(a_panel, wait_for)

    assert {row[0] for row in cells(a_panel)} == {ORGANS[n].name for n in (1, 3, 4)}
    assert list(a_panel.widget._parameterNode.thresholds.items()) == [(KEYS[4], 0.35)]


def test_no_tumor_is_an_answer(
    a_panel: Any, a_scan: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "empty")
    a_panel.ui.inputSelector.setCurrentNode(a_scan)

    press_and_wait(a_panel, wait_for)

    assert cells(a_panel) == []
    assert a_panel.ui.findingsLabel.text.count("No tumor above threshold 0.50") == len(ORGANS)


def test_clicking_a_lesion_takes_the_views_there(a_run: Any, a_scan: Any) -> None:
    import slicer
    import vtk

    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetPosition(0, 500, 0)
    camera.SetFocalPoint(0, 0, 0)
    row = next(n for n, texts in enumerate(cells(a_run)) if texts[0] == ORGANS[2].name)

    a_run.ui.lesionTable.setCurrentCell(row, 0)
    a_run.ui.lesionTable.cellClicked.emit(row, 0)

    ras = camera.GetFocalPoint()
    node = a_run.ui.outputSelector.currentNode()
    segment = node.GetSegmentation().GetSegmentIdBySegmentName("Kidney tumor 1")
    center = node.GetSegmentCenterRAS(segment)
    assert ras == pytest.approx(center, abs=4.0)  # a voxel of the lesion, near its center
    moved = [p - f for p, f in zip(camera.GetPosition(), ras, strict=True)]
    assert moved == pytest.approx([0, 500, 0])
    assert {node.GetName() for node in slice_nodes()} >= {"Red", "Green", "Yellow"}
    for node in slice_nodes():
        to_slice = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetSliceToRAS(), to_slice)
        assert to_slice.MultiplyPoint([*ras, 1.0])[:3] == pytest.approx([0, 0, 0], abs=1e-6)


def slice_nodes() -> list[Any]:
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSliceNode")


def test_a_click_follows_a_segmentation_that_was_moved(a_run: Any, a_transform: Any) -> None:
    import slicer

    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    a_run.ui.lesionTable.cellClicked.emit(0, 0)
    r, a, s = camera.GetFocalPoint()

    a_run.ui.outputSelector.currentNode().SetAndObserveTransformNodeID(a_transform.GetID())
    a_run.ui.lesionTable.cellClicked.emit(0, 0)

    assert camera.GetFocalPoint() == pytest.approx((-a + 7, r - 3, s + 11))


def test_a_saved_scene_brings_choices_and_result_back(
    a_run: Any, tmp_path: Path, wait_for: Any
) -> None:
    import slicer

    a_run.widget._organs._boxes[KEYS[5]].click()
    a_run.widget._organs._spins[KEYS[0]].value = 0.4
    a_run.ui.mirrorCheckBox.click()
    rows, findings = cells(a_run), a_run.ui.findingsLabel.text
    path = str(tmp_path / "case.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    assert cells(a_run) == []

    slicer.util.loadScene(path)

    assert a_run.ui.inputSelector.currentNode().GetName() == "Scan"
    assert a_run.ui.outputSelector.currentNode().GetName() == "Scan tumors"
    assert cells(a_run) == rows
    assert a_run.ui.findingsLabel.text == findings
    assert not a_run.widget._organs._boxes[KEYS[5]].checked
    assert a_run.widget._organs._spins[KEYS[0]].value == pytest.approx(0.4)
    assert a_run.ui.mirrorCheckBox.checked
    press_and_wait(a_run, wait_for)  # the loaded segments are still known as ours
    segmentation = a_run.ui.outputSelector.currentNode().GetSegmentation()
    names = [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]
    assert len(names) == len(set(names)) == 7


def test_choices_of_the_machine_are_kept_outside_the_scene(a_panel: Any, load_module: Any) -> None:
    import qt
    import slicer

    a_panel.ui.deviceComboBox.currentText = "cpu"
    a_panel.ui.precisionComboBox.currentText = "fp32"

    slicer.mrmlScene.Clear(0)

    assert qt.QSettings().value("AtlasTumor/device") == "cpu"
    assert qt.QSettings().value("AtlasTumor/precision") == "fp32"
    assert a_panel.ui.deviceComboBox.currentText == "cpu"


def test_leaving_and_entering_the_module_keeps_the_choices(a_panel: Any, a_scan: Any) -> None:
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    a_panel.ui.mirrorCheckBox.click()

    a_panel.widget.exit()
    a_panel.widget.enter()

    assert a_panel.ui.inputSelector.currentNode() is a_scan
    assert a_panel.ui.mirrorCheckBox.checked


def test_help_cites_the_paper_and_says_not_for_clinical_use(a_panel: Any) -> None:
    assert "Scaling Tumor Segmentation" in a_panel.module.acknowledgementText
    assert "not for clinical use" in a_panel.module.helpText
    assert a_panel.ui.disclaimerLabel.text == "Research use only. Not for clinical use."


def test_a_table_is_locked_and_one_that_lost_a_column_shows_no_lesions(
    a_run: Any, a_scan: Any
) -> None:
    import slicer

    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLTableNode")
    assert node.GetLocked()
    node.RemoveColumn(0)

    a_run.widget.enter()

    assert cells(a_run) == []
