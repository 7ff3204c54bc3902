"""DICOM files, however many and however named, and the series that they make.

Headers alone are read. Files that are no DICOM are passed over; one that says it is and cannot be
read is a problem, since a scan that lacks its last slices looks like any other.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from ...batch.cases import Problem
from ...errors import AtlasTumorError, InputError
from ...progress import CancelToken, Progress
from ...scans.archive import opened_zip
from ...scans.dicom_headers import SUFFIXES, Header, lenient_pydicom, tag_text
from ...scans.input_files import is_dicom, is_dicom_head, name_of, refuse
from .places import Entry
from .series import FoundSeries

__all__ = ["read_series"]

_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "Modality",
    "ImageType",
    "ConvolutionKernel",
    "SliceThickness",
    "Rows",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
_DIRECTORY = "1.2.840.10008.1.3.10"
_HEAD_BYTES = 132
# CT packs about 3:1 and an empty image 1000:1; beyond this and 256 MB it is no scan.
_MAX_RATIO = 100
_FREE_BYTES = 256 << 20
_UID = "SeriesInstanceUID"

Opener = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass
class _Reading:
    """Headers as they are read: series by UID and archive, and what went wrong."""

    series: dict[tuple[str, Path | None], FoundSeries] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, name: str, entry: Entry, archive: Entry | None, opener: Opener) -> None:
        """Read one header and file it under its series."""
        try:
            header = _read_header(entry.path, opener)
        except InputError as error:
            self.problems.append(Problem(name, str(error)))
            return
        if tag_text(header, "SOPClassUID") == _DIRECTORY:
            return
        if not tag_text(header, _UID):
            msg = f"{name_of(entry.path)} has no SeriesInstanceUID. Export the series again."
            self.problems.append(Problem(name, msg))
            return
        key = (tag_text(header, _UID), archive.path if archive else None)
        found = self.series.setdefault(key, FoundSeries(header, archive))
        found.add(header, archive or entry)


def read_series(
    files: Sequence[Entry],
    archives: Sequence[Entry],
    *,
    progress: Progress,
    cancel: CancelToken | None = None,
) -> tuple[list[FoundSeries], list[Problem]]:
    """Read the headers of files and sort them into series.

    Args:
        files: Of any kind; those that are no DICOM are passed over.
        archives: Zip files; one without DICOM in it is a problem.
        progress: Told how far the reading is.
        cancel: Stops it.

    Returns:
        One entry for each SeriesInstanceUID, by UID, and what cannot be read.

    Raises:
        Cancelled: If `cancel` was set.
    """
    reading = _Reading()
    n_all = max(len(files) + len(archives), 1)
    for n, entry in enumerate([*files, *archives]):
        if cancel is not None:
            cancel.check()
        progress(n / n_all, "Looking through files")
        try:
            if n < len(files):
                _take_file(reading, entry)
            else:
                _take_archive(reading, entry)
        except AtlasTumorError as error:
            reading.problems.append(Problem(entry.name, str(error)))
    return _join_copies(reading)


def _take_file(reading: _Reading, entry: Entry) -> None:
    if not entry.size_bytes:
        return
    if is_dicom(entry.path):
        reading.take(entry.name, entry, None, lambda: entry.path.open("rb"))
    elif entry.name.lower().endswith(SUFFIXES):
        msg = f"{name_of(entry.path)} is named as DICOM but is damaged. Copy or export it again."
        raise InputError(msg)


def _take_archive(reading: _Reading, entry: Entry) -> None:
    n_before = len(reading.series)
    try:
        with opened_zip(entry.path) as archive:
            for member in _list_members(archive, entry.path):
                reading.take(entry.name, entry, entry, partial(archive.open, member))
    except OSError as error:
        raise refuse(entry.path, error) from error
    if len(reading.series) == n_before:
        msg = f"{name_of(entry.path)} holds no DICOM files. Unpack it and give the folder."
        raise InputError(msg)


def _list_members(archive: zipfile.ZipFile, path: Path) -> Iterator[zipfile.ZipInfo]:
    for member in archive.infolist():
        name = member.filename.rpartition("/")[2]
        if member.is_dir() or name.startswith("._"):
            continue
        if member.file_size > max(_MAX_RATIO * member.compress_size, _FREE_BYTES):
            msg = (
                f"{name_of(path)} unpacks to more than a scan can need. Unpack it yourself and "
                "give the folder of the series."
            )
            raise InputError(msg)
        with archive.open(member) as stream:
            is_one = is_dicom_head(stream.read(_HEAD_BYTES))
        if is_one or name.lower().endswith(SUFFIXES):
            yield member


def _read_header(path: Path, opener: Opener) -> Header:
    import pydicom  # noqa: PLC0415

    try:
        with opener() as stream, lenient_pydicom():
            dataset = pydicom.dcmread(
                stream, stop_before_pixels=True, force=True, specific_tags=_TAGS
            )
            media_class = getattr(dataset.file_meta, "MediaStorageSOPClassUID", None)
            if media_class == _DIRECTORY:
                dataset.SOPClassUID = media_class
            list(dataset)  # decodes every value, so that a damaged one is found here
            if not dataset.get("SOPClassUID"):
                raise ValueError(path)
    except OSError as error:
        raise refuse(path, error) from error
    except Exception as error:  # pydicom raises whatever its parsing of foreign bytes runs into
        msg = f"{name_of(path)} is a damaged DICOM file. Copy or export the series again."
        raise InputError(msg) from error
    return Header(path, dataset)


def _join_copies(reading: _Reading) -> tuple[list[FoundSeries], list[Problem]]:
    """One series for each UID; what is in two places must be the same in both."""
    kept: dict[str, FoundSeries] = {}
    problems = reading.problems
    for (uid, archive), found in sorted(
        reading.series.items(), key=lambda item: (item[0][0], str(item[0][1] or ""))
    ):
        first = kept.setdefault(uid, found)
        if first is not found and found.seen != first.seen:
            where = name_of(archive) if archive else "a folder"
            msg = (
                f"A series is in {where} and, with other images, elsewhere too; one of the two was "
                "taken. Put all its images into one folder."
            )
            problems.append(Problem(archive.name if archive else "", msg))
    return list(kept.values()), problems
