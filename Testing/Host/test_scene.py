"""The scene, its files and its helpers are Slicer's own."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

AFFINE = np.array([[-0.8, 0, 1.8, 12.5], [0, -1.5, 0, -3], [0.6, 0, 2.4, 100], [0, 0, 0, 1.0]])
"""Oblique, flipped, anisotropic: spacing 1.0, 1.5 and 3.0 mm."""


@pytest.fixture
def slicer(a_slicer: Any) -> Any:
    import slicer

    assert a_slicer is not None
    return slicer


def _matrix(affine: np.ndarray) -> Any:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel().tolist())
    return matrix


@pytest.fixture
def a_scan(slicer: Any) -> Any:
    """An oblique anisotropic volume of int16."""
    array = np.arange(5 * 4 * 3, dtype=np.int16).reshape(5, 4, 3) - 30
    return slicer.util.addVolumeFromArray(array, ijkToRAS=_matrix(AFFINE), name="Scan")


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd"])
def test_a_volume_comes_back_from_a_file_as_it_was(
    slicer: Any, a_scan: Any, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    assert slicer.util.saveNode(a_scan, str(path))

    loaded = slicer.util.loadVolume(str(path))

    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(a_scan)
    )
    matrix = _matrix(np.eye(4))
    loaded.GetIJKToRASMatrix(matrix)
    np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(matrix), AFFINE, atol=1e-5)


def test_a_written_file_has_the_affine_that_others_read(
    slicer: Any, a_scan: Any, tmp_path: Path
) -> None:
    nibabel = pytest.importorskip("nibabel")
    slicer.util.exportNode(a_scan, str(tmp_path / "scan.nii.gz"))

    image = nibabel.load(tmp_path / "scan.nii.gz")

    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    kji = slicer.util.arrayFromVolume(a_scan)
    np.testing.assert_array_equal(np.asarray(image.dataobj), kji.transpose(2, 1, 0))
    assert a_scan.GetStorageNode() is None  # exporting leaves the node alone


def test_a_segmentation_comes_back_with_names_colors_and_voxels(
    slicer: Any, a_scan: Any, tmp_path: Path
) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(a_scan)
    node.GetSegmentation().AddEmptySegment("a", "First", (0.25, 0.5, 1.0))
    mask = np.zeros((5, 4, 3), np.uint8)
    mask[1:3, 2, 0:2] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "a", a_scan)
    path = tmp_path / "Result.seg.nrrd"
    assert slicer.util.saveNode(node, str(path))

    loaded = slicer.util.loadSegmentation(str(path))

    segment = loaded.GetSegmentation().GetNthSegment(0)
    assert segment.GetName() == "First"
    assert segment.GetColor() == pytest.approx((0.25, 0.5, 1.0), abs=1e-3)
    back = slicer.util.arrayFromSegmentBinaryLabelmap(
        loaded, loaded.GetSegmentation().GetNthSegmentID(0), a_scan
    )
    np.testing.assert_array_equal(back, mask)


def test_a_scene_bundle_comes_back_with_its_voxels(
    slicer: Any, a_scan: Any, tmp_path: Path
) -> None:
    before = slicer.util.arrayFromVolume(a_scan).copy()
    assert slicer.util.saveScene(str(tmp_path / "Scene.mrb"))
    slicer.mrmlScene.Clear(False)

    slicer.util.loadScene(str(tmp_path / "Scene.mrb"))

    np.testing.assert_array_equal(slicer.util.array("Scan"), before)


def test_an_absent_file_is_an_error(slicer: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="absent"):
        slicer.util.loadVolume(str(tmp_path / "absent.nii.gz"))


def test_nodes_have_subject_items_while_they_are_in_the_scene(slicer: Any, a_scan: Any) -> None:
    subjects = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = subjects.GetItemByDataNode(a_scan)
    assert item
    assert subjects.GetItemName(item) == "Scan"

    slicer.mrmlScene.RemoveNode(a_scan)

    assert not subjects.GetItemDataNode(item)


def test_a_test_starts_with_an_empty_scene_a(slicer: Any, a_scan: Any) -> None:
    assert slicer.util.getNodesByClass("vtkMRMLVolumeNode") == [a_scan]


def test_a_test_starts_with_an_empty_scene_b(slicer: Any, a_scan: Any) -> None:
    assert slicer.util.getNodesByClass("vtkMRMLVolumeNode") == [a_scan]


def test_a_child_process_runs_while_the_panel_lives(slicer: Any, a_slicer: Any) -> None:
    lines: list[str] = []
    codes: list[int] = []
    process = slicer.util.launchConsoleProcess(
        [f"{slicer.app.slicerHome}/bin/PythonSlicer", "-c", "print('ready'); raise SystemExit(3)"],
        blocking=False,
        logCallback=lines.append,
        completedCallback=codes.append,
    )

    end = time.monotonic() + 30
    while not codes and time.monotonic() < end:
        a_slicer.application.processEvents()
    process.stdout.close()  # which Slicer leaves open

    assert (lines, codes) == (["ready"], [3])


def test_nothing_is_installed_and_every_wish_is_written_down(a_slicer: Any) -> None:
    import qt
    from slicer import packaging

    if not hasattr(packaging, "host_calls"):
        pytest.skip("Slicer's own Python layer runs; it would install")
    assert packaging.pip_check("numpy>=1.20")
    assert not packaging.pip_check("no-such-package-anywhere")

    a_slicer.user.answer(qt.QMessageBox.Cancel, qt.QMessageBox.Ok)
    with pytest.raises(RuntimeError, match="declined"):
        packaging.pip_ensure("no-such-package-anywhere", requester="Counter")
    packaging.pip_ensure("no-such-package-anywhere", requester="Counter")

    assert packaging.host_calls == [("pip_install", ["no-such-package-anywhere"])]
    assert importlib.util.find_spec("no_such_package_anywhere") is None


def test_a_sample_is_made_by_its_own_function_and_never_downloaded(slicer: Any) -> None:
    import SampleData

    made = []
    logic = SampleData.SampleDataLogic
    logic.registerCustomSampleDataSource(
        category="Examples",
        sampleName="Phantom",
        uris="https://example.org/phantom",
        fileNames="phantom.nrrd",
        nodeNames="Phantom",
        customDownloader=made.append,
    )
    assert len(slicer.modules.sampleDataSources["Examples"]) == 1

    SampleData.host_click("Phantom")

    assert [source.sampleName for source in made] == ["Phantom"]
    with pytest.raises(RuntimeError, match="not download"):
        logic().downloadSample("Phantom")
    with pytest.raises(TypeError, match="uris"):
        logic.registerCustomSampleDataSource(sampleName="x", customDownloader=print)
