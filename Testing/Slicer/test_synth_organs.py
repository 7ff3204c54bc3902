"""Where AtlasTumorSynth's organs come from, and what the model says of its tumors."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.errors import InputError
from atlastumor.organs import ORGANS
from Slicer.synth_case import CENTERS_RAS, add_organs

REPOSITORY = Path(__file__).resolve().parents[2]
LIVER = CENTERS_RAS["liver"]


@pytest.fixture
def labels_of(a_synth_panel: Any) -> Any:
    from AtlasTumorSynthLib.OrganLabels import findLabels

    def read(node: Any) -> list[int]:
        return list(findLabels(node).values())

    return read


def test_segments_are_known_by_their_names(a_synth_panel: Any, labels_of: Any) -> None:
    names = {"liver_tumor": 27, "Left kidney": 3, "kidney_right": 4, "Uterus": 26, "Segment_1": 5}

    node = add_organs(a_synth_panel.body, a_synth_panel.volume, names)

    assert labels_of(node) == [3, 4, 26, 27]  # tumors last, so that they lie above organs


def test_segments_are_known_by_their_terminology(a_synth_panel: Any, labels_of: Any) -> None:
    from AtlasTumorSlicer.Results import LesionRow
    from AtlasTumorSlicer.Terminology import lesionStyle, organStyle

    node = add_organs(a_synth_panel.body, a_synth_panel.volume, {})
    segmentation = node.GetSegmentation()
    expected = []
    for organ in ORGANS:
        for side, label in zip(organ.sides or (None,), organ.labels, strict=True):
            segment = segmentation.AddEmptySegment("", f"Segment {label}")
            segmentation.GetSegment(segment).SetTerminology(organStyle(organ, side).terminology)
            expected.append(label)
    for organ in ORGANS:
        row = LesionRow(organ.key, 1, 1.0, 10.0, 0.5, "", (0.0, 0.0, 0.0))
        segment = segmentation.AddEmptySegment("", f"Segment {organ.tumor_label}")
        segmentation.GetSegment(segment).SetTerminology(lesionStyle(row).terminology)
        expected.append(organ.tumor_label)

    assert labels_of(node) == expected


def test_the_label_map_is_the_segments_in_the_order_of_the_backend(a_synth_panel: Any) -> None:
    from AtlasTumorSynthLib.OrganLabels import makeLabels

    labels = makeLabels(a_synth_panel.volume, a_synth_panel.organs)

    assert np.array_equal(labels, a_synth_panel.body.labels.array)
    with pytest.raises(InputError, match="Name the segments so"):
        makeLabels(a_synth_panel.volume, None)


def test_outlines_that_are_changed_hold_from_the_next_tumor_on(a_synth_panel: Any) -> None:
    import slicer
    from AtlasTumorSynthLib.Parameters import Settings

    panel = a_synth_panel
    chosen = (panel.volume, panel.organs)
    panel.logic.place(*chosen, Settings(diameter=14.0), LIVER, wait=True)
    panel.logic.keep()
    segment = panel.organs.GetSegmentation().GetSegmentIdBySegmentName("pancreas")
    array = slicer.util.arrayFromSegmentBinaryLabelmap(panel.organs, segment, panel.volume)
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        np.zeros_like(array), panel.organs, segment, panel.volume
    )

    with pytest.raises(InputError, match="No organ is outlined"):
        panel.logic.place(*chosen, Settings(), CENTERS_RAS["pancreas"], wait=True)

    assert panel.ui.historyTable.rowCount == 1  # what was kept stays


def test_organs_can_be_found_by_atlastumorseg(
    a_synth_panel: Any, load_module: Any, a_card: Any, wait_for: Any
) -> None:
    import slicer

    load_module(REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py")
    fake = REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSegLib" / "FakeWorker.py"
    slicer.util.getModuleLogic("AtlasTumorSeg").workerCommand = [str(fake)]
    ui = a_synth_panel.ui
    ui.organsSelector.setCurrentNode(None)

    ui.applyButton.click()
    wait_for(lambda: ui.applyButton.text == "Find organs")

    assert ui.organsSelector.currentNode().GetName().startswith("Scan tumors")
    assert ui.placeButton.enabled


def test_finding_organs_can_be_cancelled(
    a_synth_panel: Any,
    load_module: Any,
    a_card: Any,
    wait_for: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import slicer

    note = tmp_path / "pids"
    monkeypatch.setenv("ATLASTUMOR_FAKE", "hang")
    monkeypatch.setenv("ATLASTUMOR_FAKE_PIDS", str(note))
    load_module(REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py")
    fake = REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSegLib" / "FakeWorker.py"
    slicer.util.getModuleLogic("AtlasTumorSeg").workerCommand = [str(fake)]
    ui = a_synth_panel.ui
    ui.applyButton.click()
    wait_for(note.exists)
    assert ui.applyButton.text == "Cancel"

    ui.applyButton.click()

    assert ui.applyButton.text == "Find organs"
    assert ui.organsSelector.currentNode() is a_synth_panel.organs


@pytest.mark.slow
def test_the_model_says_how_much_of_a_tumor_it_finds_again(
    a_synth_panel: Any, wait_for: Any
) -> None:
    from AtlasTumorSynthLib.Parameters import Settings

    panel = a_synth_panel
    settings = Settings(diameter=20.0, autoContrast=False, contrast=-90.0)
    panel.logic.place(panel.volume, panel.organs, settings, LIVER, wait=True)

    panel.ui.judgeButton.click()
    assert not panel.ui.judgeButton.enabled
    wait_for(lambda: not panel.logic.isBusy, 300)

    share = panel.ui.historyTable.item(0, 5).text()
    assert share.endswith("%")
    assert f"The model finds {share} again" in panel.ui.messageLabel.text
    assert 0.0 <= panel.logic.state.preview[0].quality <= 1.0
