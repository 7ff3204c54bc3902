"""The stand-ins of CTK's and Slicer's widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def ctk(a_slicer: Any) -> Any:
    import ctk

    assert a_slicer is not None
    return ctk


@pytest.fixture
def slicer(a_slicer: Any) -> Any:
    import slicer

    assert a_slicer is not None
    return slicer


def test_a_slider_keeps_its_number_within_its_limits(ctk: Any) -> None:
    slider, heard = ctk.ctkSliderWidget(), []
    slider.connect("valueChanged(double)", heard.append)
    slider.minimum, slider.maximum = -100, 500

    slider.value = 1000
    slider.value = 0.126

    assert slider.value == pytest.approx(0.13)  # two decimals
    assert heard == [500.0, 0.13]


def test_a_folded_button_hides_what_is_in_it(ctk: Any) -> None:
    import qt

    button, heard = ctk.ctkCollapsibleButton(), []
    button.connect("contentsCollapsed(bool)", heard.append)
    label = qt.QLabel("inside", button)
    button.show()

    button.collapsed = True

    assert label.visible is False
    assert heard == [True]
    button.collapsed = False
    assert label.visible is True


def test_items_of_a_checkable_combo_box_are_counted(ctk: Any) -> None:
    import qt

    box = ctk.ctkCheckableComboBox()
    box.addItem("one")
    box.addItem("two")
    assert box.noneChecked()

    box.setCheckState(box.model().index(1, 0), qt.Qt.Checked)

    assert [index.row() for index in box.checkedIndexes()] == [1]


def test_a_folder_becomes_absolute(ctk: Any) -> None:
    button = ctk.ctkDirectoryButton()

    button.directory = "here"

    assert button.directory == str(Path("here").absolute())


def test_a_stand_in_refuses_what_the_real_widget_lacks(ctk: Any, slicer: Any) -> None:
    for widget in (ctk.ctkSliderWidget(), slicer.qMRMLNodeComboBox(), slicer.qMRMLWidget()):
        with pytest.raises(AttributeError):
            widget.colour = "red"


def _volume(slicer: Any, name: str) -> Any:
    return slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name=name)


@pytest.fixture
def a_selector(slicer: Any) -> Any:
    """A selector of volumes that knows the scene."""
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    return selector


def test_a_selector_is_disabled_without_a_scene_and_remembers_a_wish(slicer: Any) -> None:
    volume = _volume(slicer, "a")
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setCurrentNode(volume)
    assert not selector.enabled
    assert selector.currentNode() is None

    selector.setMRMLScene(slicer.mrmlScene)

    assert selector.enabled
    assert selector.currentNode() is volume


def test_a_selector_selects_nothing_by_itself(slicer: Any, a_selector: Any) -> None:
    _volume(slicer, "a")

    assert a_selector.nodeCount() == 1
    assert a_selector.currentNode() is None


def test_a_selector_lists_only_its_types(slicer: Any, a_selector: Any) -> None:
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert a_selector.nodeFromIndex(0) is labels

    a_selector.showChildNodeTypes = False

    assert a_selector.nodeCount() == 0


def test_a_selector_lets_go_of_a_removed_node(slicer: Any, a_selector: Any) -> None:
    first, second = _volume(slicer, "a"), _volume(slicer, "b")
    heard: list[Any] = []
    a_selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    a_selector.setCurrentNode(first)

    slicer.mrmlScene.RemoveNode(first)
    slicer.mrmlScene.RemoveNode(second)

    assert heard == [first, second, None]


def test_a_created_node_is_selected(slicer: Any, a_selector: Any) -> None:
    a_selector.setBaseName("Result")

    node = a_selector.addNode()

    assert node.GetName() == "Result"
    assert a_selector.currentNode() is node
    assert slicer.mrmlScene.GetNodeByID(a_selector.currentNodeID) is node


def test_the_table_of_segments_follows_the_segmentation(slicer: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    table = slicer.qMRMLSegmentsTableView()
    table.setSegmentationNode(node)
    assert table.segmentCount == 0

    node.GetSegmentation().AddEmptySegment("one", "First", (1, 0, 0))
    node.GetSegmentation().AddEmptySegment("two", "Second", (0, 1, 0))
    table.setSelectedSegmentIDs(["two"])

    assert table.displayedSegmentIDs() == ("one", "two")
    assert table.selectedSegmentIDs() == ("two",)


def test_the_3d_button_makes_and_removes_surfaces(slicer: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    button = slicer.qMRMLSegmentationShow3DButton()
    button.setSegmentationNode(node)
    assert not button.enabled  # nothing to show yet
    volume = _volume(slicer, "a")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().AddEmptySegment("one")
    mask = np.zeros((2, 3, 4), np.uint8)
    mask[0, 1, 1:3] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "one", volume)

    button.click()
    assert node.GetSegmentation().ContainsRepresentation("Closed surface")
    button.click()
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
