"""Many scans from Python, without a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.errors import Cancelled, InputError
from atlastumor.organs import KEYS
from Slicer.cohort_scans import write_scans


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of three scans, one of which cannot be segmented."""
    return write_scans(tmp_path / "scans", "alpha", "bad", "gamma")


def test_a_cohort_ends_with_counts_and_reasons(a_logic: Any, scans: Path, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    fractions: list[float] = []

    result = a_logic.segmentCohort(
        scans,
        tmp_path / "out",
        organs=[KEYS[0]],
        onCase=lambda case: told.append((case.id, case.state)),
        onProgress=lambda fraction, _stage, _left: fractions.append(fraction),
    )

    assert dict(result.counts) == {"done": 2, "quarantined": 1}
    assert result.folder == tmp_path / "out"
    assert list(result.failed) == ["bad"]
    assert "3 slices" in result.failed["bad"]
    assert told == [("alpha", "done"), ("bad", "quarantined"), ("gamma", "done")]
    assert fractions == sorted(fractions)
    assert (tmp_path / "out" / "cases" / "alpha" / "labels.nii.gz").is_file()


def test_a_folder_that_was_begun_is_gone_on_with(a_logic: Any, scans: Path, tmp_path: Path) -> None:
    a_logic.segmentCohort(scans / "alpha.nii.gz", tmp_path / "out")
    told: list[str] = []

    result = a_logic.segmentCohort(
        [scans / "alpha.nii.gz", str(scans / "gamma.nii.gz")],
        tmp_path / "out",
        onCase=lambda case: told.append(case.id),
    )

    assert told == ["gamma"]
    assert result.counts["done"] == 2


def test_cases_are_listed_without_segmenting_any(a_logic: Any, scans: Path, tmp_path: Path) -> None:
    result = a_logic.segmentCohort(scans, tmp_path / "out", listOnly=True)

    assert dict(result.counts) == {"left out": 1, "waiting": 3}
    assert not (tmp_path / "out").exists()


def test_nodes_come_back_as_segmentations_beside_them(
    a_logic: Any, a_scan: Any, a_transform: Any
) -> None:
    import slicer

    from Slicer.conftest import make_scan

    others = [make_scan("Scan"), make_scan("Scan_seg")]  # alike, and named like labels of it
    others[0].SetAndObserveTransformNodeID(a_transform.GetID())

    result = a_logic.segmentCohort([a_scan, *others], organs=[KEYS[0]], loadResults=True)

    assert result.folder is None
    assert result.counts["done"] == 3
    assert [node.GetName() for node in result.segmentationNodes] == [
        "Scan tumors",
        "Scan tumors_1",
        "Scan_seg tumors",
    ]
    assert result.segmentationNodes[1].GetParentTransformNode() is a_transform
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    for scan, made in zip([a_scan, *others], result.segmentationNodes, strict=True):
        assert made.GetSegmentation().GetNumberOfSegments() == 3
        role = made.GetReferenceImageGeometryReferenceRole()
        assert made.GetNodeReference(role) is scan
        places = [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(n)) for n in (scan, made)]
        assert places[0] == places[1]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 3
    assert not [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]


def test_a_node_that_failed_or_changed_gets_no_segmentation(a_logic: Any, a_scan: Any) -> None:
    from Slicer.conftest import make_scan

    bad, moved = make_scan("bad"), make_scan("moved")
    run = a_logic.segmentCohort([bad, moved, a_scan], loadResults=True, wait=False)
    moved.SetOrigin(0, 0, 0)

    result = run.wait()

    assert [node and node.GetName() for node in result.segmentationNodes] == [
        None,
        None,
        "Scan tumors",
    ]
    assert list(result.failed) == ["bad"]
    assert [note.split(":")[0] for note in run.notes] == ["moved"]


def test_mistakes_are_told_before_anything_starts(
    a_logic: Any, a_scan: Any, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for inputs, folder, how, message in (
        ([], out, {}, "nothing to segment"),
        ([None], out, {}, "No scan is loaded"),
        (scans, None, {}, "folder for the results"),
        (a_scan, None, {}, "folder for the results"),
        ([a_scan, scans], None, {"loadResults": True}, "folder for the results"),
        (scans, out, {"loadResults": True}, "in the scene"),
        (scans, out, {"thresholds": {KEYS[0]: 2.0}}, "between 0 and 1"),
        (scans, out, {"organs": ["brain"]}, "brain"),
    ):
        with pytest.raises(InputError, match=message):
            a_logic.segmentCohort(inputs, folder, **how)
    assert not a_logic.isCohortRunning
    assert not out.exists()


def test_one_thing_runs_at_a_time(
    a_logic: Any, a_scan: Any, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE_PAUSE", "5")
    run = a_logic.segmentCohort(scans, tmp_path / "out", wait=False)

    with pytest.raises(InputError, match="cohort is already running"):
        a_logic.segment(a_scan)
    with pytest.raises(InputError, match="cohort is already running"):
        a_logic.segmentCohort(scans, tmp_path / "other")

    a_logic.cancelCohort()
    with pytest.raises(Cancelled):
        run.wait()
    assert not a_logic.isCohortRunning
