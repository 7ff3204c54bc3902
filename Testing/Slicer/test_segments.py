"""A result on its way into a segmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from atlastumor.errors import GridMismatchError, InputError
from atlastumor.organs import find_organ

LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")
LEFT, RIGHT = KIDNEY.sides


def make_result(grid: Any, *, n_tumors: int = 2) -> Any:
    """Liver with up to two tumors, both kidneys, a tumor in the left one; (I, J, K)."""
    from AtlasTumorSlicer.Results import Finding, LesionRow, Result

    labels = np.zeros(grid.shape, np.uint8, order="F")
    labels[1:6, 2:9, 1:6] = LIVER.label
    labels[8:11, 2:9, 1:6] = LEFT.label
    labels[13:16, 2:9, 1:6] = RIGHT.label
    voxels = [(LIVER, (2, 3, 2)), (LIVER, (4, 7, 4))][:n_tumors]
    voxels += [(KIDNEY, (9, 5, 3))] if n_tumors else []
    rows = []
    for index, (organ, (i, j, k)) in enumerate(voxels):
        labels[i, j, k] = organ.tumor_label
        side = "left" if organ is KIDNEY else ""
        number = 1 if organ is KIDNEY else index + 1
        ras = tuple(float(x) for x in grid.to_ras((i, j, k)))
        rows.append(LesionRow(organ.key, number, grid.voxel_ml, 0.0, 0.8, side, ras))
    findings = (Finding("liver", "Two."), Finding("kidney", "One."))
    provenance = {"software": "AtlasTumor", "version": "1", "model_id": "m", "model_version": "2"}
    return Result(labels, tuple(rows), findings, provenance)


def bring_in(scan: Any, node: Any = None, **how: Any) -> tuple[Any, list[str], Any]:
    from AtlasTumorSlicer.Mrml import readGeometry
    from AtlasTumorSlicer.Segments import importSegments

    geometry = readGeometry(scan)
    result = make_result(geometry.world, **how)
    return *importSegments(result, geometry, scan, node), result


def voxels_of(node: Any, name: str, scan: Any) -> np.ndarray:
    """A segment's voxels on the scan's grid, (I, J, K)."""
    import slicer

    segment_id = node.GetSegmentation().GetSegmentIdBySegmentName(name)
    assert segment_id, name
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, scan).T.astype(bool)


def names_of(node: Any) -> list[str]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]


def tag_of(segment: Any, name: str) -> str:
    import vtk

    value = vtk.reference("")
    assert segment.GetTag(name, value), name
    return str(value)


def test_every_organ_and_every_lesion_becomes_a_segment(a_scan: Any) -> None:
    node, ids, _ = bring_in(a_scan)

    assert names_of(node) == [
        "Liver",
        "Left kidney",
        "Right kidney",
        "Liver tumor 1",
        "Liver tumor 2",
        "Kidney tumor 1",
    ]
    segmentation = node.GetSegmentation()
    assert [segmentation.GetSegment(one).GetName() for one in ids] == names_of(node)[3:]


def test_every_voxel_lies_where_the_scans_voxel_lies(a_scan: Any) -> None:
    node, _, result = bring_in(a_scan)

    labels = result.labels
    assert np.array_equal(voxels_of(node, "Liver", a_scan), labels == LIVER.label)
    assert np.array_equal(voxels_of(node, "Left kidney", a_scan), labels == LEFT.label)
    assert np.argwhere(voxels_of(node, "Liver tumor 2", a_scan)).tolist() == [[4, 7, 4]]
    assert np.argwhere(voxels_of(node, "Kidney tumor 1", a_scan)).tolist() == [[9, 5, 3]]


def test_all_segments_share_one_layer_and_no_temporary_node_stays(a_scan: Any) -> None:
    import slicer

    node, _, _ = bring_in(a_scan)

    assert node.GetSegmentation().GetNumberOfLayers() == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode") == 0


def test_segments_carry_meaning_color_and_who_made_them(a_scan: Any) -> None:
    import slicer

    node, _, _ = bring_in(a_scan)

    segmentation = node.GetSegmentation()
    segment = segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName("Kidney tumor 1"))
    assert segment.GetTerminology() == (
        "Segmentation category and type - 3D Slicer General Anatomy list"
        "~SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass~^^"
        "~Anatomic codes - DICOM master list~SCT^64033007^Kidney~SCT^7771000^Left"
    )
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.vtkSlicerTerminologiesModuleLogic
    assert logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
    assert entry.GetTypeObject().GetCodeValue() == "4147007"
    assert np.allclose(segment.GetColor(), np.array(KIDNEY.tumor_color) / 255)
    assert tag_of(segment, "DICOM.SegmentAlgorithmType") == "AUTOMATIC"
    assert tag_of(segment, "DICOM.SegmentAlgorithmName") == "AtlasTumor 1 m 2"
    kidney = segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName("Right kidney"))
    assert "~SCT^64033007^Kidney~SCT^24028007^Right~" in kidney.GetTerminology()
    assert np.allclose(kidney.GetColor(), np.array(KIDNEY.color) / 255)


def test_a_new_segmentation_refers_to_the_scan_and_lies_in_its_study(a_scan: Any) -> None:
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(a_scan), study)

    node, _, _ = bring_in(a_scan)

    role = node.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReferenceID(role) == a_scan.GetID()
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study


def test_under_a_transform_the_segments_move_with_the_scan(a_scan: Any, a_transform: Any) -> None:
    a_scan.SetAndObserveTransformNodeID(a_transform.GetID())

    node, _, result = bring_in(a_scan)

    assert node.GetParentTransformNode() is a_transform
    assert np.array_equal(voxels_of(node, "Liver", a_scan), result.labels == LIVER.label)


def add_own_segment(node: Any, scan: Any, name: str) -> str:
    """A segment of the user's, overlapping the liver."""
    import slicer

    segment_id = node.GetSegmentation().AddEmptySegment("", name)
    array = np.zeros(slicer.util.arrayFromVolume(scan).shape, np.uint8)
    array[2:5, 3:7, 2:14] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, segment_id, scan)
    return segment_id


