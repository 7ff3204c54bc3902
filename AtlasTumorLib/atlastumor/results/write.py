"""One segmentation into one folder: the files of a result, complete or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from ..errors import UnknownKeyError
from ..progress import Progress, ignore_progress
from ..volume import Scan, Source
from .folder import check_output, result_folder
from .listing import MAX_LISTED
from .protocols import SegmentationLike
from .staging import MANIFEST
from .tables import write_lesions, write_manifest

__all__ = ["FORMATS", "Writer", "plan_segments", "write_results"]

FORMATS = ("nifti", "seg.nrrd", "dicom-seg", "dicom-sr", "dicom-sc")
"""What a result may be written as; "nifti" is always written, and "dicom-seg" with "dicom-sr"."""

Writer = Callable[[Path], None]

_SHARED = (
    f"The {MAX_LISTED} largest tumors of each organ have a segment of their own; the others of an "
    "organ share one. lesions.csv lists all."
)


def write_results(
    segmentation: SegmentationLike,
    scan: Scan,
    directory: Path,
    *,
    formats: Collection[str] = ("nifti",),
    report: bool = True,
    deidentify: Path | None = None,
    progress: Progress = ignore_progress,
    overwrite: bool = True,
) -> list[Path]:
    """Write a result: label map, table, record, and what else is asked for.

    Args:
        segmentation: What to write.
        scan: The scan it was made from; `report.html` and `overview.png` show it.
        directory: As for `check_output`.
        formats: Of `FORMATS`.
        report: Whether to write report and picture.
        deidentify: Key file by which patients are taken out of the DICOM files; None leaves them.
            The others name nobody.
        progress: Told how far the writing is.
        overwrite: Whether an earlier result in the folder may be replaced.

    Returns:
        The files, the record last.

    Raises:
        UnknownKeyError: If there is no such format.
        InputError: If a DICOM format is asked for and the scan is not from DICOM.
        OutputError: If the folder cannot be written to; an earlier result is then unchanged.
        DependencyError: If what de-identifies is not installed.
    """
    writers, notes = _plan(segmentation, scan, formats, report=report)
    if deidentify is not None:
        writers = _take_patients_out(writers, deidentify, notes)
    directory = check_output(directory, overwrite=overwrite)
    with result_folder(directory) as folder:
        for n, (name, write) in enumerate(writers.items()):
            progress(n / len(writers), "Writing results")
            (folder / name).parent.mkdir(exist_ok=True)
            write(folder / name)
        files = [folder / name for name in writers]
        write_manifest(folder / MANIFEST, segmentation, files, notes=notes)
    progress(1.0, "Writing results")
    return [directory / name for name in (*writers, MANIFEST)]


def _plan(
    segmentation: SegmentationLike, scan: Scan, formats: Collection[str], *, report: bool
) -> tuple[dict[str, Writer], list[str]]:
    """Decide which files there will be, and who writes each."""
    for name in formats:
        if name not in FORMATS:
            raise UnknownKeyError("format", name, FORMATS)
    writers = _plan_volumes(segmentation, scan)
    writers["lesions.csv"] = partial(write_lesions, lesions=segmentation.lesions)
    segments, notes = plan_segments(segmentation, scan.source, formats, scan=scan)
    return writers | segments | (_plan_report(segmentation, scan) if report else {}), notes


def _take_patients_out(
    writers: Mapping[str, Writer], key_file: Path, notes: list[str]
) -> dict[str, Writer]:
    """Let every DICOM file be de-identified as soon as it is written."""
    from ..deidentify import DeidentifyOptions, deidentify_file  # noqa: PLC0415 - pydicom
    from ..deidentify.dataset import Deidentifier  # noqa: PLC0415

    worker = Deidentifier(DeidentifyOptions(key_file))

    def write_without_patient(path: Path, *, write: Writer) -> None:
        write(path)
        notes.extend(note for note in deidentify_file(path, path, worker) if note not in notes)

    return {
        name: partial(write_without_patient, write=write) if name.endswith(".dcm") else write
        for name, write in writers.items()
    }


def _plan_volumes(segmentation: SegmentationLike, scan: Scan) -> dict[str, Writer]:
    from .nifti import write_labels, write_probability  # noqa: PLC0415 - pulls in nibabel

    record = segmentation.provenance.to_repeatable_dict()
    writers: dict[str, Writer] = {
        "labels.nii.gz": partial(write_labels, labels=segmentation.labels, record=record)
    }
    for organ, probability in segmentation.probabilities.items():
        writers[f"probabilities/{organ}_tumor.nii.gz"] = partial(
            write_probability, probability=probability, grid=scan.grid, record=record
        )
    for organ, spread in segmentation.disagreement.items():
        writers[f"disagreement/{organ}_tumor.nii.gz"] = partial(
            write_probability, probability=spread, grid=scan.grid, record=record
        )
    return writers


def plan_segments(
    segmentation: SegmentationLike,
    source: Source,
    formats: Collection[str],
    *,
    scan: Scan | None = None,
) -> tuple[dict[str, Writer], list[str]]:
    """Decide who writes the formats that know segments.

    Args:
        segmentation: What to write.
        source: Where its scan came from; DICOM results refer to it.
        formats: Of `FORMATS`; "nifti" needs nothing here.
        scan: The scan, which "dicom-sc" shows.

    Returns:
        Writers by file name, and notes for the user.

    Raises:
        InputError: If a DICOM format is asked for and the scan is not from DICOM.
    """
    writers: dict[str, Writer] = {}
    dicom = [name for name in formats if name.startswith("dicom-")]
    if not dicom and "seg.nrrd" not in formats:
        return writers, []
    from .segments import number_segments  # noqa: PLC0415 - scipy

    numbered = number_segments(segmentation.labels, segmentation.lesions)
    is_shared = any(segment.is_shared for segment in numbered.segments)
    notes = [_SHARED] if is_shared else []
    if "seg.nrrd" in formats:
        from .nrrd import write_seg_nrrd  # noqa: PLC0415

        record = segmentation.provenance.to_repeatable_dict()
        writers["segmentation.seg.nrrd"] = partial(write_seg_nrrd, numbered=numbered, record=record)
    if not dicom:
        return writers, notes
    from .dicom_plan import plan_dicom  # noqa: PLC0415 - pydicom

    files, more_notes = plan_dicom(segmentation, numbered, source, dicom, scan=scan)
    return writers | files, notes + more_notes


def _plan_report(segmentation: SegmentationLike, scan: Scan) -> dict[str, Writer]:
    from .report import write_overview, write_report  # noqa: PLC0415 - pulls in pillow

    return {
        "overview.png": partial(write_overview, segmentation=segmentation, scan=scan),
        "report.html": partial(write_report, segmentation=segmentation, scan=scan),
    }
