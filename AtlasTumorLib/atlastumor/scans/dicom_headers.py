"""DICOM files found in folders, and their headers without pixels.

Files that are no DICOM are passed over; a file that says it is DICOM and cannot be read is an
error, since a scan that lacks its last slices looks like any other.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ..errors import InputError
from ..progress import Progress
from .input_files import is_dicom, name_of, refuse

__all__ = [
    "SUFFIXES",
    "Header",
    "count_images",
    "find_files",
    "lenient_pydicom",
    "read_headers",
    "tag_numbers",
    "tag_text",
]

_MAX_FILES = 100_000
_DIRECTORY = "1.2.840.10008.1.3.10"
SUFFIXES = (".dcm", ".ima", ".dicom")
_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesDescription",
    "Modality",
    "ImageType",
    "AcquisitionNumber",
    "FrameOfReferenceUID",
    "BurnedInAnnotation",
    "SpacingBetweenSlices",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]


@dataclass(frozen=True, eq=False)
class Header:
    """The header of one DICOM file.

    Args:
        path: The file.
        dataset: Its pydicom dataset, pixels left out.
    """

    path: Path
    dataset: Any


@contextmanager
def lenient_pydicom() -> Iterator[None]:
    """Let pydicom read values that break a VR's rules, without a warning for each.

    What says so is the process's own, so threads that overlap here share it: the first sets it and
    the last one sets it back.
    """
    with _lenience.lock:
        if not _lenience.n_inside:
            _lenience.enter()
        _lenience.n_inside += 1
    try:
        yield
    finally:
        with _lenience.lock:
            _lenience.n_inside -= 1
            if not _lenience.n_inside:
                _lenience.back.close()


class _Lenience:
    """How pydicom's settings are set back, and how many are inside."""

    def __init__(self) -> None:
        self.lock, self.n_inside, self.back = Lock(), 0, ExitStack()

    def enter(self) -> None:
        from pydicom import config

        self.back.enter_context(warnings.catch_warnings())
        self.back.enter_context(config.disable_value_validation())
        warnings.simplefilter("ignore")


_lenience = _Lenience()


def find_files(folder: Path, *, is_deep: bool = True) -> list[Path]:
    """Find the DICOM files in a folder.

    Args:
        folder: Where to look; links to folders are not followed, so loops end.
        is_deep: Whether to look into the folders in it too.

    Returns:
        Their paths, sorted.

    Raises:
        InputError: If a folder or file cannot be read, or there are too many files.
    """

    def stop(error: OSError) -> None:
        raise refuse(Path(error.filename or folder), error) from error

    found: list[Path] = []
    n_seen = 0
    for root, folders, names in os.walk(folder, onerror=stop):
        folders[:] = sorted(folders) if is_deep else []
        n_seen += len(names)
        if n_seen > _MAX_FILES:
            msg = (
                f"{name_of(folder)} holds more than {_MAX_FILES} files. "
                "Give the folder of one study."
            )
            raise InputError(msg)
        found += [Path(root, name) for name in names if _is_ours(Path(root, name))]
    return sorted(found)


def _is_ours(path: Path) -> bool:
    """Whether a file in a folder is to be read as DICOM."""
    if path.name.startswith("._"):  # macOS' own
        return False
    name = path.name.lower()
    if not path.is_file() and (path.is_symlink() or name.endswith(SUFFIXES)):
        msg = f"{name_of(path)} leads to no file, so images may be missing. Copy the series again."
        raise InputError(msg)
    if name.endswith(tuple(f"{suffix}.gz" for suffix in SUFFIXES)):
        msg = f"{name_of(path)} is packed with gzip. Unpack the files of the series first."
        raise InputError(msg)
    if not path.is_file():
        return False
    if is_dicom(path):
        return True
    if name.endswith(SUFFIXES):
        msg = f"{name_of(path)} is named as DICOM but is damaged. Copy or export the series again."
        raise InputError(msg)
    return False


def read_headers(paths: Sequence[Path], progress: Progress) -> list[Header]:
    """Read the headers of DICOM files.

    Args:
        paths: DICOM files; DICOMDIR files are left out of the result.
        progress: Told how far the reading is.

    Returns:
        One header per file, in the same order.

    Raises:
        InputError: If a file cannot be read.
    """
    headers = []
    for n, path in enumerate(paths):
        header = _read_header(path)
        if tag_text(header, "SOPClassUID") != _DIRECTORY:
            headers.append(header)
        progress(n / len(paths), "Looking through DICOM files")
    return headers


def _read_header(path: Path) -> Header:
    import pydicom

    try:
        with lenient_pydicom():
            dataset = pydicom.dcmread(
                path, stop_before_pixels=True, force=True, specific_tags=_TAGS
            )
            media_class = getattr(dataset.file_meta, "MediaStorageSOPClassUID", None)
            if media_class == _DIRECTORY:
                dataset.SOPClassUID = media_class
            list(dataset)  # decodes every value, so that a damaged one is found here
            _check_class(dataset, path)
    except InputError:
        raise
    except OSError as error:
        raise refuse(path, error) from error
    except Exception as error:  # pydicom raises whatever its parsing of foreign bytes runs into
        msg = (
            f"{name_of(path)} is a damaged DICOM file, or not in the transfer syntax that it "
            "names. Copy or export the series again."
        )
        raise InputError(msg) from error
    return Header(path, dataset)


def _check_class(dataset: Any, path: Path) -> None:
    """Refuse a file that does not say what it is; one that says nothing else is no DICOM."""
    if dataset.get("SOPClassUID"):
        return
    if not (dataset.get("SeriesInstanceUID") or dataset.get("SOPInstanceUID")):
        raise ValueError(path)
    msg = f"{name_of(path)} lacks SOPClassUID. Export the series again."
    raise InputError(msg)


def tag_text(header: Header, keyword: str) -> str:
    """Read a tag as text.

    Args:
        header: Of one file.
        keyword: The tag's DICOM keyword.

    Returns:
        Its value, several joined by a backslash; empty if it is absent.
    """
    value = header.dataset.get(keyword)
    if value is None:
        return ""
    if isinstance(value, (str, int, float)):
        return str(value).strip("\0 ")
    return "\\".join(str(part).strip() for part in value)


def count_images(header: Header) -> int:
    """Count the images in a file.

    Args:
        header: Of one file.

    Returns:
        The number of frames in a multi-frame file, else 1, or 0 if it holds no image.
    """
    text = tag_text(header, "NumberOfFrames")
    if text.isdecimal():
        return int(text)
    return 1 if tag_text(header, "Rows") else 0


def tag_numbers(item: Any, keyword: str, n: int, path: Path) -> tuple[float, ...]:
    """Read a tag of numbers.

    Args:
        item: The pydicom dataset or sequence item that holds it.
        keyword: The tag's DICOM keyword.
        n: How many numbers it must have.
        path: The file, for the message.

    Returns:
        The numbers.

    Raises:
        InputError: If the tag is absent or is not that many finite numbers.
    """
    value: Any = None if item is None else item.get(keyword)
    try:
        raw = [value] if n == 1 else list(value)
        numbers = tuple(float(part) for part in raw)
    except (TypeError, ValueError) as error:
        numbers = ()
        cause: Exception | None = error
    else:
        cause = None
    if len(numbers) == n and all(abs(x) < float("inf") for x in numbers):
        return numbers
    state = "lacks" if value is None else "has a damaged"
    msg = f"{name_of(path)} {state} {keyword}, so it cannot be read. Export the series again."
    raise InputError(msg) from cause
