"""A case of the cohort in the views: its candidates follow the threshold, exactly and at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Slicer.froc_cohort import AFFINE, block

LESIONS, HITS, OTHERS = "AtlasFROC_lesions", "AtlasFROC_hits", "AtlasFROC_others"


@pytest.fixture
def an_open_case(an_open_cohort: Any) -> Any:
    """The panel with case alpha in the views: lesions at 0.9 and 0.4, a false positive at 0.6."""
    an_open_cohort.ui.casesTable.cellClicked.emit(0, 0)
    assert an_open_cohort.logic.case.name == "alpha"
    return an_open_cohort


def voxels(panel: Any, segment: str) -> np.ndarray:
    """A segment on the grid of the map, (I, J, K)."""
    import slicer

    array = slicer.util.arrayFromSegmentBinaryLabelmap(
        panel.logic.view.node, segment, panel.logic.case.mapNode
    )
    return array.T.astype(bool)


def blocks(*values: float) -> np.ndarray:
    from Slicer.froc_cohort import SHAPE

    mask = np.zeros(SHAPE, bool)
    for value in values:
        mask[block(value)] = True
    return mask


@pytest.mark.parametrize(
    ("threshold", "hits", "others"),
    [(0.9, (0.9,), ()), (0.5, (0.9,), (0.6,)), (0.4, (0.9, 0.4), (0.6,))],
)
def test_segments_hold_exactly_the_candidates(
    an_open_case: Any, threshold: float, hits: tuple[float, ...], others: tuple[float, ...]
) -> None:
    for start in (0.2, 0.9):  # from more and from fewer
        an_open_case.logic.setThreshold(start)
        an_open_case.logic.setThreshold(threshold)

        assert (voxels(an_open_case, HITS) == blocks(*hits)).all()
        assert (voxels(an_open_case, OTHERS) == blocks(*others)).all()
        assert (voxels(an_open_case, LESIONS) == blocks(0.9, 0.4)).all()


def test_scan_and_map_are_loaded_and_lie_where_the_files_say(an_open_case: Any) -> None:
    import slicer
    import vtk

    case = an_open_case.logic.case
    for node in (case.scanNode, case.mapNode):
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        found = [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
        assert np.array(found) == pytest.approx(AFFINE, abs=1e-4)
    array = slicer.util.arrayFromVolume(case.mapNode).T
    assert array[block(0.9)] == pytest.approx(0.9)
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert composite.GetBackgroundVolumeID() == case.scanNode.GetID()
    assert composite.GetForegroundVolumeID() == case.mapNode.GetID()


def test_the_panel_says_how_many_candidates_there_are(an_open_case: Any) -> None:
    an_open_case.ui.thresholdSlider.value = 0
    assert an_open_case.ui.caseLabel.text.startswith("<b>alpha</b>: 1 candidate;")

    an_open_case.ui.sensitivityButton.click()

    assert an_open_case.ui.caseLabel.text.startswith("<b>alpha</b>: 3 candidates;")


def test_surfaces_follow_once_the_threshold_rests(an_open_case: Any, wait_for: Any) -> None:
    logic = an_open_case.logic

    def bounds(segment: str) -> list[float] | None:
        surface = logic.view.node.GetSegmentation().GetSegment(segment)
        surface = surface.GetRepresentation("Closed surface")
        return list(surface.GetBounds()) if surface and surface.GetNumberOfPoints() else None

    an_open_case.ui.thresholdSlider.value = 2  # 0.6: one hit, one false positive

    wait_for(lambda: bounds(OTHERS))
    assert bounds(LESIONS)
    low, high = np.array(bounds(OTHERS)).reshape(3, 2).T
    corners = np.argwhere(blocks(0.6))
    ras = corners @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    # Through the outer voxels' centers or up to half a voxel beyond, smoothed inward a little.
    assert (low > ras.min(axis=0) - 1.0).all()
    assert (high < ras.max(axis=0) + 1.0).all()
    assert (high - low > 0.5 * np.ptp(ras, axis=0)).all()
    an_open_case.ui.thresholdSlider.value = 0
    wait_for(lambda: bounds(OTHERS) is None)


def test_the_3d_views_can_be_left_out(an_open_case: Any) -> None:
    display = an_open_case.logic.view.node.GetDisplayNode()
    assert display.GetVisibility3D()

    an_open_case.ui.show3DCheckBox.click()

    assert not display.GetVisibility3D()
    an_open_case.ui.casesTable.cellClicked.emit(1, 0)
    assert not an_open_case.logic.view.node.GetDisplayNode().GetVisibility3D()


def test_another_case_takes_the_place_of_the_first(an_open_case: Any) -> None:
    import slicer

    names = {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    assert names == {"alpha", "alpha liver probability"}

    an_open_case.ui.casesTable.cellClicked.emit(1, 0)

    names = {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    assert names == {"beta", "beta liver probability"}
    (node,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert node.GetName() == "beta candidates"
    assert an_open_case.widget._parameterNode.caseName == "beta"


def test_another_organ_shows_the_same_case(an_open_case: Any) -> None:
    an_open_case.widget._operating._tabs.currentIndex = 1

    case = an_open_case.logic.case
    assert (case.name, case.organ) == ("alpha", "pancreas")
    assert (voxels(an_open_case, HITS) == blocks(0.8)).all()


def test_a_case_that_is_gone_from_disk_is_said(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    import shutil

    from AtlasFROCLib.Sources import FolderCohort

    source = an_open_cohort.logic._source
    shutil.copytree(source.predictions / "beta", tmp_path / "p" / "beta")
    shutil.copytree(source.references / "beta", tmp_path / "r" / "beta")
    an_open_cohort.logic._source = FolderCohort(tmp_path / "p", tmp_path / "r")

    an_open_cohort.ui.casesTable.cellClicked.emit(0, 0)

    assert "'alpha' is not in the folders any more" in a_slicer.user.seen[-1].text
    assert an_open_cohort.logic.case is None


def test_the_views_go_to_the_largest_lesion(an_open_case: Any) -> None:
    import slicer

    case = an_open_case.logic.case
    expected = case.toWorld(max(case.lesions.lesions, key=lambda one: one.volume_ml).center_ijk)

    offsets = {
        node.GetName(): node.GetSliceOffset()
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")
    }

    assert offsets["Red"] == pytest.approx(expected[2], abs=1e-3)


def test_closing_the_scene_lets_go_of_everything(an_open_case: Any) -> None:
    import slicer

    slicer.mrmlScene.Clear(0)

    assert an_open_case.logic.case is None
    assert an_open_case.logic.cohort is None
    assert an_open_case.ui.caseLabel.text == "No case is open."
    assert an_open_case.ui.casesTable.rowCount == 0
    assert not an_open_case.ui.saveButton.enabled


def test_moving_the_slider_shows_new_candidates_of_a_whole_scan_at_once(
    a_froc_panel: Any,
) -> None:
    """A 512 x 512 x 300 map with 60 blobs; it took 2 to 6 ms, 50 are allowed."""
    from AtlasFROCLib.Cases import loadSceneCase
    from AtlasFROCLib.SceneFiles import SceneSource

    from Slicer.whole_scan import make_scene

    nodes = make_scene()
    logic = a_froc_panel.logic
    source = SceneSource("liver", *nodes, ("tumor",))
    case = loadSceneCase(source, floor=0.01, minVolumeMm3=30.0)
    logic.view.open(case)
    seconds = []
    for threshold in np.linspace(0.9, 0.1, 9):
        start = time.process_time()
        candidates = case.tree.candidates(float(threshold))
        logic.view.show(candidates)
        seconds.append(time.process_time() - start)
    logic.view.open(None)

    assert len(candidates.candidates) == 60
    assert np.median(seconds) < 0.05
