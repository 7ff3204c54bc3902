"""AtlasTumorSynth from the click to the saved scene: the real panel, views and worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from Slicer.synth_case import CENTERS_RAS, backgrounds, cells, click, digest, synthetic, voxels

LIVER, PANCREAS = CENTERS_RAS["liver"], CENTERS_RAS["pancreas"]


def test_a_click_gives_a_preview_that_follows_the_sliders_and_can_be_compared(
    a_synth_panel: Any, settle: Any
) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    before, original = digest(panel.volume), voxels(panel.volume)
    click(panel, LIVER)
    settle()
    assert backgrounds() == {"Scan synthetic"}
    first = voxels(synthetic())
    assert 0 < (first != original).sum() < 3000
    assert cells(panel)[0][:3] == ["1", "Liver", "16.0"]
    assert ui.historyTable.item(0, 0).font().italic()

    ui.diameterSlider.value = 28.0
    settle()

    larger = voxels(synthetic())
    assert (larger != original).sum() > 2 * (first != original).sum()
    assert cells(panel)[0][2] == "28.0"
    assert np.allclose(panel.logic.state.preview[0].request["center_ras"], LIVER, atol=2.0)
    for name in ("Scan", "Scan synthetic"):
        ui.beforeButton.click()
        assert backgrounds() == {name}
    assert digest(panel.volume) == before


def test_undo_redo_and_keep_go_through_every_step(a_synth_panel: Any, settle: Any) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    before = digest(panel.volume)
    click(panel, LIVER)
    settle()
    first = voxels(synthetic())
    ui.diameterSlider.value = 28.0
    settle()
    larger = voxels(synthetic())

    ui.undoButton.click()
    assert ui.diameterSlider.value == 16.0  # the choices are those that led there
    settle()
    assert np.array_equal(voxels(synthetic()), first)
    ui.redoButton.click()
    assert np.array_equal(voxels(synthetic()), larger)
    ui.keepButton.click()
    assert not ui.keepButton.enabled
    assert ui.seedSpinBox.value == 2
    click(panel, PANCREAS, "Green")
    settle()
    both = voxels(synthetic())
    assert [row[1] for row in cells(panel)] == ["Liver", "Pancreas"]
    for _ in range(3):
        ui.undoButton.click()
    assert np.array_equal(voxels(synthetic()), first)
    ui.undoButton.click()
    assert digest(synthetic()) == digest(panel.volume) == before  # as if nothing had been
    assert cells(panel) == []
    for _ in range(4):
        ui.redoButton.click()
    assert np.array_equal(voxels(synthetic()), both)


def test_a_saved_scene_brings_tumors_and_history_back_and_the_work_goes_on(
    a_synth_panel: Any, settle: Any, tmp_path: Path
) -> None:
    import slicer

    panel, ui = a_synth_panel, a_synth_panel.ui
    before, path = digest(panel.volume), str(tmp_path / "case.mrb")
    for ras in (LIVER, PANCREAS):
        click(panel, ras)
        settle()
        ui.keepButton.click()
    kept, rows = voxels(synthetic()), cells(panel)

    assert slicer.util.saveScene(path)
    ui.undoButton.click()  # saving does not end the work
    ui.undoButton.click()
    assert len(cells(panel)) == 1
    slicer.mrmlScene.Clear(0)
    assert cells(panel) == []
    slicer.util.loadScene(path)

    assert cells(panel) == rows
    assert digest(slicer.util.getNode("Scan")) == before
    assert np.array_equal(voxels(synthetic()), kept)
    assert synthetic().GetAttribute("AtlasTumor.Synthetic") == "1"
    assert synthetic().GetAttribute("DICOM.DerivationDescription").startswith("SYNTHETIC")
    segmentation = slicer.util.getNode("Scan synthetic tumors").GetSegmentation()
    names = [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]
    assert names == ["Synthetic liver tumor 1", "Synthetic pancreas tumor 2"]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    assert ui.organsSelector.currentNode().GetName() == "Organs"
    click(panel, CENTERS_RAS["uterus"])
    settle()
    assert [row[0] for row in cells(panel)] == ["1", "2", "3"]
    click(panel, LIVER)
    settle()
    assert "already is a tumor" in ui.messageLabel.text
