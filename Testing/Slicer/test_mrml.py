"""Scans on their way from the scene to the worker's file."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from atlastumor.errors import InputError
from Slicer.conftest import make_scan


def _affine(path: Path) -> np.ndarray:
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return np.diag([-1, -1, 1, 1]) @ affine


def test_a_file_holds_the_nodes_voxels_on_the_nodes_grid(a_scan: Any, tmp_path: Path) -> None:
    import slicer

    from AtlasTumorSlicer.Mrml import writeScan

    geometry = writeScan(a_scan, tmp_path / "scan.nrrd")

    array = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "scan.nrrd")))
    assert array.dtype == np.int16
    assert np.array_equal(array, slicer.util.arrayFromVolume(a_scan))
    expected = np.eye(4)
    expected[:3, :3] = [[-0.72, 0, 1.8], [0, -1.5, 0], [0.54, 0, 2.4]]
    expected[:3, 3] = (101.25, -20.5, 330.125)
    assert np.allclose(_affine(tmp_path / "scan.nrrd"), expected, atol=1e-9)
    assert geometry.local.shape == (18, 20, 7)


def test_writing_leaves_the_node_as_it_was(a_scan: Any, tmp_path: Path) -> None:
    from AtlasTumorSlicer.Mrml import writeScan

    modified = a_scan.GetMTime()

    writeScan(a_scan, tmp_path / "scan.nrrd")

    assert a_scan.GetStorageNode() is None
    assert a_scan.GetMTime() == modified


def test_a_linear_transform_is_written_into_the_grid(
    a_scan: Any, a_transform: Any, tmp_path: Path
) -> None:
    from AtlasTumorSlicer.Mrml import writeScan

    a_scan.SetAndObserveTransformNodeID(a_transform.GetID())

    geometry = writeScan(a_scan, tmp_path / "scan.nrrd")

    # Turned by 90 degrees about S, then shifted: (r, a, s) goes to (-a + 7, r - 3, s + 11).
    assert np.allclose(_affine(tmp_path / "scan.nrrd")[:3, 3], (27.5, 98.25, 341.125))
    assert np.allclose(geometry.toLocal((27.5, 98.25, 341.125)), (101.25, -20.5, 330.125))


def test_a_nonlinear_transform_is_refused_with_what_to_do(a_scan: Any, tmp_path: Path) -> None:
    import slicer

    from AtlasTumorSlicer.Mrml import writeScan

    bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Regularization")
    a_scan.SetAndObserveTransformNodeID(bend.GetID())

    with pytest.raises(InputError, match=r"nonlinear transform 'Regularization'.*Harden"):
        writeScan(a_scan, tmp_path / "scan.nrrd")
    assert not (tmp_path / "scan.nrrd").exists()


def test_a_shearing_transform_is_refused(a_scan: Any, a_transform: Any, tmp_path: Path) -> None:
    import vtk

    from AtlasTumorSlicer.Mrml import writeScan

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 1, 0.2)
    a_transform.SetMatrixTransformToParent(matrix)
    a_scan.SetAndObserveTransformNodeID(a_transform.GetID())

    with pytest.raises(InputError, match="right angles"):
        writeScan(a_scan, tmp_path / "scan.nrrd")


def test_what_is_no_gray_value_volume_is_refused(a_slicer: Any, a_scan: Any) -> None:
    import slicer

    from AtlasTumorSlicer.Mrml import checkScan

    labels = slicer.util.addVolumeFromArray(
        np.zeros((3, 4, 5), np.uint8), name="Labels", nodeClassName="vtkMRMLLabelMapVolumeNode"
    )
    colors = slicer.util.addVolumeFromArray(
        np.zeros((3, 4, 5, 3), np.uint8), name="Photo", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    removed = make_scan("Gone")
    slicer.mrmlScene.RemoveNode(removed)
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")

    for node, reason in (
        (labels, "label map"),
        (colors, "3 values"),
        (empty, "No scan"),
        (None, "No"),
        (slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode"), "MRMLModelNode' is no scan"),
        ("Scan", "'str' is no scan"),
        ([a_scan], "'list' is no scan"),
        (removed, "'Gone' is not in the scene"),
    ):
        with pytest.raises(InputError, match=reason):
            checkScan(node)
    checkScan(a_scan)


def test_a_scan_that_comes_under_a_bend_is_unchanged(a_scan: Any) -> None:
    import slicer

    from AtlasTumorSlicer.Mrml import checkUnchanged, readGeometry

    geometry = readGeometry(a_scan)
    bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Bend")
    a_scan.SetAndObserveTransformNodeID(bend.GetID())

    checkUnchanged(a_scan, geometry)  # what it asked of the transform would be an error of VTK
