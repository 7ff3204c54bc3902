"""DICOM SEG and report, read by dcmqi: the programs that Slicer itself reads them with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.results.segments import number_segments
from atlastumor.volume import Scan
from Backend.results.dicom_examples import (
    read_classic,
    read_coronal,
    read_enhanced,
    segment,
    write_all,
)

dcmqi = pytest.importorskip("dcmqi")


def run(program: str, *words: str | Path) -> None:
    """Run one of dcmqi's programs, as Slicer does."""
    path = Path(dcmqi.__file__).parent / "bin" / program
    done = subprocess.run([path, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def read_segments(folder: Path) -> tuple[dict[str, Any], dict[int, np.ndarray]]:
    """What Slicer gets of a DICOM SEG: its description, and where in RAS each segment lies."""
    out = folder / "read"
    out.mkdir()
    words = ("--inputDICOM", folder / "segmentation.dcm", "--outputDirectory", out, "-t", "nii")
    run("segimage2itkimage", *words, "--mergeSegments")
    points: dict[int, np.ndarray] = {}
    for path in out.glob("*.nii.gz"):
        image = nibabel.load(path)
        labels = np.asarray(image.dataobj)
        for value in np.unique(labels[labels > 0]):
            ijk = np.argwhere(labels == value)
            points[int(value)] = nibabel.affines.apply_affine(image.affine, ijk)
    (described,) = out.glob("*.json")
    return json.loads(described.read_text(encoding="utf-8")), points


@pytest.mark.parametrize("read", [read_classic, read_enhanced, read_coronal])
def test_slicer_finds_each_segment_where_it_was_outlined(
    tmp_path: Path, read: Callable[[Path], Scan]
) -> None:
    scan = read(tmp_path / "series")
    segmentation = segment(scan)

    described, points = read_segments(write_all(scan, tmp_path / "result", segmentation))

    numbered = number_segments(segmentation.labels, segmentation.lesions)
    array = numbered.paint(0, scan.grid.shape[2])
    assert set(points) == set(np.unique(array)) - {0}
    for value, found in points.items():
        expected = scan.grid.to_ras(np.argwhere(array == value))
        order, other = np.lexsort(found.round(2).T), np.lexsort(expected.round(2).T)
        assert found[order] == pytest.approx(expected[other], abs=0.01)
    names = [row["SegmentLabel"] for group in described["segmentAttributes"] for row in group]
    assert names == [one.name for one in numbered.segments]


def test_slicer_reads_the_report_s_measurements(tmp_path: Path) -> None:
    scan = read_classic(tmp_path / "series")
    segmentation = segment(scan)
    folder = write_all(scan, tmp_path / "result", segmentation)

    read = tmp_path / "report.json"
    run("tid1500reader", "--inputDICOM", folder / "report.dcm", "--outputMetadata", read)

    groups = json.loads(read.read_text(encoding="utf-8"))["Measurements"]
    volumes = [
        float(item["value"])
        for group in groups
        for item in group["measurementItems"]
        if item["quantity"]["CodeMeaning"] == "Volume"
    ]
    assert volumes == pytest.approx([lesion.volume_ml for lesion in segmentation.lesions], rel=1e-3)
