"""AtlasTumorSynth without any widget: the real worker, real nodes."""
# ruff: noqa: ARG001 - a fixture may be asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.errors import PlacementError
from Slicer.synth_case import CENTERS_RAS, digest, place, settings, voxels

LIVER, PANCREAS = CENTERS_RAS["liver"], CENTERS_RAS["pancreas"]


def rows_of(logic: Any) -> list[Any]:
    from AtlasTumorSynthLib.HistoryTable import readRows

    return readRows(logic.nodes.tableNode)


def n_segments(logic: Any) -> int:
    return logic.nodes.segmentationNode.GetSegmentation().GetNumberOfSegments()


def test_a_click_grows_a_tumor_in_a_copy_and_leaves_the_original_alone(
    a_synth_logic: Any, a_body: Any
) -> None:
    import slicer

    before = digest(a_body.volume)

    (tumor,) = place(a_synth_logic, a_body).preview

    assert digest(a_body.volume) == before
    node = a_synth_logic.nodes.volumeNode
    assert node is not a_body.volume
    assert tumor.organ == "liver"
    assert tumor.diameterMm == pytest.approx(16.0, rel=0.1)
    changed = voxels(node) != voxels(a_body.volume)
    segment = a_synth_logic.nodes.segmentationNode.GetSegmentation().GetNthSegmentID(0)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(
        a_synth_logic.nodes.segmentationNode, segment, node
    ).astype(bool)
    assert (changed[mask]).mean() > 0.9
    k, j, i = np.argwhere(mask).mean(axis=0)
    assert np.linalg.norm(a_body.body.scan.grid.to_ras((i, j, k)) - LIVER) < 4.0
    assert (a_body.body.labels.array.T[mask] == 5).all()


def test_the_copy_says_everywhere_that_it_is_synthetic(a_synth_logic: Any, a_body: Any) -> None:
    a_body.volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")

    place(a_synth_logic, a_body)

    nodes = a_synth_logic.nodes
    assert nodes.volumeNode.GetName() == "Scan synthetic"
    assert nodes.volumeNode.GetAttribute("AtlasTumor.Synthetic") == "1"
    derivation = nodes.volumeNode.GetAttribute("DICOM.DerivationDescription")
    assert derivation.startswith("SYNTHETIC")
    assert "Tumor 1: liver, " in derivation
    assert derivation.endswith("method 'handcrafted', seed 1.")
    assert nodes.volumeNode.GetAttribute("DICOM.instanceUIDs") is None  # no file looks like this
    assert nodes.volumeNode.GetDescription().startswith("SYNTHETIC")
    assert nodes.originalNode is a_body.volume
    segment = nodes.segmentationNode.GetSegmentation().GetNthSegment(0)
    assert segment.GetName() == "Synthetic liver tumor 1"
    assert "10200004" in segment.GetTerminology()
    assert "synthetic" in nodes.segmentationNode.GetName()


def test_undo_and_redo_go_through_every_step_voxel_by_voxel(
    a_synth_logic: Any, a_body: Any
) -> None:
    original = voxels(a_body.volume)
    place(a_synth_logic, a_body)
    small = voxels(a_synth_logic.nodes.volumeNode)
    a_synth_logic.adjust(a_body.volume, a_body.organs, settings(diameter=30.0, massEffect=True))
    a_synth_logic.wait()
    large = voxels(a_synth_logic.nodes.volumeNode)
    assert (small != original).sum() < (large != original).sum()
    a_synth_logic.keep()
    place(a_synth_logic, a_body, PANCREAS)
    both = voxels(a_synth_logic.nodes.volumeNode)
    assert [row.state for row in rows_of(a_synth_logic)] == ["kept", "preview"]
    steps = [both, large, large, small, original]

    for step, rows in zip(steps, (2, 1, 1, 1, 0), strict=True):
        assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), step)
        assert len(rows_of(a_synth_logic)) == n_segments(a_synth_logic) == rows
        a_synth_logic.undo()

    assert not a_synth_logic.canUndo
    for step in reversed(steps):
        assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), step)
        a_synth_logic.redo()
    assert not a_synth_logic.canRedo
    assert [row.number for row in rows_of(a_synth_logic)] == [1, 2]


def test_a_kept_tumor_is_known_to_the_worker_and_one_taken_back_is_not(
    a_synth_logic: Any, a_body: Any
) -> None:
    place(a_synth_logic, a_body)
    first = voxels(a_synth_logic.nodes.volumeNode)
    a_synth_logic.keep()
    with pytest.raises(PlacementError, match="already is a tumor"):
        place(a_synth_logic, a_body)
    assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), first)

    a_synth_logic.undo()
    a_synth_logic.undo()
    place(a_synth_logic, a_body)

    assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), first)