def test_segments_of_the_user_stay_voxel_for_voxel(a_scan: Any) -> None:
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node.SetReferenceImageGeometryParameterFromVolumeNode(a_scan)
    add_own_segment(node, a_scan, "My tumor")
    before = voxels_of(node, "My tumor", a_scan)

    back, _, result = bring_in(a_scan, node)
    bring_in(a_scan, node)

    assert back is node
    assert np.array_equal(voxels_of(node, "My tumor", a_scan), before)
    assert np.array_equal(voxels_of(node, "Liver", a_scan), result.labels == LIVER.label)
    assert names_of(node).count("Liver") == 1
    assert len(names_of(node)) == 7


def test_a_new_run_replaces_what_the_last_one_made(a_scan: Any) -> None:
    node, _, _ = bring_in(a_scan)

    _, ids, result = bring_in(a_scan, node, n_tumors=0)

    assert ids == []
    assert names_of(node) == ["Liver", "Left kidney", "Right kidney"]
    assert np.array_equal(voxels_of(node, "Liver", a_scan), result.labels == LIVER.label)


def test_a_segment_that_was_edited_renamed_or_given_another_meaning_is_kept(a_scan: Any) -> None:
    import slicer

    node, (first, second, third), _ = bring_in(a_scan)
    segmentation = node.GetSegmentation()
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, first, a_scan)
    array[2, 3, 1] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, first, a_scan)
    segmentation.GetSegment(second).SetName("A cyst, says the radiologist")
    meaning = segmentation.GetSegment(third).GetTerminology().replace("^Mass", "^Cyst")
    segmentation.GetSegment(third).SetTerminology(meaning)

    bring_in(a_scan, node)

    assert set(names_of(node)) == {
        "Liver",
        "Left kidney",
        "Right kidney",
        "Liver tumor 1",
        "Liver tumor 1 (2)",
        "A cyst, says the radiologist",
        "Liver tumor 2",
        "Kidney tumor 1",
        "Kidney tumor 1 (2)",
    }
    kept = voxels_of(node, "Liver tumor 1", a_scan)
    assert sorted(np.argwhere(kept).tolist()) == [[1, 3, 2], [2, 3, 2]]


def test_an_edited_neighbor_does_not_make_a_segment_count_as_edited(a_scan: Any) -> None:
    import slicer

    node, (first, *_), _ = bring_in(a_scan)
    add_own_segment(node, a_scan, "Mine")
    slicer.vtkSlicerSegmentationsModuleLogic.ClearSegment(node, first)

    bring_in(a_scan, node, n_tumors=0)

    assert names_of(node) == ["Liver tumor 1", "Mine", "Liver", "Left kidney", "Right kidney"]


def test_more_than_255_lesions_keep_a_segment_each(a_scan: Any) -> None:
    from AtlasTumorSlicer.Mrml import readGeometry
    from AtlasTumorSlicer.Results import LesionRow, Result
    from AtlasTumorSlicer.Segments import importSegments

    geometry = readGeometry(a_scan)
    labels = np.zeros(geometry.world.shape, np.uint8, order="F")
    labels[::2, ::2, ::2] = LIVER.tumor_label
    points = np.argwhere(labels)
    rows = tuple(
        LesionRow("liver", n, 0.1, 0.0, 0.5, "", tuple(geometry.world.to_ras(point)))
        for n, point in enumerate(points, start=1)
    )
    assert len(rows) == 360

    node, _ = importSegments(Result(labels, rows, (), {}), geometry, a_scan)

    name = "Liver tumor 300"
    assert np.argwhere(voxels_of(node, name, a_scan)).tolist() == [points[299].tolist()]


def test_a_table_that_does_not_fit_the_labels_brings_nothing_in(a_scan: Any) -> None:
    import slicer

    from AtlasTumorSlicer.Mrml import readGeometry
    from AtlasTumorSlicer.Segments import importSegments

    geometry = readGeometry(a_scan)
    result = make_result(geometry.world)
    result.labels[9, 5, 3] = LEFT.label

    with pytest.raises(GridMismatchError, match="table and labels differ"):
        importSegments(result, geometry, a_scan)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_segmentation_of_surfaces_or_under_another_transform_is_refused(
    a_scan: Any, a_transform: Any
) -> None:
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Surfaces")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    with pytest.raises(InputError, match="stored as 'Closed surface'"):
        bring_in(a_scan, node)
    node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
    node.SetAndObserveTransformNodeID(a_transform.GetID())
    with pytest.raises(InputError, match="different transforms"):
        bring_in(a_scan, node)
