"""DICOM files on disk that are to be sent: which they are, and what must be known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ..errors import InputError
from ..scans.input_files import is_dicom, name_of, require_path

__all__ = ["Instance", "find_instances", "raw_text", "read_instance"]

_DIRECTORY = "1.2.840.10008.1.3.10"
_WANTED = "DICOM files, or folders of them"
_UIDS = ["SOPClassUID", "SOPInstanceUID"]


@dataclass(frozen=True)
class Instance:
    """A DICOM object in a file.

    Args:
        path: The file.
        sop_class: UID of the kind of object.
        uid: Its own.
        transfer_syntax: UID of how it is encoded.
        n_bytes: Of the file.
        is_whole: Whether the file begins with the information that says all this of what follows.
    """

    path: Path
    sop_class: str
    uid: str
    transfer_syntax: str
    n_bytes: int
    is_whole: bool = True

    def read(self) -> pydicom.FileDataset:
        """Read the object, with what its file should have said of it."""
        dataset = pydicom.dcmread(self.path, force=True)
        if not self.is_whole:
            dataset.preamble = b"\0" * 128
            dataset.file_meta.TransferSyntaxUID = UID(self.transfer_syntax)
            dataset.file_meta.MediaStorageSOPClassUID = UID(self.sop_class)
            dataset.file_meta.MediaStorageSOPInstanceUID = UID(self.uid)
        return dataset


def find_instances(paths: Iterable[Path]) -> list[Instance]:
    """Find DICOM objects in files and folders, hidden folders left out.

    Args:
        paths: DICOM files; folders, also of results.

    Returns:
        What there is, each file once, in order.

    Raises:
        InputError: If there is nothing, a file cannot be read, or a file that was named is no
            DICOM object.
    """
    given = [require_path(path, give=_WANTED) for path in paths]
    files = dict.fromkeys(file for path in given for file in _list_files(path))
    found = [one for file in files if (one := read_instance(file)) is not None]
    if not found:
        names = ", ".join(name_of(path) for path in given[:3]) or "nothing"
        msg = f"There are no DICOM objects in {names}. Give {_WANTED}."
        raise InputError(msg)
    return found


def _list_files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if not is_dicom(path):
            msg = f"{name_of(path)} is no DICOM file. Give {_WANTED}."
            raise InputError(msg)
        yield path
        return
    for one in sorted(path.iterdir()):
        if one.name.startswith(".") or one.is_symlink():
            continue
        if one.is_dir():
            yield from _list_files(one)
        elif one.is_file() and one.stat().st_size and is_dicom(one):
            yield one


def read_instance(path: Path) -> Instance | None:
    """Read what must be known of a DICOM object to send it.

    Args:
        path: The file.

    Returns:
        What it is; None for a DICOMDIR, which stands for other files.

    Raises:
        InputError: If it cannot be read, or does not say what it is.
    """
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_UIDS, force=True)
    except Exception as error:  # pydicom raises whatever its parsing of foreign bytes runs into
        msg = f"{name_of(path)} is a damaged DICOM file. Copy or export it again."
        raise InputError(msg) from error
    meta = dataset.file_meta
    if raw_text(meta, "MediaStorageSOPClassUID") == _DIRECTORY:
        return None
    sop_class, uid = (raw_text(dataset, name) for name in _UIDS)
    if not sop_class or not uid:
        what = "SOPInstanceUID" if sop_class else "SOPClassUID"
        msg = f"{name_of(path)} has no {what}, so no server can keep it. Export it again."
        raise InputError(msg)
    told = (raw_text(meta, "MediaStorageSOPClassUID"), raw_text(meta, "MediaStorageSOPInstanceUID"))
    syntax = raw_text(meta, "TransferSyntaxUID")
    is_whole = bool(syntax) and told == (sop_class, uid)
    syntax = syntax or _guess_syntax(dataset)
    return Instance(path, sop_class, uid, syntax, path.stat().st_size, is_whole)


def _guess_syntax(dataset: Dataset) -> str:
    """Tell the encoding of a file that does not say it, as pydicom found it."""
    is_implicit, is_little = dataset.original_encoding
    if is_implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian)


def raw_text(dataset: Dataset, keyword: str) -> str:
    """Read a UID as it came, without pydicom's checks and warnings.

    Args:
        dataset: Of a file or message.
        keyword: The element.

    Returns:
        Its text; empty if it is absent or no text.
    """
    if keyword not in dataset:
        return ""
    value: Any = dataset.get_item(keyword).value
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return str(value).strip("\0 ") if isinstance(value, str) else ""
