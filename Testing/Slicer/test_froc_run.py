"""Measuring from the panel: folders, nodes of the scene, cancelling, errors, saved scenes."""

# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Slicer.froc_cohort import AFFINE, LIVER, draw


def choose_folders(panel: Any, cohort: Any) -> None:
    for name in ("predictions", "references"):
        getattr(panel.ui, f"{name}PathLineEdit").currentPath = str(getattr(cohort, name))


def measure(panel: Any, wait_for: Any) -> None:
    panel.ui.applyButton.click()
    assert panel.ui.applyButton.text == "Cancel"
    wait_for(lambda: panel.ui.applyButton.text == "Measure")


def make_nodes() -> tuple[Any, Any]:
    """Case alpha as nodes: its map, and a segmentation of an organ and a tumor."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(AFFINE.ravel().tolist())
    probability, mask = draw(*LIVER["alpha"])
    map_node = slicer.util.addVolumeFromArray(
        np.ascontiguousarray(probability.T), ijkToRAS=matrix, name="Map"
    )
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Reference")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(map_node)
    for name, array in (("organ", np.ones_like(mask)), ("tumor", mask)):
        node.GetSegmentation().AddEmptySegment(name, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            np.ascontiguousarray(array.T), node, name, map_node
        )
    tumor = node.GetSegmentation().GetSegment("tumor")
    tumor.SetTerminology(
        "X~SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass~^^~~^^~^^"
    )
    return map_node, node


def leftovers() -> list[Path]:
    import slicer

    return list(Path(slicer.app.temporaryPath).glob("AtlasFROC-*"))


def test_without_folders_measure_says_what_is_missing(a_froc_panel: Any) -> None:
    ui = a_froc_panel.ui
    assert not ui.applyButton.enabled
    assert ui.applyButton.toolTip == "Choose the folder of the predictions first."

    ui.sourceComboBox.currentIndex = 1

    assert ui.applyButton.toolTip == "Choose a probability map first."


def test_measuring_folders_shows_the_curve_and_keeps_the_results(
    a_froc_panel: Any, a_measured_cohort: Any, wait_for: Any, tmp_path: Path
) -> None:
    choose_folders(a_froc_panel, a_measured_cohort)
    a_froc_panel.ui.resultsPathLineEdit.currentPath = str(tmp_path / "results")

    measure(a_froc_panel, wait_for)

    assert tuple(a_froc_panel.logic.curve.curve.tp) == (1, 2, 2, 2, 3, 3, 3)
    assert len(list((tmp_path / "results" / "sweeps").glob("*.npz"))) == 4
    assert a_froc_panel.widget._parameterNode.organ == "liver"
    assert not leftovers()


def test_measuring_can_be_cancelled_and_leaves_nothing(
    a_froc_panel: Any,
    a_measured_cohort: Any,
    wait_for: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pids = tmp_path / "pids"
    monkeypatch.setenv("ATLASTUMOR_FAKE", "hang")
    monkeypatch.setenv("ATLASTUMOR_FAKE_PIDS", str(pids))
    choose_folders(a_froc_panel, a_measured_cohort)
    a_froc_panel.ui.applyButton.click()
    wait_for(lambda: pids.exists() and pids.read_text(encoding="utf-8"))
    wait_for(lambda: a_froc_panel.ui.stageLabel.text == "Sweeping cases")
    assert not a_froc_panel.ui.inputsCollapsibleButton.enabled

    a_froc_panel.ui.applyButton.click()

    assert a_froc_panel.ui.applyButton.text == "Measure"
    assert a_froc_panel.ui.stageLabel.text == "Cancelled"
    assert a_froc_panel.logic.cohort is None
    assert not leftovers()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids.read_text(encoding="utf-8")), 0)


def test_what_the_worker_refuses_is_shown(
    a_froc_panel: Any,
    a_measured_cohort: Any,
    a_slicer: Any,
    wait_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "error")
    choose_folders(a_froc_panel, a_measured_cohort)

    measure(a_froc_panel, wait_for)

    assert a_slicer.user.seen[-1].text == "The fake cohort is empty."
    assert not leftovers()


def test_folders_that_are_gone_are_said_before_anything_starts(
    a_froc_panel: Any, a_slicer: Any, tmp_path: Path
) -> None:
    ui = a_froc_panel.ui
    ui.predictionsPathLineEdit.currentPath = str(tmp_path / "nowhere")
    ui.referencesPathLineEdit.currentPath = str(tmp_path)

    ui.applyButton.click()

    assert "The folder 'nowhere' is not there." in a_slicer.user.seen[-1].text
    assert ui.applyButton.text == "Measure"
    assert not leftovers()


def test_nodes_of_the_scene_are_a_cohort_of_one(a_froc_panel: Any, wait_for: Any) -> None:
    import slicer

    ui = a_froc_panel.ui
    map_node, segmentation = make_nodes()
    ui.sourceComboBox.currentIndex = 1
    ui.probabilitySelector.setCurrentNode(map_node)
    ui.referenceSelector.setCurrentNode(segmentation)
    # The terminology says which segment is a tumor.
    assert list(a_froc_panel.widget._parameterNode.referenceSegments) == ["tumor"]

    measure(a_froc_panel, wait_for)
    ui.casesTable.cellClicked.emit(0, 0)

    curve = a_froc_panel.logic.curve.curve
    assert curve.thresholds.tolist() == pytest.approx([0.9, 0.6, 0.4])
    assert curve.tp.tolist() == [1, 1, 2]
    assert curve.n_false.tolist() == [0, 1, 1]
    assert a_froc_panel.logic.case.mapNode is map_node
    a_froc_panel.logic.closeCase()
    assert map_node.GetScene() is slicer.mrmlScene  # what was the user's stays
    assert segmentation.GetScene() is slicer.mrmlScene
    assert not leftovers()


def test_segments_are_tumors_only_if_checked(a_froc_panel: Any) -> None:
    import qt

    ui, parameters = a_froc_panel.ui, a_froc_panel.widget._parameterNode
    _map_node, segmentation = make_nodes()
    ui.sourceComboBox.currentIndex = 1
    ui.referenceSelector.setCurrentNode(segmentation)
    items = [ui.segmentsListWidget.item(row) for row in range(ui.segmentsListWidget.count)]
    assert [item.text() for item in items] == ["organ", "tumor"]

    items[0].setCheckState(qt.Qt.Checked)
    items[1].setCheckState(qt.Qt.Unchecked)

    assert list(parameters.referenceSegments) == ["organ"]


def test_candidates_move_with_a_transformed_map(
    a_froc_panel: Any, a_transform: Any, wait_for: Any
) -> None:
    map_node, segmentation = make_nodes()
    ui = a_froc_panel.ui
    for node in (map_node, segmentation):
        node.SetAndObserveTransformNodeID(a_transform.GetID())
    ui.sourceComboBox.currentIndex = 1
    ui.probabilitySelector.setCurrentNode(map_node)
    ui.referenceSelector.setCurrentNode(segmentation)

    measure(a_froc_panel, wait_for)
    ui.casesTable.cellClicked.emit(0, 0)

    case = a_froc_panel.logic.case
    assert a_froc_panel.logic.curve.curve.tp.tolist() == [1, 1, 2]
    assert a_froc_panel.logic.view.node.GetParentTransformNode() is a_transform
    r, a, s = case.grid.to_ras((3, 4, 5))
    assert case.toWorld((3, 4, 5)) == pytest.approx((-a + 7, r - 3, s + 11))


def test_a_saved_scene_opens_cohort_threshold_and_case_again(
    an_open_cohort: Any, tmp_path: Path
) -> None:
    import slicer

    ui = an_open_cohort.ui
    ui.thresholdSlider.value = 2
    ui.casesTable.cellClicked.emit(1, 0)
    path = str(tmp_path / "study.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    assert an_open_cohort.logic.cohort is None

    slicer.util.loadScene(path)

    logic = an_open_cohort.logic
    assert logic.threshold == pytest.approx(0.6)
    assert logic.case.name == "beta"
    names = {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    assert names == {"beta", "beta liver probability"}
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1


def test_a_folder_without_results_is_said(
    a_froc_panel: Any, a_measured_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    choose_folders(a_froc_panel, a_measured_cohort)
    a_froc_panel.ui.resultsPathLineEdit.currentPath = str(tmp_path)

    a_froc_panel.ui.openButton.click()

    assert "holds no results of a measurement" in a_slicer.user.seen[-1].text


def test_the_modules_own_self_test_passes(a_froc_panel: Any) -> None:
    from AtlasFROCLib.SelfTest import AtlasFROCTest

    AtlasFROCTest().runTest()
