"""The module from Python, without a panel."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from atlastumor.errors import Cancelled, InputError, OutputError, UnknownKeyError
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


def test_arguments_of_a_wrong_kind_are_told_in_a_sentence(a_logic: Any, a_scan: Any) -> None:
    import slicer

    loose = slicer.vtkMRMLSegmentationNode()
    for reason, how in (
        ("no organ '3'", {"organs": [3]}),
        ("no organ '3'", {"organs": 3}),
        ("by organ", {"thresholds": [0.5]}),
        ("device is 0", {"device": 0}),
        ("precision is None", {"precision": None}),
        ("threshold of liver is high", {"thresholds": {KEYS[0]: "high"}}),
        ("threshold of liver is None", {"thresholds": {KEYS[0]: None}}),
        ("takes no segments", {"outputSegmentation": a_scan}),
        ("takes no segments", {"outputSegmentation": "Scan tumors"}),
        ("not in the scene", {"outputSegmentation": loose}),
    ):
        with pytest.raises(InputError, match=reason):
            a_logic.segment(a_scan, **how)
        assert not a_logic.isRunning


def test_one_organ_may_be_a_word_and_numbers_may_be_numpys(a_logic: Any, a_scan: Any) -> None:
    thresholds = {KEYS[0]: np.float32(0.25), KEYS[1]: "0.5", KEYS[2]: True}

    node = a_logic.segment(a_scan, KEYS[0], thresholds=thresholds)

    assert node.GetSegmentation().GetNumberOfSegments() == 3


def test_a_segmentation_that_was_moved_away_gets_no_segments_but_a_new_one_does(
    a_logic: Any, a_scan: Any, a_transform: Any
) -> None:
    import slicer

    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    run = a_logic.segment(a_scan, organs=[KEYS[0]], outputSegmentation=mine, wait=False)
    mine.SetAndObserveTransformNodeID(a_transform.GetID())

    assert run.wait().GetName() == "Scan tumors"
    assert mine.GetSegmentation().GetNumberOfSegments() == 0


@pytest.mark.parametrize("how", ["folder", "disk"])
def test_a_temporary_folder_that_cannot_be_used_is_told_as_such(
    a_logic: Any, a_scan: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    import slicer

    def fail(*_ignored: Any, **_how: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "/var/somebody")

    if how == "folder":
        monkeypatch.setattr(tempfile, "mkdtemp", fail)
    else:
        monkeypatch.setattr(slicer, "vtkMRMLVolumeArchetypeStorageNode", Mock(side_effect=fail))

    with pytest.raises(OutputError, match="temporary folder") as caught:
        a_logic.segment(a_scan)

    assert "somebody" not in str(caught.value)
    assert not a_logic.isRunning


def test_results_that_somebody_cleaned_up_are_told_as_gone(
    a_logic: Any, a_scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from AtlasTumorSegLib.Run import Run

    takeIn = Run.takeIn
    monkeypatch.setattr(
        Run, "takeIn", lambda run, folder: (shutil.rmtree(folder), takeIn(run, folder))
    )

    with pytest.raises(InputError, match="files are gone"):
        a_logic.segment(a_scan)
