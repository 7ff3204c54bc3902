"""Malformed DICOM as hospitals and disks produce it, and the name by which each goes.

Each is a study in a folder. It is handled, and the result's record says what was done, or it is
refused in a sentence that names the problem. What `bad_inputs` builds already is taken from there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from .bodies import a_scan
from .broken_dicom import BAD_DICOM
from .dicom_series import write_dicom_series

_EXPLICIT, _RLE = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"
_KNOWN = {sentence: (build, message) for sentence, build, message in BAD_DICOM}


@dataclass(frozen=True)
class Malformed:
    """One malformed input.

    Args:
        name: What is wrong with it, a few words.
        build: Makes it in an empty folder; gives the folder or file to read.
        says: Part of the sentence that refuses it or, if handled, of the record's note; empty where
            there is nothing to say.
        is_handled: Whether `segment` reads it.
        n_results: How many results a cohort has of it.
        cohort_says: Part of what a cohort says of it; empty where that is `says`.
    """

    name: str
    build: Callable[[Path], Path]
    says: str
    is_handled: bool = False
    n_results: int = 0
    cohort_says: str = ""


def _known(name: str, sentence: str, **options: Any) -> Malformed:
    build, message = _KNOWN[sentence]
    return Malformed(name, build, message, **options)


def _lacking(keyword: str, says: str = "") -> Malformed:
    """One image of the series lacks a tag, the last one, so that no gap shows it."""

    def build(folder: Path) -> Path:
        def change(dataset: Dataset, k: int) -> None:
            if k == 11:
                delattr(dataset, keyword)

        write_dicom_series(a_scan(), folder / "study", change=change)
        return folder / "study"

    return Malformed(f"{keyword} missing", build, says or f"lacks {keyword}")


def _series(folder: Path, change: Callable[[Dataset, int], None] | None = None) -> list[Path]:
    return write_dicom_series(a_scan(), folder / "study", change=change)


def _duplicates(folder: Path) -> Path:
    shutil.copy(_series(folder)[2], folder / "study" / "copy.dcm")
    return folder / "study"


def _with_localizer(folder: Path) -> Path:
    def change(dataset: Dataset, k: int) -> None:
        if k == 11:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_dicom_series(a_scan(), folder / "study", series_uid="1.2.3.4.5", change=change)
    return folder / "study"


def _with_mr(folder: Path) -> Path:
    def change(dataset: Dataset, k: int) -> None:
        if k == 11:
            dataset.Modality, dataset.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"

    _series(folder, change)
    return folder / "study"


def _burned_in(folder: Path) -> Path:
    _series(folder, lambda dataset, _k: setattr(dataset, "BurnedInAnnotation", "YES"))
    return folder / "study"


def _wrong_syntax(folder: Path) -> Path:
    """Plain pixels in files that call themselves RLE."""
    for path in _series(folder):
        path.write_bytes(path.read_bytes().replace(_EXPLICIT, _RLE, 1))
    return folder / "study"


def _same_place(folder: Path) -> Path:
    """Two images of one position with different pixels and UIDs of their own."""
    dataset = pydicom.dcmread(_series(folder)[4])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(folder / "study" / "again.dcm")
    return folder / "study"


def _color(folder: Path) -> Path:
    def change(dataset: Dataset, _k: int) -> None:
        dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "RGB", 3
        dataset.PlanarConfiguration, dataset.HighBit = 0, 7
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.PixelData = bytes(3 * dataset.Rows * dataset.Columns)

    _series(folder, change)
    return folder / "study"


def _two_spacings(folder: Path) -> Path:
    _series(folder, lambda dataset, _k: setattr(dataset, "SpacingBetweenSlices", 2.0))
    return folder / "study"


def _unknown_charset(folder: Path) -> Path:
    """A character set that nobody knows, and a name that is in no known one."""

    def change(dataset: Dataset, _k: int) -> None:
        dataset.add_new("SpecificCharacterSet", "CS", "ISO_IR 999")
        dataset.PatientName = "x" * 12

    for path in _series(folder, change):
        path.write_bytes(path.read_bytes().replace(b"x" * 12, b"\xff\xfe\x81\x8d" * 3))
    return folder / "study"


def _not_dicom(folder: Path) -> Path:
    _series(folder)
    (folder / "study" / "letter.dcm").write_text("Dear colleague, thank you for " * 20)
    return folder / "study"


MALFORMED: list[Malformed] = [
    Malformed("duplicate instances", _duplicates, "1 duplicate DICOM files", True, 1),
    _known("conflicting duplicates", "a copy of an image differs"),
    _known("two series in one folder", "two series are in the folder", n_results=2),
    _lacking("PixelSpacing"),
    _lacking("ImagePositionPatient"),
    _lacking("ImageOrientationPatient"),
    _lacking("RescaleSlope"),
    _lacking("RescaleIntercept"),
    _lacking("Rows"),
    _lacking("BitsAllocated"),
    _lacking("BitsStored"),
    _lacking("PixelRepresentation"),
    _lacking("PhotometricInterpretation"),
    _lacking("SamplesPerPixel"),
    _lacking("Modality"),
    _lacking("SOPClassUID"),
    _lacking("SeriesInstanceUID", "CT image without SeriesInstanceUID"),
    _lacking("PixelData", "has no pixel data"),
    _known("wrong representation", "an image has a damaged position"),
    _known("truncated pixel data", "pixel data are too short"),
    Malformed("localizer among slices", _with_localizer, "1 CT localizer", True, 1),
    Malformed("MR among slices", _with_mr, "mixes CT and MR images"),
    Malformed("burned-in text", _burned_in, "Text is burned into the images", True, 1),
    _known("zero-byte file", "a DICOM file is empty"),
    Malformed("wrong transfer syntax", _wrong_syntax, "another transfer syntax than it names"),
    _known("inconsistent rows and columns", "images differ in size"),
    Malformed(
        "one position twice", _same_place, "share a position", cohort_says="lie where others lie"
    ),
    _known("missing slices", "slices are missing"),
    _known("MR instead of CT", "the series is MR", cohort_says="no CT: MR"),
    Malformed("color", _color, "RGB pixels where MONOCHROME2"),
    Malformed("contradictory spacing", _two_spacings, "the positions were used", True, 1),
    Malformed("wrong character set", _unknown_charset, "", True, 1),
    Malformed("no DICOM though named so", _not_dicom, "named as DICOM but is damaged"),
]
"""Fifteen kinds of trouble and their variants."""