def test_the_worker_stays_warm_and_is_started_anew_when_it_has_ended(
    a_synth_logic: Any, a_body: Any
) -> None:
    from AtlasTumorSlicer.Processes import killTree

    place(a_synth_logic, a_body)
    a_synth_logic.keep()
    pid = a_synth_logic.workerPid
    place(a_synth_logic, a_body, PANCREAS)
    assert a_synth_logic.workerPid == pid
    second = voxels(a_synth_logic.nodes.volumeNode)

    a_synth_logic._grower._studio._job.cancel()  # as when it was idle for long
    killTree(pid)
    assert a_synth_logic.workerPid == 0
    place(a_synth_logic, a_body, PANCREAS)

    assert a_synth_logic.workerPid not in (0, pid)
    assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), second)
    with pytest.raises(PlacementError):
        place(a_synth_logic, a_body, LIVER)  # it was told what had been kept


def test_tumors_without_a_click_find_places_of_their_own(a_synth_logic: Any, a_body: Any) -> None:
    state = a_synth_logic.place(
        a_body.volume, a_body.organs, settings(organ="liver", seed=4), number=3, wait=True
    )

    assert [tumor.organ for tumor in state.preview] == ["liver"] * 3
    assert [row.seed for row in rows_of(a_synth_logic)] == [4, 5, 6]
    places = [tumor.centerRas for tumor in state.preview]
    a_synth_logic.adjust(
        a_body.volume, a_body.organs, settings(organ="liver", seed=4, diameter=12.0)
    )
    a_synth_logic.wait()
    assert [tumor.centerRas for tumor in a_synth_logic.state.preview] == places
    a_synth_logic.undo()
    assert [tumor.settings.diameter for tumor in a_synth_logic.state.preview] == [16.0] * 3


def test_tumors_at_drawn_places_keep_their_shapes_while_their_densities_change(
    a_synth_logic: Any, a_body: Any
) -> None:
    def shapes() -> list[np.ndarray]:
        edits = [tumor.edit for tumor in a_synth_logic.state.preview]
        return [np.argwhere(edit.mask) + edit.start for edit in edits]

    wish = {"organ": "liver", "seed": 4}
    a_synth_logic.place(a_body.volume, a_body.organs, settings(**wish), number=2, wait=True)
    drawn = shapes()

    a_synth_logic.adjust(a_body.volume, a_body.organs, settings(**wish, contrast=-40.0))
    a_synth_logic.wait()

    assert [tumor.settings.contrast for tumor in a_synth_logic.state.preview] == [-40.0] * 2
    assert all(np.array_equal(*pair) for pair in zip(drawn, shapes(), strict=True))


def test_of_many_wishes_only_the_last_one_counts(a_synth_logic: Any, a_body: Any) -> None:
    for diameter in (12.0, 14.0, 18.0, 22.0):
        a_synth_logic.place(a_body.volume, a_body.organs, settings(diameter=diameter), LIVER)

    (tumor,) = a_synth_logic.wait().preview

    assert tumor.settings.diameter == 22.0
    a_synth_logic.undo()
    assert not a_synth_logic.canUndo or a_synth_logic.state.preview


def test_leaving_takes_the_preview_along_and_leaves_what_was_kept(
    a_synth_logic: Any, a_body: Any
) -> None:
    import slicer

    place(a_synth_logic, a_body)
    a_synth_logic.keep()
    kept = voxels(a_synth_logic.nodes.volumeNode)
    place(a_synth_logic, a_body, PANCREAS)
    nodes = a_synth_logic.nodes

    a_synth_logic.leave()

    assert np.array_equal(voxels(nodes.volumeNode), kept)
    assert nodes.segmentationNode.GetSegmentation().GetNumberOfSegments() == 1
    assert not list(Path(slicer.app.temporaryPath).glob("AtlasTumorSynth-*"))


def test_another_type_of_voxels_changes_inside_the_tumor_alone(
    a_synth_logic: Any, a_body: Any
) -> None:
    import slicer

    array = voxels(a_body.volume).astype(np.float64) + 0.123456789
    slicer.util.updateVolumeFromArray(a_body.volume, array)

    (tumor,) = place(a_synth_logic, a_body).preview

    changed = voxels(a_synth_logic.nodes.volumeNode) != array
    assert 0 < changed.sum() <= tumor.edit.mask.size
    a_synth_logic.undo()
    assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), array)


def test_a_scan_under_a_transform_is_clicked_where_it_is_shown(
    a_synth_logic: Any, a_body: Any, a_transform: Any
) -> None:
    for node in (a_body.volume, a_body.organs):
        node.SetAndObserveTransformNodeID(a_transform.GetID())
    r, a, s = LIVER

    (tumor,) = place(a_synth_logic, a_body, (-a + 7, r - 3, s + 11)).preview

    assert tumor.organ == "liver"
    row = rows_of(a_synth_logic)[0]
    assert np.linalg.norm(np.array([row.r, row.a, row.s]) - LIVER) < 4.0
    assert a_synth_logic.nodes.segmentationNode.GetParentTransformNode() is a_transform


def test_the_modules_own_test_passes_here_too(a_synth_logic: Any) -> None:
    from AtlasTumorSynthLib.SelfTest import AtlasTumorSynthTest

    AtlasTumorSynthTest().runTest()
