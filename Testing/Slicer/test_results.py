"""The folder that the backend really writes, read back into the scene."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from atlastumor.inference.result import Finding, Segmentation
from atlastumor.lesions import measure_lesions
from atlastumor.organs import ORGANS, find_organ, label_names
from atlastumor.provenance import Provenance
from atlastumor.results import write_results
from atlastumor.scans import read_scan
from atlastumor.volume import LabelMap, Scan

LIVER = find_organ("liver")


def a_segmentation(labels: LabelMap, scan: Scan) -> Segmentation:
    """What the engine would return for these labels, with lesions that have no score."""
    lesions = measure_lesions(labels, organs=ORGANS, score_of=lambda *_: math.nan).lesions
    finding = Finding("liver", "whole", 1.0, 2, 0.1, 0.9, 0.5, "2 tumors.")
    provenance = Provenance(
        model_id="m",
        model_version="1",
        weights_sha256="0",
        device="cpu",
        backend="torch",
        precision="fp32",
    )
    return Segmentation(labels, lesions, (finding,), {}, provenance, scan.source)


@pytest.mark.usefixtures("a_slicer")
def test_an_oblique_scan_goes_to_the_backend_and_its_results_come_back(
    tmp_path: Path,
) -> None:
    import slicer
    import vtk

    from AtlasTumorSlicer.Mrml import writeScan
    from AtlasTumorSlicer.Results import readResult
    from AtlasTumorSlicer.Segments import importSegments

    axes = np.array([[-0.8, 0, 0.6], [0, -1, 0], [0.6, 0, 0.8]]) * (0.9, 1.5, 3.0)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes, (101.25, -20.5, 330.125)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel().tolist())
    voxels = np.random.default_rng(3).integers(-1000, 1000, (20, 30, 48)).astype(np.int16)
    node = slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name="Scan")

    geometry = writeScan(node, tmp_path / "scan.nrrd")
    scan = read_scan(tmp_path / "scan.nrrd")
    assert np.array_equal(scan.array, voxels.T)
    assert np.allclose(scan.grid.affine, affine, atol=1e-9)
    labels = np.zeros(scan.grid.shape, np.uint8)
    labels[1:8, 2:9, 1:6] = LIVER.label
    labels[2:4, 3:5, 2:4] = LIVER.tumor_label
    labels[6, 7, 2] = LIVER.tumor_label
    whole = a_segmentation(LabelMap(labels, scan.grid, label_names()), scan)
    write_results(whole, scan, tmp_path / "out", report=False)

    result = readResult(tmp_path / "out", geometry.world)
    segmentation, ids = importSegments(result, geometry, node)

    assert [finding.message for finding in result.findings] == ["2 tumors."]
    assert math.isnan(result.lesions[0].score)
    first, second = (
        slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, one, node).T for one in ids
    )
    expected = labels == LIVER.tumor_label
    assert np.argwhere(second).tolist() == [[6, 7, 2]]
    expected[6, 7, 2] = False
    assert np.array_equal(first.astype(bool), expected)
