"""DICOM SEG out: one segment for each organ and lesion, in the frame of the series read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from highdicom.seg import Segmentation
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..volume import Grid
from .dicom_segments import describe_segment
from .dicom_study import DicomStudy

__all__ = ["write_dicom_seg"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SERIES_NUMBER = 9700  # far from those of scanners


def write_dicom_seg(path: Path, study: DicomStudy) -> None:
    """Write segments as one binary DICOM SEG.

    Frames lie on the scan's own planes. UIDs follow from the content, so that equal results are
    equal files.

    Args:
        path: The .dcm file.
        study: The segments, at least one, and the series that they were outlined in.

    Raises:
        InputError: If the series cannot be referred to: its files are gone or lack what a SEG
            needs.
    """
    with study.making("DICOM SEG"):
        dataset = _make_dataset(study)
    study.write(path, dataset)


def _make_dataset(study: DicomStudy) -> Segmentation:
    software = study.provenance.software
    dataset = Segmentation(
        source_images=study.images,
        pixel_array=study.frames,
        **_place_frames(study.grid),
        segmentation_type="BINARY",
        segment_descriptions=[
            describe_segment(segment, study.provenance, study.new_uid(segment.key))
            for segment in study.numbered.segments
        ],
        series_instance_uid=study.new_uid("series"),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=study.new_uid("instance"),
        instance_number=1,
        **study.equipment(),
        content_label="TUMORS",
        content_description=f"{software}: organs and tumors"[:64],
        series_description=f"{software}; not for clinical use"[:64],
    )
    _set_dimension_uid(dataset, study.new_uid("dimensions"))
    return dataset


def _place_frames(grid: Grid) -> dict[str, Any]:
    """Say where the frames lie, LPS mm, whatever order or direction the source's images have."""
    lps = _RAS_TO_LPS @ grid.affine
    i_mm, j_mm, k_mm = grid.spacing_mm
    directions = [float(x) for axis, mm in ((0, i_mm), (1, j_mm)) for x in lps[:3, axis] / mm]
    corners = lps @ np.array([[0.0, 0.0, k, 1.0] for k in range(grid.shape[2])]).T
    return {
        "plane_orientation": PlaneOrientationSequence("PATIENT", directions),
        "plane_positions": [
            PlanePositionSequence("PATIENT", [float(x) for x in corner]) for corner in corners[:3].T
        ],
        "pixel_measures": PixelMeasuresSequence((j_mm, i_mm), k_mm, k_mm),
    }


def _set_dimension_uid(dataset: Dataset, uid: UID) -> None:
    """Replace the random UID of the dimensions."""
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
