"""The cases of a cohort: the table of them, and one of them in the scene."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from Slicer.cohort_panel import n_nodes, open_case, press, rows


def test_a_click_brings_scan_segments_and_lesions_of_a_case(
    a_done_cohort: Any, wait_for: Callable[..., None]
) -> None:
    import slicer

    shown = open_case(a_done_cohort, 0, wait_for)

    ui = a_done_cohort.ui
    assert shown.volumeNode.GetName() == "alpha"
    assert ui.inputSelector.currentNode() is shown.volumeNode
    assert ui.outputSelector.currentNode() is shown.segmentationNode
    assert ui.lesionTable.rowCount == 4
    assert shown.segmentationNode.GetSegmentation().GetNumberOfLayers() == 1
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert composite.GetBackgroundVolumeID() == shown.volumeNode.GetID()
    assert not [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]


def test_the_next_case_takes_its_place_and_segments_lie_where_the_worker_drew_them(
    a_done_cohort: Any, wait_for: Callable[..., None]
) -> None:
    import numpy as np
    import SimpleITK as sitk
    import slicer

    for row, name in ((0, "alpha"), (3, "zeta")):
        shown = open_case(a_done_cohort, row, wait_for)
        segmentation = shown.segmentationNode.GetSegmentation()
        ids = [one for one in segmentation.GetSegmentIDs() if "liver_tumor" in one]
        world = []
        for one in ids:
            array = slicer.util.arrayFromSegmentBinaryLabelmap(
                shown.segmentationNode, one, shown.volumeNode
            )
            ijk = np.argwhere(array)[:, ::-1]
            world += [tuple(map(float, ras)) for ras in to_ras(shown.volumeNode, ijk)]
        image = sitk.ReadImage(str(a_done_cohort.folder / "cases" / name / "labels.nii.gz"))
        from atlastumor.organs import ORGANS

        labels = sitk.GetArrayFromImage(image)
        expected = [
            image.TransformIndexToPhysicalPoint([int(n) for n in kji[::-1]])
            for kji in np.argwhere(labels == ORGANS[0].tumor_label)
        ]
        expected = [(-x, -y, z) for x, y, z in expected]
        assert np.allclose(sorted(world), sorted(expected), atol=1e-3)
        assert shown.volumeNode.GetName() == name
        assert [n_nodes(kind) for kind in ("ScalarVolume", "Segmentation", "Table")] == [1, 1, 1]
    assert open_case(a_done_cohort, 3, wait_for) is shown  # once more: nothing is read again


def to_ras(node: Any, ijk: Any) -> Any:
    import numpy as np
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    affine = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
    return ijk @ affine[:3, :3].T + affine[:3, 3]


def test_a_case_that_was_changed_stays(a_done_cohort: Any, wait_for: Callable[..., None]) -> None:
    first = open_case(a_done_cohort, 0, wait_for)
    first.segmentationNode.GetSegmentation().GetNthSegment(0).SetName("Mine")

    open_case(a_done_cohort, 3, wait_for)

    assert first.isThere
    assert n_nodes("Segmentation") == 2


def test_a_case_that_cannot_be_shown_says_why(
    a_done_cohort: Any, a_slicer: Any, wait_for: Callable[..., None]
) -> None:
    from AtlasTumorSegLib.CohortCases import CaseRow

    a_done_cohort.ui.casesTable.cellClicked.emit(1, 0)
    assert a_done_cohort.ui.caseLabel.text == "The scan has 3 slices; 16 are needed."

    case = CaseRow("alpha", "done", path="/gone/alpha.nii.gz")
    a_done_cohort.cohort.table.setCase(case)
    assert open_case(a_done_cohort, 0, wait_for) is None

    (dialog,) = a_slicer.user.seen
    assert "alpha.nii.gz" in dialog.text
    assert n_nodes("ScalarVolume") == 0


def test_loaded_scans_come_back_with_segmentations(
    a_panel: Any, a_scan: Any, wait_for: Callable[..., None]
) -> None:
    from Slicer.conftest import make_scan

    other = make_scan("Other")
    a_panel.cohort, ui = a_panel.widget._cohort, a_panel.ui
    ui.taskTabWidget.currentIndex = 1
    ui.addNodesButton.click()
    ui.addNodesButton.click()  # nothing twice
    assert ui.cohortInputsListWidget.count == 2

    press(ui.cohortButton, a_panel, wait_for)

    assert n_nodes("Segmentation") == 2
    assert [row[:2] for row in rows(a_panel)] == [["Scan", "done"], ["Other", "done"]]
    shown = open_case(a_panel, 1, wait_for)
    assert shown.volumeNode is other
    assert ui.outputSelector.currentNode().GetName() == "Other tumors"
    open_case(a_panel, 0, wait_for)
    assert n_nodes("ScalarVolume") == 2


def test_the_table_shows_cases_of_one_kind(a_done_cohort: Any) -> None:
    box = a_done_cohort.ui.casesFilterComboBox
    for text, names in (
        ("Failed", ["bad", "flaky"]),
        ("With tumors", ["alpha", "zeta"]),
        ("Waiting", []),
        ("All", ["alpha", "bad", "flaky", "zeta"]),
    ):
        box.currentIndex = box.findText(text)
        assert [row[0] for row in rows(a_done_cohort)] == names


def test_ten_thousand_cases_are_no_trouble(a_panel: Any) -> None:
    from AtlasTumorSegLib.CohortCases import CaseRow

    table = a_panel.widget._cohort.table
    cases = [CaseRow(f"case-{n:05d}", "waiting") for n in range(10_000)]
    started = time.process_time()  # other processes may take their time; this is what it costs
    table.setCases(cases)
    filled = time.process_time()
    for case in cases[:1000]:
        table.setCase(CaseRow(case.id, "done", seconds=61.0, lesions={"liver": 1}))
    told = time.process_time()

    assert filled - started < 3.0  # a tenth of it by itself
    assert told - filled < 1.0  # a millisecond each
    assert a_panel.ui.casesTable.rowCount == 10_000
    assert a_panel.ui.casesLabel.text == "10000 cases, 1000 done"
    assert rows(a_panel)[999] == ["case-00999", "done", "61 s", "Liver 1"]


def test_one_dicom_series_of_two_is_shown_as_it_was_segmented(
    a_panel: Any, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    import numpy as np
    import slicer
    from AtlasTumorSegLib.CaseOpening import CaseOpening
    from AtlasTumorSegLib.CohortCases import CaseRow

    from atlastumor.volume import Scan
    from Backend.scans.bodies import a_scan
    from Backend.scans.dicom_series import write_dicom_series

    scan = a_scan(oblique=True)
    other = Scan(np.zeros_like(scan.array), scan.grid)
    write_dicom_series(other, tmp_path / "study" / "a", series_uid="1.2.3.4")
    write_dicom_series(scan, tmp_path / "study" / "b", series_uid="1.2.3.5")
    write_result(scan, tmp_path / "out" / "cases" / "dicom-1")
    opening = CaseOpening()
    case = CaseRow("dicom-1", "done", path=str(tmp_path / "study"), series="1.2.3.5")

    opening.open(case, tmp_path / "out")
    wait_for(lambda: not opening.isRunning)

    array = slicer.util.arrayFromVolume(opening.shown.volumeNode)
    assert (scan.array == array.T).all()
    node = opening.shown.segmentationNode
    segment = node.GetSegmentation().GetNthSegmentID(0)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, opening.shown.volumeNode)
    assert ((scan.array > 300) == mask.T).all()


def write_result(scan: Any, folder: Path) -> None:
    """A result in which the bright corner is an organ without a tumor."""
    import json

    from atlastumor.organs import ORGANS, label_names
    from atlastumor.results.nifti import write_labels
    from atlastumor.volume import LabelMap

    folder.mkdir(parents=True)
    labels = ((scan.array > 300) * ORGANS[0].label).astype("uint8")
    label_map = LabelMap(labels, scan.grid, label_names())
    record = {"software": "AtlasTumor", "version": "0"}
    write_labels(folder / "labels.nii.gz", label_map, record=record)
    (folder / "lesions.csv").write_text("organ,lesion,volume_ml,diameter_mm,score,r,a,s,side\n")
    text = json.dumps({"findings": [], "provenance": record})
    (folder / "result.json").write_text(text, "utf-8")
