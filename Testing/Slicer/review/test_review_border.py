"""Borders and truth: out to the Segment Editor and back, and into files."""

from __future__ import annotations

from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.organs import find_organ
from Backend.review.cohort import GRID, KEYS, ONE, A
from Slicer.review.reading import (
    draw,
    logged,
    press,
    rows,
    world_of,
)


def test_segments_show_the_candidates_voxels_where_they_are(a_review: Any) -> None:
    import slicer

    scene = a_review.actions.scene
    array = slicer.util.arrayFromSegmentBinaryLabelmap(
        scene.node, f"AtlasTumor_review_{KEYS[0]}", scene.volumeNode
    ).T
    found = sorted(tuple(map(float, world_of(scene.volumeNode, ijk))) for ijk in np.argwhere(array))
    mask = np.zeros(GRID.shape, bool)
    mask[A] = True
    assert found == sorted(tuple(map(float, ras)) for ras in GRID.to_ras(np.argwhere(mask)))


def test_a_border_goes_to_the_segment_editor_and_comes_back_drawn(
    a_review: Any, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    opened = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    scene = a_review.actions.scene
    press(a_review, "B")
    a_review.exit()
    editor = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    segment_id = f"AtlasTumor_review_{KEYS[0]}"
    assert opened == ["SegmentEditor"]
    assert editor.GetSelectedSegmentID() == segment_id
    assert editor.GetSegmentationNode() is scene.node
    assert editor.GetSourceVolumeNode() is scene.volumeNode
    assert not a_review._keys.areInPlace
    draw(scene, segment_id, np.s_[4:9, 4:6, 4:6])

    press(a_review, "B")  # the key that leads back
    a_review.enter()

    assert opened == ["SegmentEditor", "AtlasFROC"]
    assert logged(folders)[-1] == ("border", KEYS[0])
    outline = a_review.session.outline_of(a_review.session.items[0])
    assert outline.box == np.s_[4:9, 4:6, 4:6]
    assert outline.mask.all()
    assert rows(a_review)[0][3] == "border edited"
    assert a_review._keys.areInPlace


def test_what_is_drawn_is_kept_while_the_segment_editor_is_still_open(
    a_review: Any, folders: Any, monkeypatch: pytest.MonkeyPatch, wait_for: Any
) -> None:
    import slicer

    monkeypatch.setattr(slicer.util, "selectModule", lambda _name: None)
    press(a_review, "B")
    a_review.exit()
    scene = a_review.actions.scene
    segment_id = f"AtlasTumor_review_{KEYS[0]}"

    draw(scene, segment_id, np.s_[4:9, 4:6, 4:6])

    wait_for(lambda: logged(folders)[-1] == ("border", KEYS[0]), seconds=20)
    assert scene.node.GetSegmentation().GetSegment(segment_id) is not None
    assert not a_review._keys.areInPlace  # else A would accept while the user draws
    assert a_review.session.watch.is_running


def test_a_border_that_was_not_changed_is_no_decision(
    a_review: Any, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    monkeypatch.setattr(slicer.util, "selectModule", lambda _name: None)

    press(a_review, "B")
    a_review.exit()
    a_review.enter()

    assert [kind for kind, _ in logged(folders)] == ["show"]


def test_the_reviewed_truth_is_exported_from_the_panel(
    a_review: Any, folders: Any, wait_for: Any
) -> None:
    press(a_review, "A")
    for _ in KEYS[1:]:
        press(a_review, "R")
    press(a_review, "N")
    ui = a_review.ui
    ui.truthPathLineEdit.currentPath = str(folders.truth)
    ui.segNrrdCheckBox.checked = True

    ui.exportButton.click()
    wait_for(lambda: ui.exportButton.text == "Export finished scans")

    assert "1 scans exported" in ui.exportLabel.text
    assert "case-2: It is not finished" in ui.exportLabel.text
    assert (folders.truth / "case-1" / "segmentation.seg.nrrd").is_file()
    array = np.asarray(nibabel.load(folders.truth / "case-1" / "labels.nii.gz").dataobj)
    assert np.count_nonzero(array == find_organ(ONE.key).tumor_label) == 8
    assert (array[A] == ONE.tumor_label).all()
