"""AtlasTumorSynth with what the user painted: the tumor's shape, or where places are drawn."""

from __future__ import annotations

import html
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from Slicer.synth_case import CENTERS_RAS, cells, click, synthetic, voxels

LIVER, PANCREAS = np.array(CENTERS_RAS["liver"]), CENTERS_RAS["pancreas"]
PAINTED_AT = LIVER + np.array((6.0, 0.0, 18.0))


@pytest.fixture
def painted(a_synth_panel: Any) -> SimpleNamespace:
    """A segment of some ellipsoid in the liver, and an empty one, in a node of the user's."""
    import slicer

    panel = a_synth_panel
    grid = panel.body.scan.grid
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    mask = (((ras - PAINTED_AT) / (15.0, 8.0, 9.0)) ** 2).sum(axis=-1) <= 1
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(panel.volume)
    names = {}
    for name, voxels_of in (("Blob", mask), ("Nothing", np.zeros_like(mask))):
        names[name] = node.GetSegmentation().AddEmptySegment("", name)
        array = np.ascontiguousarray(voxels_of.T).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, names[name], panel.volume)
    panel.panel.exit()  # segments are painted in another module
    panel.panel.enter()

    def choose(name: str, shape: str) -> None:
        box = panel.ui.segmentComboBox
        box.currentIndex = box.findText(f"Mine: {name}")
        panel.ui.shapeComboBox.currentIndex = panel.ui.shapeComboBox.findData(shape)

    return SimpleNamespace(node=node, mask=mask, choose=choose, names=names)


def tumor_of(panel: Any) -> np.ndarray:
    """Where the previewed tumor is, (I, J, K)."""
    (tumor,) = panel.logic.state.preview
    mask = np.zeros(panel.body.scan.grid.shape, bool)
    mask[tumor.edit.box] = tumor.edit.mask
    return mask


def middle_of(panel: Any) -> np.ndarray:
    return panel.body.scan.grid.to_ras(np.argwhere(tumor_of(panel)).mean(axis=0))


def test_a_tumor_takes_the_shape_of_a_segment_where_it_was_painted_or_at_a_click(
    a_synth_panel: Any, painted: SimpleNamespace, settle: Any
) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    painted.choose("Blob", "painted")
    assert ui.surpriseButton.text == "As painted"
    assert not ui.diameterSlider.enabled
    ui.numberSpinBox.value = 3

    ui.surpriseButton.click()
    settle()

    assert np.array_equal(tumor_of(panel), painted.mask)
    (row,) = cells(panel)
    assert row[1] == "Liver"
    assert row[2] == row[3] != "16.0"
    first = voxels(synthetic())
    ui.autoContrastCheckBox.checked = False
    settle()
    assert np.array_equal(tumor_of(panel), painted.mask)  # another density, the same place
    assert not np.array_equal(voxels(synthetic()), first)

    there = tuple(LIVER + np.array((-12.0, 4.0, -8.0)))
    click(panel, there)
    settle()

    assert np.linalg.norm(middle_of(panel) - there) < 3.0  # a click has the slice's thickness
    assert tumor_of(panel).sum() == painted.mask.sum()
    ui.undoButton.click()
    assert np.array_equal(tumor_of(panel), painted.mask)


def test_places_are_drawn_inside_a_segment(
    a_synth_panel: Any, painted: SimpleNamespace, settle: Any
) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    painted.choose("Blob", "")
    ui.diameterSlider.value = 10.0
    assert ui.surpriseButton.text == "Surprise me"

    for _ in range(2):
        ui.surpriseButton.click()
        settle()

        (tumor,) = panel.logic.state.preview
        assert painted.mask[panel.body.voxel_at(tumor.centerRas)]
    ui.diameterSlider.value = 12.0
    settle()
    assert panel.logic.state.preview[0].centerRas == tumor.centerRas

    click(panel, PANCREAS)
    settle()
    assert cells(panel)[0][1] == "Pancreas"  # a click is a click


def test_what_is_missing_or_does_not_fit_is_said_in_the_panel(
    a_synth_panel: Any, a_slicer: Any, painted: SimpleNamespace, settle: Any
) -> None:
    import slicer

    panel, ui = a_synth_panel, a_synth_panel.ui
    ui.shapeComboBox.currentIndex = ui.shapeComboBox.findData("painted")
    assert ui.placeButton.toolTip == "Choose the segment that is the tumor's shape."
    assert not ui.surpriseButton.enabled

    painted.choose("Nothing", "painted")
    ui.surpriseButton.click()
    settle()
    assert "Nothing of 'Mine: Nothing' lies in the scan" in html.unescape(ui.messageLabel.text)
    painted.choose("Blob", "painted")
    click(panel, tuple(LIVER + np.array((0.0, 0.0, 37.0))))  # its upper end is 40 mm away
    settle()
    assert "lies where one of the liver may grow" in ui.messageLabel.text
    slicer.mrmlScene.RemoveNode(painted.node)
    ui.surpriseButton.click()
    settle()
    assert "The segment that was chosen is gone" in ui.messageLabel.text

    assert not panel.logic.state.preview
    assert not a_slicer.user.seen
