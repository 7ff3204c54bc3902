"""The module from Python, without a panel."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.errors import Cancelled, InputError, UnknownKeyError
from atlastumor.organs import KEYS


def test_a_run_that_is_waited_for_returns_the_segmentation(a_logic: Any, a_scan: Any) -> None:
    seen: list[tuple[float, str]] = []

    node = a_logic.segment(
        a_scan, organs=[KEYS[0]], onProgress=lambda f, stage, _left: seen.append((f, stage))
    )

    assert node.GetSegmentation().GetNumberOfSegments() == 3
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert seen[-1][0] == 1.0


def test_a_run_that_is_not_waited_for_returns_at_once(
    a_logic: Any, a_scan: Any, wait_for: Any
) -> None:
    run = a_logic.segment(a_scan, organs=[KEYS[0]], wait=False)

    assert a_logic.isRunning
    with pytest.raises(InputError, match="already running"):
        a_logic.segment(a_scan)
    wait_for(lambda: not run.isRunning)
    assert run.segmentationNode.GetSegmentation().GetNumberOfSegments() == 3
    assert run.tableNode.GetNumberOfRows() == 2


def test_results_go_where_they_are_asked_for(a_logic: Any, a_scan: Any) -> None:
    import slicer

    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node = a_logic.segment(a_scan, organs=[KEYS[0]], outputSegmentation=mine)
    assert node is mine


def test_the_modules_logic_is_found_as_scripts_find_it(a_panel: Any, a_scan: Any) -> None:
    import slicer

    logic = slicer.util.getModuleLogic("AtlasTumorSeg")
    assert logic is a_panel.logic
    assert logic.segment(a_scan, organs=[KEYS[0]], wait=True).GetName() == "Scan tumors"


def test_mistakes_are_told_before_anything_starts(a_logic: Any, a_scan: Any) -> None:
    for expected, how in (
        (UnknownKeyError, {"organs": ["brain"]}),
        (UnknownKeyError, {"model": "no-such-model"}),
        (UnknownKeyError, {"thresholds": {"brain": 0.5}}),
        (InputError, {"thresholds": {KEYS[0]: 1.5}}),
    ):
        with pytest.raises(expected):
            a_logic.segment(a_scan, **how)
        assert not a_logic.isRunning
    with pytest.raises(InputError, match="No scan"):
        a_logic.segment(None)


def test_what_the_worker_reports_is_raised(
    a_logic: Any, a_scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from AtlasTumorSlicer.Errors import WorkerCrash

    for mode, expected in (("error", InputError), ("crash", WorkerCrash), ("silent", WorkerCrash)):
        monkeypatch.setenv("ATLASTUMOR_FAKE", mode)
        with pytest.raises(expected):
            a_logic.segment(a_scan)
        assert not a_logic.isRunning


def test_a_scan_that_changes_meanwhile_gets_no_segments(a_logic: Any, a_scan: Any) -> None:
    import slicer

    run = a_logic.segment(a_scan, wait=False)
    a_scan.SetOrigin(0, 0, 0)

    with pytest.raises(InputError, match="changed while the worker ran"):
        run.wait()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_scan_that_is_moved_meanwhile_takes_its_segments_along(
    a_logic: Any, a_scan: Any, a_transform: Any
) -> None:
    import slicer

    run = a_logic.segment(a_scan, organs=[KEYS[0]], wait=False)
    a_scan.SetAndObserveTransformNodeID(a_transform.GetID())

    node = run.wait()

    assert node.GetParentTransformNode() is a_transform
    segment_id = node.GetSegmentation().GetNthSegmentID(0)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, a_scan)
    assert array[1, 1, 1] == 1


def test_a_segmentation_deleted_meanwhile_is_made_anew(a_logic: Any, a_scan: Any) -> None:
    import slicer

    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    run = a_logic.segment(a_scan, organs=[KEYS[0]], outputSegmentation=mine, wait=False)
    slicer.mrmlScene.RemoveNode(mine)
    assert run.wait() is not mine


def test_cancelling_leaves_nothing_behind(a_logic: Any, a_scan: Any) -> None:
    import slicer

    run = a_logic.segment(a_scan, wait=False)
    n_nodes = slicer.mrmlScene.GetNumberOfNodes()

    a_logic.cancel()

    with pytest.raises(Cancelled):
        run.wait()
    assert slicer.mrmlScene.GetNumberOfNodes() == n_nodes
    assert not [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]


def test_the_self_test_that_runs_in_slicer_passes_here(a_panel: Any) -> None:
    import unittest

    from AtlasTumorSegLib.SelfTest import AtlasTumorSegTest

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(AtlasTumorSegTest)
    outcome = unittest.TestResult()
    suite.run(outcome)

    assert outcome.testsRun >= 4
    assert not outcome.failures + outcome.errors
