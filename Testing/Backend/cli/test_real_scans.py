"""Every shared scan through the command, as NIfTI and as the DICOM series it could have come in."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.scans import read_scan

from ..results.dicom_examples import validate
from ..scans.dicom_series import write_dicom_series

FOLDER = Path(os.environ["ATLASTUMOR_TEST_DATA"])
SCANS = sorted(
    path.name
    for path in FOLDER.glob("*.nii.gz")
    if not path.stem.endswith(("_TSseg.nii", "_mask.nii"))
)


def segment(*words: object) -> int:
    return main(["segment", *map(str, words), "--device", "cpu"])


@pytest.mark.slow
@pytest.mark.parametrize("name", SCANS)
def test_a_real_scan_is_segmented_on_its_own_grid(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    assert segment(shared_data / name, "-o", tmp_path / "out") == 0

    scan = nibabel.load(shared_data / name)
    labels = nibabel.load(tmp_path / "out" / "labels.nii.gz")
    assert labels.shape == scan.shape
    assert np.array_equal(labels.affine, scan.affine)
    assert (tmp_path / "out" / "overview.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCANS[:1] + SCANS[-1:])
def test_its_dicom_export_gives_the_same_labels_and_a_dicom_seg(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    scan = read_scan(shared_data / name)
    write_dicom_series(scan, tmp_path / "dicom")

    out = tmp_path / "out"
    formats = "nifti,dicom-seg,dicom-sr,dicom-sc"
    assert segment(tmp_path / "dicom", "-o", out, "--format", formats) == 0
    assert segment(shared_data / name, "-o", tmp_path / "nifti", "--no-report") == 0

    ours, theirs = (nibabel.load(tmp_path / x / "labels.nii.gz") for x in ("out", "nifti"))
    same = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(ours.affine), nibabel.io_orientation(theirs.affine)
    )
    turned = nibabel.orientations.apply_orientation(np.asarray(ours.dataobj), same)
    different = np.count_nonzero(turned != np.asarray(theirs.dataobj))
    assert different <= 1e-4 * turned.size
    assert {"segmentation.dcm", "report.dcm"} <= {path.name for path in out.iterdir()}
    assert [error for path in out.rglob("*.dcm") for error in validate(path)] == []
