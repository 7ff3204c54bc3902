"""Which DICOM files a result has, and who writes each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..volume import Scan, Source
from .dicom_study import DicomStudy
from .protocols import SegmentationLike
from .segments import NumberedSegments

__all__ = ["plan_dicom"]


def plan_dicom(
    segmentation: SegmentationLike,
    numbered: NumberedSegments,
    source: Source,
    formats: Collection[str],
    *,
    scan: Scan | None,
) -> tuple[dict[str, Callable[[Path], None]], list[str]]:
    """Decide who writes the DICOM files of a result.

    Args:
        segmentation: What to write.
        numbered: Its segments.
        source: The DICOM series that was segmented.
        formats: The DICOM ones asked for; a report takes the SEG that it refers to with it.
        scan: The scan, which key images show; None where only its outlines are known.

    Returns:
        Writers by file name, and notes for the user.

    Raises:
        InputError: If the scan is not from DICOM, or key images are asked for without a scan.
    """
    study = DicomStudy(source, numbered, segmentation.provenance)
    writers: dict[str, Callable[[Path], None]] = {}
    notes: list[str] = []
    if not numbered.segments:
        notes.append("No DICOM SEG: it would hold no segment, which DICOM does not allow.")
    elif {"dicom-seg", "dicom-sr"} & set(formats):
        from .dicom_seg import write_dicom_seg  # noqa: PLC0415 - highdicom

        writers["segmentation.dcm"] = partial(write_dicom_seg, study=study)
    if "dicom-sr" in formats:
        from .dicom_sr import write_dicom_sr  # noqa: PLC0415

        writers["report.dcm"] = partial(write_dicom_sr, study=study, findings=segmentation.findings)
    if "dicom-sc" in formats:
        images, more_notes = _plan_key_images(segmentation, study, scan)
        writers |= images
        notes += more_notes
    return writers, notes


def _plan_key_images(
    segmentation: SegmentationLike, study: DicomStudy, scan: Scan | None
) -> tuple[dict[str, Callable[[Path], None]], list[str]]:
    from .key_images import MAX_KEY_IMAGES, KeyImages  # noqa: PLC0415 - pillow

    if scan is None:
        msg = "Key images show the scan, which is not at hand here. Leave out dicom-sc."
        raise InputError(msg)
    lesions = segmentation.lesions
    notes = []
    if not lesions:
        notes.append("No key images: there is no tumor to show.")
    elif len(lesions) > MAX_KEY_IMAGES:
        notes.append(f"Key images show the {MAX_KEY_IMAGES} largest of {len(lesions)} tumors.")
    return {**KeyImages(study, scan, segmentation.labels).plan(lesions)}, notes
