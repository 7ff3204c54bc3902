"""DICOM SEG out: one segment for each organ and lesion, in the frame of the series read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from highdicom.seg import Segmentation
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import DSfloat

from ..errors import InputError
from ..provenance import Provenance
from ..volume import Grid, Source
from .compressed import slice_ranges
from .dicom_segments import describe_segment
from .segments import NumberedSegments

__all__ = ["check_dicom_source", "write_dicom_seg"]

NewUid = Callable[[str], UID]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SERIES_NUMBER = 9700  # far from those of scanners


def check_dicom_source(source: Source) -> None:
    """Make sure that a scan came from DICOM, as a DICOM SEG refers to its images.

    Args:
        source: Where the scan came from.

    Raises:
        InputError: If it came from elsewhere.
    """
    if source.kind != "dicom" or not source.dicom_files:
        msg = (
            f"DICOM SEG needs a DICOM series as input; this scan is {source.kind}. "
            "Choose nifti or seg.nrrd."
        )
        raise InputError(msg)


def write_dicom_seg(
    path: Path, numbered: NumberedSegments, *, source: Source, provenance: Provenance
) -> None:
    """Write segments as one binary DICOM SEG.

    Frames lie on the scan's own planes. UIDs follow from the content, so that equal results are
    equal files.

    Args:
        path: The .dcm file.
        numbered: The segments, at least one.
        source: The series; its files must still be there.
        provenance: Who made it.

    Raises:
        InputError: If the scan is not from DICOM, or a DICOM SEG cannot refer to its series.
    """
    check_dicom_source(source)
    pixels = _paint_frames(numbered)
    try:
        images = [_read_header(file, numbered.labels.grid) for file in source.dicom_files]
        new_uid = _make_uids(images[0], pixels, provenance)
        dataset = _make_dataset(images, pixels, numbered, provenance, new_uid)
    except (ValueError, TypeError, AttributeError, KeyError, OSError) as error:
        msg = f"No DICOM SEG can be made for this series ({error}). Choose nifti or seg.nrrd."
        raise InputError(msg) from error
    _set_time(dataset, provenance.created)
    dataset.save_as(path)


def _read_header(file: Path, grid: Grid) -> Dataset:
    """Header of an image, with the slice thickness that some leave out and highdicom wants."""
    image = pydicom.dcmread(file, stop_before_pixels=True)
    shared = image.get("SharedFunctionalGroupsSequence")
    holder = shared[0].PixelMeasuresSequence[0] if shared else image
    if holder.get("SliceThickness") is None:
        holder.SliceThickness = DSfloat(grid.spacing_mm[2], auto_format=True)
    return image


def _paint_frames(numbered: NumberedSegments) -> npt.NDArray[Any]:
    """Segment numbers (K, J, I): frames, rows, columns."""
    i, j, k = numbered.labels.grid.shape
    frames = np.zeros((k, j, i), numbered.table.dtype)
    for first, stop in slice_ranges(k):
        frames[first:stop] = numbered.paint(first, stop).transpose(2, 1, 0)
    return frames


def _make_uids(image: Dataset, pixels: npt.NDArray[Any], provenance: Provenance) -> NewUid:
    """Make UIDs that differ by name and by everything that the result depends on."""
    record = json.dumps(provenance.to_repeatable_dict(), sort_keys=True)
    content = [str(image.SOPInstanceUID), record, hashlib.sha256(pixels.data).hexdigest()]
    return lambda name: generate_uid(entropy_srcs=[*content, name])


def _make_dataset(
    images: Sequence[Dataset],
    pixels: npt.NDArray[Any],
    numbered: NumberedSegments,
    provenance: Provenance,
    new_uid: NewUid,
) -> Segmentation:
    dataset = Segmentation(
        source_images=images,
        pixel_array=pixels,
        **_place_frames(numbered.labels.grid),
        segmentation_type="BINARY",
        segment_descriptions=[
            describe_segment(segment, provenance, new_uid(segment.key))
            for segment in numbered.segments
        ],
        series_instance_uid=new_uid("series"),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=new_uid("instance"),
        instance_number=1,
        manufacturer=provenance.software,
        manufacturer_model_name=provenance.model_id,
        software_versions=provenance.version,
        device_serial_number=provenance.weights_sha256[:16] or "none",
        content_label="TUMORS",
        content_description=f"{provenance.software}: organs and tumors"[:64],
        series_description=f"{provenance.software}; not for clinical use"[:64],
    )
    _set_dimension_uid(dataset, new_uid("dimensions"))
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


def _set_time(dataset: Dataset, created: str) -> None:
    """Date everything by the record, not by the clock of this moment."""
    moment = datetime.fromisoformat(created)
    for name in ("ContentDate", "SeriesDate", "InstanceCreationDate"):
        setattr(dataset, name, moment.strftime("%Y%m%d"))
    for name in ("ContentTime", "SeriesTime", "InstanceCreationTime"):
        setattr(dataset, name, moment.strftime("%H%M%S"))
    for equipment in dataset.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = moment.strftime("%Y%m%d%H%M%S")
