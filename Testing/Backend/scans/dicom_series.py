"""CT series as scanners write them, for tests: whole and valid, or broken in one chosen way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)
from pydicom.valuerep import DSfloat

from atlastumor.volume import Grid, Scan

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_COMPRESSED = (RLELossless, JPEG2000Lossless)

Change = Callable[[Dataset, int], None]
"""Called with each image's dataset and slice number before it is written."""


def write_dicom_series(
    scan: Scan,
    directory: Path,
    *,
    transfer_syntax: str = ExplicitVRLittleEndian,
    tilt_degrees: float = 0.0,
    skip: Collection[int] = (),
    description: str = "Abdomen",
    series_uid: str | None = None,
    study_uid: str | None = None,
    change: Change | None = None,
) -> list[Path]:
    """Write a scan as a CT series, one file per slice along k.

    Reading it gives the scan's grid again if its axes are right-handed; a left-handed scan comes
    back with k reversed, on the same world positions.

    Args:
        scan: Whole-number HU; files and instance numbers run against the slice order.
        directory: Made if it does not exist.
        transfer_syntax: Uncompressed, `RLELossless` or `JPEG2000Lossless`.
        tilt_degrees: Shears the stack along the columns, as a tilted gantry does.
        skip: Slices to leave out.
        description: The SeriesDescription.
        series_uid: The SeriesInstanceUID; a new one by default.
        study_uid: The StudyInstanceUID; a new one by default.
        change: Last word on each dataset, for breaking it.

    Returns:
        The files in slice order.
    """
    directory.mkdir(parents=True, exist_ok=True)
    uids = [series_uid or generate_uid(), study_uid or generate_uid(), generate_uid()]
    n_slices = scan.grid.shape[2]
    paths = []
    for k in sorted(set(range(n_slices)) - set(skip)):
        dataset = _make_image(scan, uids, description)
        dataset.InstanceNumber = n_slices - k
        _place(dataset, scan.grid, k, tilt_degrees)
        _set_pixels(dataset, scan.array[:, :, k].T)
        if change is not None:
            change(dataset, k)
        if transfer_syntax in _COMPRESSED:
            dataset.compress(transfer_syntax, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = transfer_syntax
        path = directory / f"IM{n_slices - k:05d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_enhanced_ct(scan: Scan, path: Path, *, change: Change | None = None) -> Path:
    """Write a scan as one enhanced multi-frame CT, its frames from last to first slice."""
    dataset = _make_image(scan, [generate_uid() for _ in range(3)], "Enhanced")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    order = range(scan.grid.shape[2])[::-1]
    dataset.NumberOfFrames = len(order)
    frames, single = [], Dataset()
    for k in order:
        _place(single, scan.grid, k, 0.0)
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = single.ImagePositionPatient
        frame.PlanePositionSequence = Sequence([position])
        frames.append(frame)
    measures, orientation, values, shared = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = single.PixelSpacing
    orientation.ImageOrientationPatient = single.ImageOrientationPatient
    _set_pixels(dataset, scan.array[:, :, list(order)].transpose(2, 1, 0))
    values.RescaleSlope, values.RescaleIntercept = dataset.RescaleSlope, dataset.RescaleIntercept
    values.RescaleType = "HU"
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelValueTransformationSequence = Sequence([values])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
        delattr(dataset, keyword)
    if change is not None:
        change(dataset, 0)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _make_image(scan: Scan, uids: list[str], description: str) -> Dataset:
    """Everything but position and pixels; uids are of series, study and frame of reference."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = uids
    dataset.Modality, dataset.SeriesDescription = "CT", description
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID = "Test^Phantom", "T-1"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.ReferringPhysicianName = ""
    dataset.StudyDate, dataset.StudyTime = "20200101", "120000"
    dataset.StudyID = dataset.AccessionNumber = ""
    dataset.SeriesNumber, dataset.AcquisitionNumber, dataset.PatientPosition = 2, 1, "HFS"
    dataset.Manufacturer, dataset.KVP, dataset.PositionReferenceIndicator = "AtlasTumor", 120, ""
    dataset.SliceThickness = DSfloat(scan.grid.spacing_mm[2], auto_format=True)
    return dataset


def _place(dataset: Dataset, grid: Grid, k: int, tilt_degrees: float) -> None:
    """Set position, orientation and spacing of slice k."""
    affine = _LPS @ grid.affine
    columns, rows = (affine[:3, axis] / grid.spacing_mm[axis] for axis in (0, 1))
    shift_mm = np.tan(np.radians(tilt_degrees)) * k * grid.spacing_mm[2]
    position = affine[:3, 3] + k * affine[:3, 2] + shift_mm * rows
    dataset.ImagePositionPatient = _decimals(position)
    dataset.ImageOrientationPatient = _decimals([*columns, *rows])
    dataset.PixelSpacing = _decimals([grid.spacing_mm[1], grid.spacing_mm[0]])


def _decimals(numbers: np.ndarray | list[float]) -> list[DSfloat]:
    return [DSfloat(float(x), auto_format=True) for x in numbers]


def _set_pixels(dataset: Dataset, hu: np.ndarray) -> None:
    """Store HU (rows, columns), or frames of them, as most scanners do: unsigned, minus 1024."""
    is_signed = hu.min() < -1024
    intercept = 0 if is_signed else -1024
    stored = (hu.astype(np.int32) - intercept).astype(np.int16 if is_signed else np.uint16)
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(is_signed)
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, intercept, "HU"
    dataset.add_new("PixelData", "OW", np.ascontiguousarray(stored).tobytes())
