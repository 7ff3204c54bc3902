from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

from atlastumor.results.nrrd import write_seg_nrrd
from atlastumor.results.segments import number_segments


@pytest.fixture
def a_file(tmp_path, a_segmentation):
    path = tmp_path / "segmentation.seg.nrrd"
    numbered = number_segments(a_segmentation.labels, a_segmentation.lesions)
    record = a_segmentation.provenance.to_repeatable_dict()
    write_seg_nrrd(path, numbered, record=record)
    return path


def test_voxels_and_place_read_back(a_file, a_scan, a_segmentation):
    image = sitk.ReadImage(str(a_file))

    numbered = number_segments(a_segmentation.labels, a_segmentation.lesions)
    assert (numbered.paint(0, 10) == sitk.GetArrayFromImage(image).T).all()
    for voxel in ((0, 0, 0), (23, 0, 9), (5, 7, 3)):
        ras = np.array(image.TransformIndexToPhysicalPoint(voxel)) * (-1, -1, 1)
        assert ras == pytest.approx(a_scan.grid.to_ras(voxel), abs=1e-4)


def test_every_segment_is_described(a_file):
    image = sitk.ReadImage(str(a_file))

    assert image.GetMetaData("Segmentation_MasterRepresentation") == "Binary labelmap"
    assert image.GetMetaData("Segment3_ID") == "AtlasTumor_liver_tumor_1"
    assert image.GetMetaData("Segment3_Name") == "Liver tumor 1"
    assert image.GetMetaData("Segment3_LabelValue") == "4"
    assert image.GetMetaData("Segment3_Layer") == "0"
    assert image.GetMetaData("Segment3_Extent") == "0 23 0 19 0 9"
    assert image.GetMetaData("Segment0_Color") == "0.866667 0.509804 0.396078"
    tags = image.GetMetaData("Segment3_Tags").split("|")
    assert "DICOM.SegmentAlgorithmType:AUTOMATIC" in tags
    assert "DICOM.SegmentAlgorithmName:AtlasTumor some-model" in tags
    assert "AtlasTumor.Score:0.9100" in tags
    assert any(tag.startswith("TerminologyEntry:Segmentation category") for tag in tags)
    assert not image.HasMetaDataKey("Segment6_ID")


def test_the_header_carries_provenance(a_file):
    text = sitk.ReadImage(str(a_file)).GetMetaData("AtlasTumor.Provenance")

    assert json.loads(text)["model_id"] == "some-model"


def test_slicers_own_reader_finds_the_segments(a_file, a_segmentation):
    core = pytest.importorskip("slicer_core")
    import slicer

    del core
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(a_file))

    assert storage.ReadData(node) == 1

    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    assert ids[:2] == ["AtlasTumor_liver", "AtlasTumor_kidney_left"]
    assert len(ids) == 6
    tumor = segmentation.GetSegment("AtlasTumor_liver_tumor_1")
    assert tumor.GetName() == "Liver tumor 1"
    assert "SCT^4147007^Mass" in tumor.GetTerminology()
    assert tumor.GetColor() == pytest.approx((1.0, 215 / 255, 0.0), abs=1e-4)
    bounds = [0.0] * 6
    tumor.GetBounds(bounds)
    center = a_segmentation.lesions[0].centroid_ras
    assert all(
        low < x < high for low, x, high in zip(bounds[::2], center, bounds[1::2], strict=True)
    )
